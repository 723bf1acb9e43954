"""Watchers: one file a kind of fault, and what they share."""

from __future__ import annotations

from harness.transcript import Transcript


def message_at(transcript: Transcript, time: float) -> str:
    """Name of the last message that had been sent at a link time; "" before the first."""
    names = [e.message for e in transcript.exchanges if e.message and e.sent_at <= time]
    return names[-1] if names else ""
