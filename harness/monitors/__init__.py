"""Watchers: one file a kind of fault."""
