"""Watchers: one file a kind of fault, and what they share."""

from __future__ import annotations

from harness.case import Send, TestCase
from harness.transcript import Transcript


def message_at(transcript: Transcript, time: float) -> str:
    """Name of the last message that had been sent at a link time; "" before the first."""
    names = [e.message for e in transcript.exchanges if e.message and e.sent_at <= time]
    return names[-1] if names else ""


def blamed(case: TestCase, transcript: Transcript) -> str:
    """The message of the case that the device answered nothing behind: the first of those, or the last of all; or "".

    A probe behind the case is nobody's doing.
    """
    names = [step.message for step in case.steps if isinstance(step, Send)]
    own = [e for e in transcript.exchanges if e.message in names][: len(names)]
    name = case.messages[-1] if case.messages else ""
    for exchange in reversed(own):
        if exchange.answered:
            break
        if exchange.reply_expected:
            name = exchange.message
    return name
