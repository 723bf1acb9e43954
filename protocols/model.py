"""Messages, the graph that says which may follow which, and the Protocol that the engine talks through."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

import boofuzz

from harness.case import LiveField, Send, Step
from harness.errors import UsageError, did_you_mean
from harness.interfaces import Callback, Conversation, Frame, Identity, Mark, Part, Related, Resynchronization, State
from protocols.checksums import live_checksum
from protocols.dissect import code_of, composed, parts_of, texts_of
from protocols.render import Change, Layout
from protocols.wire import Wire, session_value

MAX_FIELD = 512
_REMEMBERED = 64  # buffers: what one case receives
QUIET = Resynchronization(0.1)


@dataclass(frozen=True, eq=False)
class Message:
    """One message. `live` maps field paths to resolver names; `ranges` gives the declared limits of integer fields.

    `variants` are other valid forms of the message: each a mapping of field to value. `needs` are messages that
    must go out right before it in any state (an upload's beginning before its part). `accepted_in` names the states
    in which the device takes it (empty: all); it is sent in the others too, but less often. `seeds` are the message
    with the values that a capture has; each says which `seed` of the bench's file it is. `places` are what the message
    can be said of in a device that is known: each a mapping as in `variants`, tried with every length it may carry.
    In a `stretching` one, live fields may come out longer or shorter than here; they are computed from the last to the
    first.
    """

    request: boofuzz.Request
    marks: frozenset[Mark] = frozenset()
    live: Mapping[str, str] = field(default_factory=dict[str, str])
    reply_expected: bool = True
    ranges: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    variants: tuple[Mapping[str, Any], ...] = ()
    needs: tuple[str, ...] = ()
    accepted_in: tuple[str, ...] = ()
    seeds: tuple[Message, ...] = ()
    seed: int = 0
    places: tuple[Mapping[str, Any], ...] = ()
    stretching: bool = False

    @property
    def name(self) -> str:
        """The Request's name."""
        return self.request.name

    @cached_property
    def layout(self) -> Layout:
        """The Request taken apart; raises UsageError where a live name does not fit."""
        return Layout(self.request, self.live, stretching=self.stretching)

    @cached_property
    def valid(self) -> tuple[Send, ...]:
        """The message as it stands, its variants, and the ends of each declared range: all valid, all sendable."""
        forms = [self.send(), *(self.send(**variant) for variant in self.variants)]
        for name, (low, high) in self.ranges.items():
            forms += [self.send(**{name: value}) for value in dict.fromkeys((low, high, (low + high) // 2))]
        return tuple(dict.fromkeys(forms))

    def shaped(self, data: bytes) -> Message:
        """The message in the form that `data` has, where its form is open; else the message itself."""
        return self

    def base(self, data: bytes) -> Message:
        """The seed whose bytes these are, or the message itself."""
        return next((seed for seed in self.seeds if seed.layout.default.data == data), self)

    def send(self, **values: Any) -> Send:
        """The step that sends the message, with some fields set to other valid values."""
        return self._step(self.layout.set(**values), False)

    def mutated(self, changes: Sequence[Change]) -> Send:
        """The step that sends the message with `changes` in it."""
        return self._step(changes, True)

    def _step(self, changes: Sequence[Change], mutated: bool) -> Send:
        rendered = self.layout.render(changes)
        return Send(self.name, rendered.data, rendered.live, rendered.spans, mutated)


@dataclass(frozen=True, slots=True)
class Edge:
    """`target` may follow `source` ("" is the start). `steps` happen between them: a key pressed, a wait.

    `callback` names an entry of `Protocol.callbacks` that runs at send time.
    """

    source: str
    target: str
    steps: tuple[Step, ...] = ()
    callback: str = ""


def edges_of(first: Iterable[str], chains: Iterable[tuple[str, str]] = ()) -> tuple[Edge, ...]:
    """Each of `first` may begin a conversation; of a pair in `chains` the second message may follow the first."""
    return (*(Edge("", name) for name in first), *(Edge(*chain) for chain in chains))


@dataclass(frozen=True)
class Protocol:
    """What is said on one interface; satisfies `harness.interfaces.WireProtocol`.

    `actions` are what happens besides messages (a key pressed and let go, a sensor that rises), by name; `waits` the
    pauses a sequence may make, `procedures` what the link's carrier does besides, `recorded` the orders in a capture.
    `max_len` bounds what one field grows to in bytes. `undo` brings a device that nothing resets back to rest, as far
    as messages can. `may_close`: a device may refuse a message by closing the connection. With `reconnect`, each case
    has a connection of its own, unless the bench says otherwise. `notes` are what `check` should tell of it. `related`
    knows of the bytes of a message what else is about the same place. Of a `blind` one nobody knows what its messages
    are made of. Times are seconds.
    """

    name: str
    messages: Mapping[str, Message]
    edges: tuple[Edge, ...]
    wire: Wire
    states: Mapping[str, State]
    probe: Send
    reply_timeout: float = 1.0
    resynchronization: Resynchronization = QUIET
    max_reply: int = 4096
    max_len: int = MAX_FIELD
    callbacks: Mapping[str, Callback] = field(default_factory=dict[str, Callback])
    actions: Mapping[str, tuple[Step, ...]] = field(default_factory=dict[str, tuple[Step, ...]])
    waits: tuple[float, ...] = (0.05, 1.0, 5.0)
    procedures: Mapping[str, tuple[Step, ...]] = field(default_factory=dict[str, tuple[Step, ...]])
    recorded: tuple[tuple[Send, ...], ...] = ()
    undo: tuple[Step, ...] = ()
    may_close: bool = False
    reconnect: bool = False
    notes: tuple[str, ...] = ()
    related: Callable[[bytes], Related | None] | None = None
    blind: bool = False

    def __post_init__(self) -> None:
        """Raises UsageError for a message, edge or callback that does not fit."""
        for name, message in self.messages.items():
            _check_name(self.name, name, message)
            for needed in message.needs:
                self.message(needed)
            for state in message.accepted_in:
                self.state(state)
        for edge in self.edges:
            self._check_edge(edge)

    @property
    def marks(self) -> Mapping[str, frozenset[Mark]]:
        """Marks by message."""
        return {name: message.marks for name, message in self.messages.items()}

    @property
    def usual(self) -> Mapping[str, Send]:
        """Messages as they stand."""
        return {name: message.send() for name, message in self.messages.items()}

    @property
    def framed(self) -> bool:
        """True when the wire knows where an answer ends."""
        return type(self.wire).split is not Wire.split

    def message(self, name: str) -> Message:
        """The message; raises UsageError with the nearest name."""
        try:
            return self.messages[name]
        except KeyError:
            known = did_you_mean(name, self.messages)
            raise UsageError(f"protocol '{self.name}' has no message '{name}'.{known}") from None

    def state(self, name: str) -> State:
        """The state; raises UsageError with the nearest name."""
        try:
            return self.states[name]
        except KeyError:
            known = did_you_mean(name, self.states)
            raise UsageError(f"protocol '{self.name}' has no state '{name}'.{known}") from None

    def edges_from(self, name: str) -> tuple[Edge, ...]:
        """The edges that leave a message, or the start for ""."""
        return self._outgoing.get(name, ())

    def path_to(self, name: str) -> tuple[Edge, ...]:
        """The shortest way from the start to a message; empty when no way leads there."""
        return self._paths.get(name, ())

    def lead_in(self, name: str) -> tuple[Send, ...]:
        """What the message needs right before it, with the callbacks of the edges between."""
        needs = self.message(name).needs
        pairs = zip(("", *needs), needs, strict=False)
        return tuple(self.follow(source, self.message(target).send()) for source, target in pairs)

    def follow(self, source: str, send: Send) -> Send:
        """The step, behind a message ("": the start), with the callback of the edge that leads there, if any."""
        edges = (edge for edge in self.edges_from(source) if edge.target == send.message)
        callback = next((edge.callback for edge in edges), "")
        return replace(send, callback=callback) if callback else send

    def in_place(self, send: Send) -> Send:
        """The step behind what its message needs, or at the start, with that edge's callback."""
        needs = self.message(send.message).needs
        return self.follow(needs[-1] if needs else "", send)

    def split(self, buffer: bytes) -> tuple[tuple[Frame, ...], bytes]:
        """Whole frames at the front of `buffer`, and the rest; executor and monitors ask for the same bytes."""
        return self._split(buffer)

    @cached_property
    def _split(self) -> Callable[[bytes], tuple[tuple[Frame, ...], bytes]]:
        return lru_cache(_REMEMBERED)(self.wire.split)

    def parts(self, send: Send) -> tuple[Part, ...] | None:
        """The fields that differ from the message as it stands; None for bytes that it does not know."""
        return parts_of(self.form(send), send) if send.message in self.messages else None

    def texts(self, send: Send) -> tuple[Part, ...]:
        """The usual fields of no fixed size that hold something: whatever can be left empty."""
        return texts_of(self.form(send), send)

    def composed(self, send: Send, parts: Sequence[Part]) -> Send:
        """The same message with only these fields unusual; raises UsageError for one that there is not."""
        return composed(self.form(send), send, parts)

    def form(self, send: Send) -> Message:
        """The message, or its first seed that has the fields that were sent where the message has them not."""
        message, names = self.message(send.message), {span.name for span in send.spans}
        return next((one for one in (message, *message.seeds) if names <= one.layout.extents.keys()), message)

    def meant(self, send: Send) -> str:
        """The message that a device takes the bytes for: another one where its code stands in the code's place."""
        field, names = self._code
        message = self.messages.get(send.message)
        given = message.layout.given(send.data, send.spans) if message else {}
        return names.get(given.get(field, b""), send.message)

    @cached_property
    def _code(self) -> tuple[str, Mapping[bytes, str]]:
        return code_of([message for message in self.messages.values() if not message.seed])

    def resolve(self, live: LiveField, data: bytes, conversation: Conversation) -> bytes:
        """The bytes of one live field; raises UsageError when the protocol cannot resolve it."""
        if live.name.startswith("session:"):
            return session_value(conversation, live.name[8:], live, data)
        if live.stop > live.start or "/" in live.name:
            found = self._checksum(live, data)
            if found is not None:
                return found
        return self.wire.resolve(live, data, conversation)

    def learn(self, frame: Frame, conversation: Conversation) -> bytes:
        """Takes what the next messages need; returns an answer to send at once or b""."""
        return self.wire.learn(frame, conversation)

    def answers(self, sent: bytes, frame: Frame) -> bool:
        """True when `frame` is the reply to `sent`."""
        return self.wire.answers(sent, frame)

    def expects_reply(self, sent: bytes) -> bool:
        """True when a device that serves must answer `sent`."""
        return self.wire.expects_reply(sent)

    def unfinished(self, sent: bytes) -> bytes:
        """The end of all that was sent on a connection which only begins a message; b"" where there is none."""
        return self.wire.unfinished(sent)

    def ends(self, frame: Frame) -> bool:
        """True when nothing more can be said on the connection on which the frame came: who asked closes it."""
        return self.wire.ends(frame)

    def served(self, frame: Frame) -> bool:
        """True when `frame` is the probe's proper answer."""
        return self.wire.served(frame)

    def identity(self, frame: Frame) -> Identity:
        """What the probe's answer says of the device."""
        return self.wire.identity(frame)

    def session_lapsed(self, frame: Frame) -> bool:
        """True when the reply says that the session is gone."""
        return self.wire.session_lapsed(frame)

    def refuses(self, reply: bytes) -> bool:
        """True when a reply says that what it answers was not carried out."""
        return any(self.wire.refuses(frame) for frame in self.split(reply)[0])

    def blames_request(self, reply: bytes) -> bool:
        """True when a reply refuses what was asked, and tells of no trouble of the device's own."""
        return any(self.wire.blames_request(frame) for frame in self.split(reply)[0])

    @property
    def judges_replies(self) -> bool:
        """True when it knows of something that a reply must be or that must be answered."""
        wire = type(self.wire)
        return self.related is not None or wire.wrong is not Wire.wrong or wire.demands is not Wire.demands

    def wrong(self, sent: bytes, reply: Frame) -> str:
        """Why the reply to `sent` cannot be right, or ""."""
        return self.wire.wrong(sent, reply)

    def demands(self, sent: bytes) -> bool:
        """True where the standard demands an answer to `sent`."""
        return self.wire.demands(sent)

    def around(self, sent: bytes) -> Related | None:
        """What else tells of the place that `sent` writes; None for what writes none."""
        return None if self.related is None else self.related(sent)

    def absent(self, reply: Frame) -> bool:
        """True when the reply says that there is no such place in the device."""
        return self.wire.absent(reply)

    def content(self, reply: Frame) -> bytes:
        """What a reply says, without what belongs to its request alone."""
        return self.wire.content(reply)

    def forbidden(self, messages: Sequence[str]) -> re.Pattern[bytes]:
        """A pattern that matches the outgoing stream as soon as it would carry one of `messages`."""
        for name in messages:
            if self.message(name).seed:
                raise UsageError(f"'{name}' is a seed, which cannot be told from other bytes; forbid a message instead")
        return self.wire.forbidden(messages)

    @cached_property
    def _outgoing(self) -> dict[str, tuple[Edge, ...]]:
        found: dict[str, tuple[Edge, ...]] = {}
        for edge in self.edges:
            found[edge.source] = (*found.get(edge.source, ()), edge)
        return found

    @cached_property
    def _paths(self) -> dict[str, tuple[Edge, ...]]:
        found: dict[str, tuple[Edge, ...]] = {}
        front: list[tuple[str, tuple[Edge, ...]]] = [("", ())]
        while front:
            name, path = front.pop(0)
            for edge in self.edges_from(name):
                if edge.target not in found:
                    found[edge.target] = (*path, edge)
                    front.append((edge.target, found[edge.target]))
        return found

    def _checksum(self, live: LiveField, data: bytes) -> bytes | None:
        covered = bytearray(data[live.start : live.stop])
        first = live.offset - live.start
        if 0 <= first < len(covered):
            covered[first : first + live.length] = bytes(min(live.length, len(covered) - first))
        if not live.name.startswith("checksum:"):
            return live_checksum(live.name, bytes(covered))
        qualified = live.name[9:]
        name = max((one for one in self.messages if qualified.startswith(f"{one}.")), key=len, default=qualified)
        primitive: Any = self.message(name).layout.leaf(qualified[len(name) + 1 :]).primitive
        return primitive._checksum(bytes(covered), None, None)

    def _check_edge(self, edge: Edge) -> None:
        for name in filter(None, (edge.source, edge.target)):
            self.message(name)
        if edge.callback and edge.callback not in self.callbacks:
            known = did_you_mean(edge.callback, self.callbacks)
            raise UsageError(f"protocol '{self.name}' has no callback '{edge.callback}'.{known}")


def messages_by_name(messages: Iterable[Message]) -> dict[str, Message]:
    """The mapping that `Protocol.messages` wants; raises UsageError when two have one name."""
    found: dict[str, Message] = {}
    for message in messages:
        if message.name in found:
            raise UsageError(f"two messages are named '{message.name}'; give each its own name")
        found[message.name] = message
    return found


def _check_message_name(name: str) -> None:
    """Raises UsageError for a name that could not be shown in a line."""
    if not name or not name.isprintable():
        raise UsageError(f"message name {name!r} must not be empty nor hold line breaks or control characters")


def _check_name(protocol: str, name: str, message: Message) -> None:
    _check_message_name(name)
    if name != message.name:
        raise UsageError(f"protocol '{protocol}': message '{message.name}' is filed under '{name}'")
