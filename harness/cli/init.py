"""`medfuzz init`: asks the few questions and writes a bench file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.bench import load_bench
from harness.errors import BenchError, UsageError
from harness.transports import transport as open_transport
from protocols.load import PROTOCOLS, load_protocol

_TEMPLATE = """# A bench for medfuzz: what the device is, how to talk to it, what to watch. See docs/bench.md.

[target]
kind = "external"
armed = false                   # true once no patient can be connected to it: `run` asks for that
name = {name}
# reset_command = ["uhubctl", "-a", "cycle", "-p", "1"]   # how the device is power-cycled

[identity]                      # what the device must say it is; empty is not compared
model = ""
serial = ""
firmware = ""

[interfaces.main]
transport = {transport}
protocol = {protocol}           # {known}, or "my_device.py:PROTOCOL"
states = [{states}]
forbidden = []                  # messages that must never leave, whatever a mutation makes

[monitors]
console_patterns = ["(?i)fault|assert|panic|overflow"]
canaries = {{}}                   # name = "bytes that must not appear in a reply"
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(init)


def init(
    path: Annotated[Path, typer.Argument(help="The bench file to write.")] = Path("bench.toml"),
    name: Annotated[str, typer.Option(prompt="Name of the device")] = "device",
    transport: Annotated[
        str, typer.Option(prompt="Transport (serial:/dev/ttyUSB0?baudrate=115200, tcp:HOST:PORT)")
    ] = "serial:/dev/ttyUSB0?baudrate=115200",
    protocol: Annotated[str, typer.Option(prompt="Protocol (a shipped name, or FILE.py:NAME)")] = "pump_link",
) -> None:
    """Write a bench file for a device on your bench."""
    if path.exists():
        raise UsageError(f"{path} is there already; name another file")
    open_transport(transport, None)
    states = _states(protocol, path.parent)
    text = _TEMPLATE.format(
        name=_quoted(name),
        transport=_quoted(transport),
        protocol=_quoted(protocol),
        known=", ".join(PROTOCOLS),
        states=states,
    )
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise BenchError(f"cannot write {path}: {error.strerror}") from error
    load_bench(path)
    Console(highlight=False, soft_wrap=True).print(f"wrote {path}; next: medfuzz check {path}", markup=False)


def _states(protocol: str, folder: Path) -> str:
    """The first state of a protocol, quoted; nothing for one whose file is still to be written."""
    file, colon, _name = protocol.rpartition(":")
    if colon and not (folder / file).exists():
        return ""
    return _quoted(next(iter(load_protocol(protocol, folder).states)))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else "?" for c in escaped) + '"'
