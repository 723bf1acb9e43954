"""A session that was gone before the case began: the case tested less than it seems, so it is inconclusive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.case import Send, TestCase
from harness.interfaces import WireProtocol
from harness.transcript import Transcript
from harness.verdict import Kind, Observation


class SessionMonitor:
    """Looks at the first message of a case in a state that needs a session. A mutated one may well be refused."""

    name = "session"

    def __init__(self, protocol: WireProtocol, interface: str, states: frozenset[str]) -> None:
        self._protocol, self._interface, self._states = protocol, interface, states

    def observe(self, case: TestCase, transcript: Transcript) -> Sequence[Observation]:
        """A state that could not be reached, or a valid first message that is answered with 'no session'."""
        if case.interface != self._interface:
            return ()
        if not transcript.state_reached:
            proof = f" ({transcript.proof})" if transcript.proof else ""
            how = "run in another one" if transcript.exchanges else "not run"
            summary = f"state '{case.state}' could not be reached; the case was {how}{proof}"
            return (Observation(Kind.SESSION_LAPSED, self.name, summary, transcript.ended, (case.state,)),)
        if case.state in self._states and self._lapsed(case, transcript):
            summary = f"the session of state '{case.state}' had lapsed before the case"
            return (Observation(Kind.SESSION_LAPSED, self.name, summary, transcript.ended, (case.state,)),)
        return ()

    def _lapsed(self, case: TestCase, transcript: Transcript) -> bool:
        first = case.steps[0] if case.steps else None
        if not isinstance(first, Send) or first.mutated or not transcript.exchanges:
            return False
        split = self._protocol.split
        frames = (frame for reply in transcript.exchanges[0].replies for frame in split(reply)[0])
        return any(self._protocol.session_lapsed(frame) for frame in frames)

    def state(self) -> object:
        """Nothing is learned."""
        return None

    def restore(self, state: Any) -> None:
        """Nothing to restore."""
