"""What is said: message models and protocol definitions, one file a protocol."""
