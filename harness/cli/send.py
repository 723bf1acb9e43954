"""`medfuzz send`: one valid message and the parsed reply; the first contact with a device."""

from __future__ import annotations

from typing import Annotated

import typer

from harness.assembly.assemble import Assembly, assemble
from harness.assembly.benches import find_bench
from harness.cli.terminal import say
from harness.errors import TargetError, UsageError, did_you_mean
from harness.interfaces import Frame


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(send)


def send(
    bench: Annotated[str, typer.Argument(help="A bench file, or a shipped bench.")],
    message: Annotated[str, typer.Argument(help="The message's name; `medfuzz list messages BENCH` shows them.")],
    interface: Annotated[str, typer.Option(help="The interface, where more than one knows the message.")] = "",
    state: Annotated[str, typer.Option(help="Bring the device to this state first.")] = "",
) -> None:
    """Send one message and show the reply. Exit code: 0 answered, 3 not."""
    assembly = assemble(find_bench(bench), seed=0, only=[interface] if interface else ())
    name = _interface_of(assembly, message)
    try:
        assembly.runner.start()
        interface_of = assembly.runner.interfaces[name]
        if state:
            if state not in interface_of.protocol.states:
                raise UsageError(f"no state '{state}'.{did_you_mean(state, interface_of.protocol.states)}")
            if not assembly.runner.enter(interface_of, state):
                raise TargetError(f"[interfaces.{name}] state '{state}' is not reached; its proof is not given")
        answer = interface_of.executor.send(assembly.protocols[name].message(message).send())
        _tell(assembly, name, answer)
    finally:
        assembly.runner.stop()


def _interface_of(assembly: Assembly, message: str) -> str:
    for name, protocol in assembly.protocols.items():
        if message in protocol.messages:
            return name
    known = [word for protocol in assembly.protocols.values() for word in protocol.messages]
    raise UsageError(f"no interface of this bench knows a message '{message}'.{did_you_mean(message, known)}")


def _tell(assembly: Assembly, name: str, answer: Frame | None) -> None:
    exchange = assembly.runner.interfaces[name].executor.exchanges[-1]
    say(f"{name} → {exchange.message}: {exchange.sent.hex(' ')}")
    if exchange.stray:
        say(f"{name} ← not a frame: {exchange.stray.decode('latin-1')}")
    if answer is None:
        moniker = assembly.bench.interfaces[name].transport
        waited = exchange.ended_at - exchange.sent_at
        raise TargetError(
            f"{moniker}: no answer in {waited:.2f} s. Check wiring, speed and protocol of [interfaces.{name}]"
        )
    say(f"{name} ← {answer.data.hex(' ')}  ({1000 * (exchange.ended_at - exchange.sent_at):.1f} ms)")
    for key, value in answer.fields.items():
        shown = value.hex(" ") if isinstance(value, bytes) else str(value)
        say(f"    {key}: {shown}")
