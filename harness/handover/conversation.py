"""A finding's transcript piece by piece, as it went over each connection, with what a person should know of a piece."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from harness.case import Reconnect, Send
from harness.finding import Finding
from harness.transcript import Exchange


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes that went out or came in at once. Of what came, the end of the exchange is the time that is known."""

    seconds: float
    outbound: bool
    data: bytes
    comment: str


def conversations(finding: Finding) -> list[list[Piece]]:
    """The pieces of each connection in the order of their times; a step that reconnects begins another one."""
    left, found = deque(finding.transcript.exchanges), list[list[Piece]]([[]])
    for step in finding.case.steps:
        if isinstance(step, Reconnect) and found[-1]:
            found.append([])
        if isinstance(step, Send) and any(exchange.message == step.message for exchange in left):
            while (exchange := left.popleft()).message != step.message:
                found[-1] += _pieces(exchange, exchange.message)
            found[-1] += _pieces(exchange, _said(finding, step))
    for exchange in left:
        found[-1] += _pieces(exchange, f"{exchange.message or 'bytes'}, behind the case")
    return [sorted(pieces, key=lambda piece: piece.seconds) for pieces in found if pieces]


def _said(finding: Finding, step: Send) -> str:
    """The message's name; of a mutated one also what was done to it."""
    origin = finding.case.origin
    if not step.mutated:
        return step.message
    field = f" in field {origin.field}" if origin.field else ""
    return f"{step.message}, unusual{field}: {origin.mutation_text or 'bent'}"


def _pieces(exchange: Exchange, said: str) -> Iterator[Piece]:
    if exchange.sent:
        yield Piece(exchange.sent_at, True, exchange.sent, said + _silence(exchange))
    came = [(reply, f"reply to {exchange.message}") for reply in exchange.replies]
    came += [(frame, "unsolicited") for frame in exchange.unsolicited]
    came += [(exchange.stray, "bytes of no frame")] if exchange.stray else []
    for data, what in came:
        if data:
            yield Piece(exchange.ended_at, False, data, what)


def _silence(exchange: Exchange) -> str:
    if exchange.answered or exchange.replies or not exchange.reply_expected:
        return ""
    return f"; no reply within {exchange.ended_at - exchange.sent_at:.3g} s, although one is due"
