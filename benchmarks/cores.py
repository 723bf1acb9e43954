"""Whether the compiled core does what the reference does: the same random cases through both, everything compared.

$ python -m benchmarks.cores 10000
"""

from __future__ import annotations

import itertools
import os
import random
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.recording import SEED, cases_of
from harness.assembly.assemble import Assembly, assemble
from harness.assembly.benches import find_bench
from harness.bench import Bench
from targets.board.image import Image
from targets.board.machine import Machine, sectors_of
from targets.board.native.library import CHOICE, REFERENCE, library
from targets.board.native.machine import CompiledMachine
from targets.emulated import EmulatedTarget, EmulatorLink
from targets.pump.crosscheck import requests

ROOT = Path(__file__).parents[1] / "targets"
MOST_KEPT, MOST_STEPS = 24, 9
_SHORT, _LONG = 0.02, 1.5
_USED_RAM = 0x8000


@dataclass(frozen=True, slots=True)
class Device:
    """A firmware, its bench's tables, and messages of which cases are made: port and bytes."""

    elf: Path
    bench: Bench
    messages: tuple[tuple[str, bytes], ...]


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


class Twins:
    """One device on both machines. A step is done on both, and what it gave and left behind has to be the same."""

    def __init__(self, device: Device) -> None:
        self.targets = (new_target(device, Machine), new_target(device, compiled))
        self._links = [
            {port: self._link(target, port) for port in device.bench.emulator.ports} for target in self.targets
        ]
        self._device = device
        self.seen: Counter[str] = Counter()
        self._kept = [self._snapshots()]

    @staticmethod
    def _link(target: EmulatedTarget, port: str) -> EmulatorLink:
        return EmulatorLink(target, target.usart(port))

    def _snapshots(self) -> list[Any]:
        return [target.snapshot() for target in self.targets]

    def run(self, seed: int) -> dict[str, tuple[Any, Any]]:
        """One random case from a kept state; what differs after its first step that leaves a difference."""
        draw = random.Random(seed)
        for target, snapshot in zip(self.targets, draw.choice(self._kept), strict=True):
            target.restore(snapshot)
        for _ in range(draw.randint(1, MOST_STEPS)):
            step = draw.choices(_STEPS, _WEIGHTS)[0]
            told = step(self, draw)
            different = differing(*map(everything, self.targets)) | ({"told": told} if told[0] != told[1] else {})
            if different:
                return {"step": (step.__name__, seed)} | different
        return {}

    def _both(self, act: Callable[[int, EmulatedTarget], Any]) -> tuple[Any, Any]:
        first, second = (act(number, target) for number, target in enumerate(self.targets))
        return first, second

    def send(self, draw: random.Random) -> tuple[Any, Any]:
        """A message, as it is or bent, on its port or another."""
        port, data = draw.choice(self._device.messages)
        port = draw.choice([port] * 9 + list(self._device.bench.emulator.ports))
        data = bent(data, draw)
        return self._both(lambda number, _target: self._links[number][port].send(data, 0))

    def receive(self, draw: random.Random) -> tuple[Any, Any]:
        """What a port says within a while."""
        port, seconds = draw.choice(list(self._device.bench.emulator.ports)), draw.uniform(0, 10 * _SHORT)
        return self._both(lambda number, target: self._links[number][port].receive(target.now() + seconds))

    def wait(self, draw: random.Random) -> tuple[Any, Any]:
        """Time passes, to any cycle."""
        seconds = draw.choice((0, draw.uniform(0, _SHORT / 100), draw.uniform(0, _SHORT), draw.uniform(0, _LONG)))
        return self._both(lambda _number, target: target.advance(seconds))

    def stimulate(self, draw: random.Random) -> tuple[Any, Any]:
        """A sensor or a key."""
        name = draw.choice(list(self._device.bench.stimuli) or [""])
        if not name:
            return None, None
        value = draw.choice((0, 1, draw.uniform(-10, 1000)))
        return self._both(lambda _number, target: target.stimulate(name, value))

    def collect(self, draw: random.Random) -> tuple[Any, Any]:
        """Events, samples and console, as the engine takes them."""
        told = self._both(
            lambda _number, t: (list(t.take_events()), list(t.take_samples()), list(t.take_console()), t.now())
        )
        self.seen.update(event.kind for event in told[0][0])
        return told

    def reset(self, draw: random.Random) -> tuple[Any, Any]:
        """A power cycle, or from the beginning."""
        whole = draw.random() < 0.2
        return self._both(lambda _number, target: target.start() if whole else target.reset())

    def upset(self, draw: random.Random) -> tuple[Any, Any]:
        """Bits of RAM flip, a register is wrong, an exception comes from nowhere: faults, hangs, lock-ups, resets."""
        act = draw.choice((_flip, _misset, _interrupt, _overwrite))(draw)
        return self._both(lambda _number, target: act(target.machine))

    def keep(self, draw: random.Random) -> tuple[Any, Any]:
        """Later cases may begin here."""
        self._kept = [*self._kept[: MOST_KEPT - 1], self._snapshots()]
        return self._both(lambda _number, target: target.now())


def _flip(draw: random.Random) -> Callable[[Machine], None]:
    at, data = draw.randrange(_USED_RAM), draw.randbytes(4)

    def act(machine: Machine) -> None:
        machine.cpu.ram[at : at + 4] = data

    return act


def _misset(draw: random.Random) -> Callable[[Machine], None]:
    name, value = draw.choice(("pc", "sp", "lr", "r0", "r4", "primask", "basepri", "faultmask")), draw.getrandbits(32)
    value = value & 1 if name.endswith("mask") else value | 1 if name == "pc" else value

    def act(machine: Machine) -> None:
        machine.cpu.set_register(name, value)
        machine.sleeping = False

    return act


def _interrupt(draw: random.Random) -> Callable[[Machine], None]:
    number = draw.choice((2, 3, 6, 11, 14, 15, 16 + draw.randrange(90)))

    def act(machine: Machine) -> None:
        machine.nvic.enable(number)
        machine.nvic.pend(number)

    return act


def _overwrite(draw: random.Random) -> Callable[[Machine], None]:
    start, data = draw.choice((0, 0xC00, draw.randrange(_USED_RAM))), draw.randbytes(4) * 0x100

    def act(machine: Machine) -> None:
        machine.cpu.ram[start : start + len(data)] = data

    return act


_STEPS = (Twins.send, Twins.receive, Twins.wait, Twins.stimulate, Twins.collect, Twins.reset, Twins.keep, Twins.upset)
_WEIGHTS = (30, 30, 20, 8, 12, 1, 5, 8)


def bent(data: bytes, draw: random.Random) -> bytes:
    """The message, or one with other bytes, a piece of it, or much of the same."""
    way = draw.randrange(6)
    if way == 1 and data:
        at = draw.randrange(len(data))
        return data[:at] + bytes([draw.randrange(256)]) + data[at + 1 :]
    if way == 2:
        return data[: draw.randint(0, len(data))]
    if way == 3:
        return data + draw.randbytes(draw.randint(0, 600))
    return data * draw.randint(2, 4) if way == 4 else data


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


def differing(one: dict[str, Any], other: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The entries that are not equal."""
    return {name: (value, other[name]) for name, value in one.items() if value != other[name]}


def _assembled(choice: str) -> Assembly:
    """The pump with its faults, on the reference or what is chosen without saying."""
    os.environ[CHOICE] = choice
    library.cache_clear()
    assembly = assemble(find_bench("pump"), seed=SEED)
    assembly.runner.start()
    return assembly


def transcripts(count: int) -> int:
    """Whole cases of a campaign, from state to probe: how many do not have the same outcome on both."""
    one, other = _assembled(""), _assembled(REFERENCE)
    pairs = itertools.islice(zip(cases_of(one), cases_of(other), strict=True), count)
    return sum(one.runner.run(case) != other.runner.run(same) for case, same in pairs)


def main(arguments: Sequence[str]) -> int:
    """Run the cases and print a line for each firmware; 1 where anything differs."""
    cases = int(arguments[0]) if arguments else 1000
    wrong = 0
    for name, device in devices().items():
        twins = Twins(device)
        found = [different for seed in range(cases // 4 + 1) if (different := twins.run(seed))]
        wrong += len(found)
        told = ", ".join(f"{count} {kind}" for kind, count in sorted(twins.seen.items())) or "no events"
        print(f"{name}: {cases // 4 + 1} cases, {told}; {len(found)} differ", flush=True)
        for different in found[:3]:
            print({key: str(value)[:300] for key, value in different.items()})
    unequal = transcripts(cases // 10)
    print(f"pump, whole cases of a campaign: {cases // 10}, {unequal} differ")
    return 1 if wrong or unequal else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
