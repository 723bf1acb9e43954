"""What an interface's guard withholds: messages that the bench forbids and, on real hardware, those so marked."""

from __future__ import annotations

import re

from harness.bench import Bench
from harness.bench_tables import InterfaceTable
from harness.case import Send
from harness.errors import GuardRefused, UsageError, did_you_mean
from harness.guard import Guard
from harness.interfaces import Mark
from protocols.model import Protocol

_BYTES = [bytes([number]) for number in range(256)]


def guard_of(bench: Bench, name: str, protocol: Protocol) -> Guard:
    """A guard for an interface; raises UsageError where it could not do its work, or would leave nothing to test."""
    table, names = bench.interfaces[name], withheld(bench, name, protocol)
    pattern = _pattern(bench, name, protocol, names) if names else None
    _check_ways(name, table, protocol, Guard(pattern, names))
    return Guard(pattern, names)


def withheld(bench: Bench, name: str, protocol: Protocol) -> tuple[str, ...]:
    """Names of the messages that must not leave: `forbidden`, then those marked; raises UsageError for unknown ones."""
    table = bench.interfaces[name]
    for message in table.forbidden:
        protocol.message(message)
    _check_allowed(name, table, protocol)
    on_hardware = _marked(protocol) if bench.is_hardware else ()
    return tuple(dict.fromkeys([*table.forbidden, *(m for m in on_hardware if m not in table.allowed_on_hardware)]))


def described(bench: Bench, name: str, protocol: Protocol) -> str:
    """What is withheld and why, and what is marked and allowed; "" for nothing, where the device is not real."""
    table, names = bench.interfaces[name], withheld(bench, name, protocol)
    why = ((m, "forbidden in the bench" if m in table.forbidden else "marked forbidden_on_hardware") for m in names)
    words = [f"withholds {', '.join(f'{message} ({reason})' for message, reason in why)}"] if names else []
    if not bench.is_hardware:
        return "; ".join(words)
    if table.allowed_on_hardware:
        words.append(f"lets out {', '.join(table.allowed_on_hardware)} (marked, but allowed_on_hardware)")
    return "; ".join(words) or "withholds nothing: no message is forbidden in the bench or marked forbidden_on_hardware"


def _marked(protocol: Protocol) -> tuple[str, ...]:
    return tuple(name for name, marks in protocol.marks.items() if Mark.FORBIDDEN_ON_HARDWARE in marks)


def _check_allowed(name: str, table: InterfaceTable, protocol: Protocol) -> None:
    for message in table.allowed_on_hardware:
        protocol.message(message)
        where = f"[interfaces.{name}] allowed_on_hardware: '{message}'"
        if message in table.forbidden:
            raise UsageError(f"{where} is in `forbidden` too; take it out of one of them")
        if message not in (marked := _marked(protocol)):
            hint = did_you_mean(message, marked)
            raise UsageError(f"{where} is not marked forbidden_on_hardware, so nothing withholds it.{hint}")


def _pattern(bench: Bench, name: str, protocol: Protocol, names: tuple[str, ...]) -> re.Pattern[bytes]:
    """The guard's pattern; raises UsageError where every byte would be withheld, or a message would not be."""
    pattern = protocol.forbidden(list(names))
    if all(map(pattern.search, _BYTES)):
        raise UsageError(
            f"[interfaces.{name}] protocol '{protocol.name}' cannot recognize {_listed(bench, name, names)} in what "
            "goes out, so nothing could be sent at all. Override forbidden() in its Wire (docs/protocol.md), or "
            f"{_way_out(bench, name)}"
        )
    for message in names:
        for send in protocol.message(message).valid:
            if not pattern.search(send.data):
                raise UsageError(
                    f"[interfaces.{name}] forbidden() of protocol '{protocol.name}' does not recognize '{message}' in "
                    f"{send.data.hex(' ')}, which is the message itself; correct its pattern (docs/protocol.md)"
                )
    return pattern


def _listed(bench: Bench, name: str, names: tuple[str, ...]) -> str:
    own = bench.interfaces[name].forbidden
    return ", ".join(f"'{m}' ({'forbidden' if m in own else 'marked forbidden_on_hardware'})" for m in names)


def _way_out(bench: Bench, name: str) -> str:
    if bench.interfaces[name].forbidden:
        return "leave `forbidden` empty"
    return "name what may be sent to this device in `allowed_on_hardware`"


def _check_ways(name: str, table: InterfaceTable, protocol: Protocol, guard: Guard) -> None:
    """A state that only a withheld message reaches would never be tested; raises UsageError naming both."""
    wanted = {state: protocol.states[state].preamble for state in table.states or protocol.states}
    for what, steps in {"the probe": (protocol.probe,), **{f"state '{k}'": v for k, v in wanted.items()}}.items():
        for step in steps:
            try:
                guard.check(step.data if isinstance(step, Send) else b"")
            except GuardRefused as refusal:
                raise UsageError(
                    f"[interfaces.{name}] {what} needs '{step.message if isinstance(step, Send) else ''}', which "
                    f"the guard withholds ({', '.join(guard.forbidden)}); leave the state out of `states`, or allow "
                    "the message"
                ) from refusal
        guard.forget()
