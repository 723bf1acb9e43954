"""Who it is said to: the emulated board, served processes and real devices."""
