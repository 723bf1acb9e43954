"""Finds the signals around a message: with which bits before and behind its bytes firmware does something with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice, product
from typing import Any

import unicorn

from targets.board.auto.chip import kind_of
from targets.board.auto.description import Gate, PortDescription
from targets.board.auto.experiment import Bench, Forced
from targets.board.auto.framed_port import FramedPort, beside, coded
from targets.board.auto.machine import AutoMachine
from targets.board.auto.port import applied
from targets.board.auto.sending import spoken_register
from targets.board.auto.unknown import Access

Signal = tuple[Gate, ...]
_SAMPLE, _PATIENCE, _REST = b"\x01\x02\x03\x04", 200_000, 200_000
_MOST, _ROUNDS, _MOST_FETCHED = 24, 6, 800
_CODE, _NEVER = 8, 1 << 30  # bits; more than any memory has bytes


def framed(port: PortDescription, boot: Callable[[PortDescription], AutoMachine]) -> PortDescription:
    """The port with its signals, where bytes alone reach nothing but its handler; `boot` gives a machine with it."""
    if not port.exception or port.transfer or port.asked:
        return port
    machine = boot(port)
    if not (signals := list(_signals(machine, port))):
        return port
    machine = boot(replace(port, begins=tuple(gate for signal in signals for gate in signal)))
    found = _around(_Ear(machine, port), signals)
    if found is None:
        return port
    begins, ends, silent = found
    name = port.name.replace("UART", "BUS")
    port = replace(port, name=name, begins=begins, ends=ends, evidence=(*port.evidence, *_words(begins, ends)))
    return _answering(boot(port), port, signals, silent)


def _words(begins: Signal, ends: Signal) -> Iterator[str]:
    for signal, when in ((begins, "before its bytes"), (ends, "behind them")):
        if signal:
            yield f"its handler is called with {told(signal)} {when}: only then anything else runs"


def told(signal: Signal) -> str:
    """In words, the bits that are to be seen, or the code that they are."""
    registers = dict.fromkeys(gate.address for gate in signal)
    parts = list[str]()
    for register in registers:
        own = [gate for gate in signal if gate.address == register]
        shown = ", ".join(str(gate.bit) for gate in own if gate.ready)
        parts.append(f"bits {shown or 'none'} of {register:#010x}")
    return " and ".join(parts)


def _signals(machine: AutoMachine, port: PortDescription) -> Iterator[Signal]:
    """What the handler tells apart in its registers, one bit or a whole code, besides that there is a byte."""
    bench, own = Bench(machine, port.exception), {gate.address for gate in port.gates}
    usual, found = bench.run({}), 0
    reads = sorted(usual.reads().values(), key=lambda access: access.address not in own)
    for access in (a for a in reads if a.handler == port.exception and a.address != port.receive):
        is_code = bool(coded(port, access.address))
        bits = _numbers(bench, access.address) if is_code else _bits(access.value, access.size)
        for gates in (*bits, *_codes(bench, access.address)):
            signal = tuple(Gate(access.address, bit, ready) for bit, ready in gates)
            forced = {access.address: applied(signal, beside(port, access.address, access.value), there=True)}
            if found < _MOST and set(signal) - set(port.gates) and bench.run(forced).signature != usual.signature:
                found += 1
                yield signal
    bench.leave()


def _bits(value: int, size: int) -> Iterator[tuple[tuple[int, int], ...]]:
    for bit in range(8 * size):
        yield ((bit, 1 - (value >> bit & 1)),)


def _numbers(bench: Bench, address: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """Those of one byte with which the handler does something else than with most: it may jump by a table."""
    by_code = {code: bench.signature({address: code}) for code in range(1 << _CODE)}
    usual = Counter(by_code.values()).most_common(1)[0][0]
    for code in (code for code, signature in by_code.items() if signature != usual):
        yield tuple((bit, code >> bit & 1) for bit in range(_CODE))


def _codes(bench: Bench, address: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """The numbers that the whole of a register is compared with."""
    marks = (0xA5, 0x5A)
    seen = [{(one.place, one.right) for one in bench.compared({address: mark}) if one.left == mark} for mark in marks]
    for _place, code in sorted(seen[0] & seen[1]):
        if 0 < code < 1 << _CODE and code & code - 1:
            yield tuple((bit, code >> bit & 1) for bit in range(_CODE))


# -- before and behind a message --------------------------------------------------------------------------------------


class _Ear:
    """Hears what a message starts besides the port's handler: the code that runs then and never else, by address."""

    def __init__(self, machine: AutoMachine, port: PortDescription) -> None:
        self._machine, self._exception = machine, port.exception
        self._port: Any = next(one for one in machine.chip.ports if kind_of(one.description) is FramedPort)
        self._moment = machine.snapshot()
        self._code: set[int] = set()

    @contextmanager
    def listening(self) -> Generator[None]:
        """While this is open blocks are seen."""
        uc: Any = self._machine.cpu.uc
        hook = uc.hook_add(unicorn.UC_HOOK_BLOCK, self._ran)
        uc.ctl_flush_tb()
        try:
            yield
        finally:
            uc.hook_del(hook)
            uc.ctl_flush_tb()

    def _ran(self, _uc: Any, address: int, size: int, _data: Any) -> None:
        """A block, which begins anywhere behind an interrupt: so all of it is noted, not where it begins."""
        if address not in self._code and self._exception not in self._machine.nvic.active:
            self._code.update(range(address, address + size, 2))

    def usual(self) -> frozenset[int]:
        """What runs while nothing comes."""
        self._machine.restore(self._moment)
        self._code.clear()
        self._machine.sleeping = False
        self._machine.run(self._machine.schedule.base + _REST)
        return frozenset(self._code)

    def heard(self, begins: Signal, ends: Signal, data: bytes = _SAMPLE) -> frozenset[int]:
        """What runs with these signals; nothing where it crashes."""
        machine, port = self._machine, self._port
        machine.restore(self._moment)
        machine.events.clear()
        self._code.clear()
        port.show(begins, ends)
        port.feed(data) if data else port.signal()
        machine.run_to_rest(machine.schedule.base + _PATIENCE, 0)
        return frozenset() if machine.events else frozenset(self._code)

    def moved_on(self, begins: Signal, ends: Signal, wanted: frozenset[int]) -> int:
        """How many bytes of memory a second message leaves otherwise than the first; many where one runs less code."""
        if not wanted <= self.heard(begins, ends):
            return _NEVER
        first = bytes(self._machine.cpu.ram)
        self._code.clear()
        self._port.feed(_SAMPLE)
        self._machine.run_to_rest(self._machine.schedule.base + _PATIENCE, 0)
        if self._machine.events or not wanted <= self._code:
            return _NEVER
        return sum(one != other for one, other in zip(first, self._machine.cpu.ram, strict=True))


def _around(ear: _Ear, signals: list[Signal]) -> tuple[Signal, Signal, list[Signal]] | None:
    """The signals with which most code runs that neither bytes nor signals alone reach; None where bytes alone do.

    And those that start nothing by themselves.
    """
    best: tuple[int, int, frozenset[int], tuple[Signal, Signal]] | None = None
    with ear.listening():
        usual = ear.usual()
        if ear.heard((), ()) - usual:
            return None
        for begins, ends in product([(), *signals], repeat=2):
            new = ear.heard(begins, ends) - usual
            new = new and new - ear.heard(begins, ends, b"")
            rank = len(new), -bool(begins) - bool(ends)
            if new and (best is None or rank > best[:2]):
                best = (*rank, new, (begins, ends))
        if best is None:
            return None
        silent = [signal for signal in signals if not ear.heard(signal, (), b"") - usual]
        begins, ends = best[-1]
        return begins or _beginning(ear, ends, silent, best[2]), ends, silent


def _beginning(ear: _Ear, ends: Signal, signals: list[Signal], wanted: frozenset[int]) -> Signal:
    """The signal with which a message leaves the memory most like the message before did; none where none is better."""
    least, found = ear.moved_on((), ends, wanted), tuple[Gate, ...]()
    for begins in signals:
        if (moved := ear.moved_on(begins, ends, wanted)) < least:
            least, found = moved, begins
    return found


# -- the answer -------------------------------------------------------------------------------------------------------


def _answering(
    machine: AutoMachine, port: PortDescription, signals: list[Signal], silent: list[Signal]
) -> PortDescription:
    """With the signals with which the answer to a message is fetched, where its handler gives one."""
    own = next(one for one in machine.chip.ports if one.description.receive == port.receive)
    own.feed(_SAMPLE)
    machine.run_to_rest(machine.schedule.base + _PATIENCE, 0)
    bench = Bench(machine, port.exception)
    alone = {gate for signal in (*signals, port.gates) for gate in signal}
    found = _fetching(bench, port, [*_asking(bench, port, alone), *silent], signals)
    bench.leave()
    if found is None:
        return port
    reads, sending, address = found
    words = f"behind {told(reads)} it gives its answer to {address:#010x}, a byte for each {told(sending)}"
    evidence = (*port.evidence, words)
    return replace(port, reads=reads, sending=sending, transmit=address, evidence=evidence)


def _fetching(
    bench: Bench, port: PortDescription, asking: list[Signal], signals: list[Signal]
) -> tuple[Signal, Signal, int] | None:
    """What asks for the answer, what for each byte of it, and where that is put; best what makes it begin anew."""
    first = None
    for sending, reads in islice(product(signals, asking), _MOST_FETCHED):
        once = [_forced(bench, port, reads), *([_forced(bench, port, sending)] * _ROUNDS)]
        logs = list(bench.series([*once, *once], port.exception))
        halves = logs[1 : len(once)], logs[len(once) + 1 :]
        if (address := spoken_register(halves[0], port.exception)) is not None:
            first = first or (reads, sending, address)
            if _given(halves[0], address) == _given(halves[1], address):
                return reads, sending, address
    return first


def _given(logs: list[tuple[Access, ...]], address: int) -> list[int]:
    return [access.value for log in logs for access in log if access.write and access.address == address]


def _asking(bench: Bench, port: PortDescription, alone: Collection[Gate]) -> Iterator[Signal]:
    """What begins a message, with one bit more that only matters then."""
    begins = port.begins
    begun = bench.run(_forced(bench, port, begins))
    for access in begun.reads().values() if begins else ():
        for bit in range(8 * access.size):
            more = Gate(access.address, bit)
            if more not in alone and bench.run(_forced(bench, port, (*begins, more))).signature != begun.signature:
                yield (*begins, more)


def _forced(bench: Bench, port: PortDescription, signal: Signal) -> Forced:
    idle = bench.run({}).reads()
    values: dict[int, int] = {}
    for gate in signal:
        read = idle.get(gate.address)
        usual = read.value if read else bench.written.get(gate.address, 0)
        values[gate.address] = gate.applied(values.get(gate.address, beside(port, gate.address, usual)), there=True)
    return values
