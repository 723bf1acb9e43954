"""What happens after a finding."""
