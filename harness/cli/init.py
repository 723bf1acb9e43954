"""`medfuzz init`: asks the few questions and writes a bench file."""

from __future__ import annotations

import contextlib
import functools
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from serial.tools import list_ports

from harness.assembly.protocols import protocol_of
from harness.bench import load_bench
from harness.cli import ask_ble
from harness.cli.asking import ask
from harness.cli.describe import init_firmware
from harness.cli.program import command
from harness.cli.terminal import say
from harness.discovery.bench_text import Answers, Chosen, bench_text, radio_text
from harness.discovery.clocks import Clocks, find_clocks
from harness.errors import BenchError, UsageError
from harness.transports import transport as open_transport
from protocols.load import PROTOCOLS

_SERIAL = "serial:/dev/ttyUSB0?baudrate=115200"
_BLE = ("ble", ask_ble.SCHEME)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(init)


def init(
    path: Annotated[Path, typer.Argument(help="The bench file to write.")] = Path("bench.toml"),
    name: Annotated[str | None, typer.Option(help="Name of the device.")] = None,
    transport: Annotated[
        list[str] | None, typer.Option(help=f"{_SERIAL}, tcp:HOST:PORT or ble:ADDRESS; one for each interface.")
    ] = None,
    protocol: Annotated[
        list[str] | None,
        typer.Option(
            help="A shipped name, FILE.py:NAME or boofuzz:SCRIPT.py (docs/protocol.md); one for each interface."
        ),
    ] = None,
    reset_command: Annotated[str | None, typer.Option(help="Command that power-cycles the device.")] = None,
    radio: Annotated[
        str | None,
        typer.Option(help="For ble: an adapter, hci-socket:0, usb:0, bleak, or a running radio, tcp:HOST:PORT."),
    ] = None,
    firmware: Annotated[
        Path | None, typer.Option(help="ELF, .hex or .bin of a Cortex-M: a bench with a board found out from it.")
    ] = None,
    base: Annotated[str, typer.Option(help="With a .bin: where it lies, like 0x08000000.")] = "",
    beside: Annotated[list[Path] | None, typer.Option(help="Another image in flash, such as a bootloader.")] = None,
) -> None:
    """Write a bench file for a device on your bench; asks for what is not given."""
    _check_place(path)
    if firmware is not None:
        init_firmware(path, firmware, name or firmware.stem, base=base, beside=beside or [])
        return
    asking = not (name is not None and transport and protocol)
    title = name if name is not None else ask("Name of the device", "device", str, instead="--name")
    links = [_transport(text) for text in transport or []] or [_ask_transport()]
    air = _radio(links, radio, asking=not transport)
    specs = protocol or [""] * len(links)
    if len(specs) != len(links):
        raise UsageError(f"{len(links)} --transport and {len(specs)} --protocol; give one of each for every interface")
    spoken = [
        _protocol(path.parent, spec) if spec else _ask_protocol(path.parent, link)
        for link, spec in zip(links, specs, strict=True)
    ]
    reset = _command(reset_command or "") if reset_command is not None or not asking else _ask_reset()
    more = _ask_more(path.parent) if not transport and not protocol else []
    _finish(path, Answers(title, (*zip(links, spoken, strict=True), *more), air, reset))


def _finish(path: Path, answers: Answers) -> None:
    """Write the bench, and again with what the device itself told, where it is there already."""
    _write(path, bench_text(answers, Clocks()))
    to_write = [spoken.spec for _link, spoken in answers.interfaces if not spoken.states]
    clocks, silence = (Clocks(), "") if to_write else find_clocks(path)
    if clocks != Clocks():
        _write(path, bench_text(answers, clocks))
        found = " and ".join(filter(None, (clocks.uptime, clocks.boots)))
        say(f"its answers have {found}, by which a restart shows: see [monitors]")
    if silence:
        say(f"not heard so far: {silence}")
    say(*(f"{spec} is still to be written, beside {path}: see docs/protocol.md" for spec in to_write))
    say(f"wrote {path}; next: {command()} check {path}")


def _check_place(path: Path) -> None:
    """Before anything is asked; raises UsageError."""
    if path.exists():
        raise UsageError(f"{path} is there already; name another file")
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent}: no such folder; make it, or name a file elsewhere")


def _ask_transport() -> str:
    ports = list_ports.comports()
    usb = next((port.device for port in ports if port.vid is not None), "")
    here = f"; serial ports here: {', '.join(port.device for port in ports)}" if ports else ""
    chosen = ask(
        "Transport",
        f"serial:{usb}?baudrate=115200" if usb else _SERIAL,
        _transport_or_ble,
        instead="--transport",
        hint=f"How is it connected? {_SERIAL}, tcp:HOST:PORT, or ble for Bluetooth LE{here}",
    )
    return ask_ble.ask_link() if chosen in _BLE else chosen


def _transport_or_ble(text: str) -> str:
    return text if text in _BLE else _transport(text)


def _transport(text: str) -> str:
    if ask_ble.is_ble(text):
        return ask_ble.checked(text)
    open_transport(text, None)
    return text


def _ask_more(folder: Path) -> list[tuple[str, Chosen]]:
    """Further interfaces, until there is none; the end of the input is none."""
    more: list[tuple[str, Chosen]] = []
    while link := _ask_another():
        more.append((link, _ask_protocol(folder, link)))
    return more


def _ask_another() -> str:
    hint = "Another interface? tcp: or serial:, like the first; none ends"
    with contextlib.suppress(UsageError):
        return ask("Another transport", "", _wired_or_none, instead="--transport", hint=hint)
    return ""


def _wired_or_none(text: str) -> str:
    if text and ask_ble.is_ble(text):
        raise UsageError("Bluetooth comes first; begin again with it, or write the interface into the bench")
    return text and _transport(text)


def _radio(links: Sequence[str], given: str | None, *, asking: bool) -> str:
    """The [radio] table of a Bluetooth link, "" for any other; raises UsageError."""
    if not any(ask_ble.is_ble(link) for link in links):
        return ""
    chosen = ask_ble.ask_radio() if asking and given is None else ask_ble.radio(given or ask_ble.ADAPTER)
    return radio_text(chosen)


def _ask_protocol(folder: Path, link: str) -> Chosen:
    hint = (
        f"What does it speak? {', '.join(PROTOCOLS)}; FILE.py:NAME, a definition of your own (docs/protocol.md shows "
        "how);\nor boofuzz:SCRIPT.py, a boofuzz script as it is. Files are looked for beside the bench file"
    )
    read = functools.partial(_protocol, folder)
    return ask("Protocol", _offered(link), read, instead="--protocol", hint=hint)


def _offered(link: str) -> str:
    """The shipped protocol that such a link most likely carries."""
    if ask_ble.is_ble(link):
        return ask_ble.protocol_for(link)
    return "hl7_mllp" if link.startswith("tcp:") else "pump_link"


def _protocol(folder: Path, spec: str) -> Chosen:
    """Raises UsageError for one that cannot be loaded, except from a file that is not there yet."""
    file = spec.removeprefix("boofuzz:").partition(".py")
    if file[1] and not (folder / f"{file[0]}.py").exists():
        return Chosen(spec, ())
    return Chosen(spec, tuple(protocol_of(spec, folder).states))


def _ask_reset() -> tuple[str, ...]:
    hint = "How is it power-cycled? A command, like uhubctl -a cycle -p 1; without one, a run ends when it hangs"
    return ask("Reset command", "", _command, instead="--reset-command", hint=hint)


def _command(text: str) -> tuple[str, ...]:
    """The words of a command; none where it is empty. Raises UsageError."""
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise UsageError(f"reset command {text}: {error}; write it as in a shell") from error
    if words and shutil.which(words[0]) is None:
        raise UsageError(f"reset command: no program '{words[0]}' is found here; give its path, or leave it empty")
    return words


def _write(path: Path, text: str) -> None:
    """The whole file or none; raises BenchError."""
    part = path.with_name(f"{path.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        load_bench(part)
        part.replace(path)
    except OSError as error:
        raise BenchError(f"cannot write {path}: {error.strerror}. Name a file elsewhere") from error
    finally:
        part.unlink(missing_ok=True)
