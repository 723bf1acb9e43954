"""Ports whose bytes go through memory: a controller, or the port itself, puts them there and takes them from there."""

from __future__ import annotations

from typing import Any

from targets.board.auto.description import PortDescription, Transfer
from targets.board.auto.port import Port
from targets.board.auto.unknown import Registers
from targets.board.peripherals.base import Peripheral, Wiring
from targets.board.schedule import NEVER

BYTES_A_SECOND = 11520


class BlockPort(Port):
    """Puts each byte where the firmware wants it, unless that has not looked at the ones before."""

    def __init__(self, wiring: Wiring, description: PortDescription, unknown: Registers) -> None:
        assert description.transfer is not None
        transfer = self._transfer = description.transfer
        super().__init__(wiring, description, unknown)
        if transfer.left is not None:
            unknown.readers[transfer.left] = self._left
        if transfer.amount is not None:
            unknown.readers[transfer.amount] = lambda: self._amount
        unknown.watchers.append(self._rewound)

    def reset(self) -> None:
        super().reset()
        self._filled = self._amount = self._ahead = 0

    def feed(self, data: bytes) -> None:
        """Put bytes on the wire behind those that are already on it."""
        self._incoming += data
        self._await_next()

    def _await_next(self) -> None:
        schedule = self.wiring.schedule
        if self._incoming and schedule.due(self._arrives) == NEVER:
            schedule.arm(self._arrives, schedule.now() + self.wiring.hz // BYTES_A_SECOND)

    @property
    def offering(self) -> bool:
        """True while a handler has not seen what came; what is polled lies in memory already."""
        return self.ready and self.description.exception > 0

    def _arrived(self) -> None:
        if self._incoming:
            self._deliver()
        self._await_next()

    def _deliver(self) -> None:
        most = self._unknown.held(self._transfer.count)
        waits = self.ready and self.description.exception
        if waits or not most or self._ahead >= max(1, most // 2):
            return
        self._store(self._unknown.held(self._transfer.pointer) + self._filled)
        self._amount, self._ahead = self._filled + 1, self._ahead + 1
        self._filled = self._amount % most
        self.taken += 1
        self.ready = self._took = True
        self._raise()

    def _store(self, address: int) -> None:
        cpu = self.wiring.cpu
        if cpu.memory.in_ram(address):
            cpu.ram[address - cpu.memory.ram] = self._incoming[0]
        self._incoming = self._incoming[1:]

    def _left(self) -> int:
        """How many bytes are missing still; whoever asks knows of those that came."""
        self._ahead, self.ready = 0, False
        return self._unknown.held(self._transfer.count) - self._filled

    def _rewound(self, address: int, _old: int, _value: int) -> None:
        """A new block begins where the firmware says so."""
        if address in (self._transfer.pointer, self._transfer.count):
            self._filled = self._ahead = 0

    def leaving(self, exception: int) -> None:
        """The handler has seen what came."""
        self.ready, self._ahead = False, 0
        super().leaving(exception)

    def state(self) -> Any:
        return super().state(), (self._filled, self._amount, self._ahead)

    def restore(self, state: Any) -> None:
        own, (self._filled, self._amount, self._ahead) = state
        super().restore(own)


class BlockSender(Peripheral):
    """What a port sends from memory: a block goes out once its place and its length were written."""

    words = 0

    def __init__(self, wiring: Wiring, sends: Transfer, unknown: Registers, output: list[tuple[int, bytes]]) -> None:
        self._sends, self._unknown, self._output = sends, unknown, output
        unknown.watchers.append(self._written)
        super().__init__(wiring)

    def reset(self) -> None:
        self._block: frozenset[int] = frozenset()

    def _written(self, address: int, _old: int, _value: int) -> None:
        if address not in (self._sends.pointer, self._sends.count):
            return
        self._block |= {address}
        if len(self._block) == len((self._sends.pointer, self._sends.count)):
            self._block = frozenset()
            count = self._unknown.held(self._sends.count) & 0xFFFF
            if data := self.wiring.cpu.read(self._unknown.held(self._sends.pointer), count):
                self._output.append((self.wiring.schedule.now(), data))

    def state(self) -> Any:
        return self._block

    def restore(self, state: Any) -> None:
        self._block = state
