"""Runs callbacks that were written for boofuzz: before a case, on an edge at send time, and after a case."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from boofuzz.exception import BoofuzzError, BoofuzzFailure
from boofuzz.protocol_session import ProtocolSession

from harness.case import TestCase
from harness.errors import GuardRefused, LinkError, MedfuzzError, OwnError
from harness.interfaces import Conversation, Socket
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


@dataclass(frozen=True, slots=True)
class Complaint:
    """What a callback found wrong with the device."""

    callback: str
    text: str


@dataclass(slots=True)
class Turn:
    """One callback's turn on the link; what it complains about is kept by the session."""

    session: DeviceSession
    socket: Socket
    unread: bytes = b""

    def take(self, callback: Callable[..., Any], where: str, *placed: Any, **named: Any) -> Any:
        """What the callback returns; raises OwnError naming its line, and LinkError, GuardRefused of what it sends."""
        session, name = self.session, name_of(callback)
        try:
            with (
                session.home.entered() if session.home else nullcontext(),
                session.case_target.on(self.socket, self.unread),
            ):
                return call(callback, *placed, **named)
        except GuardRefused:
            session.log.failures.clear()
            session.complaints.clear()  # the case is withheld, and nobody will ask for them
            raise
        except MedfuzzError:
            raise
        except BoofuzzFailure as failure:
            session.complaints.append(Complaint(name, failure.message or type(failure).__name__))
        except BoofuzzError as error:
            if isinstance(error.__cause__, LinkError):
                raise error.__cause__ from error
            raise own_error(error, f"callback '{name}' {where}") from error
        except (Exception, SystemExit) as error:
            raise own_error(error, f"callback '{name}' {where}") from error
        finally:
            session.complaints += [Complaint(name, text) for text in session.log.failures]
            session.log.failures.clear()
        return None


@dataclass(frozen=True, slots=True)
class BeforeCase:
    """Runs pre_send_callbacks, and `pre_send` of a script's own monitors, before a case sends anything."""

    session: DeviceSession

    def __call__(self, conversation: Conversation, _data: bytes, socket: Socket) -> None:
        """Raises OwnError, LinkError, GuardRefused."""
        session = self.session
        session.last_recv = conversation.last_received
        session.total_mutant_index += 1
        turn, target, log = Turn(session, socket), session.case_target, session.log
        for callback in session.pre_send:
            turn.take(callback, "before a case", target=target, fuzz_data_logger=log, session=session, sock=target)
        for monitor in session.monitors:
            turn.take(monitor.pre_send, "before a case", target=target, fuzz_data_logger=log, session=session)


@dataclass(frozen=True, slots=True)
class EdgeCallback:
    """A graph edge's callback as the executor calls it; values it sets stay for the rest of the conversation."""

    session: DeviceSession
    edge: Any

    def __call__(self, conversation: Conversation, data: bytes, socket: Socket) -> bytes | None:
        """The bytes to send instead, or None; raises OwnError naming edge, file and line, LinkError, GuardRefused.

        boofuzz mutates the last message only, so that a callback may count on a right answer to the edge's first. Where
        that was mutated, or another went before, one that fails is no fault, and the message goes out as it stands.
        """
        session, edge = self.session, self.edge
        before, node = session.nodes[edge.src], session.nodes[edge.dst]
        session.last_recv, session.fuzz_node = socket.last_received, node
        context = ProtocolSession(conversation.values, before, node)
        unread = b"" if session.reads_answers else socket.last_received
        given = {"session": session, "node": node, "edge": edge, "test_case_context": context}
        where = f"before '{node.name}'"
        turn = Turn(session, socket, unread)
        try:
            answer: Any = turn.take(edge.callback, where, session.case_target, session.log, **given)
        except OwnError:
            before_it = [] if before is session.root else [before.name]
            if not socket.mutated and list(socket.messages[-1:]) == before_it:
                raise
            answer = None
        if not answer:
            session.last_send = data
            return None
        if not isinstance(answer, bytes | bytearray):
            kind = type(answer).__name__
            raise OwnError(f"callback '{name_of(edge.callback)}' {where} returns {kind}, not bytes; correct the script")
        session.last_send = bytes(answer)
        return session.last_send


class AfterCase:
    """Runs post_test_case_callbacks at the end of a case; as a monitor, it tells what any callback complained about.

    A callback that raises is the script's own trouble: OwnError, and no finding. It is told once the device is known
    to serve, because a callback may well fail on a device that is gone.
    """

    name = "post_test_case_callbacks"

    def __init__(self, session: DeviceSession) -> None:
        self._session = session
        self._error: OwnError | None = None

    def __call__(self, conversation: Conversation, _data: bytes, socket: Socket) -> None:
        """Raises LinkError and GuardRefused of what a callback sends."""
        session = self._session
        session.last_recv, session.last_send = socket.last_received, socket.last_sent
        context = ProtocolSession(conversation.values, *session.last_two(socket.messages))
        unread = b"" if session.reads_fuzzed else socket.last_received
        turn, target = Turn(session, socket, unread), session.case_target
        given = {"target": target, "fuzz_data_logger": session.log, "session": session}
        try:
            for callback in session.post_test_case:
                turn.take(callback, "after a case", **given, sock=target, test_case_context=context)
            for monitor in session.monitors:
                if turn.take(monitor.post_send, "after a case", **given) is False:
                    session.complaints.append(Complaint(name_of(monitor), _synopsis(monitor)))
        except OwnError as error:
            self._error = error

    def observe(self, case: TestCase, transcript: Transcript) -> Sequence[Observation]:
        """One observation for each complaint; raises OwnError where a callback failed although the device serves."""
        complaints, self._session.complaints = self._session.complaints, []
        error, self._error = self._error, None
        if error and not (transcript.events or transcript.link_error or transcript.probe_served is False):
            raise error
        last = case.messages[-1] if case.messages else ""
        return [
            Observation(Kind.CONSOLE, self.name, one.text, transcript.ended, (one.callback,), blames=last)
            for one in complaints
        ]

    def state(self) -> object:
        """Nothing is learned."""
        return None

    def restore(self, state: Any) -> None:
        """Nothing to restore."""


def _synopsis(monitor: Any) -> str:
    return str(monitor.get_crash_synopsis() or "the script's monitor says that the device has failed")


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


def name_of(callback: object) -> str:
    """What people call it."""
    return getattr(callback, "__name__", type(callback).__name__)
