"""What the insulin pump says over Bluetooth LE."""
