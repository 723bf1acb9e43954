"""`medfuzz init`: asks the few questions and writes a bench file."""

from __future__ import annotations

import functools
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from serial.tools import list_ports

from harness.bench import load_bench
from harness.cli import ask_ble
from harness.cli.asking import ask
from harness.cli.assemble import protocol_of
from harness.cli.program import command
from harness.cli.terminal import say
from harness.errors import BenchError, UsageError
from harness.transports import transport as open_transport
from protocols.load import PROTOCOLS

_SERIAL = "serial:/dev/ttyUSB0?baudrate=115200"
_BLE = ("ble", ask_ble.SCHEME)
_TEMPLATE = """# A bench for medfuzz: what the device is, how to talk to it, what to watch. See docs/bench.md.

[target]
kind = "external"
armed = false                   # true once no patient can be connected to it: `run` asks for that
name = {name}
{reset}

[identity]                      # what the device must say it is; empty is not compared
model = ""
serial = ""
firmware = ""

[interfaces.main]
transport = {transport}
protocol = {protocol}           # {known}, "my_device.py:PROTOCOL" or "boofuzz:my_script.py"
states = [{states}]             # {all_states}
forbidden = []                  # messages that must never leave, whatever a mutation makes
{radio}
[monitors]
console_patterns = ["(?i)fault|assert|panic|overflow"]
canaries = {{}}                   # name = "bytes that must not appear in a reply"
"""
_RADIO = """
[radio]                         # see docs/ble.md
{key} = {value}
"""
NO_RESET = '# reset_command = ["uhubctl", "-a", "cycle", "-p", "1"]   # none: a run ends when the device hangs'


@dataclass(frozen=True, slots=True)
class Chosen:
    """A protocol as it stands in the bench, and its states; none of a file that is still to be written."""

    spec: str
    states: tuple[str, ...]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(init)


def init(
    path: Annotated[Path, typer.Argument(help="The bench file to write.")] = Path("bench.toml"),
    name: Annotated[str | None, typer.Option(help="Name of the device.")] = None,
    transport: Annotated[str | None, typer.Option(help=f"{_SERIAL}, tcp:HOST:PORT or ble:ADDRESS.")] = None,
    protocol: Annotated[
        str | None, typer.Option(help="A shipped name, FILE.py:NAME or boofuzz:SCRIPT.py; see docs/protocol.md.")
    ] = None,
    reset_command: Annotated[str | None, typer.Option(help="Command that power-cycles the device.")] = None,
    radio: Annotated[
        str | None,
        typer.Option(help="For ble: an adapter, hci-socket:0, usb:0, bleak, or a running radio, tcp:HOST:PORT."),
    ] = None,
) -> None:
    """Write a bench file for a device on your bench; asks for what is not given."""
    _check_place(path)
    asking = None in (name, transport, protocol)
    title = name if name is not None else ask("Name of the device", "device", str, instead="--name")
    link = _transport(transport) if transport is not None else _ask_transport()
    air = _radio(link, radio, asking=transport is None)
    spoken = _protocol(path.parent, protocol) if protocol is not None else _ask_protocol(path.parent, link)
    reset = _command(reset_command or "") if reset_command is not None or not asking else _ask_reset()
    _write(path, _text(title, link, air, spoken, reset))
    if not spoken.states:
        say(f"{spoken.spec} is still to be written, beside {path}: see docs/protocol.md")
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


def _radio(link: str, given: str | None, *, asking: bool) -> str:
    """The [radio] table of a Bluetooth link, "" for any other; raises UsageError."""
    if not ask_ble.is_ble(link):
        return ""
    chosen = ask_ble.ask_radio() if asking and given is None else ask_ble.radio(given or ask_ble.ADAPTER)
    return _RADIO.format(key="control" if chosen.startswith("tcp:") else "adapter", value=quoted(chosen))


def _ask_protocol(folder: Path, link: str) -> Chosen:
    hint = (
        f"What does it speak? {', '.join(PROTOCOLS)}; FILE.py:NAME, a definition of your own (docs/protocol.md shows "
        "how);\nor boofuzz:SCRIPT.py, a boofuzz script as it is. Files are looked for beside the bench file"
    )
    read = functools.partial(_protocol, folder)
    offered = ask_ble.protocol_for(link) if ask_ble.is_ble(link) else "pump_link"
    return ask("Protocol", offered, read, instead="--protocol", hint=hint)


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


def _text(name: str, transport: str, radio: str, protocol: Chosen, reset: Sequence[str]) -> str:
    return _TEMPLATE.format(
        name=quoted(name),
        reset=f"reset_command = [{', '.join(map(quoted, reset))}]" if reset else NO_RESET,
        transport=quoted(transport),
        radio=radio,
        protocol=quoted(protocol.spec),
        known=", ".join(f'"{known}"' for known in PROTOCOLS),
        states=", ".join(map(quoted, protocol.states[:1])),
        all_states=f"of {', '.join(protocol.states)}; empty: all" if protocol.states else "empty: all",
    )


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


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else "?" for c in escaped) + '"'
