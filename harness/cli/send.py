"""`medfuzz send`: one valid message, or bytes, and the parsed reply; the first contact with a device."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.assembly.assemble import assemble
from harness.assembly.benches import find_bench
from harness.assembly.speaking import RAW, Speaker, interface_of
from harness.cli.terminal import say
from harness.errors import LinkError, TargetError, UsageError
from harness.interfaces import Frame


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(send)


def send(
    bench: Annotated[str, typer.Argument(help="A bench file, or a shipped bench.")],
    message: Annotated[str, typer.Argument(help="The message's name; `medfuzz list messages BENCH` shows them.")] = "",
    hexadecimal: Annotated[str, typer.Option("--hex", help="Bytes instead of a message, like '01 03 00 00'.")] = "",
    interface: Annotated[str, typer.Option(help="The interface, where more than one knows the message.")] = "",
    state: Annotated[str, typer.Option(help="Bring the device to this state first.")] = "",
) -> None:
    """Send one message, or bytes, and show the reply. Exit code: 0 answered, or no answer is due; 3 not answered."""
    data = _bytes(hexadecimal)
    if bool(message) == bool(data):
        raise UsageError("what to send? A message by its name (`medfuzz list messages BENCH`), or bytes by --hex")
    assembly = assemble(find_bench(bench), seed=0, only=[interface] if interface else ())
    name = interface_of(assembly, message)
    try:
        assembly.runner.start()
        _say_and_hear(Speaker(assembly, name), message, data, state)
    finally:
        assembly.runner.stop()


def _say_and_hear(link: Speaker, message: str, data: bytes, state: str) -> None:
    """Raises UsageError, LinkError, TargetError: with what became of the device, where it is not there any more."""
    try:
        if state:
            link.enter(state)
        _tell(link, link.send_bytes(data) if data else link.send(message))
    except (LinkError, TargetError) as error:
        if not (fate := link.fate):
            raise
        raise TargetError(f"{error}. {fate[:1].upper()}{fate[1:]}") from error


def _bytes(text: str) -> bytes:
    """Raises UsageError."""
    try:
        return bytes.fromhex(text.replace(":", " ").replace("0x", " "))
    except ValueError as error:
        raise UsageError(f"--hex '{text}': write two hexadecimal digits for a byte, like '01 03 00 00'") from error


def _tell(link: Speaker, answer: Frame | None) -> None:
    name, exchange = link.name, link.exchange
    say(f"{name} → {exchange.message}: {exchange.sent.hex(' ')}")
    say(*(f"{name} ← unasked: {frame.hex(' ')}" for frame in exchange.unsolicited))
    if exchange.stray:
        say(f"{name} ← not a frame: {exchange.stray.decode('latin-1')}")
    if answer is None and exchange.message != RAW and not exchange.reply_expected:
        say(f"{name} ← nothing in {exchange.ended_at - exchange.sent_at:.2f} s; no answer is due to it")
        return
    if answer is None:
        raise TargetError(link.unanswered)
    say(f"{name} ← {answer.data.hex(' ')}  ({1000 * (exchange.ended_at - exchange.sent_at):.1f} ms)")
    for key, value in answer.fields.items():
        shown = value.hex(" ") if isinstance(value, bytes) else str(value)
        say(f"    {key}: {shown}")
