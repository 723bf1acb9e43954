"""How a boot went and where firmware is, in words for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from targets.board.machine import Machine


def told(kind: str, known: Mapping[str, str]) -> str:
    """An event in words: what, in which function and line, which address."""
    what = known.get("type") or known.get("cause") or ""
    place = f"in {known['symbol']} ({known.get('line', 'no line')})" if "symbol" in known else known.get("pc", "")
    return " ".join(filter(None, (kind, what, place, known.get("address", ""))))


def where(machine: Machine) -> str:
    """The function and line at which it waits or runs, and the register that it polls there, if any."""
    pc, image, chip = machine.cpu.pc, machine.image, machine.chip
    line = image.line_at(pc)
    place = f"in {image.function_at(pc) or f'{pc:#010x}'}{f' ({line})' if line else ''}"
    if machine.locked:
        return f"runs no more, {place}"
    unknown: Any = getattr(chip, "unknown", None)
    polled: int | None = unknown.last_dry if unknown is not None and getattr(machine, "spun", False) else None
    poll = "" if polled is None else f", polling {polled:#010x}"
    return f"{'waits' if machine.sleeping else 'is busy'} {place}{poll}"
