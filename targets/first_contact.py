"""The first look at a firmware nobody described: its board, what it prints, what it answers, which words it knows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.learned import PortContact
from targets.board.auto.chip import Place
from targets.board.auto.description import Description
from targets.board.auto.infer import GREETINGS, describe
from targets.board.auto.machine import AutoMachine
from targets.board.auto.words import WordSearch
from targets.board.image import Image
from targets.board.memory import Memory
from targets.board.native.automatic import new_auto_machine
from targets.board.telling import told, where
from targets.board.words import words_of

_COMMAND, _NONSENSE, _MOST_COMMANDS = re.compile(rb"[A-Za-z][\w.-]{0,15}"), b"zqx", 200
_BOOT_SECONDS, _MOST_TEXT, _PATIENCE, _LEARNING = 1.0, 2048, 400_000, 1_000_000


@dataclass(frozen=True, slots=True)
class FirstContact:
    """The board, its ports, how the boot went, and where it waits."""

    description: Description
    ports: tuple[PortContact, ...]
    events: tuple[str, ...]
    rests: str


def first_contact(
    image: Image, *, memory: Memory | None = None, core: str = "", places: Sequence[Place] = ()
) -> FirstContact:
    """Infer the board, boot on it, and say a few usual things to each port; raises BenchError."""
    description = describe(image, memory=memory, core=core, places=places)
    machine = new_auto_machine(image, description=description, places=places)
    with machine.coming_up():
        machine.power_on()
        machine.run(round(_BOOT_SECONDS * machine.hz))
        if not machine.sleeping:
            machine.learn_spin(_LEARNING)
    events = tuple(told(event.kind, event.detail) for event in machine.events)
    place = where(machine)()
    ports = tuple(_port_contact(machine, number) for number in range(len(description.ports)))
    return FirstContact(description, ports, events, place)


def _port_contact(machine: AutoMachine, number: int) -> PortContact:
    port, moment = machine.chip.ports[number], machine.snapshot()
    console = _output(machine, number)
    answers: list[tuple[bytes, bytes]] = []
    for greeting in GREETINGS:
        machine.restore(moment)
        if came := _answer(machine, number, greeting):
            answers.append((greeting, came))
    machine.restore(moment)
    words = dict.fromkeys(WordSearch(machine, port).words())
    words |= dict.fromkeys(_commands(machine, number))
    return PortContact(port.description.name, console, tuple(answers), tuple(words))


def _commands(machine: AutoMachine, number: int) -> Iterator[bytes]:
    """Texts of the image that it answers as lines, otherwise than it answers nonsense."""
    moment = machine.snapshot()
    try:
        refused = _line_answer(machine, number, _NONSENSE)
        texts = [text for text in words_of(machine.image).texts if _COMMAND.fullmatch(text)]
        for text in texts[:_MOST_COMMANDS]:
            machine.restore(moment)
            if (came := _line_answer(machine, number, text)) and came != refused:
                yield text
    finally:
        machine.restore(moment)


def _line_answer(machine: AutoMachine, number: int, line: bytes) -> bytes:
    """What comes back for a line, without the line itself, which a terminal echoes."""
    return _answer(machine, number, line + b"\r\n").replace(line, b"")


def _answer(machine: AutoMachine, number: int, data: bytes) -> bytes:
    _output(machine, number)
    machine.chip.ports[number].feed(data)
    machine.run(machine.schedule.base + _PATIENCE + machine.chip.ports[number].patience)
    return _output(machine, number)


def _output(machine: AutoMachine, number: int) -> bytes:
    output = machine.chip.ports[number].output
    came = b"".join(data for _cycle, data in output)[:_MOST_TEXT]
    output.clear()
    return came
