"""The bench, and the seeds, that `init --firmware` writes, as text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from harness.learned import PortContact
from harness.seeds import Seed, seeds_text

_TEMPLATE = """# A bench for medfuzz: firmware on a board that was inferred from it. See docs/board.md.

[target]
kind = "emulator"
name = {name}
elf = {elf}
board = {board}            # what was found out, with the evidence: correct what is wrong
settle = 1.0{base}

{interfaces}
[monitors]
console_patterns = ["(?i)fault|assert|panic|overflow"]
"""
_INTERFACE = """{comments}
[interfaces.{interface}]
transport = "emulator:/{port}"
protocol = "bytes"              # or a shipped one, "my_device.py:PROTOCOL", "boofuzz:my_script.py"
seeds = {seeds}
"""
_LONGEST = 64  # bytes of what it says at boot and may be a message
_NO_INTERFACE = """# No port was found. Write it into the board file as a [[port]] (docs/board.md), and uncomment:
# [interfaces.main]
# transport = "emulator:/UART0"
# protocol = "bytes"
"""


def firmware_bench(
    ports: Sequence[PortContact],
    *,
    name: str,
    elf: str,
    board: str,
    seeds: str,
    base: int | None,
    others: Sequence[str] = (),
) -> str:
    """The whole file; `seeds` is the name of the seeds file for a port, with {} for the port's."""
    interfaces = [_interface(port, number, seeds.format(port.name.lower())) for number, port in enumerate(ports)]
    return _TEMPLATE.format(
        name=json.dumps(name),
        elf=json.dumps(elf),
        board=json.dumps(board),
        base=("" if base is None else f"\nbase = {base:#x}")
        + (f"\nothers = {json.dumps(list(others))}" if others else ""),
        interfaces="\n".join(interfaces) or _NO_INTERFACE,
    )


def _interface(port: PortContact, number: int, seeds: str) -> str:
    comments = "\n".join(f"# {line}" for line in port_lines(port))
    name = "main" if number == 0 else port.name.lower()
    return _INTERFACE.format(comments=comments, interface=name, port=port.name, seeds=json.dumps(seeds))


def port_lines(port: PortContact) -> Iterator[str]:
    """What was heard of a port, for people."""
    yield f"{port.name} prints {shown(port.console)} at boot" if port.console else f"{port.name} prints nothing at boot"
    for sent, came in port.answers:
        yield f"{port.name} answers {shown(sent)} with {shown(came)}"
    if port.words:
        yield f"{port.name} knows {', '.join(map(shown, port.words))}"


def shown(data: bytes) -> str:
    """Bytes as a quoted text of one line."""
    text = "".join(chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in data[:64])
    text = text.replace("\\x0d", "\\r").replace("\\x0a", "\\n")
    return f'"{text}{"…" if len(data) > 64 else ""}"'


def firmware_seeds(port: PortContact, source: str) -> str:
    """A seeds file of the words that the firmware knows, as lines and with something behind, and of what was said.

    What it says by itself is framed as what it wants to hear, mostly.
    """
    lines = [word + tail for word in port.words for tail in (b"\r\n", b" 1\r\n")]
    own = [port.console] if 0 < len(port.console) <= _LONGEST else []
    said = dict.fromkeys([*lines, *(sent for sent, _came in port.answers), *own]) or {b"\r\n": None}
    return seeds_text(source, [Seed(data=data) for data in said], ())
