"""Signals of the emulated device: global variables and output pins, sampled when the firmware idles, kept on change."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.errors import UsageError, did_you_mean
from harness.transcript import Sample
from targets.board.image import Image
from targets.board.memory import STM32F405

if TYPE_CHECKING:
    from targets.board.machine import Machine

_FORMATS = {(1, False): "B", (1, True): "b", (2, False): "H", (2, True): "h", (4, False): "I", (4, True): "i"}


@dataclass(frozen=True, slots=True)
class SignalSource:
    """Where a signal comes from: a variable (`symbol`) or an output pin (`pin`, e.g. `PB3`), times `scale`."""

    symbol: str = ""
    pin: str = ""
    signed: bool = False
    scale: float = 1.0


class Sampler:
    """Reads all signals at once; a sample is kept when any of them changed."""

    def __init__(self, sources: Mapping[str, SignalSource], image: Image, ram: int = STM32F405.ram) -> None:
        self.names = tuple(sources)
        variables = [_locate(name, source, image, ram) for name, source in sources.items() if source.symbol]
        self._reads, order = _packed(variables)
        located = {variable.name: variable for variable in variables}
        self.variables = [located[name] for name in order]
        self.pins = [parse_pin(source.pin) for source in sources.values() if not source.symbol]
        order += [name for name, source in sources.items() if not source.symbol]
        scales = [sources[name].scale for name in self.names]
        self.scaled = _scaler([order.index(name) for name in self.names], scales)
        self._last: tuple[object, ...] = ()
        self.samples: list[Sample] = []

    def sample(self, machine: Machine) -> None:
        """Look at every signal and keep the values if one differs from the last look."""
        raw = self._raw(machine)
        if raw != self._last:
            self._last = raw
            self.samples.append(Sample(machine.seconds, self.scaled(raw)))

    def current(self, machine: Machine) -> tuple[float, ...]:
        """The values at this moment, in declared order."""
        return self.scaled(self._raw(machine))

    def _raw(self, machine: Machine) -> tuple[int, ...]:
        ram, output = machine.cpu.ram, machine.chip.pins.output
        raw: tuple[int, ...] = ()
        for unpack, offset in self._reads:
            raw += unpack(ram, offset)
        return raw + tuple([output(port, number) for port, number in self.pins])

    def state(self) -> tuple[object, ...]:
        """The last raw values."""
        return self._last

    def restore(self, state: tuple[object, ...]) -> None:
        """Back to a state; samples that were not taken away are dropped."""
        self._last = state
        self.samples.clear()


def _scaler(order: list[int], scales: list[float]) -> Callable[[tuple[int, ...]], tuple[float, ...]]:
    pairs = list(zip(order, scales, strict=True))
    return lambda raw: tuple([raw[i] * scale for i, scale in pairs])


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable in RAM: offset, format of `struct`, size in bytes."""

    name: str
    offset: int
    layout: str
    size: int


def _packed(variables: list[Variable]) -> tuple[list[tuple[Callable[..., tuple[int, ...]], int]], list[str]]:
    """As few unpackings as hold all variables, each with where it starts in RAM; and the names in their order."""
    reads: list[tuple[Callable[..., tuple[int, ...]], int]] = []
    order: list[str] = []
    left = sorted(variables, key=lambda variable: variable.offset)
    while left:
        start = end = left[0].offset
        layout, overlapping = "<", list[Variable]()
        for variable in left:
            if variable.offset < end:
                overlapping.append(variable)
                continue
            layout += f"{variable.offset - end}x{variable.layout}"
            end = variable.offset + variable.size
            order.append(variable.name)
        reads.append((struct.Struct(layout).unpack_from, start))
        left = overlapping
    return reads, order


def _locate(name: str, source: SignalSource, image: Image, ram: int) -> Variable:
    symbol = image.symbols.get(source.symbol)
    if symbol is None:
        hint = did_you_mean(source.symbol, image.symbols)
        raise UsageError(f"[signals.{name}] symbol '{source.symbol}' is not in {image.path.name}.{hint}")
    layout = _FORMATS.get((symbol.size, source.signed))
    if layout is None:
        raise UsageError(f"[signals.{name}] symbol '{source.symbol}' has {symbol.size} bytes; a signal has 1, 2 or 4")
    return Variable(name, symbol.address - ram, layout, symbol.size)


def parse_pin(name: str) -> tuple[str, int]:
    """`PB3` → ("B", 3); raises UsageError."""
    if len(name) >= 3 and name[0] == "P" and name[1] in "ABCDEFGHI" and name[2:].isdigit() and int(name[2:]) < 16:
        return name[1], int(name[2:])
    raise UsageError(f"'{name}' is not a pin; write port and number, like PB3")
