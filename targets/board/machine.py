"""The machine: runs firmware in virtual time, takes exceptions, notices faults and hangs, resets, and snapshots."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import unicorn
from unicorn.unicorn_py3.unicorn import UcError

from harness.transcript import TargetEvent
from targets.board import fault
from targets.board.bus import Bus
from targets.board.chip import Chip
from targets.board.compares import Compares, CompareWatch
from targets.board.cpu import Cpu
from targets.board.image import Image
from targets.board.memory import STM32F405, Memory
from targets.board.nvic import HARD_FAULT, SVC, Nvic, StackingFault
from targets.board.peripherals.base import Wiring
from targets.board.peripherals.rewritable import Rewritable
from targets.board.peripherals.usart import Usart
from targets.board.sampler import Sampler
from targets.board.schedule import NEVER, Schedule

_SWI, _EXCEPTION_EXIT = 2, 8
_PC, _MASKS = 6, slice(9, None)
_MASKED_SLICE = 8
_CPSIE_I = b"\x62\xb6"
_HANG_SAMPLES, _HANG_STRIDE = 24, 997
_PAINT = b"\xc5" * 32


@dataclass(frozen=True, slots=True)
class MachineSnapshot:
    """Everything that decides what the machine does next."""

    context: Any
    ram: bytes
    flash_version: int
    sectors: dict[int, bytes]
    schedule: tuple[int, list[int], int]
    nvic: Any
    peripherals: list[object]
    flags: tuple[bool, bool, int, int]
    sampled: tuple[object, ...]


class Machine:
    """One board with one firmware image. Times are cycles; `hz` cycles are a second.

    `hang_budget` is how many instructions may pass without the firmware idling (WFI) before it counts as hung.
    `memory` and `core` say what the chip is, `chip` places its peripherals.
    """

    def __init__(
        self,
        image: Image,
        *,
        seed: int = 0,
        hz: int = 16_000_000,
        hang_budget: int = 1_000_000,
        absent: frozenset[str] = frozenset(),
        sampler: Sampler | None = None,
        memory: Memory = STM32F405,
        core: str = "cortex-m4",
        chip: Callable[..., Any] = Chip,
    ) -> None:
        self.image, self.hz, self.hang_budget = image, hz, hang_budget
        self.cpu = Cpu(memory, core)
        self.schedule, self.nvic = self._new_schedule(), self._new_nvic()
        wiring = Wiring(self.cpu, self.nvic, self.schedule, hz)
        self.bus = Bus(self.cpu, wiring.touched)
        self._connect_bus()
        self.chip: Any = chip(
            wiring,
            self.bus,
            seed=seed,
            absent=absent,
            expired=lambda: self._request_reset("watchdog"),
            reset_requested=lambda: self._request_reset("software"),
        )
        self.schedule.shorten = self.cpu.shorten
        self.nvic.shortened = self._interrupt_soon
        self.sampler = sampler or Sampler({}, image)
        self.events: list[TargetEvent] = []
        self.edges: set[int] = set()
        self.work = 0  # instructions executed, of all lives
        self.watched: Usart | None = None
        self._access = fault.Access()
        self._install_hooks()
        self._load()
        self.reset("power-on")

    def _connect_bus(self) -> None:
        self.bus.connect()

    def _new_schedule(self) -> Schedule:
        return Schedule(self.cpu.executed)

    def _new_nvic(self) -> Nvic:
        return Nvic(self.cpu, lambda: self.chip.system)

    @cached_property
    def compares(self) -> Compares:
        """Notes what the firmware compares, where somebody asks."""
        return self._new_compares()

    def _new_compares(self) -> Compares:
        return CompareWatch(self.cpu)

    # -- life ---------------------------------------------------------------------------------------------------

    def _load(self) -> None:
        room, last = len(self.cpu.flash), 1
        self.cpu.flash[:] = b"\xff" * room
        for address, data in self.image.segments:
            offset = address - self.cpu.memory.rom
            if 0 <= offset <= room - len(data):
                self.cpu.flash[offset : offset + len(data)] = data
                last = max(last, offset + len(data))
        self._factory = bytes(self.cpu.flash)
        self.chip.flash.hold_code(last)
        self.cpu.map_flash()

    def power_on(self) -> None:
        """A cold start with factory flash and cleared RAM."""
        self.cpu.flash[:] = self._factory
        self.chip.flash.now_holds(set(), 0)
        self.cpu.ram[:] = bytes(len(self.cpu.ram))
        self.reset("power-on")

    def reset(self, cause: str) -> None:
        """Reset the chip; `cause` is a key of `clock.CAUSES`. RAM and flash keep their content."""
        self.schedule.clear()
        self.chip.reset(cause)
        self.nvic.reset()
        stack, entry = (self.cpu.word(self.cpu.memory.vectors + offset) for offset in (0, 4))
        self.cpu.reset(stack, entry)
        self.sleeping = self.locked = False
        self.busy, self._reset_cause, self._reset_place = 0, "", dict[str, str]()
        self._paint_stack_limit()

    def _request_reset(self, cause: str) -> None:
        self._reset_cause, self._reset_place = cause, fault.whereabouts(self)
        if self.schedule.running:
            self.cpu.stop_after_instruction()

    def _take_reset(self) -> None:
        cause, place = self._reset_cause, self._reset_place
        self.reset(cause)
        self._event("reset", cause=cause, **place)

    def _event(self, kind: str, **detail: str) -> None:
        self.events.append(TargetEvent(kind, self.seconds, detail))

    @property
    def seconds(self) -> float:
        """Virtual seconds since power-on."""
        return self.schedule.base / self.hz

    # -- running ------------------------------------------------------------------------------------------------

    def run(self, until: int) -> None:
        """Run to cycle `until`, or to the moment at which the watched USART has sent something."""
        schedule = self.schedule
        output = self.watched.output if self.watched else ()
        while True:
            if self._reset_cause:
                self._take_reset()
            if output and output[0][0] <= schedule.base:
                return
            if schedule.next() <= schedule.base:
                schedule.fire()
                continue
            if self.sleeping and not self._wake(until):
                return
            if not self.sleeping:
                if schedule.base >= until:
                    return
                self._execute(until)

    def _wake(self, until: int) -> bool:
        """Skip time to the next event; False when `until` comes first. An interrupt ends the sleep."""
        if not self.locked and self.nvic.candidate():
            self.sleeping = False
            return True
        due = self.schedule.next()
        if due > until:
            self.schedule.base = max(until, self.schedule.base)
            return False
        self.schedule.base = due
        return True

    def _execute(self, until: int) -> None:
        """Take what is pending and run one slice."""
        number, limit = self.nvic.candidate(), self._limit(until)
        core = self.cpu.core()
        pc, masks = core[_PC], core[_MASKS]
        if number:
            if self.nvic.masked(number, masks) and not self._unmasks(pc, masks):
                limit = min(limit, self._masked_slice())
            else:
                try:
                    pc = self.nvic.enter(number)
                except StackingFault as error:
                    self._lock_up(f"stacking: {error}")
                    return
        self._slice(pc, limit)

    def _masked_slice(self) -> int:
        """Instructions after which it is looked whether what is pending may be taken."""
        return _MASKED_SLICE

    def _limit(self, until: int) -> int:
        """The most instructions that the next slice may take."""
        return min(min(until, self.schedule.next()) - self.schedule.base, self.hang_budget - self.busy + 1)

    def _unmasks(self, pc: int, masks: tuple[int, ...]) -> bool:
        """Execute `cpsie i` at `pc` by hand: what follows WFI in every sleep loop, with the wake-up pending."""
        if masks[1:3] != (0, 0) or self.cpu.read(pc, 2) != _CPSIE_I:
            return False
        self.cpu.unmask(pc + 2)
        self.schedule.base += 1
        return True

    def _slice(self, pc: int, limit: int) -> None:
        self._trap = -1
        self._access.clear()
        self.chip.flash.before_code(pc)
        error: UcError | None = None
        self.schedule.running = True
        try:
            executed = self.cpu.run(pc, limit)
        except UcError as caught:
            executed, error = self.cpu.executed(), caught
        finally:
            self.schedule.running = False
        self.schedule.base += executed
        self.busy += executed
        self.work += executed
        self._after(error)

    def _after(self, error: UcError | None) -> None:
        """Why the slice ended: reset, fault, idle or hang."""
        if self._reset_cause:
            return
        if error is not None or self._trap >= 0:
            self._fault(error)
        elif not self.cpu.used_up():
            self._idle()
        elif self.busy > self.hang_budget:
            self._hang()

    def _idle(self) -> None:
        self.sleeping = True
        self.busy = 0
        self.sampler.sample(self)
        if self._guard is not None and bytes(self.cpu.ram[self._guard : self._guard + len(_PAINT)]) != _PAINT:
            self._stack_overflow()

    def _interrupt_soon(self) -> None:
        if self.schedule.running:
            self.cpu.stop_after_instruction()

    # -- faults and hangs -----------------------------------------------------------------------------------------

    def _install_hooks(self) -> None:
        self._trap = -1
        self._hook_interrupts()
        self.cpu.uc.hook_add(unicorn.UC_HOOK_MEM_INVALID, self._on_invalid)
        self.cpu.uc.hook_add(unicorn.UC_HOOK_EDGE_GENERATED, self._on_edge)

    def _hook_interrupts(self) -> None:
        self.cpu.uc.hook_add(unicorn.UC_HOOK_INTR, self._on_interrupt)

    def _on_edge(self, _uc: Any, current: Any, previous: Any, _data: Any) -> None:
        self.edges.add(previous.pc << 32 | current.pc)
        self.chip.flash.translated(current.pc)

    def _on_invalid(self, _uc: Any, access: int, address: int, size: int, value: int, _data: Any) -> bool:
        if access == unicorn.UC_MEM_WRITE_PROT and self.chip.flash.store(address, size, value):
            return True
        self._access.set(access, address, size)
        return False

    def _on_interrupt(self, _uc: Any, number: int, _data: Any) -> None:
        """Exception return and SVC go on inside the slice; anything else is a fault."""
        try:
            if number == _EXCEPTION_EXIT:
                self.nvic.leave(self.cpu.pc | 1)
            elif number == _SWI and self.nvic.takes(SVC):
                self.nvic.pend(SVC)
            else:
                self._stop_for(number)
                return
            following = self.nvic.candidate()
            if following and not self.nvic.masked(following):
                self.nvic.enter(following)
        except StackingFault as error:
            self._access.reason = str(error)
            self._stop_for(number)

    def _stop_for(self, number: int) -> None:
        self._trap = number
        self.cpu.uc.emu_stop()

    def _fault(self, error: UcError | None) -> None:
        """Record the fault and let the firmware's own handler have it, as the core would."""
        if self._trap == _SWI:
            self.cpu.set_register("pc", self.cpu.pc - 2 | 1)
        report = fault.classify(error, self._trap, self._access, self.cpu.memory)
        self.events.append(fault.event(report, self))
        self.chip.system.record_fault(report.status, report.address, bus=report.bus)
        number = report.exception
        running = self.nvic.running()
        if not self.nvic.takes(number):
            number = HARD_FAULT
            self.chip.system.escalate()
        if self.nvic.group(number) >= running:
            self._lock_up("fault inside the fault handler")
            return
        try:
            self.nvic.enter(number)
        except StackingFault as stacking:
            self._lock_up(f"stacking: {stacking}")

    def _lock_up(self, _reason: str) -> None:
        """ARMv7-M lock-up: nothing runs until a reset; the watchdog's is skipped to."""
        self.locked = self.sleeping = True
        self._skip_to_watchdog()

    def _stack_overflow(self) -> None:
        self.events.append(fault.stack_event(self))
        self._paint_stack_limit()

    def _paint_stack_limit(self) -> None:
        limit = self.image.symbols.get("__stack_limit")
        self._guard: int | None = limit.address - self.cpu.memory.ram if limit else None
        if self._guard is not None:
            self.cpu.ram[self._guard : self._guard + len(_PAINT)] = _PAINT

    def _hang(self) -> None:
        """Say where the firmware spins, then let the watchdog end it."""
        seen: dict[int, int] = {}
        for _ in range(_HANG_SAMPLES):
            seen[self.cpu.register("sp")] = self.cpu.pc
            try:
                self.cpu.run(self.cpu.pc, _HANG_STRIDE)
            except UcError:
                break
        outermost = seen[max(seen)]
        self._event("hang", **fault.place(self.image, outermost))
        self.locked = self.sleeping = True
        self._skip_to_watchdog()

    def _skip_to_watchdog(self) -> None:
        """Nothing but the watchdog acts on a machine that neither idles nor answers."""
        deadline = self.chip.watchdog.deadline
        if deadline < NEVER:
            self.schedule.base = max(self.schedule.base, deadline)
            self.schedule.clear()
            self._reset_cause = "watchdog"

    # -- snapshots ------------------------------------------------------------------------------------------------

    def snapshot(self) -> MachineSnapshot:
        """Everything, between two slices."""
        return MachineSnapshot(
            context=self.cpu.uc.context_save(),
            ram=bytes(self.cpu.ram),
            flash_version=self.chip.flash.version,
            sectors=sectors_of(self),
            schedule=self.schedule.state(),
            nvic=self.nvic.state(),
            peripherals=self.chip.state(),
            flags=(self.sleeping, self.locked, self.busy, self.cpu.pc),
            sampled=self.sampler.state(),
        )

    def restore(self, snapshot: MachineSnapshot) -> None:
        """Back to a snapshot of this machine; events and coverage stay."""
        self.cpu.uc.context_restore(snapshot.context)
        self.cpu.ram[:] = snapshot.ram
        if self.chip.flash.version != snapshot.flash_version:
            self._restore_flash(snapshot)
        self.schedule.restore(snapshot.schedule)
        self.nvic.restore(snapshot.nvic)
        self.chip.restore(snapshot.peripherals)
        self.sleeping, self.locked, self.busy, _pc = snapshot.flags
        self._reset_cause = ""
        self.sampler.restore(snapshot.sampled)

    def _restore_flash(self, snapshot: MachineSnapshot) -> None:
        for sector in self.chip.flash.changed | set(snapshot.sectors):
            span = self.chip.flash.span(sector)
            self.cpu.flash[span] = snapshot.sectors.get(sector) or self._factory[span]
        self.chip.flash.now_holds(set(snapshot.sectors), snapshot.flash_version)


def sectors_of(machine: Machine) -> dict[int, bytes]:
    """What the flash sectors hold that differ from the loaded image."""
    flash: Rewritable = machine.chip.flash
    return {sector: bytes(machine.cpu.flash[flash.span(sector)]) for sector in flash.changed}
