"""What the pump says: its maintenance link, and HL7 as its network module speaks it."""
