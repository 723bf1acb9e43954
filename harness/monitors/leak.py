"""Canaries: patient data and secrets that must not leave the device, unless a message may disclose them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.case import Send, TestCase
from harness.errors import UsageError
from harness.interfaces import Mark
from harness.transcript import Exchange, Transcript
from harness.verdict import Kind, Observation

_SHORTEST = 3


class LeakMonitor:
    """`canaries` maps a name to its bytes, as text or `hex:…`. `disclosing` are messages that may carry them.

    A disclosing message may show a canary in its reply only where a session was opened: by the state's preamble, or
    by an answered authentication earlier in the case. What comes unasked behind one may be its reply, that is late, or
    not the first answer to its bytes; so may what seems to answer a bent message that went out together with it. What
    a bent message has carried, as a word of the firmware's may be put into it, is not disclosed when it comes back.
    """

    name = "leak"

    def __init__(
        self, canaries: Mapping[str, str], marks: Mapping[str, Mapping[str, frozenset[Mark]]], sessions: frozenset[str]
    ) -> None:
        self._canaries = {name: canary_bytes(name, text) for name, text in canaries.items()}
        self._marks, self._sessions = marks, sessions

    def observe(self, case: TestCase, transcript: Transcript) -> Sequence[Observation]:
        """One observation for the first exchange in which canaries left the device."""
        session = case.state in self._sessions
        disclosed, sent = self._may_have_disclosed(case, transcript, session=session), b""
        bent = {step.message for step in case.steps if isinstance(step, Send) and step.mutated}
        owed = self._owed(case, transcript.exchanges, session=session) if bent else []
        for place, exchange in enumerate(transcript.exchanges):
            sent += exchange.sent if exchange.message in bent else b""
            marks = self._of(case).get(exchange.message, frozenset())
            session = session or (Mark.AUTHENTICATION in marks and exchange.answered)
            may_disclose = session and Mark.DISCLOSES_PATIENT_DATA in marks
            disclosed = disclosed or may_disclose
            anothers = may_disclose or self._may_be_of_another(case, exchange, transcript.exchanges[place + 1 :])
            anothers = anothers or any(other.sent_at < exchange.ended_at for other in owed)
            received = b"" if anothers else _received(exchange, unasked=not disclosed)
            ours = exchange.sent + sent
            leaked = [name for name in self._told(received) if self._canaries[name] not in ours]
            if leaked:
                return (_observation(leaked, exchange),)
        return ()

    def _of(self, case: TestCase) -> Mapping[str, frozenset[Mark]]:
        return self._marks.get(case.interface, {})

    def _owed(self, case: TestCase, exchanges: Sequence[Exchange], *, session: bool) -> list[Exchange]:
        """Those that may disclose and have not: where a bent message swallows bytes, replies are filed with others."""
        owed: list[Exchange] = []
        for exchange in exchanges:
            marks = self._of(case).get(exchange.message, frozenset())
            session = session or (Mark.AUTHENTICATION in marks and exchange.answered)
            if session and Mark.DISCLOSES_PATIENT_DATA in marks and not self._told(b"".join(exchange.replies)):
                owed.append(exchange)
        return owed

    def _told(self, received: bytes) -> list[str]:
        return [name for name, secret in self._canaries.items() if secret in received]

    def _may_be_of_another(self, case: TestCase, exchange: Exchange, later: Sequence[Exchange]) -> bool:
        """True where the message need not be answered, and one that may disclose was out before its answer came."""
        if exchange.reply_expected:
            return False
        out = {other.message for other in later if other.sent_at < exchange.ended_at}
        return any(Mark.DISCLOSES_PATIENT_DATA in self._of(case).get(message, frozenset()) for message in out)

    def _may_have_disclosed(self, case: TestCase, transcript: Transcript, *, session: bool) -> bool:
        """True where a message that may disclose went out before the transcript began: it is of what came later."""
        marks, here = self._of(case), {exchange.message for exchange in transcript.exchanges}
        for step in case.steps:
            if isinstance(step, Send) and step.message not in here:
                own = marks.get(step.message, frozenset[Mark]())
                session = session or Mark.AUTHENTICATION in own
                if session and Mark.DISCLOSES_PATIENT_DATA in own:
                    return True
        return False

    def state(self) -> object:
        """Nothing is learned."""
        return None

    def restore(self, state: Any) -> None:
        """Nothing to restore."""


def _received(exchange: Exchange, *, unasked: bool) -> bytes:
    """What came while the exchange lasted; without what was `unasked`, the reply to its message alone."""
    if unasked:
        return b"".join((*exchange.replies, *exchange.unsolicited, exchange.stray))
    return b"".join(exchange.replies) if exchange.message else b""


def _observation(names: list[str], exchange: Exchange) -> Observation:
    summary = f"the reply to {exchange.message or 'nothing'} holds {', '.join(names)}"
    return Observation(Kind.LEAK, "leak", summary, exchange.ended_at, blames=exchange.message)


def canary_bytes(name: str, text: str) -> bytes:
    """What a canary is on the wire; raises UsageError for what is no hex, or too short to mean anything."""
    try:
        data = bytes.fromhex(text[4:]) if text.startswith("hex:") else text.encode()
    except ValueError as error:
        raise UsageError(
            f"[monitors] canaries.{name}: '{text}' is not hex: write pairs of digits after hex:"
        ) from error
    if len(data) < _SHORTEST:
        raise UsageError(f"[monitors] canaries.{name} is shorter than {_SHORTEST} bytes and would be found by chance")
    return data
