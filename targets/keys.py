"""A key of a demonstration device, pressed as a person presses it."""

from __future__ import annotations

from harness.case import Step, Stimulate


def press(key: str) -> tuple[Step, ...]:
    """A key goes down and up again."""
    return Stimulate(key, 1), Stimulate(key, 0)
