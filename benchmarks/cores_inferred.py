"""Firmware of other chips on both machines, for `benchmarks.cores`: each kind of port, and each way to wait."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from targets.board.auto.description import Description
from targets.board.auto.infer import describe
from targets.board.auto.machine import AutoMachine
from targets.board.image import Image
from targets.board.machine import sectors_of
from targets.board.native.automatic import CompiledAutoMachine
from targets.board.native.library import library
from targets.emulated import EmulatedTarget
from targets.undescribed import UndescribedTarget
from tests.foreign_firmware import BUSES, FAULTS, FIRMWARES, Foreign

_LINES = (
    b"help\r\n",
    b"name abc\r\n",
    b"mode 3\r\n",
    b"mode 0\r\n",
    b"status\r\n",
    b"name " + b"x" * 60 + b"\r\n",
    b"",
)
_FRAMES = (b"\x31\x08", b"\x00\x7e\xa5\x31\x08", b"\x03\x31\x08\x80", b"\xff\x02\x31\x08", bytes(range(30)), b"")
_HZ = 16_000_000


@dataclass(frozen=True)
class Inferred:
    """A firmware and what was found out about its chip."""

    image: Image
    said: tuple[bytes, ...]
    stimuli: tuple[str, ...] = field(default=(), init=False)

    @cached_property
    def description(self) -> Description:
        """Inferred once; both machines are made of it."""
        return describe(self.image)

    @property
    def ports(self) -> tuple[str, ...]:
        """The names of its ports."""
        return tuple(port.name for port in self.description.ports)

    @property
    def messages(self) -> tuple[tuple[str, bytes], ...]:
        """Each to each port."""
        return tuple((port, data) for port in self.ports for data in self.said)

    def targets(self) -> tuple[EmulatedTarget, EmulatedTarget]:
        """On the reference and on the compiled core."""
        functions = library()
        if functions is None:
            raise RuntimeError("no compiled core: a C compiler is needed")
        compiled = partial(CompiledAutoMachine, functions=functions, description=self.description)
        return self._target(partial(AutoMachine, description=self.description)), self._target(compiled)

    def _target(self, build: Callable[..., AutoMachine]) -> EmulatedTarget:
        nothing: Mapping[str, Any] = {"ports": {}, "signals": {}, "stimuli": {}}
        settings: Mapping[str, Any] = {"name": "", "hz": _HZ, "hang_budget": 1_000_000, "seed": 1, "settle": 0.2}
        target = UndescribedTarget(self.image, **nothing, **settings, build=build, ram=self.description.memory.ram)
        target.start()
        return target

    def seen(self, target: EmulatedTarget) -> dict[str, Any]:
        """All that can be seen of it."""
        machine = target.machine
        assert isinstance(machine, AutoMachine)
        nvic, chip = machine.nvic, machine.chip
        return {
            "time": machine.schedule.state(),
            "core": machine.cpu.core(),
            "flags": (machine.sleeping, machine.locked, machine.busy, machine.spun, machine.rests),
            "nvic": [sorted(members) for members in (nvic.pending, nvic.lines, nvic.enabled)] + [list(nvic.active)],
            "output": [list(port.output) for port in chip.ports],
            "ports": [(port.receiving, port.offering, port.taken) for port in chip.ports],
            "found": (chip.unknown.guesses(), chip.ticker.raised, machine.spin),
            "events": list(machine.events),
            "edges": len(machine.edges),
            "flash": sectors_of(machine),
            "RAM": [bytes(machine.cpu.ram), *(bytes(view) for view in machine.cpu.more.values())],
        }


def inferred_devices(folder: Path) -> dict[str, Inferred]:
    """All firmwares of the board's tests, with their planted faults, built in `folder`."""
    spoken = [(f"{firmware.name}, {firmware.cpu}", firmware, _LINES) for firmware in FIRMWARES]
    spoken += [(bus, firmware, _FRAMES) for bus, firmware in BUSES.items()]
    return {name: Inferred(_built(firmware, folder / name), said) for name, firmware, said in spoken}


def _built(firmware: Foreign, folder: Path) -> Image:
    folder.mkdir()
    return firmware.image(folder, FAULTS)
