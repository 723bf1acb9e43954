"""What is known of a device's findings: the file that says so, what it makes of a run, and two runs side by side."""
