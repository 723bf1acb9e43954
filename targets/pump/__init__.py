"""The emulated infusion pump: firmware, bench, requirements, planted faults."""
