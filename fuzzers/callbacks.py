"""Runs callbacks that were written for boofuzz: on an edge at send time, and after a case."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from boofuzz.protocol_session import ProtocolSession

from harness.case import TestCase
from harness.errors import MedfuzzError, UsageError
from harness.interfaces import Conversation
from harness.own import own_error
from harness.transcript import Transcript
from harness.verdict import Kind, Observation

if TYPE_CHECKING:
    from fuzzers.session import DeviceSession


Arguments = tuple[tuple[Any, ...], dict[str, Any]]


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
        """The bytes to send instead, or None; raises OwnError naming edge, file and line when the callback fails."""
        session = self.session
        session.last_recv = conversation.last_received
        context = ProtocolSession(session_variables=conversation.values, current_message=self.node)
        target = session.case_target(conversation.last_received)
        try:
            given = {"session": session, "node": self.node, "edge": self.edge, "test_case_context": context}
            answer: Any = call(self.edge.callback, target, session.log, **given)
        except MedfuzzError:
            raise
        except (Exception, SystemExit) as error:
            raise own_error(error, f"callback '{_name(self.edge.callback)}' before '{self.node.name}'") from error
        session.last_send = answer or data
        return bytes(answer) if answer else None


class AfterCase:
    """The monitor that runs a script's post_test_case_callbacks; what they log as failed is a finding's ground.

    A callback that raises is the script's own trouble: OwnError, and no finding.
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
            name = _name(callback)
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
        given = {"target": target, "fuzz_data_logger": log, "session": session, "sock": target}
        try:
            call(callback, **given, test_case_context=context)
        except MedfuzzError:
            raise
        except (Exception, SystemExit) as error:
            raise own_error(error, f"callback '{_name(callback)}' after a case") from error
        return log.failures


def call(callback: Callable[..., Any], *placed: Any, **named: Any) -> Any:
    """Call it as boofuzz does; one that cannot be called so gets what it takes, by name, else by place."""
    takes = inspect.signature(callback)
    try:
        takes.bind(*placed, **named)
    except TypeError:
        placed, named = _fitted(takes, placed, named)
    return callback(*placed, **named)


def _fitted(takes: inspect.Signature, placed: Sequence[Any], named: Mapping[str, Any]) -> Arguments:
    """Parameters with boofuzz's names get what these stand for; the others, in order, what is left."""
    wanted = [one for one in takes.parameters.values() if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    names = [one.name for one in wanted]
    left = iter([*placed, *(value for name, value in named.items() if name not in names)])
    given = [named[one.name] if one.name in named else next(left, one.default) for one in wanted]
    return tuple(value for value in given if value is not inspect.Parameter.empty), {}


def _name(callback: Callable[..., Any]) -> str:
    return getattr(callback, "__name__", type(callback).__name__)
