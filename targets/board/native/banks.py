"""Register banks that the core takes over: their registers, what they are connected to, and their numbers there."""

from __future__ import annotations

import ctypes
from collections.abc import Collection
from ctypes import c_int32, c_uint32
from typing import Any

from targets.board.bus import Bus
from targets.board.native.part import Core, fits
from targets.board.peripherals.analog import Adc
from targets.board.peripherals.base import Peripheral
from targets.board.peripherals.dma import Dma, Stream
from targets.board.peripherals.usart import Usart, Wire

_KINDS = ("", "plain", "clock", "system", "cycles", "watchdog", "timer", "adc", "gpio", "exti", "dma", "usart")


class _FarWire(Wire):
    def __init__(self, part: Core, number: int) -> None:
        self._part, self._number = part, number

    def feed(self, data: bytes) -> None:
        if self._part.functions.feed(self._part.board, self._number, data, len(data)):
            raise MemoryError("no memory for what is on its way to the firmware")

    def receiving(self) -> bool:
        return bool(self._part.functions.receiving(self._part.board, self._number))


class Banks:
    """Takes over, of all banks of a bus, those whose class says a `kind`, if it is among these (None: any).

    `numbers` has theirs in the core.
    """

    def __init__(self, part: Core, bus: Bus, kinds: Collection[str] | None = None) -> None:
        self._functions, self._board, self._part, self._bus = part.functions, part.board, part, bus
        self.numbers: dict[Peripheral, int] = {}
        for peripheral, base in bus.banks().items():
            kind = vars(type(peripheral)).get("kind", "")
            if kind and (kinds is None or kind in kinds):
                self._attach(peripheral, base, _KINDS.index(kind))
        for usart in self.of(Usart) if kinds is not None else (p for p in bus.banks() if isinstance(p, Usart)):
            self._connect(usart)
        for adc in self.of(Adc):
            self._take_inputs(adc)

    def of(self, kind: type[Any]) -> list[Any]:
        """Those of a class, in the order of their numbers."""
        return [peripheral for peripheral in self.numbers if isinstance(peripheral, kind)]

    def number(self, peripheral: Peripheral) -> int:
        """Its number; raises DoesNotFit where it was not taken over."""
        fits(self.numbers.get(peripheral))
        return self.numbers[peripheral]

    def divide(self) -> None:
        """Tell the core how many of its cycles a cycle of each USART's bus takes."""
        for usart in self.of(Usart):
            self._functions.divide(self._board, self.numbers[usart], usart.divider())

    def leave(self) -> None:
        """Let Python answer for the banks that were not taken over, where it does not for all that is unknown."""
        for peripheral, base in self._bus.banks().items():
            if peripheral not in self.numbers:
                fits(number := self._functions.attach(self._board, _KINDS.index(""), 0, 0))
                self._functions.map(self._board, number, base, peripheral.size)

    def _attach(self, peripheral: Peripheral, base: int, kind: int) -> None:
        functions, board, wired = self._functions, self._board, peripheral.wired()
        number = functions.attach(board, kind, peripheral.words, wired.mask)
        if number < 0:
            return
        self.numbers[peripheral] = number
        self._take_registers(peripheral, number)
        for part, exception in enumerate(wired.exceptions):
            source = wired.sources[part] if part < len(wired.sources) else -1
            fits(functions.wire(board, number, part, exception, source))
        functions.map(board, number, base, peripheral.size)
        self._bus.redirect(
            peripheral,
            lambda offset: functions.device_read(board, number, offset),
            lambda offset, value: functions.device_write(board, number, offset, value),
        )

    def _take_registers(self, peripheral: Peripheral, number: int) -> None:
        start = self._functions.registers(self._board, number)
        words = (c_uint32 * peripheral.words).from_address(ctypes.addressof(start.contents))
        words[:] = [word & 0xFFFFFFFF for word in peripheral.registers]
        peripheral.take_registers(words)

    def _take_inputs(self, adc: Adc) -> None:
        start = self._functions.inputs(self._board, self.numbers[adc])
        inputs: Any = (c_int32 * len(adc.inputs)).from_address(ctypes.addressof(start.contents))
        inputs[:] = adc.inputs
        adc.inputs = inputs

    def _connect(self, usart: Usart) -> None:
        """A USART and its DMA streams share more than registers: the core has all of them, or none."""
        functions, board, number = self._functions, self._board, self.number(usart)
        for stream, channel in usart.receivers:
            if isinstance(stream, Stream):
                fits(functions.receives(board, number, self.number(stream.controller), stream.number, channel))
        for controller in self.of(Dma):
            for stream in controller.streams:
                for channel, to in stream.sends_to.items():
                    if to is usart:
                        fits(functions.transmits(board, number, self.numbers[controller], stream.number, channel))
        usart.wire = _FarWire(self._part, number)
