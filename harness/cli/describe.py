"""`medfuzz describe` and `init --firmware`: a board found out from a firmware, and a bench for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from harness.bench import load_bench
from harness.campaigns.files import write
from harness.cli.program import command
from harness.cli.terminal import say
from harness.discovery.firmware_bench import firmware_bench, firmware_seeds, port_lines
from harness.errors import UsageError
from targets.board.auto.board_file import board_text
from targets.board.image import Image
from targets.first_contact import FirstContact, first_contact

Base = Annotated[str, typer.Option(help="With a .bin: where it lies, like 0x08000000.")]
Beside = Annotated[list[Path] | None, typer.Option(help="Another image in flash, such as a bootloader.")]

_NO_PORT = 3  # nothing can be tested yet


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(describe)


def describe(
    firmware: Annotated[Path, typer.Argument(help="ELF, .hex or .bin of a Cortex-M.")],
    out: Annotated[Path, typer.Option(help="The board file to write.")] = Path("board.toml"),
    base: Base = "",
    beside: Beside = None,
    core: Annotated[str, typer.Option(help="cortex-m0, -m3, -m4, -m7 or -m33, where the file does not tell.")] = "",
) -> None:
    """Find out a board from how a firmware uses its registers, and write it down with the evidence."""
    if out.exists():
        raise UsageError(f"{out} is there already; name another file with --out")
    image = _image(firmware, base, beside or [])
    contact = first_contact(image, core=core)
    _tell(contact)
    write(out, _board(contact, image), instead="Name another file with --out")
    say(f'wrote {out}; correct it where it is wrong, and say board = "{out}" in [target] of a bench')


def init_firmware(path: Path, firmware: Path, name: str, *, base: str, beside: Sequence[Path]) -> None:
    """A bench, a board file and seeds for a firmware, beside each other; raises UsageError, BenchError."""
    board, seeds = path.with_name(f"{path.stem}-board.toml"), f"{path.stem}-{{}}-seeds.toml"
    if board.exists():
        raise UsageError(f"{board} is there already; name another bench")
    image = _image(firmware, base, beside)
    contact = first_contact(image)
    _tell(contact)
    ports = contact.ports
    write(board, _board(contact, image), instead="Name another bench")
    for port in ports:
        file = path.with_name(seeds.format(port.name.lower()))
        write(file, firmware_seeds(port, f"what {firmware.name} compares its input with"), instead="Name another bench")
    where = firmware.resolve()
    elf = str(where.relative_to(path.parent.resolve()) if where.is_relative_to(path.parent.resolve()) else where)
    others = [str(other.resolve()) for other in beside]
    text = firmware_bench(ports, name=name, elf=elf, board=board.name, seeds=seeds, base=_number(base), others=others)
    write(path, text, instead="Name another bench")
    if not ports:
        say(
            f"wrote {path} and {board.name}; next: write the port that the device has into {board.name}, as {path} says"
        )
        raise typer.Exit(_NO_PORT)
    load_bench(path)
    say(f"wrote {path}, {board.name} and seeds; next: {command()} check {path}")


def _image(firmware: Path, base: str, beside: Sequence[Path]) -> Image:
    return Image(firmware, _number(base), [Image(other) for other in beside])


def _number(text: str) -> int | None:
    try:
        return int(text, 0) if text else None
    except ValueError as error:
        raise UsageError(f"--base '{text}' is no address; write it like 0x08000000") from error


def _board(contact: FirstContact, image: Image) -> str:
    description = contact.description
    places = {code for code, _register in (*description.values, *description.waits)} | description.idles
    return board_text(description, image.path.name, [(place, image.function_at(place)) for place in places])


def _tell(contact: FirstContact) -> None:
    """What was found, in lines."""
    description = contact.description
    memory = description.memory
    say(f"{description.core}: flash at {memory.rom:#010x}, RAM at {memory.ram:#010x} ({memory.ram_size // 1024} KiB)")
    say(*(f"at boot: {event}" for event in contact.events), f"it {contact.rests}")
    for port in contact.ports:
        say(*port_lines(port))
    for tick in description.ticks:
        say(f"IRQ {tick.exception - 16} counts time: it is raised every {1000 * tick.period:g} ms, which is a guess")
    if not contact.ports:
        say("no port was found: see docs/board.md, What it does not find")
