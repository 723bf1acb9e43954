"""The machine on the compiled core: the same as `Machine`, which stays the reference, with its hot half in C.

Faults, hangs, resets and register banks that the core does not know stay Python's: the core asks, and what Python does
then to time, interrupts and registers, it does to the core's.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import c_int32, c_uint8, c_uint32, c_void_p
from dataclasses import dataclass
from typing import Any

import unicorn
from unicorn.unicorn_py3.unicorn import UcError

from targets.board.cpu import RAM_SIZE
from targets.board.image import Image
from targets.board.machine import Machine, sectors_of
from targets.board.native import library
from targets.board.native.interrupts import CompiledNvic, CompiledSchedule
from targets.board.native.library import Library
from targets.board.native.part import Core, DoesNotFit, fits
from targets.board.native.signals import CompiledSampler
from targets.board.nvic import Nvic
from targets.board.peripherals.analog import Adc
from targets.board.peripherals.base import Peripheral
from targets.board.peripherals.dma import Dma, Stream
from targets.board.peripherals.usart import Usart, Wire
from targets.board.sampler import Sampler
from targets.board.schedule import NEVER, Schedule

_KINDS = ("", "plain", "clock", "system", "cycles", "watchdog", "timer", "adc", "gpio", "exti", "dma", "usart")
_DONE, _RESET, _FAULT, _HANG, _LOCKUP, _STACK_LIMIT = range(6)


class _Wire(Wire):
    def __init__(self, part: Core, device: int) -> None:
        self._part, self._device = part, device

    def feed(self, data: bytes) -> None:
        if self._part.functions.feed(self._part.board, self._device, data, len(data)):
            raise MemoryError("no memory for what is on its way to the firmware")

    def receiving(self) -> bool:
        return bool(self._part.functions.receiving(self._part.board, self._device))


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


def new_machine(image: Image, **options: Any) -> Machine:
    """A machine on the compiled core, or the reference where that was asked for or is all there is."""
    functions = library.library()
    if functions is None:
        return Machine(image, **options)
    try:
        return CompiledMachine(image, functions=functions, **options)
    except DoesNotFit:
        return Machine(image, **options)


class CompiledMachine(Machine):
    """A `Machine` whose hot half is in C. `functions` is `library.library()`."""

    def __init__(self, image: Image, *, functions: Library, sampler: Sampler | None = None, **options: Any) -> None:
        self._functions = functions
        self._devices: dict[Peripheral, int] = {}
        self._restored: CompiledSnapshot | None = None
        super().__init__(image, sampler=sampler, **options)
        self._adopt()
        part = self._part
        ports = self.chip.pins.ports
        self._looks = CompiledSampler(self.sampler, part, self.hz, lambda letter: self._devices[ports[letter]])
        self.sampler = self._looks
        self.reset("power-on")

    # -- made of the reference's parts ------------------------------------------------------------------------------

    def _new_schedule(self) -> Schedule:
        self._part = Core(self._functions, self.cpu, self._callbacks())
        self._shared: Any = self._part.shared
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
        )

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
                if self.watched is not None and self.watched.output:
                    self._shared.first_output = self.watched.output[0][0]
            except Exception as error:  # noqa: BLE001  raised again by run()
                self._shared.failed = True
                self.cpu.failed(error)
                return 0
            return result

        return called

    def _hook_interrupts(self) -> None:
        self.cpu.hook(unicorn.UC_HOOK_INTR, self._functions.interrupt, c_void_p(self._part.board))

    def _adopt(self) -> None:
        """Let the core answer for the register banks that it knows."""
        banks = self.bus.banks()
        for peripheral, base in banks.items():
            kind = vars(type(peripheral)).get("kind", "")
            if kind:
                self._attach(peripheral, base, _KINDS.index(kind))
        for usart in self._adopted(Usart):
            self._connect(usart)
        for adc in self._adopted(Adc):
            self._take_inputs(adc)
        self._device(self.chip.system)
        self.cpu.route_mmio(self._functions.mmio_read, self._functions.mmio_write, self._region)
        self._others = [p for p in self.chip.peripherals if p not in self._devices]
        self._ports = list(self.chip.usarts.values())
        slots = {usart: slot for slot, usart in enumerate(self._adopted(Usart))}
        self._emitting = [(p, self._devices[p], 1 << slots[p]) for p in self._ports if p in slots]

    def _region(self, base: int) -> c_void_p:
        fits(found := self._functions.region(self._part.board, base))
        return c_void_p(found)

    def _device(self, peripheral: Peripheral) -> int:
        fits(self._devices.get(peripheral))
        return self._devices[peripheral]

    def _adopted(self, kind: type[Any]) -> list[Any]:
        return [peripheral for peripheral in self._devices if isinstance(peripheral, kind)]

    def _attach(self, peripheral: Peripheral, base: int, kind: int) -> None:
        functions, board, wired = self._functions, self._part.board, peripheral.wired()
        device = functions.attach(board, kind, peripheral.words, wired.mask)
        if device < 0:
            return
        self._devices[peripheral] = device
        words = (c_uint32 * peripheral.words).from_address(
            ctypes.addressof(functions.registers(board, device).contents)
        )
        words[:] = [word & 0xFFFFFFFF for word in peripheral.registers]
        peripheral.take_registers(words)
        for part, exception in enumerate(wired.exceptions):
            source = wired.sources[part] if part < len(wired.sources) else -1
            functions.wire(board, device, part, exception, source)
        functions.map(board, device, base, peripheral.size)
        self.bus.redirect(
            peripheral,
            lambda offset: functions.device_read(board, device, offset),
            lambda offset, value: functions.device_write(board, device, offset, value),
        )

    def _take_inputs(self, adc: Adc) -> None:
        start = self._functions.inputs(self._part.board, self._devices[adc])
        inputs: Any = (c_int32 * len(adc.inputs)).from_address(ctypes.addressof(start.contents))
        inputs[:] = adc.inputs
        adc.inputs = inputs

    def _connect(self, usart: Usart) -> None:
        functions, board, device = self._functions, self._part.board, self._devices[usart]
        for stream, channel in usart.receivers:
            if isinstance(stream, Stream):
                fits(functions.receives(board, device, self._device(stream.controller), stream.number, channel))
        for controller in self._adopted(Dma):
            for stream in controller.streams:
                for channel, to in stream.sends_to.items():
                    if to is usart:
                        fits(functions.transmits(board, device, self._devices[controller], stream.number, channel))
        usart.wire = _Wire(self._part, device)

    def _divide(self) -> None:
        for usart in self._adopted(Usart):
            self._functions.divide(self._part.board, self._devices[usart], usart.divider())

    # -- what Python and C both know --------------------------------------------------------------------------------

    @property
    def sleeping(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Waiting for an interrupt."""
        return bool(self._shared.state.sleeping)

    @sleeping.setter
    def sleeping(self, sleeping: bool) -> None:
        self._shared.state.sleeping = sleeping

    @property
    def locked(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Nothing runs until a reset."""
        return bool(self._shared.state.locked)

    @locked.setter
    def locked(self, locked: bool) -> None:
        self._shared.state.locked = locked

    @property
    def busy(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Instructions since the firmware idled."""
        return self._shared.state.busy

    @busy.setter
    def busy(self, busy: int) -> None:
        self._shared.state.busy = busy

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

    # -- running ----------------------------------------------------------------------------------------------------

    def run(self, until: int) -> None:
        watched = -1 if self.watched is None else self._devices.get(self.watched, -1)
        shared, run, board = self._shared, self._functions.run, self._part.board
        if self.chip.flash.stale:
            shared.stale = True
        while True:
            waiting = self.watched.output if self.watched is not None else None
            shared.first_output = waiting[0][0] if waiting else NEVER
            ended = run(board, until, watched)
            if shared.emitted:
                self._take_outputs()
            if ended == _DONE:
                return
            self._handle(ended)

    def _take_outputs(self) -> None:
        count, data = c_uint32(), c_void_p()
        emitted = self._shared.emitted
        for usart, device, bit in self._emitting:
            if not emitted & bit:
                continue
            outputs = self._functions.outputs(self._part.board, device, ctypes.byref(count), ctypes.byref(data))
            for at in range(count.value):
                output = outputs[at]
                usart.output.append((output.cycle, ctypes.string_at((data.value or 0) + output.start, output.size)))
        self._functions.forget_outputs(self._part.board)

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
        ram = (c_uint8 * RAM_SIZE).from_buffer_copy(self.cpu.ram)
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
        if self.chip.flash.version != snapshot.flash_version:
            self._restore_flash(snapshot)
        self._cause = ""
        self._looks.forget()
