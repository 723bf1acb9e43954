"""Whether the compiled core does what the reference does: the same random cases through both, everything compared.

$ python -m benchmarks.cores 10000
"""

from __future__ import annotations

import itertools
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from benchmarks.cores_described import devices
from benchmarks.cores_inferred import inferred_devices
from benchmarks.recording import SEED, cases_of
from harness.assembly.assemble import Assembly, assemble
from harness.assembly.benches import find_bench
from targets.board.machine import Machine
from targets.board.native.library import CHOICE, REFERENCE, library
from targets.emulated import EmulatedTarget

MOST_KEPT, MOST_STEPS = 24, 9
_SHORT, _LONG = 0.02, 1.5
_USED_RAM, _PIECE = 0x8000, 0x400


class Device(Protocol):
    """A firmware, and messages of which cases are made: port and bytes."""

    @property
    def messages(self) -> tuple[tuple[str, bytes], ...]:
        """Valid ones, each with its port."""
        ...

    @property
    def ports(self) -> tuple[str, ...]:
        """The names of its links."""
        ...

    @property
    def stimuli(self) -> tuple[str, ...]:
        """What can be done to it besides."""
        ...

    def targets(self) -> tuple[EmulatedTarget, EmulatedTarget]:
        """On the reference and on the compiled core, powered on."""
        ...

    def seen(self, target: EmulatedTarget) -> dict[str, Any]:
        """All that can be seen of it, by name."""
        ...


class Twins:
    """One device on both machines. A step is done on both, and what it gave and left behind has to be the same."""

    def __init__(self, device: Device) -> None:
        self.targets = device.targets()
        self._links = [{port: target.link(port) for port in device.ports} for target in self.targets]
        self._device = device
        self.seen: Counter[str] = Counter()
        self._kept = [self._snapshots()]

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
            different = self.differences() | ({"told": told} if told[0] != told[1] else {})
            if different:
                return {"step": (step.__name__, seed)} | different
        return {}

    def differences(self) -> dict[str, tuple[Any, Any]]:
        """What can be seen of one and is not so of the other."""
        return differing(*map(self._device.seen, self.targets))

    def _both(self, act: Callable[[int, EmulatedTarget], Any]) -> tuple[Any, Any]:
        first, second = (act(number, target) for number, target in enumerate(self.targets))
        return first, second

    def send(self, draw: random.Random) -> tuple[Any, Any]:
        """A message, as it is or bent, on its port or another."""
        port, data = draw.choice(self._device.messages)
        port = draw.choice([port] * 9 + list(self._device.ports))
        data = bent(data, draw)
        return self._both(lambda number, _target: self._links[number][port].send(data, 0))

    def receive(self, draw: random.Random) -> tuple[Any, Any]:
        """What a port says within a while."""
        port, seconds = draw.choice(list(self._device.ports)), draw.uniform(0, 10 * _SHORT)
        return self._both(lambda number, target: self._links[number][port].receive(target.now() + seconds))

    def wait(self, draw: random.Random) -> tuple[Any, Any]:
        """Time passes, to any cycle."""
        seconds = draw.choice((0, draw.uniform(0, _SHORT / 100), draw.uniform(0, _SHORT), draw.uniform(0, _LONG)))
        return self._both(lambda _number, target: target.advance(seconds))

    def stimulate(self, draw: random.Random) -> tuple[Any, Any]:
        """A sensor or a key."""
        name = draw.choice(list(self._device.stimuli) or [""])
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
    return _filled(draw.random(), draw.randbytes(4))


def _filled(share: float, data: bytes) -> Callable[[Machine], None]:
    """RAM holds that from there on, in shares of what is used of it."""

    def act(machine: Machine) -> None:
        start = int(share * (min(_USED_RAM, len(machine.cpu.ram)) - _PIECE))
        machine.cpu.ram[start : start + len(data)] = data

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
    return _filled(draw.choice((0, 0.1, draw.random())), draw.randbytes(4) * (_PIECE // 4))


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
    with tempfile.TemporaryDirectory(prefix="medfuzz-cores-") as folder:
        return _compare(int(arguments[0]) if arguments else 1000, {**devices(), **inferred_devices(Path(folder))})


def _compare(cases: int, firmwares: Mapping[str, Device]) -> int:
    wrong = 0
    for name, device in firmwares.items():
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
