"""Signals that the core looks at."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable
from ctypes import c_uint32

from harness.transcript import Sample
from targets.board.machine import Machine
from targets.board.native.part import Core, fits
from targets.board.sampler import Sampler


class CompiledSampler(Sampler):
    """Signals that the core looks at."""

    def __init__(self, sampler: Sampler, part: Core, hz: int, port: Callable[[str], int]) -> None:
        self.names, self.scaled = sampler.names, sampler.scaled
        self._functions, self._board, self._shared = part.functions, part.board, part.shared
        self._hz, self._samples = hz, list[Sample]()
        layout = ""
        for variable in sampler.variables:
            signed = variable.layout.islower()
            self._signal(variable.offset, -variable.size if signed else variable.size, 0, 0)
            layout += "i" if signed else "I"
        for letter, number in sampler.pins:
            self._signal(0, 0, port(letter), number)
        self._count = len(sampler.variables) + len(sampler.pins)
        self._raw_layout = struct.Struct(f"<{layout}{len(sampler.pins)}I")
        self._sample = struct.Struct(f"<Q{layout}{len(sampler.pins)}I{'4x' if self._count % 2 else ''}")

    def _signal(self, offset: int, size: int, device: int, pin: int) -> None:
        fits(0 if 0 <= offset <= self._shared.ram_size - abs(size) else -1)
        fits(self._functions.signal(self._board, offset, size, device, pin))

    @property
    def samples(self) -> list[Sample]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """What was sampled and not taken away."""
        if self._shared.samples_count:
            self._drain()
        return self._samples

    @samples.setter
    def samples(self, samples: list[Sample]) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        self._samples = samples

    def _drain(self) -> None:
        count, each = self._shared.samples_count, c_uint32()
        start = self._functions.samples(self._board, ctypes.byref(each))
        for cycle, *raw in self._sample.iter_unpack(ctypes.string_at(start, count * each.value)):
            self._samples.append(Sample(cycle / self._hz, self.scaled(tuple(raw))))

    def sample(self, machine: Machine) -> None:
        self._functions.sample(self._board)

    def current(self, machine: Machine) -> tuple[float, ...]:
        raw = (c_uint32 * max(1, self._count))()
        self._functions.current(self._board, raw)
        return self.scaled(self._raw_layout.unpack_from(raw))

    def restore(self, state: tuple[object, ...]) -> None:
        """Forget what was sampled, so that all signals are told again."""
        self._functions.untold(self._board)
        self._samples.clear()

    def forget(self) -> None:
        """Drop what was not taken away: the core is back at a snapshot."""
        self._samples.clear()
