"""Exceptions of ARMv7-M: pending, enabled and active, priorities, entry and return (ARM DDI 0403E, B1.5)."""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from targets.board.cpu import Cpu

NMI, HARD_FAULT, MEM_FAULT, BUS_FAULT, USAGE_FAULT, SVC, PENDSV, SYSTICK = 2, 3, 4, 5, 6, 11, 14, 15
IRQ0, EXCEPTIONS = 16, 16 + 240
THREAD_PRIORITY = 256
_RETURN, _BASIC, _THREAD, _PROCESS = 0xFFFFFFE1, 1 << 4, 1 << 3, 1 << 2
_IT_BITS, _ALIGNED, _NUMBER = 0x0600FC00, 1 << 9, 0x1FF
_NPRIV, _SPSEL, _FPCA = 1, 2, 4
_SFPA = 8  # Unicorn's core is always secure: without this bit it would begin a new floating-point context
_FIXED = {NMI: -2, HARD_FAULT: -1}
_STACKED, _EXTENDED = struct.Struct("<8I"), struct.Struct("<8I17I4x")


class StackingFault(Exception):
    """The exception frame does not lie in RAM: on silicon a derived fault, and lock-up in a fault handler."""


class CoreRegisters(ABC):
    """What the system control space says of exceptions: their frames, and which of them preempt one another."""

    @property
    @abstractmethod
    def vectors(self) -> int:
        """Address of the vector table."""

    @property
    @abstractmethod
    def grouping(self) -> int:
        """The bits of a priority that decide about preemption (AIRCR.PRIGROUP)."""

    @property
    @abstractmethod
    def aligns(self) -> bool:
        """CCR.STKALIGN: frames begin at a multiple of eight bytes."""

    @property
    @abstractmethod
    def stacks_floating(self) -> bool:
        """FPCCR.ASPEN: a floating-point context is part of the frame."""

    @abstractmethod
    def keep_floating(self, address: int) -> None:
        """A frame has room for a floating-point context at `address`: FPCAR and LSPACT, where stacking is lazy."""

    @abstractmethod
    def floating_kept(self) -> bool:
        """True when LSPACT was set: no floating-point instruction ran since; clears it."""


class Nvic:
    """The exception state. Numbers are exception numbers (IRQ n is 16 + n); a lower priority value is more urgent."""

    def __init__(self, cpu: Cpu, registers: Callable[[], CoreRegisters]) -> None:
        self._cpu, self._registers = cpu, registers
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

    def group(self, number: int) -> int:
        """The part of the priority that decides about preemption."""
        priority = self.priority(number)
        return priority if priority < 0 else priority & self._registers().grouping

    def candidate(self) -> int:
        """The most urgent exception that is pending and enabled, or 0; masks are not looked at."""
        if not self.pending or not (ready := self.pending & self.enabled):
            return 0
        best = ready.pop() if len(ready) == 1 else min(ready, key=lambda number: (self.priority(number), number))
        return best if not self.active or self.group(best) < self.running() else 0

    def running(self) -> int:
        """Group priority of what executes: the most urgent active exception, or THREAD_PRIORITY."""
        return min((self.group(number) for number in self.active), default=THREAD_PRIORITY)

    def masked(self, number: int, masks: Sequence[int] = ()) -> bool:
        """True while PRIMASK, FAULTMASK or BASEPRI holds the exception back; `masks` are `cpu.masks()` if known."""
        primask, basepri, faultmask, _control = masks or self._cpu.masks()
        if not (primask or basepri or faultmask):
            return False
        level = basepri & self._registers().grouping if basepri else THREAD_PRIORITY
        boosted = -1 if faultmask & 1 else 0 if primask & 1 else level
        return self.group(number) >= boosted

    def takes(self, number: int) -> bool:
        """True when a synchronous exception of this number can be entered; else it becomes a HardFault."""
        return number in self.enabled and self.group(number) < self.running() and not self.masked(number)

    def enter(self, number: int) -> int:
        """Push the frame and go to the handler; returns its address. Raises StackingFault.

        A frame that is stacked lazily is filled at once, which shows only to who reads the space kept for it.
        """
        *registers, stack, _primask, _basepri, _faultmask, control = self._cpu.core()
        xpsr, stack = registers[7], stack & ~3
        handler = bool(xpsr & _NUMBER)
        process = not handler and bool(control & _SPSEL)
        frame = self._push(registers, stack, floating := bool(control & _FPCA and self._registers().stacks_floating))
        if control & (_SPSEL | _FPCA):
            frame = self._leave_thread(number, frame, control, process=process)
        link = _RETURN | (0 if floating else _BASIC) | (0 if handler else _THREAD) | (_PROCESS if process else 0)
        self.pending.discard(number)
        self.active.append(number)
        address = self.vector(number)
        flags = xpsr & ~(_IT_BITS | _NUMBER) | number | 1 << 24
        self._cpu.set_frame(*registers[:5], link, address | 1, flags, frame)
        return address

    def _push(self, registers: list[int], stack: int, floating: bool) -> int:
        """Store the frame, with the floating-point context where there is one; returns its address."""
        core = self._registers()
        layout = _EXTENDED if floating else _STACKED
        frame = stack - layout.size
        if stack & 4 and (core.aligns or floating):
            frame -= 4
            registers[7] |= _ALIGNED
        registers[6] &= ~1
        self._store(frame, layout, *registers, *(self._cpu.floating() if floating else ()))
        if floating:
            core.floating_kept()
            core.keep_floating(frame + _STACKED.size)
        return frame

    def _leave_thread(self, number: int, frame: int, control: int, *, process: bool) -> int:
        """Clear CONTROL's SPSEL and FPCA; returns the stack pointer of the handler. Only privileged code may do it."""
        if control & _FPCA and not self._registers().stacks_floating:
            self._registers().floating_kept()
        if process and control & _NPRIV:
            self._cpu.set_register("ipsr", number)
            self._cpu.set_register("control", control & ~_NPRIV)
            self._cpu.set_register("ipsr", 0)
        if process:
            self._cpu.set_register("psp", frame)
        self._cpu.set_register("control", control & _NPRIV)
        return self._cpu.register("sp") if process else frame

    def vector(self, number: int) -> int:
        """The handler's address from the vector table, without the Thumb bit."""
        return self._cpu.word(self._registers().vectors + 4 * number) & ~1

    def leave(self, link: int) -> int:
        """Return from the active handler with EXC_RETURN `link`; returns where it goes on. Raises StackingFault."""
        finished = self.active.pop() if self.active else 0
        if finished in self.lines:
            self.pending.add(finished)
        core = self._cpu.core()
        faultmask, control = core[-2:]
        process, floating = bool(link & _PROCESS), not link & _BASIC
        stack = self._cpu.register("psp") if process else core[8]
        layout = _EXTENDED if floating else _STACKED
        *registers, pc, xpsr = (words := self._load(stack, layout))[:8]
        if control & _FPCA or floating:
            self._return_floating(words[8:], used=bool(control & _FPCA))
        after = stack + layout.size | (4 if xpsr & _ALIGNED else 0)
        if faultmask and finished != NMI:
            self._cpu.set_register("faultmask", 0)
        wanted = control & _NPRIV | (_SPSEL if process else 0) | (_FPCA if floating else 0)
        if wanted != control & (_NPRIV | _SPSEL | _FPCA):
            self._return_control(wanted, control)
        self._cpu.set_frame(*registers, pc | 1, xpsr & ~_ALIGNED | 1 << 24, after)
        return pc & ~1

    def _return_floating(self, words: tuple[int, ...], *, used: bool) -> None:
        """Load the frame's context unless it is still in the registers, because no instruction touched them."""
        kept = self._registers().floating_kept()
        if words and (used or not kept):
            self._cpu.set_floating(*words)

    def _return_control(self, wanted: int, control: int) -> None:
        """Set CONTROL as the interrupted code had it. SPSEL moves in thread mode only, and by privileged code."""
        if wanted & _SPSEL:
            self._cpu.set_register("control", control & ~_NPRIV)
            self._cpu.set_register("ipsr", 0)
        self._cpu.set_register("control", wanted | (_SFPA if wanted & _FPCA else 0))

    def _store(self, address: int, layout: struct.Struct, *words: int) -> None:
        layout.pack_into(self._cpu.ram, self._offset(address, layout), *words)

    def _load(self, address: int, layout: struct.Struct) -> tuple[int, ...]:
        return layout.unpack_from(self._cpu.ram, self._offset(address, layout))

    def _offset(self, address: int, layout: struct.Struct) -> int:
        if not self._cpu.memory.in_ram(address, layout.size):
            raise StackingFault(f"exception frame at {address:#010x}")
        return address - self._cpu.memory.ram
