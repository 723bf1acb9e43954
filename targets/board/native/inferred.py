"""Registers without a model, ports and ticks in the core, as `AutoChip` places them."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Mapping, Sequence
from ctypes import c_int64, c_uint32
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from targets.board.auto.asked_port import AskedPort
from targets.board.auto.block import BYTES_A_SECOND, BlockPort
from targets.board.auto.chip import AutoChip, kind_of, patience_of
from targets.board.auto.description import Description, Gate, PortDescription, Tick
from targets.board.auto.framed_port import THINKING, FramedPort, signals_of
from targets.board.auto.polling import Site
from targets.board.auto.port import Port
from targets.board.auto.tick import Ticker
from targets.board.auto.unknown import Access, Registers
from targets.board.native.interrupts import CompiledSchedule
from targets.board.native.part import Core, fits
from targets.board.peripherals.base import Wiring

_A_PORT, _A_TICK = 1, 2
_ITSELF, _LEFT, _AMOUNT = range(3)
_RECEIVES, _SENDS = range(2)
_READS, _WRITES, _VIEWS = range(3)
_KINDS = (Port, BlockPort, FramedPort, AskedPort)  # in the order of `enum port_kind`
_NOWHERE = 0xFFFFFFFF
_ACCESS = struct.Struct("<6I")  # `struct access`


@dataclass(frozen=True, slots=True)
class InCore:
    """Stands where Python's ports have functions: the core answers."""

    kind: int
    number: int
    part: int = 0

    def __call__(self, *_arguments: int) -> int:
        raise AssertionError("the core answers")


def part_of(wiring: Wiring) -> Core:
    """The machine's part in C."""
    assert isinstance(wiring.schedule, CompiledSchedule)
    return wiring.schedule.part


class CompiledUnknown(Registers):
    """What is written, and what loops that poll wanted to see, are in the core."""

    in_core = True

    def __init__(self, wiring: Wiring) -> None:
        self._functions, self._board = part_of(wiring).functions, part_of(wiring).board
        super().__init__(wiring)

    def reset(self) -> None:
        fits(self._functions.unknown_reset(self._board))

    def held(self, address: int) -> int:
        return self._functions.held(self._board, address)

    def forget(self) -> None:
        self._functions.polling_forget(self._board)

    def knows(self, values: Mapping[Site, int], waits: frozenset[Site]) -> None:
        self._known = dict(values)
        for (code, register), value in values.items():
            fits(self._functions.knows(self._board, code, register, value, False))
        for code, register in sorted(waits):
            fits(self._functions.knows(self._board, code, register, 0, True))

    def learned(self) -> dict[Site, int]:
        found = (c_int64 * (3 * self._functions.learned(self._board, None)))()
        self._functions.learned(self._board, found)
        return {(code, register): value for code, register, value in zip(*[iter(found)] * 3, strict=True)}

    def written(self) -> dict[int, int]:
        found = (c_uint32 * (3 * self._functions.written(self._board, None)))()
        self._functions.written(self._board, found)
        return {address: value for address, value, counts in zip(*[iter(found)] * 3, strict=True) if counts}

    def dry_sites(self) -> frozenset[Site]:
        count = c_uint32()
        start = self._functions.dry_sites(self._board, ctypes.byref(count))
        return frozenset(struct.Struct("<II").iter_unpack(ctypes.string_at(start, 8 * count.value)))

    def watch(self, watcher: Callable[[int, int, int], None]) -> None:
        super().watch(watcher)
        self._functions.watch_writes(self._board, True)

    def force(self, values: Mapping[int, Sequence[int]], *, resolving: bool) -> None:
        self._functions.unforce(self._board)
        for address, several in values.items():
            fits(self._functions.force(self._board, address, (c_int64 * len(several))(*several), len(several)))
        self._functions.resolve(self._board, resolving)

    def log(self, most: int) -> None:
        self._functions.log(self._board, most)

    def logged(self) -> list[Access]:
        count = c_uint32()
        start = self._functions.logged(self._board, ctypes.byref(count))
        kept = ctypes.string_at(start, _ACCESS.size * count.value) if count.value else b""
        return list(map(Access._make, _ACCESS.iter_unpack(kept)))

    @property
    def last_dry(self) -> int | None:
        return self._functions.dry(self._board) or None


class CompiledPort(Port):
    """A port of any kind in the core; `slot` is the number of its wire."""

    in_core = True

    def _connect(self) -> None:
        part, port, wiring = part_of(self.wiring), self.description, self.wiring
        self._functions, self._board = part.functions, part.board
        kind = kind_of(port)
        watches = self.watches and kind in (Port, BlockPort)
        transmit = _NOWHERE if port.transmit is None else port.transmit
        numbers = (*port.bank, transmit, port.burst, watches, _KINDS.index(kind))
        words = (c_uint32 * 9)(*numbers, wiring.hz // BYTES_A_SECOND, round(THINKING * wiring.hz), self.sender)
        self.slot = self._functions.port(self._board, port.exception, self._arrives, self._again, words)
        fits(self.slot)
        self._tell_bits()
        self._tell_transfers()
        self._answer()

    def _tell_bits(self) -> None:
        port, functions = self.description, self._functions
        for tell, gates in ((functions.port_gate, port.gates), (functions.port_sending, port.sending)):
            for gate in gates:
                fits(tell(self._board, self.slot, gate.address, gate.bit, gate.ready))
        for address, mask in port.status:
            fits(functions.port_status(self._board, self.slot, address, mask))
        if kind_of(port) is FramedPort:
            self._tell_signals(port.begins, port.ends, port.reads)

    def _tell_signals(self, begins: tuple[Gate, ...], ends: tuple[Gate, ...], reads: tuple[Gate, ...]) -> None:
        for stage, signal in signals_of(self.description, begins, ends, reads).items():
            for gate in signal:
                fits(self._functions.port_signal(self._board, self.slot, stage, gate.address, gate.bit, gate.ready))

    def _tell_transfers(self) -> None:
        """Bytes that go through memory."""
        port = self.description
        for of, transfer in ((_RECEIVES, port.transfer), (_SENDS, port.sends)):
            if transfer is not None:
                self._functions.port_transfer(self._board, self.slot, of, transfer.pointer, transfer.count)

    def _answer(self) -> None:
        """For the registers that are its own."""
        port, registers, transfer = self.description, self._unknown, self.description.transfer
        left, amount = (None, None) if transfer is None else (transfer.left, transfer.amount)
        for part, address in ((_ITSELF, port.receive), (_LEFT, left), (_AMOUNT, amount)):
            if address is not None:
                registers.readers[address] = InCore(_A_PORT, self.slot, part)
        if port.transmit is not None:
            registers.writers[port.transmit] = InCore(_A_PORT, self.slot)
        for address in self.gates:
            registers.views.setdefault(address, []).append(InCore(_A_PORT, self.slot))

    def show(self, begins: tuple[Gate, ...], ends: tuple[Gate, ...], reads: tuple[Gate, ...] = ()) -> None:
        """From now on, these signals."""
        self._functions.port_shows_nothing(self._board, self.slot)
        self._tell_signals(begins, ends, reads)

    def signal(self) -> None:
        """Begin a message; one without any bytes ends at once."""
        self._functions.port_begins(self._board, self.slot)

    def reset(self) -> None:
        self._functions.reset_port(self._board, self.slot)

    def feed(self, data: bytes) -> None:
        if self._functions.feed_port(self._board, self.slot, data, len(data)):
            raise MemoryError("no memory for what is on its way to the firmware")

    @property
    def receiving(self) -> bool:
        return bool(self._functions.port_receiving(self._board, self.slot))

    @property
    def offering(self) -> bool:
        return bool(self._functions.port_offering(self._board, self.slot))

    @property
    def patience(self) -> int:
        return patience_of(self.description, self.wiring.hz)

    @property
    def taken(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """How many bytes were read."""
        return self._functions.port_taken(self._board, self.slot)


class CompiledTicker(Ticker):
    """Ticks in the core."""

    in_core = True

    def _connect(self, unknown: Registers) -> None:
        part = part_of(self.wiring)
        self._functions, self._board = part.functions, part.board
        for number, tick in enumerate(self._ticks):
            fits(self._functions.tick(self._board, tick.exception, self._sources[number], self._period(number)))
            for gate_number, gate in enumerate(tick.gates):
                fits(self._functions.tick_bit(self._board, number, gate.address, gate.bit, gate.ready))
                view = InCore(_A_TICK, number, gate_number)
                unknown.views.setdefault(gate.address, []).append(view)

    def reset(self) -> None:
        for number in range(len(self._ticks)):
            self._functions.reset_tick(self._board, number)

    @property
    def raised(self) -> dict[int, int]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """How often each exception was raised."""
        raised: dict[int, int] = {}
        for number, tick in enumerate(self._ticks):
            if count := self._functions.tick_raised(self._board, number):
                raised[tick.exception] = raised.get(tick.exception, 0) + count
        return raised


class CompiledAutoChip(AutoChip):
    """An `AutoChip` of which the core keeps all but exact models."""

    def __init__(self, wiring: Wiring, *arguments: Any, description: Description, **options: Any) -> None:
        super().__init__(wiring, *arguments, description=description, **options)
        self._functions, self._board = part_of(wiring).functions, part_of(wiring).board
        registers: Registers = self.unknown
        for what, functions in ((_READS, registers.readers), (_WRITES, registers.writers)):
            for address, function in functions.items():
                self._tell(address, what, function)
        for address, views in registers.views.items():
            for view in views:
                self._tell(address, _VIEWS, view)

    @cached_property
    def fed(self) -> list[Any]:
        """All that Python feeds."""
        return [model for model in self.usarts.values() if not isinstance(model, CompiledPort)]

    def _tell(self, address: int, what: int, function: Any) -> None:
        assert isinstance(function, InCore)
        fits(self._functions.answers(self._board, address, what, function.kind, function.number, function.part))

    def _new_unknown(self) -> Registers:
        return CompiledUnknown(self._wiring)

    def _new_port(self, description: PortDescription) -> Port:
        return CompiledPort(self._wiring, description, self.unknown)

    def _new_sender(self, port: Port) -> None:
        """The core sends blocks itself."""

    def _new_ticker(self, ticks: Sequence[Tick]) -> Ticker:
        return CompiledTicker(self._wiring, ticks, self.unknown)
