"""A board as somebody brings it: exact models by table, memory and core where the image does not tell."""

from __future__ import annotations

from dataclasses import dataclass

from targets.board.auto.chip import Place
from targets.board.auto.description import Description
from targets.board.memory import Memory


@dataclass(frozen=True, slots=True)
class Board:
    """`places` win over what is inferred. With a `description` nothing is inferred at all.

    A file of one's own holds `BOARD = Board(places=(Place("UART0", 0x4000C000, make_uart),))`, where `make_uart` takes
    a `Wiring` and gives a `Peripheral`; one with `feed`, `receiving` and `output` is a port.
    """

    description: Description | None = None
    places: tuple[Place, ...] = ()
    memory: Memory | None = None
    core: str = ""
