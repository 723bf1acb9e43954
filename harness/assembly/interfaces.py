"""One interface of a bench: its transport, opened behind its guard, and whoever runs cases on it."""

from __future__ import annotations

from harness.assembly.guards import guard_of
from harness.bench import Bench, is_program
from harness.connection import nothing_lost
from harness.errors import UsageError, did_you_mean
from harness.executor import Executor
from harness.interfaces import Owns, Target
from harness.ladder import Ladder
from harness.load import Load
from harness.states import Interface
from harness.transports import ble, listen, raw, serial, tcp, tls, transport, udp
from protocols.model import Protocol

CASE_BYTES, _REPEATED_BYTES = 8192, 1 << 20  # of a case: any, and one that repeats something very often
CARRIERS = (ble, listen, raw, serial, tcp, tls, udp)


def interface_of(bench: Bench, name: str, protocol: Protocol, target: Target, load: Load | None) -> Interface:
    """Carrier, guard, executor and ladder of one interface; `load` is None on a clock of the target's own.

    Raises UsageError.
    """
    table = bench.interfaces[name]
    for state in table.states:
        if state not in protocol.states:
            hint = did_you_mean(state, protocol.states)
            raise UsageError(f"[interfaces.{name}] states: protocol '{protocol.name}' has no state '{state}'.{hint}")
    carrier = transport(table.transport, target)
    executor = Executor(
        protocol,
        target.watch(carrier) if isinstance(target, Owns) else carrier,
        target,
        guard_of(bench, name, protocol),
        reply_timeout=table.reply_timeout or protocol.reply_timeout,
        open_timeout=table.open_timeout,
        adaptive=not target.traits.virtual_clock,
        callbacks=protocol.callbacks,
        lost=nothing_lost if load is None else load.lost,
        pause=bench.target.recovery,
    )
    executor.eager = executor.eager and table.eager
    return Interface(
        name,
        protocol,
        executor,
        carrier,
        Ladder(executor),
        table.probe_every,
        table.max_case_bytes or (_REPEATED_BYTES if is_program(bench) and not protocol.callbacks else CASE_BYTES),
        protocol.reconnect if table.reconnect is None else table.reconnect,
        max(table.open_timeout, bench.target.reset_timeout),
        may_close(bench, name, protocol),
    )


def may_close(bench: Bench, name: str, protocol: Protocol) -> bool:
    """Whether the device may refuse a message by closing the connection: as the bench says, else the protocol."""
    said = bench.interfaces[name].may_close
    return protocol.may_close if said is None else said
