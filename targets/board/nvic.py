"""Exceptions of ARMv7-M: pending, enabled and active, priorities, entry and return (ARM DDI 0403E, B1.5)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from targets.board.cpu import Cpu

NMI, HARD_FAULT, MEM_FAULT, BUS_FAULT, USAGE_FAULT, SVC, PENDSV, SYSTICK = 2, 3, 4, 5, 6, 11, 14, 15
IRQ0, EXCEPTIONS = 16, 16 + 240
THREAD_PRIORITY = 256
_HANDLER, _THREAD_MSP, _THREAD_PSP = 0xFFFFFFF1, 0xFFFFFFF9, 0xFFFFFFFD
_IT_BITS, _ALIGNED, _NUMBER = 0x0600FC00, 1 << 9, 0x1FF
_FIXED = {NMI: -2, HARD_FAULT: -1}
_STACKED = struct.Struct("<8I")


class StackingFault(Exception):
    """The exception frame does not lie in RAM: on silicon a derived fault, and lock-up in a fault handler."""


class Nvic:
    """The exception state. Numbers are exception numbers (IRQ n is 16 + n); a lower priority value is more urgent."""

    def __init__(self, cpu: Cpu, vectors: Callable[[], int]) -> None:
        self._cpu, self._vectors = cpu, vectors
        self.shortened: Callable[[], None] = lambda: None
        self.reset()

    def reset(self) -> None:
        """The state after a reset: nothing pending, system exceptions enabled, all priorities 0."""
        self.pending: set[int] = set()
        self.lines: set[int] = set()
        self.enabled = {NMI, HARD_FAULT, SVC, PENDSV, SYSTICK}
        self.active: list[int] = []
        self.priorities = [0] * EXCEPTIONS

    def state(self) -> tuple[object, ...]:
        """A copy of everything."""
        return (set(self.pending), set(self.lines), set(self.enabled), list(self.active), list(self.priorities))

    def restore(self, state: tuple[set[int], set[int], set[int], list[int], list[int]]) -> None:
        """Back to a state."""
        pending, lines, enabled, active, priorities = state
        self.pending, self.lines, self.enabled = set(pending), set(lines), set(enabled)
        self.active, self.priorities = list(active), list(priorities)

    def pend(self, number: int) -> None:
        """Make an exception pending."""
        self.pending.add(number)
        if number in self.enabled:
            self.shortened()

    def line(self, number: int, level: bool) -> None:
        """A peripheral's interrupt line: level-sensitive, stays pending while high."""
        if level == (number in self.lines):
            return
        if level:
            self.lines.add(number)
            self.pend(number)
        else:
            self.lines.discard(number)
            self.pending.discard(number)

    def enable(self, number: int) -> None:
        """Enable one exception."""
        self.enabled.add(number)
        if number in self.pending:
            self.shortened()

    def priority(self, number: int) -> int:
        """Configured or fixed priority."""
        return _FIXED.get(number, self.priorities[number])

    def candidate(self) -> int:
        """The most urgent exception that is pending and enabled, or 0; masks are not looked at."""
        if not self.pending or not (ready := self.pending & self.enabled):
            return 0
        best = ready.pop() if len(ready) == 1 else min(ready, key=lambda number: (self.priority(number), number))
        return best if not self.active or self.priority(best) < self.running() else 0

    def running(self) -> int:
        """Priority of what executes: the most urgent active exception, or THREAD_PRIORITY."""
        return min((self.priority(number) for number in self.active), default=THREAD_PRIORITY)

    def masked(self, number: int, masks: Sequence[int] = ()) -> bool:
        """True while PRIMASK, FAULTMASK or BASEPRI holds the exception back; `masks` are `cpu.masks()` if known."""
        primask, basepri, faultmask, _control = masks or self._cpu.masks()
        if not (primask or basepri or faultmask):
            return False
        priority = self.priority(number)
        boosted = -1 if faultmask & 1 else 0 if primask & 1 else basepri or THREAD_PRIORITY
        return priority >= boosted

    def enter(self, number: int) -> int:
        """Push the frame and go to the handler; returns its address. Raises StackingFault."""
        *registers, stack, _primask, _basepri, _faultmask, control = self._cpu.core()
        xpsr = registers[7]
        handler = bool(xpsr & _NUMBER)
        control = 0 if handler else control
        aligned = (stack - 32) & ~7
        if aligned != stack - 32:
            registers[7] |= _ALIGNED
        registers[6] &= ~1
        self._store(aligned, registers)
        if control & 2:
            self._cpu.set_register("psp", aligned)
            self._cpu.set_register("ipsr", number)
            aligned = self._cpu.register("msp")
        link = _HANDLER if handler else _THREAD_PSP if control & 2 else _THREAD_MSP
        self.pending.discard(number)
        self.active.append(number)
        address = self.vector(number)
        flags = xpsr & ~(_IT_BITS | _NUMBER) | number | 1 << 24
        self._cpu.set_frame(*registers[:5], link, address | 1, flags, aligned)
        return address

    def vector(self, number: int) -> int:
        """The handler's address from the vector table, without the Thumb bit."""
        return self._cpu.word(self._vectors() + 4 * number) & ~1

    def leave(self, link: int) -> int:
        """Return from the active handler with EXC_RETURN `link`; returns where it goes on. Raises StackingFault."""
        finished = self.active.pop() if self.active else 0
        if finished in self.lines:
            self.pending.add(finished)
        use_psp = link & 0xF == 0xD
        stack = self._cpu.register("psp") if use_psp else self._cpu.frame()[8]
        *registers, pc, xpsr = self._load(stack)
        after = stack + 32 + (4 if xpsr & _ALIGNED else 0)
        if use_psp:
            self._cpu.set_register("ipsr", 0)
            self._cpu.set_register("control", self._cpu.register("control") | 2)
        self._cpu.set_frame(*registers, pc | 1, xpsr & ~_ALIGNED | 1 << 24, after)
        if use_psp:
            self._cpu.set_register("psp", after)
        return pc & ~1

    def _store(self, address: int, words: list[int]) -> None:
        _STACKED.pack_into(self._cpu.ram, self._offset(address), *words)

    def _load(self, address: int) -> tuple[int, ...]:
        return _STACKED.unpack_from(self._cpu.ram, self._offset(address))

    def _offset(self, address: int) -> int:
        if not self._cpu.memory.in_ram(address, _STACKED.size):
            raise StackingFault(f"exception frame at {address:#010x}")
        return address - self._cpu.memory.ram
