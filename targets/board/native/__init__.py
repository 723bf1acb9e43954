"""The hot half of the machine in C, and the machine that runs on it."""
