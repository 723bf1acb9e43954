"""Whether a line gives back what is sent on it: seen in the exchanges of a probe, told with what to do."""

from __future__ import annotations

from collections.abc import Sequence

from harness.transcript import Exchange
from harness.transports import parse_moniker

_SCHEMES = ("serial", "tcp")


def echo_seen(moniker: str, exchanges: Sequence[Exchange]) -> str:
    """What to do about an echo, "" where there is none, or where the moniker already says `echo=`.

    An echo is told from an answer by its bytes alone: what came begins with exactly what was sent.
    """
    endpoint = parse_moniker(moniker)
    if endpoint.scheme not in _SCHEMES or "echo" in endpoint.options:
        return ""
    if not any(_copied(one) for one in exchanges):
        return ""
    mark = "&" if "?" in moniker else "?"
    return f"the line echoes: add {mark}echo=on to the transport, or {mark}echo=off if the device itself answers so"


def answers_by_echo(moniker: str) -> bool:
    """True where the moniker says `echo=off`: the device itself answers with what it was sent."""
    return parse_moniker(moniker).options.get("echo") == "off"


def _copied(one: Exchange) -> bool:
    came = (b"".join(one.replies), b"".join(one.unsolicited), one.stray)
    return bool(one.sent) and any(pieces.startswith(one.sent) for pieces in came)
