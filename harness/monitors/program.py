"""What a program says of itself while it is watched: a sanitizer's report, or the last words of one of its tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from harness.case import TestCase
from harness.complaint import Complaint, complaints_in, may_complain
from harness.monitors import blamed
from harness.transcript import Transcript
from harness.verdict import Kind, Observation

_BEGUN = 4096
_LEAK = "CWE-401"  # what a program holds when it ends is no case's doing


class ProgramMonitor:
    """Reads the outputs of the bench's own process; there is nothing to set. A report may come in pieces.

    An exception of the program's own that it logs while it refuses a message is how it refuses: `blames_request` says
    of a reply on an interface whether it does, for what was asked. Nor is it a fault to log that we are gone.
    """

    name = "program"

    def __init__(self, blames_request: Mapping[str, Callable[[bytes], bool]] = MappingProxyType({})) -> None:
        self._blames_request = blames_request
        self._tail = b""

    def observe(self, case: TestCase, transcript: Transcript) -> Sequence[Observation]:
        """A crash for each sanitizer's report, a console alarm for each other kind of complaint."""
        if not transcript.console:
            return ()
        text = self._tail + b"".join(data for _time, data in transcript.console)
        told = complaints_in(text)
        self._tail = b"" if told else _begun(text)
        told = [one for one in told if one.weakness != _LEAK and not one.is_of_the_connection]
        if any(one.is_the_programs_own for one in told) and self._refused(case, transcript):
            told = [one for one in told if not one.is_the_programs_own]
        message = blamed(case, transcript)
        return [_observation(one, message, transcript) for one in told]

    def _refused(self, case: TestCase, transcript: Transcript) -> bool:
        """True where the device lives, and its replies say of a message of the case that it was wrong."""
        refuses = self._blames_request.get(case.interface)
        if refuses is None or transcript.probe_served is not True:
            return False
        return any(map(refuses, (reply for exchange in transcript.exchanges for reply in exchange.replies)))

    def state(self) -> bytes:
        """The end of the text so far, which may be the beginning of a report."""
        return self._tail

    def restore(self, state: Any) -> None:
        """Back to an earlier end."""
        self._tail = state


def _begun(text: bytes) -> bytes:
    """The end of what may be the beginning of a report."""
    return text[-_BEGUN:] if may_complain(text) else text[text.rfind(b"\n") + 1 :][-_BEGUN:]


def _observation(told: Complaint, message: str, transcript: Transcript) -> Observation:
    time = transcript.console[0][0]
    detail = {
        "message": message,
        "weakness": told.weakness,
        "frames": "; ".join(told.frames),
    }
    kind = Kind.CRASH if told.checked else Kind.CONSOLE
    kept = {key: words for key, words in detail.items() if words}
    return Observation(kind, "program", f"the program says: {told}", time, (told.what, told.place), detail=kept)
