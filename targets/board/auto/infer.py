"""Infers a board from its firmware: boots it with nothing known, looks at what it does, tries, and boots it again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from targets.board.auto.boot import Boot, boot
from targets.board.auto.chip import Place
from targets.board.auto.description import Description, PortDescription, Tick
from targets.board.auto.experiment import Budget
from targets.board.auto.framing import framed
from targets.board.auto.machine import AutoMachine
from targets.board.auto.ports import default_handler, handled, ports_of, with_sender, with_transmit
from targets.board.auto.quiet import quiet_values
from targets.board.auto.ticks import ticks_of
from targets.board.auto.unknown import Access
from targets.board.image import Image
from targets.board.layout import core_of, extended, memory_of, with_code
from targets.board.memory import Memory

_MOST_EXTENSIONS, _PATIENCE, _MOST_LOGGED = 12, 400_000, 1 << 20
_USUALLY, _THOROUGHLY = 60_000, 30_000  # experiments
GREETINGS = (b"\r\n", b"help\r\n", b"?\r\n", b"\x00\x01\x02\x03", b"AT\r\n")


def describe(
    image: Image, *, memory: Memory | None = None, core: str = "", places: Sequence[Place] = ()
) -> Description:
    """What is found out about the board of an image; raises BenchError where it has no vector table."""
    description = Description(memory or memory_of(image), core or core_of(image), firmware=image.fingerprint)
    first, description = _booted(image, description, places)
    ports = _ports(image, first, description, places)
    description = _resting(image, replace(description, ports=ports), places)
    second, description = _booted(image, description, places)
    others = set(handled(second.machine)) - {number for port in ports for number in (port.exception, port.sender)}
    ticks = ticks_of(second.machine, others, [port.bank for port in ports if port.receive is not None])
    if not second.machine.events:
        ticks = _harmless(image, description, ticks, places)
    description = replace(description, ticks=ticks)
    return _resting(image, _speaking(image, description, places), places)


def _harmless(
    image: Image, description: Description, ticks: Sequence[Tick], places: Sequence[Place]
) -> tuple[Tick, ...]:
    """Those with which it boots: what crashes firmware that nobody has sent anything yet counts no time."""
    return tuple(tick for tick in ticks if not boot(image, replace(description, ticks=(tick,)), places).machine.events)


def _booted(image: Image, description: Description, places: Sequence[Place]) -> tuple[Boot, Description]:
    """A machine that has booted; the map grows by what the firmware uses on the way, before any input."""
    booted = boot(image, description, places)
    for _ in range(_MOST_EXTENSIONS):
        if (memory := _larger(image, description.memory, booted)) is None:
            break
        description = replace(description, memory=memory)
        booted = boot(image, description, places)
    return booted, replace(description, default_handler=default_handler(booted.machine))


def _larger(image: Image, memory: Memory, booted: Boot) -> Memory | None:
    """The map with what it wanted at boot; None where it wanted nothing."""
    if booted.stray is not None:
        return extended(memory, booted.stray)
    return None if booted.jumped is None else with_code(memory, image, booted.jumped, booted.machine.cpu.read)


def _ports(image: Image, first: Boot, description: Description, places: Sequence[Place]) -> tuple[PortDescription, ...]:
    """The ports of firmware that has booted: first what is found soon, then what takes longer."""
    for thorough, most in ((False, _USUALLY), (True, _THOROUGHLY)):
        budget = Budget(most)
        look = partial(ports_of, budget=budget, thorough=thorough)
        if ports := _undisturbed_ports(image, first, description, places, look) or look(first):
            return ports
    return ()


def _undisturbed_ports(
    image: Image,
    first: Boot,
    description: Description,
    places: Sequence[Place],
    look: Callable[[Boot], tuple[PortDescription, ...]],
) -> tuple[PortDescription, ...]:
    """Those that show where no value was tried that gives bytes: its buffers are full of what nobody sent else.

    A register that is not nought while nothing came gives them with nought, too.
    """
    known = _as_it_waits(first.machine, description)
    rested = boot(image, known, places)
    for values in quiet_values(rested.machine):
        quiet = replace(known, values={**known.values, **values}, waits=known.waits | set(values))
        ports = look(boot(image, quiet, places))
        registers = {register for _code, register in values}
        if any(gate.address in registers for port in ports for gate in port.gates):
            return ports
    return look(rested)


# -- at rest ----------------------------------------------------------------------------------------------------------


def _resting(image: Image, description: Description, places: Sequence[Place]) -> Description:
    """With what it does once its ports are quiet: values that its loops wait for, where it waits, where it rests."""
    return _as_it_waits(boot(image, description, places).machine, description)


def _as_it_waits(machine: AutoMachine, description: Description) -> Description:
    unknown = machine.chip.unknown
    return replace(
        description,
        waits=unknown.dry_sites(),
        values=unknown.learned(),
        idles=frozenset({machine.rests} if machine.sleeping else ()),
    )


def _speaking(image: Image, description: Description, places: Sequence[Place]) -> Description:
    """With the registers that its answers go out by, and without ports that take nothing."""
    found: list[PortDescription] = []
    values = dict(description.values)
    for number, port in enumerate(description.ports):
        machine = boot(image, description, places).machine
        log, taken = _talk(machine, number)
        if taken:
            words = f"it took {taken} of {sum(map(len, GREETINGS))} bytes that were sent to it"
            heard = with_transmit(replace(port, evidence=(*port.evidence, words)), log)
            heard = with_sender(machine, heard, _strangers(machine, description))
            found.append(_both_ways(framed(heard, partial(_booted_with, image, description, places))))
            values |= machine.chip.unknown.learned()
    return replace(description, ports=tuple(found), values=values)


def _strangers(machine: AutoMachine, description: Description) -> set[int]:
    """Interrupts that the firmware handles, of which nothing is known."""
    known = {port.exception for port in description.ports} | {tick.exception for tick in description.ticks}
    return set(handled(machine)) - known


def _both_ways(port: PortDescription) -> PortDescription:
    """Where nothing was seen to take bytes, what gives them may: many registers do both."""
    if port.transmit is not None or port.sends is not None or port.receive is None:
        return port
    words = "nothing was seen to take bytes: what is written there is taken for an answer"
    return replace(port, transmit=port.receive, evidence=(*port.evidence, words))


def _booted_with(image: Image, description: Description, places: Sequence[Place], port: PortDescription) -> AutoMachine:
    """A machine that has booted, with one port alone."""
    return boot(image, description.with_ports(port), places).machine


def _talk(machine: AutoMachine, number: int) -> tuple[list[Access], int]:
    """Say a few usual things to a port; what the firmware does, and how many bytes it takes."""
    port = machine.chip.ports[number]
    machine.chip.unknown.log(_MOST_LOGGED)
    for greeting in GREETINGS:
        port.feed(greeting)
        machine.run(machine.schedule.base + _PATIENCE)
    log = machine.chip.unknown.logged()
    machine.chip.unknown.log(0)
    return log, port.taken
