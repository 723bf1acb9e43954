"""Byte carriers: one file a scheme."""
