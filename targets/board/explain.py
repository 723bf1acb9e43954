"""Why memory was corrupted: on replay, every store is watched and runs of stores that leave their object are named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import unicorn

from targets.board.image import Symbol

if TYPE_CHECKING:
    from targets.board.machine import Machine

_LONGEST_LIST = 6


@dataclass(slots=True)
class _Run:
    """Stores of one instruction to ascending addresses: where it began and where the next byte would go."""

    start: int
    end: int
    first: Symbol | None


class WriteWatch:
    """A hook on stores to RAM. Costs a call for each store, so it is on in explanations only."""

    def __init__(self, machine: Machine) -> None:
        self._machine, self._image = machine, machine.image
        self._runs: dict[int, _Run] = {}
        self._crossed: dict[str, None] = {}
        self._writers: dict[int, str] = {}
        memory = machine.cpu.memory
        self._hook: Any = machine.cpu.uc.hook_add(
            unicorn.UC_HOOK_MEM_WRITE, self._stored, begin=memory.ram, end=memory.ram + memory.ram_size - 1
        )
        machine.cpu.uc.ctl_flush_tb()

    def remove(self) -> None:
        """Take the hook out again."""
        self._machine.cpu.uc.hook_del(self._hook)
        self._machine.cpu.uc.ctl_flush_tb()

    def forget(self) -> None:
        """Start afresh, for the next case."""
        self._runs.clear()
        self._crossed.clear()
        self._writers.clear()

    def _stored(self, _uc: Any, _access: int, address: int, size: int, _value: int, _data: Any) -> None:
        pc = self._machine.cpu.pc
        self._writers[address & ~3] = self._place(pc)
        run = self._runs.get(pc)
        if run is None or address != run.end:
            self._runs[pc] = _Run(address, address + size, self._image.symbol_at(address))
            return
        run.end = address + size
        found = self._image.symbol_at(address)
        if found is not None and run.first is not None and found is not run.first:
            self._crossed.setdefault(
                f"{found.name} ({found.size} bytes), behind {run.first.name}, by {self._place(pc)}"
            )

    def _place(self, pc: int) -> str:
        caller = self._image.function_at(self._machine.cpu.register("lr") - 2)
        where = f"{self._image.function_at(pc)} {self._image.line_at(pc)}".strip()
        return f"{where}, called from {caller}" if caller and caller != self._image.function_at(pc) else where

    def explanation(self, returned: str) -> str:
        """The objects that were run over, or who wrote the return address that stood at `returned`; "" when neither."""
        if self._crossed:
            return "; ".join(list(self._crossed)[:_LONGEST_LIST])
        writer = self._writers.get(int(returned, 16)) if returned else None
        return f"the word at {returned} that was returned to, last written by {writer}" if writer else ""
