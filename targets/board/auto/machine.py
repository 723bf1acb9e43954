"""The machine for a chip that nobody described: how it sees that firmware waits, and that it hangs."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import unicorn
from unicorn.unicorn_py3.unicorn import UcError

from targets.board import fault
from targets.board.auto.chip import AutoChip, Place
from targets.board.auto.description import Description
from targets.board.auto.waiting import Loop, LoopProof, Waiting
from targets.board.compares import Compares, CompareWatch
from targets.board.image import Image
from targets.board.machine import Machine, MachineSnapshot
from targets.board.native.compares import CompiledCompares
from targets.board.native.library import library
from targets.board.nvic import IRQ0
from targets.board.schedule import NEVER


@dataclass(frozen=True, slots=True)
class AutoSnapshot(MachineSnapshot):
    """With what the machine knows of waiting."""

    waiting: Waiting


_SLICE, _SPIN_SLICES, _EXCEPTION_EXIT, _MOST_TOLD = 1500, 3, 8, 4
_TRUST, _HANDLER = 32, 64  # times that a proven loop is believed, and instructions of a tick's handler
_BUSY, _NO_BUDGET = 16, 1 << 60
_MASKED, _SCATTER = 8, 2654435761
_BRANCH = 0b11100  # the upper bits of B with eleven bits of distance
_RESTLESS = "it neither waits nor takes input"
_DEAD_END = "it waits where no input brings it on"


class AutoMachine(Machine):
    """Idle is WFI, a register polled dry, a loop that is proven to change nothing, or the loop it waited in at first.

    `spin` are the code addresses of that first loop, where it never rests otherwise; `rests` is where it waits. A hang
    is neither idle nor input taken for many times `hang_budget`: what goes round without a change is idle, and a
    question for `Liveness`; what counts something down is busy.
    """

    chip: AutoChip
    chip_kind: type[AutoChip] = AutoChip
    spin: frozenset[int] = frozenset()
    proof: LoopProof | None = None
    _stepping = _pausing = False

    def __init__(self, image: Image, description: Description, *, places: Sequence[Place] = (), **options: Any) -> None:
        self.description = description
        chip = partial(self.chip_kind, description=description, places=places)
        super().__init__(image, memory=description.memory, core=description.core, chip=chip, **options)
        self.proof = self._new_proof()
        self._watch_polling()

    def _watch_polling(self) -> None:
        self.chip.unknown.polling.dry = self._dry

    def reset(self, cause: str) -> None:
        """As the board's own."""
        super().reset(cause)
        self._forget_copied()
        self._waiting = self._new_waiting()

    def _new_proof(self) -> LoopProof | None:
        return LoopProof(self)

    def _new_waiting(self) -> Waiting:
        return Waiting()

    # -- waiting --------------------------------------------------------------------------------------------------

    @property
    def spun(self) -> bool:
        """True while it waits by going round, or polls a register dry."""
        return self._waiting.spun

    @property
    def rests(self) -> int:
        """Where it waits, or waited last."""
        return self._waiting.rests

    @property
    def loop(self) -> Loop:
        """The loop that was proven last to change nothing; one without places before any was."""
        return self._waiting.loop

    def _dry(self) -> None:
        """A register is polled and nothing helps: the firmware waits, unless there is something for it."""
        if not self.chip.offering and not self.nvic.active:
            self._waiting.polled = True
            self.cpu.stop_after_instruction()

    def _limit(self, until: int) -> int:
        most = _HANDLER + 2 * self._waiting.loop.round if self._waiting.trusted else _SLICE
        return min(until - self.schedule.base, self.schedule.next() - self.schedule.base, most)

    def _masked_slice(self) -> int:
        """Another length each time: an idle loop may let interrupts in for one instruction only."""
        return _MASKED + (self.schedule.base * _SCATTER >> 16) % _MASKED

    def _unmasks(self, pc: int, masks: tuple[int, ...]) -> bool:
        """`cpsie i` may also stand where the branch behind WFI leads."""
        code = int.from_bytes(self.cpu.read(pc, 2) or b"", "little")
        if code >> 11 != _BRANCH:
            return super()._unmasks(pc, masks)
        offset = (code & 0x7FF) - ((code & 0x400) << 1)
        if not super()._unmasks(pc + 4 + 2 * offset, masks):
            return False
        self.schedule.base += 1
        return True

    def run_to_rest(self, until: int, linger: int) -> None:
        """Run to where it rests with every byte taken, and `linger` cycles longer if something may happen by itself."""
        self._pausing = True
        try:
            self.run(until)
        finally:
            self._pausing = False
        if self.schedule.next() < NEVER and self.schedule.base < until:
            self.run(min(until, self.schedule.base + linger))

    def _wake(self, until: int) -> bool:
        if self._pausing and not (self.chip.busy or self.nvic.candidate()):
            return False
        if not self.locked and self.nvic.candidate():
            self._waiting.spun = False
        woken = super()._wake(until)
        if woken and self.spun and not self.locked:  # what polls goes on by itself
            self.sleeping = self._waiting.spun = False
        return woken

    def _after(self, error: UcError | None) -> None:
        waiting = self._waiting
        if self.chip.taken != waiting.taken:
            waiting.taken, waiting.trusted, self.busy = self.chip.taken, 0, 0
            self.forget()
        if self._reset_cause or error is not None or self._trap >= 0:
            waiting.polled = False
            super()._after(error)
        elif not self.cpu.used_up():
            self._rest(self.cpu.pc, spun=False)
        elif not self._stepping:
            self._look_for_rest()

    def _look_for_rest(self) -> None:
        """A slice is used up: does it wait all the same, or hang?"""
        if self._waiting.polled or self._spinning():
            self._rest(self.cpu.pc, spun=True)
        elif self._trusted() or self._proven():
            self._rest(self._waiting.loop.head, spun=True)
        elif self.busy > _BUSY * self.hang_budget:
            self._hang()

    def forget(self) -> None:
        """Look for a waiting loop afresh."""
        if self.proof is not None:
            self.proof.forget()

    def _rest(self, place: int, *, spun: bool) -> None:
        waiting = self._waiting
        waiting.polled, waiting.quiet = False, 0
        waiting.spun, waiting.rests = spun, place
        self._idle()

    def _goes_round(self, places: frozenset[int]) -> bool:
        return self.cpu.pc & ~1 in places and self._is_left_alone()

    def _is_left_alone(self) -> bool:
        """True in nobody's handler, with nothing to come before the next event."""
        return not (self.nvic.active or self.nvic.candidate() or self.chip.offering)

    def _trusted(self) -> bool:
        """A loop that was proven, a few ticks ago: to prove it again takes longer than to go round it."""
        waiting = self._waiting
        waiting.trusted = waiting.trusted - 1 if waiting.trusted and self._goes_round(waiting.loop.places) else 0
        return waiting.trusted > 0

    def _proven(self) -> bool:
        if self.proof is None or self._stepping or not self._is_left_alone():
            return False
        if self.schedule.next() <= self.schedule.base or (loop := self.proof.loop()) is None:
            return False
        self._waiting.loop, self._waiting.trusted = loop, _TRUST
        return True

    def step(self) -> bool:
        """An instruction or two; False when something happened besides."""
        events = len(self.events)
        self._stepping = True
        try:
            self._slice(self.cpu.pc, 2)
        finally:
            self._stepping = False
        undisturbed = not (self.sleeping or self.nvic.candidate() or self.nvic.active or self._reset_cause)
        return undisturbed and len(self.events) == events and self.schedule.next() > self.schedule.base

    def _spinning(self) -> bool:
        """True when it has done nothing but go round the loop it waited in at first, for some slices."""
        waiting = self._waiting
        waiting.quiet = waiting.quiet + 1 if self._goes_round(self.spin) else 0
        return waiting.quiet >= _SPIN_SLICES

    def _new_compares(self) -> Compares:
        functions = library()
        return CompareWatch(self.cpu) if functions is None else CompiledCompares(functions, self.cpu)

    def learn_spin(self, cycles: int) -> None:
        """What executes while nothing is sent to the firmware is the loop it waits in."""
        seen: set[int] = set()

        def executed(_uc: Any, address: int, size: int, _data: Any) -> None:
            if address not in seen:
                seen.update(range(address, address + size, 2))

        hook = self.cpu.uc.hook_add(unicorn.UC_HOOK_BLOCK, executed)
        self.cpu.uc.ctl_flush_tb()
        self.run(self.schedule.base + cycles)
        self.cpu.uc.hook_del(hook)
        self.cpu.uc.ctl_flush_tb()
        self.spin = frozenset(seen)

    @contextmanager
    def coming_up(self) -> Generator[None]:
        """While it boots it may be busy as long as it likes."""
        budget, self.hang_budget = self.hang_budget, _NO_BUDGET
        try:
            yield
        finally:
            self.hang_budget, self.busy = budget, 0

    def hang_here(self, place: int) -> None:
        """Somebody found out that it neither waits nor goes on: say where."""
        self._event("hang", **fault.place(self.image, place), cause=_DEAD_END)
        self.locked = self.sleeping = True

    # -- exceptions -----------------------------------------------------------------------------------------------

    def _on_interrupt(self, uc: Any, number: int, data: Any) -> None:
        if number == _EXCEPTION_EXIT and self.nvic.active:
            self.chip.leaving(self.nvic.active[-1])
            self.chip.unknown.forget()
        super()._on_interrupt(uc, number, data)

    def _fault(self, error: UcError | None) -> None:
        guesses, before = self.guesses(), len(self.events)
        super()._fault(error)
        told = [replace(event, detail={**event.detail, **guesses}) for event in self.events[before:]]
        self.events[before:] = told

    def _request_reset(self, cause: str) -> None:
        super()._request_reset(cause)
        self._reset_place |= self.guesses()

    def _event(self, kind: str, **detail: str) -> None:
        cause = {"cause": _RESTLESS} if kind == "hang" else {}
        super()._event(kind, **{**cause, **self.guesses(), **detail})

    def guesses(self) -> dict[str, str]:
        """What an event rests on that nobody told: values found by trying since the board was described, ticks."""
        chip = self.chip
        tried = list(chip.unknown.guesses().items())[:_MOST_TOLD]
        words = [
            f"{register:#010x} read as {value:#x} in {self.image.function_at(code) or f'{code:#010x}'}"
            for (code, register), value in tried
        ]
        words += [f"IRQ {exception - IRQ0} raised {count} times" for exception, count in chip.ticker.raised.items()]
        return {"rests_on": "; ".join(words)} if words else {}

    # -- snapshots ------------------------------------------------------------------------------------------------

    def snapshot(self) -> MachineSnapshot:
        """Everything, between two slices."""
        taken = super().snapshot()
        own = {name: getattr(taken, name) for name in MachineSnapshot.__slots__}
        return AutoSnapshot(**own, waiting=replace(self._waiting))

    def restore(self, snapshot: MachineSnapshot) -> None:
        """Back to a snapshot of this machine."""
        super().restore(snapshot)
        self._forget_copied()
        assert isinstance(snapshot, AutoSnapshot)
        self._waiting = replace(snapshot.waiting)
        self.forget()

    def _forget_copied(self) -> None:
        """RAM was written behind the emulator's back, code that the firmware copied to it included."""
        for base, size in self.cpu.memory.executable:
            self.cpu.forget_code(base, size)
