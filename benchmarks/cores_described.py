"""The demonstration devices on both machines, for `benchmarks.cores`."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.bench import Bench
from targets.board.image import Image
from targets.board.machine import Machine, sectors_of
from targets.board.native.library import library
from targets.board.native.machine import CompiledMachine
from targets.emulated import EmulatedTarget
from targets.pump.crosscheck import requests

ROOT = Path(__file__).parents[1] / "targets"


@dataclass(frozen=True, slots=True)
class Device:
    """A firmware, its bench's tables, and messages of which cases are made: port and bytes."""

    elf: Path
    bench: Bench
    messages: tuple[tuple[str, bytes], ...]

    @property
    def ports(self) -> tuple[str, ...]:
        """The names of its links."""
        return tuple(self.bench.emulator.ports)

    @property
    def stimuli(self) -> tuple[str, ...]:
        """What can be done to it besides."""
        return tuple(self.bench.stimuli)

    def targets(self) -> tuple[EmulatedTarget, EmulatedTarget]:
        """On the reference and on the compiled core."""
        return new_target(self, Machine), new_target(self, compiled)

    def seen(self, target: EmulatedTarget) -> dict[str, Any]:
        """All that can be seen of it."""
        return everything(target)


def devices() -> dict[str, Device]:
    """The three demonstration devices with their planted faults, and the pump with its other driver."""
    pump, insulin, glucometer = _bench("pump", "bench.toml"), _bench("insulin"), _bench("glucometer")
    links = {"USART1": "maintenance", "USART2": "network"}
    spoken = tuple((links[request.port], request.data) for request in requests())
    return {
        "pump": Device(ROOT / "pump" / "pump-vulnerable.elf", pump, spoken),
        "pump, interrupt driver": Device(ROOT / "pump" / "pump-irq.elf", pump, spoken),
        "insulin": Device(ROOT / "insulin" / "insulin-vulnerable.elf", insulin, tuple(_mailbox())),
        "glucometer": Device(ROOT / "glucometer" / "glucometer-vulnerable.elf", glucometer, tuple(_controller())),
    }


def _bench(name: str, file: str = "device.toml") -> Bench:
    return Bench.model_validate(tomllib.loads((ROOT / name / file).read_text(encoding="utf-8")) | {"interfaces": {}})


def _mailbox() -> Iterator[tuple[str, bytes]]:
    """Frames of the insulin pump's radio front: connections, subscriptions, reads and writes of every attribute."""
    bodies = [(1, b"\x01\x01\x02\x03\x04\x05\xc6\x01"), (2, b""), (7, b"\x24\x2b"), (8, b"\xf7\x00"), (5, b"\x03")]
    attributes = [*range(0x2AA7, 0x2AAD), *range(0x2B20, 0x2B29), *range(0xF001, 0xF007), 0x2A19, 0x2A52]
    for attribute in (a.to_bytes(2, "little") for a in attributes):
        bodies += [(6, attribute + b"\x02\x00"), (6, attribute + b"\x01\x00"), (4, attribute)]
        bodies += [(3, attribute + b"\x01" + data) for data in (b"\x01", b"\x4b\x11\x00\x33", bytes(20), b"\xff" * 300)]
    for op, body in bodies:
        yield "mailbox", (len(body) + 1).to_bytes(2, "little") + bytes([op]) + body


def _controller() -> Iterator[tuple[str, bytes]]:
    """What the glucose meter's controller says: completed commands, connections, data packets."""
    for opcode, value in ((0x0C03, b""), (0x1009, bytes(6)), (0x2002, b"\xfb\x00\x08"), (0x200A, b""), (0x2008, b"")):
        yield "hci", b"\x04\x0e" + bytes([4 + len(value)]) + b"\x01" + opcode.to_bytes(2, "little") + b"\x00" + value
    yield "hci", b"\x04\x3e\x13\x01\x00\x40\x00\x01\x01" + b"\x01\x02\x03\x04\x05\xc6" + b"\x18\x00\x00\x00\xc8\x00\x00"
    yield "hci", b"\x04\x13\x05\x01\x40\x00\x01\x00"
    yield "hci", b"\x04\x05\x04\x00\x40\x00\x13"
    for channel, pdu in (
        (4, b"\x02\x17\x00"),
        (4, b"\x08\x01\x00\xff\xff\x03\x28"),
        (6, b"\x01\x03\x00\x01\x10\x00\x00"),
    ):
        frame = len(pdu).to_bytes(2, "little") + bytes([channel, 0]) + pdu
        yield "hci", b"\x02\x40\x20" + len(frame).to_bytes(2, "little") + frame


def new_target(device: Device, machine: Callable[..., Machine]) -> EmulatedTarget:
    """The device on one of the two machines, powered on."""
    table = device.bench.emulator
    target = EmulatedTarget(
        Image(device.elf),
        name=table.name,
        ports=table.ports,
        signals=device.bench.signals,
        stimuli=device.bench.stimuli,
        hz=table.hz,
        hang_budget=table.hang_budget,
        seed=1,
        settle=table.settle,
        build=machine,
    )
    target.start()
    return target


def compiled(image: Image, **options: Any) -> Machine:
    """The machine on the compiled core; raises RuntimeError where there is none."""
    functions = library()
    if functions is None:
        raise RuntimeError("no compiled core: a C compiler is needed")
    return CompiledMachine(image, functions=functions, **options)


def everything(target: EmulatedTarget) -> dict[str, Any]:
    """All that can be seen of a machine, by name."""
    machine = target.machine
    nvic, chip = machine.nvic, machine.chip
    seen: dict[str, Any] = {
        "time": machine.schedule.state(),
        "core": machine.cpu.core(),
        "flags": (machine.sleeping, machine.locked, machine.busy),
        "nvic": [sorted(members) for members in (nvic.pending, nvic.lines, nvic.enabled)] + [list(nvic.active)],
        "priorities": [nvic.priority(number) for number in range(256)],
        "output": [list(usart.output) for usart in chip.usarts.values()],
        "receiving": [usart.receiving for usart in chip.usarts.values()],
        "events": list(machine.events),
        "samples": list(machine.sampler.samples),
        "flash": sectors_of(machine),
        "inputs": list(chip.adc.inputs),
        "edges": len(machine.edges),
        "RAM": bytes(machine.cpu.ram),
    }
    banks = (("x".join((type(p).__name__, str(i))), p) for i, p in enumerate(chip.peripherals))
    return seen | {name: [word & 0xFFFFFFFF for word in p.registers] for name, p in banks}
