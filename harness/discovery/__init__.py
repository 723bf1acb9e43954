"""What can be found out of a device before it is fuzzed: from the air, from its answers and from captures."""
