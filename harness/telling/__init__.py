"""What a finding is, in plain words: what was unusual, whether a session is needed, what it resembles."""
