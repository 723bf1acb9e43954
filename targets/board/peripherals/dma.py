"""DMA controller (RM0090 ch. 10): eight streams; peripheral-to-memory and memory-to-peripheral for USARTs."""

from __future__ import annotations

from typing import Any

from targets.board.peripherals.base import Peripheral, Wired, Wiring
from targets.board.peripherals.usart import Channel, Usart
from targets.board.schedule import NEVER

LISR, HISR, LIFCR, HIFCR, STREAMS = 0x00, 0x04, 0x08, 0x0C, 0x10
CR, NDTR, PAR, M0AR = 0, 1, 2, 3
EN, HTIE, TCIE, CIRC, MINC = 1 << 0, 1 << 3, 1 << 4, 1 << 8, 1 << 10
HTIF, TCIF, TEIF = 1 << 4, 1 << 5, 1 << 3
_SHIFT = (0, 6, 16, 22)
_FLAGS = 0x3F
_NOWHERE = (0, -1)
_PLACES = {STREAMS + 4 * index: divmod(index, 6) for index in range(8 * 6)}


class Stream(Channel):
    """One stream: what it does when enabled, and its receive side for a USART."""

    def __init__(self, controller: Dma, number: int) -> None:
        self.controller, self.number = controller, number
        self.registers, self._wiring = controller.registers, controller.wiring
        self._cr = (STREAMS >> 2) + 6 * number
        self._ndtr, self._m0ar = self._cr + NDTR, self._cr + M0AR
        self.source = controller.wiring.schedule.source(self._sent)
        self.sends_to: dict[int, Usart] = {}
        self.length = 0

    def written(self, which: int, value: int, before: int) -> None:
        """CR or NDTR was written: enabling starts, disabling stops."""
        if which == NDTR:
            if not self.registers[self._cr] & EN:
                self.length = value & 0xFFFF
        elif value & EN and not before & EN:
            self.length = self.registers[self._ndtr]
            self.request()
        elif before & EN and not value & EN:
            self._wiring.schedule.disarm(self.source)

    def request(self) -> None:
        """Hand the block to the USART if stream and USART are both ready."""
        control, count = self.registers[self._cr], self.registers[self._ndtr]
        if not control & EN or not count or control >> 6 & 3 != 1:
            return
        usart, schedule = self.sends_to.get(control >> 25 & 7), self._wiring.schedule
        if usart is None or not usart.transmit_by_dma or schedule.due(self.source) < NEVER:
            return
        data = self._wiring.cpu.read(self.registers[self._m0ar], count)
        if data is None:
            self._flag(TEIF)
            return
        schedule.arm(self.source, usart.transmit_block(data))

    def _sent(self) -> None:
        self.registers[self._ndtr] = 0
        self.registers[self._cr] &= ~EN
        self._flag(TCIF)

    def room(self, channel: int) -> int:
        """Bytes until the next half or full transfer; 0 while the stream is off or serves another channel."""
        control = self.registers[self._cr]
        if not control & EN or control >> 25 & 7 != channel:
            return 0
        left, half = self.registers[self._ndtr], self.length // 2
        return left - half if left > half else left

    def deliver(self, data: bytes) -> None:
        """Store received bytes; at most `room()` of them."""
        left, memory = self.registers[self._ndtr], self._wiring.cpu.memory
        address = self.registers[self._m0ar] + self.length - left - memory.ram
        if not 0 <= address <= memory.ram_size - len(data):
            self._flag(TEIF)
            return
        self._wiring.cpu.ram[address : address + len(data)] = data
        self._count_down(left - len(data))

    def _count_down(self, left: int) -> None:
        self._wiring.touched.add(self.controller)
        self.registers[self._ndtr] = left
        if left == 0:
            if self.registers[self._cr] & CIRC:
                self.registers[self._ndtr] = self.length
            else:
                self.registers[self._cr] &= ~EN
            self._flag(TCIF)
        elif left == self.length // 2:
            self._flag(HTIF)

    def _flag(self, flag: int) -> None:
        self.controller.raise_flag(self.number, flag)


class Dma(Peripheral):
    """One controller; `exceptions` are the eight streams' exception numbers."""

    kind = "dma"
    passive = True
    words = 4 + 6 * 8

    def __init__(self, wiring: Wiring, exceptions: tuple[int, ...]) -> None:
        self._exceptions = exceptions
        self.streams: list[Stream] = []
        super().__init__(wiring)
        self.streams = [Stream(self, number) for number in range(8)]

    def take_registers(self, registers: Any) -> None:
        super().take_registers(registers)
        for stream in self.streams:
            stream.registers = registers

    def raise_flag(self, stream: int, flag: int) -> None:
        """Set a stream's flag and, where enabled, its interrupt."""
        self.wiring.touched.add(self)
        self.registers[stream // 4] |= flag << _SHIFT[stream % 4]
        self._update(stream)

    def _update(self, stream: int) -> None:
        flags = self.registers[stream // 4] >> _SHIFT[stream % 4]
        control = self.registers[(STREAMS >> 2) + 6 * stream]
        high = bool((flags & HTIF and control & HTIE) or (flags & TCIF and control & TCIE))
        self.wiring.nvic.line(self._exceptions[stream], high)

    def write(self, offset: int, value: int) -> None:
        stream, which = _PLACES.get(offset, _NOWHERE)
        if which >= 0:
            before = self.registers[offset >> 2]
            self.registers[offset >> 2] = value
            if which <= NDTR:
                self.streams[stream].written(which, value, before)
            if which == CR and (value ^ before) & (HTIE | TCIE):
                self._update(stream)
        elif offset in (LIFCR, HIFCR):
            self._clear((offset - LIFCR) >> 2, value)

    def _clear(self, half: int, flags: int) -> None:
        cleared = self.registers[half] & flags
        if not cleared:
            return
        self.registers[half] &= ~flags
        for number, shift in enumerate(_SHIFT):
            if cleared >> shift & _FLAGS:
                self._update(4 * half + number)

    def wired(self) -> Wired:
        return Wired(self._exceptions, tuple(stream.source for stream in self.streams))

    def state(self) -> Any:
        return self.registers[:], [stream.length for stream in self.streams]

    def restore(self, state: Any) -> None:
        self.registers[:], lengths = state
        for stream, length in zip(self.streams, lengths, strict=True):
            stream.length = length
