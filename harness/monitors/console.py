"""Console text that tells of trouble: on a port of its own, or between the frames of the fuzzed link."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from harness.case import TestCase
from harness.errors import UsageError
from harness.monitors import message_at
from harness.transcript import Transcript
from harness.verdict import Kind, Observation

_TAIL = 256


class ConsoleMonitor:
    """Searches new console text for the bench's regular expressions; a line cut in two is still recognized."""

    name = "console"

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = [_compile(pattern) for pattern in patterns]
        self._tail = b""

    def observe(self, case: TestCase, transcript: Transcript) -> Sequence[Observation]:
        """One observation for each pattern that appeared."""
        chunks = [*transcript.console, *((e.ended_at, e.stray) for e in transcript.exchanges if e.stray)]
        if not self._patterns or not chunks:
            return ()
        old = len(self._tail)
        text = self._tail + b"".join(data for _time, data in chunks)
        self._tail = text[-_TAIL:]
        message = message_at(transcript, chunks[0][0])
        return [found for pattern in self._patterns if (found := _match(pattern, text, old, chunks[0][0], message))]

    def state(self) -> bytes:
        """The end of the text seen so far."""
        return self._tail

    def restore(self, state: Any) -> None:
        """Back to an earlier end."""
        self._tail = state


def _match(pattern: re.Pattern[bytes], text: bytes, old: int, time: float, message: str) -> Observation | None:
    match = next((m for m in pattern.finditer(text) if m.end() > old), None)
    if match is None:
        return None
    shown = match.group().decode("latin-1").strip()
    summary = f"the console says {shown!r}"
    return Observation(
        Kind.CONSOLE, "console", summary, time, (pattern.pattern.decode("latin-1"),), detail={"message": message}
    )


def _compile(pattern: str) -> re.Pattern[bytes]:
    try:
        return re.compile(pattern.encode("latin-1"))
    except (re.error, UnicodeEncodeError) as error:
        raise UsageError(f"[monitors] console_patterns: '{pattern}' is not a regular expression ({error})") from error
