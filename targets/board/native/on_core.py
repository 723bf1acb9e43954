"""A machine whose hot half is in C: what those on the compiled core share. The Python machine stays the reference.

Faults, hangs, resets and register banks that the core does not know stay Python's: the core asks, and what Python does
then to time, interrupts and registers, it does to the core's.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Mapping
from ctypes import c_uint8, c_uint32, c_void_p
from dataclasses import dataclass
from functools import partial
from typing import Any

import unicorn
from unicorn.unicorn_py3.unicorn import UcError

from harness.through_c import ThroughC
from targets.board.compares import Compares
from targets.board.image import Image
from targets.board.machine import Machine, sectors_of
from targets.board.native import library
from targets.board.native.banks import Banks
from targets.board.native.compares import CompiledCompares
from targets.board.native.interrupts import CompiledNvic, CompiledSchedule
from targets.board.native.library import Library
from targets.board.native.part import Core, fits
from targets.board.native.signals import CompiledSampler
from targets.board.nvic import Nvic
from targets.board.sampler import Sampler
from targets.board.schedule import NEVER, Schedule

_OUTPUT = struct.Struct("<QII")  # `struct output`
_DONE, _RESET, _FAULT, _HANG, _LOCKUP, _STACK_LIMIT = range(6)


@dataclass(frozen=True, slots=True)
class CompiledSnapshot:
    """Everything that decides what the machine does next: the core's part, RAM, and what Python keeps itself."""

    context: Any
    saved: Any
    ram: Any
    at: tuple[int, int, int]
    flash_version: int
    sectors: dict[int, bytes]
    outputs: list[list[tuple[int, bytes]]]
    others: list[object]


class OnCore(Machine):
    """`functions` is `library.library()`. A subclass says what the core takes over, and which wires are whose."""

    def __init__(self, image: Image, *, functions: Library, sampler: Sampler | None = None, **options: Any) -> None:
        self._functions = functions
        self._banks: Banks | None = None
        self._restored: CompiledSnapshot | None = None
        self._through_c = ThroughC(self._failed)
        super().__init__(image, sampler=sampler, **options)
        banks = self._banks = self._adopt()
        self.cpu.map_functions(self._functions.mmio_read, self._functions.mmio_write, self._region)
        self._others = [p for p in self.chip.peripherals if p not in banks.numbers and not p.in_core]
        self._ports = list(self.chip.usarts.values())
        self._unseen = [(number, p) for number, p in enumerate(self._others) if p.unseen or p in self._ports]
        self._slots = self._wires(banks)
        self._told = c_uint32(), c_uint32(), c_void_p(), c_uint32()
        self._where_told = tuple(map(ctypes.byref, self._told))
        self._looks = self.sampler = CompiledSampler(self.sampler, self._part, self.hz, partial(self._pins, banks))
        self.reset("power-on")

    # -- made of the reference's parts ------------------------------------------------------------------------------

    def _connect_bus(self) -> None:
        """Later, to the core."""

    def _new_schedule(self) -> Schedule:
        self._part = Core(self._functions, self.cpu, self._callbacks())
        self._shared: Any = self._part.shared
        self._state: Any = self._part.shared.state
        self._shared.hz, self._shared.hang_budget = self.hz, self.hang_budget
        self._deadlines = CompiledSchedule(self._part, self.cpu.executed)
        return self._deadlines

    def _new_nvic(self) -> Nvic:
        return CompiledNvic(self._part, self.cpu, lambda: self.chip.system)

    def _callbacks(self) -> library.Callbacks:
        guarded = self._guarded
        return library.Callbacks(
            library.READ(guarded(self._read)),
            library.WRITE(guarded(self._write)),
            library.FIRE(guarded(self._act)),
            library.BEFORE_CODE(guarded(self._before_code)),
            library.PLAIN_CALL(guarded(self._reset_requested)),
            library.PLAIN_CALL(guarded(self._divide)),
            library.WRITTEN(guarded(self._written)),
        )

    def _written(self, address: int, old: int, value: int) -> None:
        """A register without a model was written, and somebody watches."""

    def _read(self, address: int, size: int) -> int:
        return self.bus.read(address, size)

    def _write(self, address: int, size: int, value: int) -> None:
        self.bus.write(address, size, value)

    def _act(self, source: int) -> None:
        self._deadlines.act(source)

    def _before_code(self, pc: int) -> None:
        self.chip.flash.before_code(pc)

    def _reset_requested(self) -> None:
        self._request_reset("software")

    def _guarded(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """An exception cannot pass through C: it ends the slice, and `run` raises it."""

        def called(*arguments: int) -> Any:
            try:
                result = function(*arguments)
                self._called()
            except BaseException as error:  # noqa: BLE001  raised again by run()
                self._failed(error)
                return 0
            return result

        return called

    def _failed(self, error: BaseException) -> None:
        self._shared.failed = True
        self.cpu.failed(error)

    def _hook_interrupts(self) -> None:
        self.cpu.hook(unicorn.UC_HOOK_INTR, self._functions.interrupt, c_void_p(self._part.board))

    def _adopt(self) -> Banks:
        """Let the core answer for the register banks that it knows."""
        raise NotImplementedError

    def _wires(self, banks: Banks) -> Mapping[Any, int]:
        """The ports whose bytes the core keeps, and their wires."""
        raise NotImplementedError

    def _pins(self, banks: Banks, letter: str) -> int:
        """The number of a bank of output pins."""
        return banks.number(self.chip.pins.ports[letter])

    def _region(self, base: int) -> c_void_p:
        fits(found := self._functions.region(self._part.board, base))
        return c_void_p(found)

    def _divide(self) -> None:
        if self._banks is not None:
            self._banks.divide()

    def _called(self) -> None:
        """Python was asked, and may have sent something."""
        if self.watched is not None and self.watched.output:
            self._shared.first_output = self.watched.output[0][0]

    # -- what Python and C both know --------------------------------------------------------------------------------

    @property
    def seconds(self) -> float:
        return self._state.base / self.hz

    @property
    def sleeping(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Waiting for an interrupt."""
        return bool(self._state.sleeping)

    @sleeping.setter
    def sleeping(self, sleeping: bool) -> None:
        self._state.sleeping = sleeping

    @property
    def locked(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Nothing runs until a reset."""
        return bool(self._state.locked)

    @locked.setter
    def locked(self, locked: bool) -> None:
        self._state.locked = locked

    @property
    def busy(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Instructions since the firmware idled."""
        return self._state.busy

    @busy.setter
    def busy(self, busy: int) -> None:
        self._state.busy = busy

    @property
    def work(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Instructions executed, of all lives."""
        return self._shared.work

    @work.setter
    def work(self, work: int) -> None:
        self._shared.work = work

    @property
    def _reset_cause(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self._cause

    @_reset_cause.setter
    def _reset_cause(self, cause: str) -> None:
        self._cause = cause
        self._shared.reset = bool(cause)

    def reset(self, cause: str) -> None:
        super().reset(cause)
        self._shared.called = True
        self._functions.reset(self._part.board)
        self._divide()

    def _paint_stack_limit(self) -> None:
        super()._paint_stack_limit()
        self._shared.guard = -1 if self._guard is None else self._guard

    def _new_compares(self) -> Compares:
        return CompiledCompares(self._functions, self.cpu)

    # -- running ----------------------------------------------------------------------------------------------------

    def run(self, until: int) -> None:
        watched = -1 if self.watched is None else self._slots.get(self.watched, -1)
        shared, run, board, through_c = self._shared, self._functions.run, self._part.board, self._through_c
        if self.chip.flash.stale:
            shared.stale = True
        while True:
            waiting = self.watched.output if self.watched is not None else None
            shared.first_output = waiting[0][0] if waiting else NEVER
            with through_c:
                ended = run(board, until, watched)
            if shared.emitted:
                self._take_outputs()
            if ended == _DONE:
                self.cpu.raise_kept()
                return
            self._handle(ended)

    def _take_outputs(self) -> None:
        emitted, outputs, board = self._shared.emitted, self._functions.outputs, self._part.board
        count, used, data, back = self._told
        for port, slot in self._slots.items():
            if emitted >> slot & 1:
                start = outputs(board, slot, *self._where_told)
                sent = ctypes.string_at(data.value or 0, used.value)
                del port.output[max(0, len(port.output) - back.value) :]
                told = ctypes.string_at(start, count.value * _OUTPUT.size)
                port.output += [(cycle, sent[at : at + size]) for cycle, at, size in _OUTPUT.iter_unpack(told)]
        self._functions.forget_outputs(board)

    def _handle(self, ended: int) -> None:
        """What the core leaves to Python."""
        if ended == _RESET:
            self._take_reset()
        elif ended == _FAULT:
            self._core_fault()
        elif ended == _HANG:
            self._hang()
        elif ended == _LOCKUP:
            self._lock_up("stacking")
        elif ended == _STACK_LIMIT:
            self._stack_overflow()
        else:
            self._shared.failed = False
            self.cpu.raise_kept()
            raise MemoryError("the board's core has no memory left")
        self._access.clear()

    def _core_fault(self) -> None:
        self._trap = self._shared.trap
        if self._shared.stacking:
            self._access.reason = "exception frame outside RAM"
        self._fault(UcError(self._shared.error) if self._shared.error else None)

    # -- snapshots ----------------------------------------------------------------------------------------------------

    def snapshot(self) -> Any:
        board, functions = self._part.board, self._functions
        saved = (c_uint8 * functions.saved_size(board))()
        functions.save(board, saved)
        ram = (c_uint8 * len(self.cpu.ram)).from_buffer_copy(self.cpu.ram)
        context = self.cpu.uc.context_save()
        at = ctypes.addressof(saved), ctypes.addressof(ram), int(ctypes.cast(context.context, c_void_p).value or 0)
        return CompiledSnapshot(
            context,
            saved,
            ram,
            at,
            self.chip.flash.version,
            sectors_of(self),
            [usart.output[:] for usart in self._ports],
            [peripheral.state() for peripheral in self._others],
        )

    def restore(self, snapshot: Any) -> None:
        self._functions.restore(self._part.board, *snapshot.at)
        for usart, output in zip(self._ports, snapshot.outputs, strict=True):
            usart.output[:] = output
        if self._shared.called or self._restored is not snapshot:
            for peripheral, state in zip(self._others, snapshot.others, strict=True):
                peripheral.restore(state)
            self._shared.called, self._restored = False, snapshot
        else:
            for number, peripheral in self._unseen:
                peripheral.restore(snapshot.others[number])
        if self.chip.flash.version != snapshot.flash_version:
            self._restore_flash(snapshot)
        self._cause = ""
        self._looks.forget()
