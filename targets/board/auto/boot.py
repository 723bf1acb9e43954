"""A first boot with nothing sent: until nothing new happens any more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from targets.board.auto.chip import Place
from targets.board.auto.description import Description
from targets.board.auto.machine import AutoMachine
from targets.board.auto.unknown import Access
from targets.board.image import Image
from targets.board.native.automatic import new_auto_machine
from targets.board.schedule import NEVER

_CHUNK, _LEAST, _MOST, _TICKS = 100_000, 2_000_000, 80_000_000, 250
_MOST_LOGGED, _NEVER_HANGS = 400_000, 1 << 59
_LONGEST, _NEAR, _KEPT = 1024, 0x10, 64
_OUTSIDE, _PAGE = ("read outside memory", "write outside memory"), 0x1000
_JUMPED = "execution outside the code"


Blocks = dict[tuple[int, int], list[bytes]]
"""By the registers of a place in memory and of a length near it: what stood there each time both had been written."""


@dataclass(frozen=True, slots=True)
class Boot:
    """The machine as it waits, what it did to registers, an address outside its memory that it wanted, and blocks.

    `jumped` is where it went on in what no code may run in.
    """

    machine: AutoMachine
    log: tuple[Access, ...]
    stray: int | None
    blocks: Blocks
    jumped: int | None = None


def boot(image: Image, description: Description, places: Sequence[Place] = ()) -> Boot:
    """Power on and run until no new code was reached for as long as it took to get there, or for many ticks."""
    machine = new_auto_machine(image, description=description, places=places, hang_budget=_NEVER_HANGS)
    unknown = machine.chip.unknown
    machine.power_on()
    machine.events.clear()
    blocks = _watched_blocks(machine)
    unknown.log(_MOST_LOGGED)
    known, since, tick = -1, 0, 0
    while machine.schedule.base - since < max(_LEAST, since // 2, _TICKS * tick) and machine.schedule.base < _MOST:
        machine.run(machine.schedule.base + _CHUNK)
        tick = max(tick, _until_next(machine))
        if len(machine.edges) != known:
            known, since = len(machine.edges), machine.schedule.base
        if machine.events or machine.locked:
            break
    log = tuple(unknown.logged())
    unknown.log(0)
    return Boot(machine, log, _stray(machine), blocks, _jumped(machine))


def _until_next(machine: AutoMachine) -> int:
    """How long it will wait for what happens by itself; 0 where it does not wait, or nothing will."""
    due = machine.schedule.next()
    return due - machine.schedule.base if machine.sleeping and due < NEVER else 0


def _watched_blocks(machine: AutoMachine) -> Blocks:
    """Fills as the firmware writes a length behind a place, or the other way round."""
    blocks: Blocks = {}
    places: dict[int, int] = {}

    def written(address: int, _old: int, value: int) -> None:
        if machine.cpu.memory.in_ram(value) or (machine.cpu.memory.in_rom(value) and value > _LONGEST):
            places[address] = value
        elif 0 < value <= _LONGEST:
            for pointer, place in places.items():
                if (
                    0 < abs(address - pointer) <= _NEAR
                    and len(kept := blocks.setdefault((pointer, address), [])) < _KEPT
                ):
                    kept.append(machine.cpu.read(place, value) or b"")

    machine.chip.unknown.watch(written)
    return blocks


def _stray(machine: AutoMachine) -> int | None:
    for event in machine.events:
        if event.detail.get("type") in _OUTSIDE:
            address = int(event.detail["address"], 16)
            return address if address >= _PAGE else None
    return None


def _jumped(machine: AutoMachine) -> int | None:
    first = next(iter(machine.events), None)
    return int(first.detail["pc"], 16) if first is not None and first.detail.get("type") == _JUMPED else None
