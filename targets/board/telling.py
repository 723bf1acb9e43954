"""How a boot went and where firmware is, in words for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from targets.board.image import Image
    from targets.board.machine import Machine


def told(kind: str, known: Mapping[str, str]) -> str:
    """An event in words: what, in which function and line, which address."""
    what = known.get("type") or known.get("cause") or ""
    place = f"in {known['symbol']} ({known.get('line', 'no line')})" if "symbol" in known else known.get("pc", "")
    return " ".join(filter(None, (kind, what, place, known.get("address", ""))))


def where(machine: Machine) -> Callable[[], str]:
    """The function and line at which it now waits or runs, and the register that it polls there, if any.

    It is put in words when that is called: lines are read from the image, which takes a while.
    """
    pc, image = machine.cpu.pc, machine.image
    unknown: Any = getattr(machine.chip, "unknown", None)
    polled: int | None = unknown.last_dry if unknown is not None and getattr(machine, "spun", False) else None
    poll = "" if polled is None or machine.locked else f", polling {polled:#010x}"
    does = "runs no more," if machine.locked else "waits" if machine.sleeping else "is busy"
    return lambda: f"{does} {_place(image, pc)}{poll}"


def _place(image: Image, pc: int) -> str:
    line = image.line_at(pc)
    return f"in {image.function_at(pc) or f'{pc:#010x}'}{f' ({line})' if line else ''}"
