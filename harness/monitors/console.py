"""Console text that tells of trouble: on a port of its own, or between the frames of the fuzzed link."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

from harness.case import TestCase
from harness.errors import UsageError
from harness.monitors import message_at
from harness.transcript import Transcript
from harness.verdict import Kind, Observation

_TAIL = 256
_stray = attrgetter("stray")
_SHOWN = 200

Chunks = Sequence[tuple[float, bytes]]


class ConsoleMonitor:
    """Searches new console text for the bench's regular expressions; a line cut in two is still recognized."""

    name = "console"

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = [_compile(pattern) for pattern in patterns]
        self._tails: dict[str, bytes] = {}

    def observe(self, case: TestCase, transcript: Transcript) -> Sequence[Observation]:
        """One observation for each pattern that appeared, on whichever of the two streams."""
        if not self._patterns:
            return ()
        if not transcript.console and not any(map(_stray, transcript.exchanges)):
            return ()
        stray = [(exchange.ended_at, exchange.stray) for exchange in transcript.exchanges if exchange.stray]
        found: dict[tuple[str, ...], Observation] = {}
        for stream, chunks in (("", transcript.console), (case.interface, stray)):
            for observation in self._search(stream, chunks, transcript):
                found.setdefault(observation.fingerprint, observation)
        return list(found.values())

    def _search(self, stream: str, chunks: Chunks, transcript: Transcript) -> list[Observation]:
        if not chunks:
            return []
        tail = self._tails.get(stream, b"")
        text = tail + b"".join(data for _time, data in chunks)
        self._tails[stream] = text[-_TAIL:]
        message = message_at(transcript, chunks[0][0])
        matches = (_match(pattern, text, len(tail), chunks[0][0], message) for pattern in self._patterns)
        return [match for match in matches if match]

    def state(self) -> Mapping[str, bytes]:
        """The end of the text seen so far on each stream."""
        return dict(self._tails)

    def restore(self, state: Any) -> None:
        """Back to an earlier end."""
        self._tails = dict(state)


def _match(pattern: re.Pattern[bytes], text: bytes, old: int, time: float, message: str) -> Observation | None:
    match = next((m for m in pattern.finditer(text) if m.end() > old), None)
    if match is None:
        return None
    shown = match.group().decode("latin-1").strip()[:_SHOWN]
    summary = f"the console says {shown!r}"
    return Observation(
        Kind.CONSOLE, "console", summary, time, (pattern.pattern.decode("latin-1"),), detail={"message": message}
    )


def _compile(pattern: str) -> re.Pattern[bytes]:
    try:
        return re.compile(pattern.encode("latin-1"))
    except (re.error, UnicodeEncodeError) as error:
        raise UsageError(f"[monitors] console_patterns: '{pattern}' is not a regular expression ({error})") from error
