"""Serves an emulated device to other processes, and stands in front of any device with what dirty benches do."""
