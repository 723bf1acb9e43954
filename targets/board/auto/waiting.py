"""Proof that firmware waits: a loop that comes back to the same place with the same registers and memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from unicorn import arm_const as arm

from targets.board.cpu import RegisterBatch

if TYPE_CHECKING:
    from targets.board.auto.machine import AutoMachine

_ALL = (*(getattr(arm, f"UC_ARM_REG_R{number}") for number in range(13)), arm.UC_ARM_REG_SP, arm.UC_ARM_REG_LR)
_STATE = (arm.UC_ARM_REG_PC, arm.UC_ARM_REG_XPSR, *_ALL)
_LONGEST, _NEAR, _MOST_SKIPPED = 300, 1024, 64
_WIDE = 0b11101  # the upper bits of an instruction of four bytes, at least


@dataclass(frozen=True, slots=True)
class Loop:
    """One that changes nothing: its lowest address, those of its instructions, and the most that once round takes."""

    head: int = 0
    places: frozenset[int] = frozenset()
    round: int = 0


@dataclass(slots=True)
class Waiting:
    """What is known of how firmware waits: whether it does by going round, polls dry, and for how many slices.

    `rests` is where; `loop` was proven, and is trusted `trusted` times more without.
    """

    spun: bool = False
    polled: bool = False
    quiet: int = 0
    taken: int = 0
    rests: int = 0
    loop: Loop = Loop()
    trusted: int = 0


class LoopProof:
    """Steps through a loop once, and compares. A counter that is read on the way shows in a register.

    After each failure it looks half as often, up to the next `forget`.
    """

    def __init__(self, machine: AutoMachine) -> None:
        self._machine = machine
        self._batch = RegisterBatch(int(machine.cpu.uc._uch.value), _STATE)
        self.forget()

    def forget(self) -> None:
        """Something came from outside, or another moment was gone back to."""
        self._last, self._skip, self._left = -1, 1, 0

    def loop(self) -> Loop | None:
        """The loop in which nothing changes until the next event; None where it is in none. Time passes meanwhile."""
        pc = self._machine.cpu.pc
        near, self._last, self._left = abs(pc - self._last) < _NEAR, pc, self._left - 1
        if not near or self._left > 0:
            return None
        if (found := self._gone_round()) is not None:
            return found
        self._skip = min(2 * self._skip, _MOST_SKIPPED)
        self._left = self._skip
        return None

    def _gone_round(self) -> Loop | None:
        machine = self._machine
        before, ram = self._batch.read(), bytes(machine.cpu.ram)
        pc, places = before[0], set[int]()
        for steps in range(1, _LONGEST + 1):
            if not machine.step():
                return None
            came, pc = pc, machine.cpu.pc
            places.update((came, came + self._length(came)))  # a step is two instructions, at most
            if pc == before[0]:
                same = self._batch.read() == before and bytes(machine.cpu.ram) == ram
                return Loop(min(places), frozenset(places), 2 * steps) if same else None
        return None

    def _length(self, place: int) -> int:
        first = int.from_bytes(self._machine.cpu.read(place, 2) or b"", "little")
        return 4 if first >> 11 >= _WIDE else 2
