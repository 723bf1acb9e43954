"""Runs callbacks that were written for boofuzz: on an edge at send time, and after a case."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from boofuzz.protocol_session import ProtocolSession

from harness.case import TestCase
from harness.errors import UsageError
from harness.interfaces import Conversation
from harness.transcript import Transcript
from harness.verdict import Kind, Observation

if TYPE_CHECKING:
    from fuzzers.session import DeviceSession


class Log:
    """Takes what a callback logs; `log_fail` and `log_error` are what it complains about."""

    def __init__(self) -> None:
        self.failures: list[str] = []

    def log_fail(self, description: str = "", *_: Any, **__: Any) -> None:
        """A check failed."""
        self.failures.append(str(description))

    def log_error(self, description: str = "", *_: Any, **__: Any) -> None:
        """Something went wrong."""
        self.failures.append(str(description))

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("_"):
            raise AttributeError(name)
        return _ignored


def _ignored(*_: Any, **__: Any) -> None:
    """log_info, log_check, log_pass, open_test_step and the rest: the transcript has it all."""


@dataclass(slots=True)
class CaseTarget:
    """What a callback gets as its target: it may read what came, but the campaign does the sending."""

    received: bytes

    def recv(self, max_bytes: int = 10_000) -> bytes:
        """What the device has sent, once."""
        taken, self.received = self.received[:max_bytes], self.received[max_bytes:]
        return taken

    def send(self, data: bytes) -> None:
        """Raises UsageError."""
        raise UsageError("a callback must not send; return the bytes, or make them a message of the graph")

    def open(self) -> None:
        """Nothing: the campaign opens links."""

    def close(self) -> None:
        """Nothing: the campaign closes links."""


@dataclass(frozen=True, slots=True)
class EdgeCallback:
    """A graph edge's callback as the executor calls it; values it sets stay for the rest of the conversation."""

    session: DeviceSession
    node: Any
    edge: Any

    def __call__(self, conversation: Conversation, data: bytes) -> bytes | None:
        """The bytes to send instead, or None; raises UsageError naming the edge when the callback fails."""
        session = self.session
        session.last_recv = conversation.last_received
        context = ProtocolSession(session_variables=conversation.values, current_message=self.node)
        target = session.case_target(conversation.last_received)
        try:
            answer: Any = self.edge.callback(
                target, session.log, session=session, node=self.node, edge=self.edge, test_case_context=context
            )
        except UsageError:
            raise
        except Exception as error:
            where = f"callback '{self.edge.callback.__name__}' before '{self.node.name}'"
            raise UsageError(f"{where}: {type(error).__name__}: {error}; correct the script") from error
        session.last_send = answer or data
        return bytes(answer) if answer else None


class AfterCase:
    """The monitor that runs a script's post_test_case_callbacks; what they log as failed is a finding's ground.

    A callback that raises is reported the same way and does not end the campaign.
    """

    name = "post_test_case_callbacks"

    def __init__(self, session: DeviceSession, callbacks: Sequence[Callable[..., Any]]) -> None:
        self._session = session
        self._callbacks = tuple(callbacks)

    def observe(self, case: TestCase, transcript: Transcript) -> Sequence[Observation]:
        """One observation for each complaint."""
        session = self._session
        session.last_recv = transcript.received
        session.last_send = transcript.exchanges[-1].sent if transcript.exchanges else b""
        found: list[Observation] = []
        for callback in self._callbacks:
            name = getattr(callback, "__name__", "callback")
            for complaint in self._run(callback, transcript):
                detail = (name, case.messages[-1] if case.messages else "")
                found.append(Observation(Kind.CONSOLE, self.name, complaint, transcript.ended, detail))
        return found

    def state(self) -> object:
        """Nothing is learned."""
        return None

    def restore(self, state: Any) -> None:
        """Nothing to restore."""

    def _run(self, callback: Callable[..., Any], transcript: Transcript) -> list[str]:
        log, session = Log(), self._session
        target = session.case_target(transcript.received)
        context = ProtocolSession()
        try:
            callback(target=target, fuzz_data_logger=log, session=session, sock=target, test_case_context=context)
        except Exception as error:  # noqa: BLE001  a user's callback must not end the campaign, whatever it raises
            log.log_error(f"{type(error).__name__}: {error}")
        return log.failures
