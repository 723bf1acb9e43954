from boofuzz import Session as Session
