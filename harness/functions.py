"""The functions of a device's program by name: how many ran, and which never did."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unreached:
    """A function that never ran. `place` is its file and line, "" where nobody knows.

    `lead` says how the code that ran leads to it: what calls it, or has it in a table beside one that ran; "" for none.
    """

    name: str
    place: str = ""
    lead: str = ""


@dataclass(frozen=True, slots=True)
class FunctionsRun:
    """Of all functions that have a name `ran` so many, from the first start on; the nearest of the others come first.

    `left_out` are so many more that never ran.
    """

    ran: int
    never: tuple[Unreached, ...] = ()
    left_out: int = 0

    @property
    def missing(self) -> int:
        """How many never ran."""
        return len(self.never) + self.left_out
