"""USART (RM0090 ch. 30): paced wire, byte interrupts, idle-line detection, receive and transmit DMA requests."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from targets.board.peripherals.base import Peripheral, Wired, Wiring

SR, DR, BRR, CR1, CR2, CR3 = 0x00, 0x04, 0x08, 0x0C, 0x10, 0x14
ORE, IDLE, RXNE, TC, TXE = 1 << 3, 1 << 4, 1 << 5, 1 << 6, 1 << 7
UE, TE, RE, IDLEIE, RXNEIE, TCIE, TXEIE = 1 << 13, 1 << 3, 1 << 2, 1 << 4, 1 << 5, 1 << 6, 1 << 7
DMAR, DMAT = 1 << 6, 1 << 7
_BITS_PER_BYTE = 10
_SMALLEST_DIVISOR = 32
_FLAGS_BY_ENABLE = ((RXNEIE, RXNE | ORE), (IDLEIE, IDLE), (TCIE, TC), (TXEIE, TXE))
_ENABLES = RXNEIE | IDLEIE | TCIE | TXEIE
_INTERRUPTING = {
    enables: sum(flags for enable, flags in _FLAGS_BY_ENABLE if enables & enable)
    for enables in range(0, _ENABLES + 1, IDLEIE)
}


class Channel(ABC):
    """The receive side of a DMA stream that serves this USART."""

    @abstractmethod
    def room(self, channel: int) -> int:
        """Bytes until the next half or full transfer; 0 while the stream is off or serves another channel."""

    @abstractmethod
    def deliver(self, data: bytes) -> None:
        """Store received bytes at the stream's memory address."""


class Wire(ABC):
    """The receive wire of a USART that the compiled core has taken over."""

    @abstractmethod
    def feed(self, data: bytes) -> None:
        """Put bytes behind those that are on it."""

    @abstractmethod
    def receiving(self) -> bool:
        """True while bytes are on it."""


class Usart(Peripheral):
    """One USART. `output` collects (cycle of the last stop bit, bytes); `feed` puts bytes on the receive wire."""

    kind = "usart"
    words = 8
    wire: Wire | None = None

    def __init__(self, wiring: Wiring, exception: int, clock_divider: Callable[[], int]) -> None:
        self._exception, self.divider = exception, clock_divider
        self._receive_source = wiring.schedule.source(self._receive)
        self._transmit_source = wiring.schedule.source(self._transmitted)
        self.receivers: list[tuple[Channel, int]] = []
        self.transmit_requests: list[Callable[[], None]] = []
        self.output: list[tuple[int, bytes]] = []
        super().__init__(wiring)

    def reset(self) -> None:
        super().reset()
        self.registers[0] = TXE | TC
        self._incoming = b""
        self._chunk = 0
        self._status_read = False
        self._transmit_ends = 0

    @property
    def byte_cycles(self) -> int:
        """Core cycles one character takes on the wire."""
        return max(_SMALLEST_DIVISOR, self.registers[2]) * _BITS_PER_BYTE * self.divider()

    def feed(self, data: bytes) -> None:
        """Put bytes on the wire behind those that are already on it."""
        if self.wire is not None:
            self.wire.feed(data)
            return
        idle = not self._incoming
        self._incoming += data
        if idle:
            self._plan()

    @property
    def receiving(self) -> bool:
        """True while bytes are on the wire."""
        return self.wire.receiving() if self.wire is not None else bool(self._incoming)

    def _receiver(self) -> tuple[Channel | None, int]:
        """The DMA stream that takes received bytes, and its room; (None, 0) when bytes go by interrupt."""
        if self.registers[5] & DMAR:
            for stream, channel in self.receivers:
                if room := stream.room(channel):
                    return stream, room
        return None, 0

    def _plan(self) -> None:
        """Arm the moment at which the next chunk is complete: one byte, or up to a DMA boundary, or all and idle."""
        _stream, room = self._receiver()
        self._chunk = min(len(self._incoming), room) or 1
        last = self._chunk == len(self._incoming)
        span = self._chunk + (1 if last and room else 0)
        schedule = self.wiring.schedule
        schedule.arm(self._receive_source, schedule.now() + span * self.byte_cycles)

    def _receive(self) -> None:
        if not self._incoming:
            self._raise(IDLE)
            return
        receiver, room = self._receiver()
        size = min(self._chunk, room) if receiver else self._chunk
        chunk, self._incoming = self._incoming[:size], self._incoming[size:]
        if self.registers[3] & (UE | RE) == UE | RE:
            self._accept(chunk, receiver)
        if self._incoming:
            self._plan()
        elif receiver is None:
            schedule = self.wiring.schedule
            schedule.arm(self._receive_source, schedule.now() + self.byte_cycles)

    def _accept(self, chunk: bytes, receiver: Channel | None) -> None:
        if receiver:
            receiver.deliver(chunk)
            if not self._incoming:
                self._raise(IDLE)
        elif self.registers[0] & RXNE:
            self._raise(ORE)
        else:
            self.registers[1] = chunk[-1]
            self._raise(RXNE)

    def _raise(self, flag: int) -> None:
        self.registers[0] |= flag
        self._update()

    def _update(self) -> None:
        registers = self.registers
        high = registers[0] & _INTERRUPTING[registers[3] & _ENABLES]
        self.wiring.nvic.line(self._exception, high != 0)

    def read(self, offset: int) -> int:
        if offset == SR:
            self._status_read = True
            return self.registers[0]
        if offset == DR:
            clear = RXNE | (ORE | IDLE if self._status_read else 0)
            self._status_read = False
            self.registers[0] &= ~clear
            self._update()
            return self.registers[1] & 0x1FF
        return super().read(offset)

    def write(self, offset: int, value: int) -> None:
        if offset == SR:
            self.registers[0] &= value | ~(RXNE | TC)
            self._update()
        elif offset == DR:
            self._transmit(bytes((value & 0xFF,)))
        else:
            super().write(offset, value)
            self._update()
            if offset == CR3 and value & DMAT:
                for request in self.transmit_requests:
                    request()

    def _transmit(self, data: bytes) -> None:
        schedule = self.wiring.schedule
        busy = self._transmit_ends > schedule.now()
        start = max(schedule.now(), self._transmit_ends)
        self._transmit_ends = start + self.byte_cycles
        self.output.append((self._transmit_ends, data))
        self.registers[0] &= ~(TC | (TXE if busy else 0))
        schedule.arm(self._transmit_source, start if busy else self._transmit_ends)
        self._update()

    def _transmitted(self) -> None:
        schedule = self.wiring.schedule
        self.registers[0] |= TXE
        if self._transmit_ends > schedule.now():
            schedule.arm(self._transmit_source, self._transmit_ends)
        else:
            self.registers[0] |= TC
        self._update()

    def transmit_block(self, data: bytes) -> int:
        """A DMA stream hands over a whole block; returns the cycle at which its last byte has left."""
        start = max(self.wiring.schedule.now(), self._transmit_ends)
        self._transmit_ends = start + len(data) * self.byte_cycles
        self.output.append((self._transmit_ends, data))
        self.registers[0] &= ~TC
        self.wiring.schedule.arm(self._transmit_source, self._transmit_ends)
        return self._transmit_ends

    @property
    def transmit_by_dma(self) -> bool:
        """True when DMA requests for transmission are on."""
        return bool(self.registers[5] & DMAT)

    def wired(self) -> Wired:
        return Wired((self._exception, -1), (self._receive_source, self._transmit_source))

    def state(self) -> Any:
        return (
            self.registers[:],
            self._incoming,
            self._chunk,
            self._status_read,
            self._transmit_ends,
            self.output[:],
        )

    def restore(self, state: Any) -> None:
        self.registers[:], self._incoming, self._chunk, self._status_read, self._transmit_ends, output = state
        self.output[:] = output
