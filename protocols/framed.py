"""A protocol of binary frames: its commands, what their replies say, and the few rules that are its own.

docs/protocol.md has one of ten messages in sixty lines.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import boofuzz

from harness.case import LiveField, Send
from harness.errors import UsageError, did_you_mean
from harness.interfaces import Conversation, Frame, FrameKind, Identity, Mark, State
from protocols.checksums import Order
from protocols.framing import BODY, CODE, COUNTER, Framing
from protocols.model import Message, Protocol, edges_of, messages_by_name
from protocols.wire import Fields, LazyFields, Wire, counted, stray

Test = Callable[[Fields], bool]
Sends = Callable[..., Send]


def _never(_fields: Fields) -> bool:
    return False


@dataclass(frozen=True)
class Command:
    """One message: its code, the fields of its body, and what a reply to it says.

    `says` lists the reply's fields, each `name:format` with a letter of `struct` (`state:B rate:H serial:8s`), in the
    order of bytes of the protocol unless the format begins with `<` or `>`; `name:*` is the rest. What is not there is
    left out. `options` are those of a `Message`: marks, ranges, accepted_in, needs.
    """

    name: str
    code: int
    fields: tuple[boofuzz.Fuzzable, ...] = ()
    says: str = ""
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


def command(
    name: str,
    code: int,
    *fields: boofuzz.Fuzzable,
    says: str = "",
    marks: Sequence[Mark] = (),
    **options: Any,
) -> Command:
    """A `Command`, with its fields in a row and the options of a `Message` by name."""
    return Command(name, code, fields, says, {"marks": frozenset(marks), **options})


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a protocol says besides its layout and commands.

    `says` has the fields of frames, by code, that answer any command: an acknowledgement, a refusal; those with a field
    named `code` answer the command that has it. `reports` are frames that come unasked. `refuses` and `lapsed` tell
    by a reply's fields that nothing was done, and that the session is gone. A reply field in `learns` is kept, and
    fills the fields of that name in messages. `identity` are a model, and the names of the fields that hold the serial
    number and the firmware's version. `order` is that of bytes in what replies say.
    """

    says: Mapping[int, str] = field(default_factory=dict[int, str])
    reports: Mapping[int, str] = field(default_factory=dict[int, str])
    refuses: Test = _never
    lapsed: Test = _never
    learns: tuple[str, ...] = ()
    identity: tuple[str, str, str] = ("", "", "")
    order: Order = "big"


class FramedWire(Wire):
    """Frames with a right checksum; a reply has the command's code, or says it, and the same counter."""

    def __init__(self, framing: Framing, commands: Sequence[Command], probe: str, rules: Rules) -> None:
        self._framing, self._rules = framing, rules
        self._codes = {command.name: command.code for command in commands}
        self._says = {framing.reply(command.code): command.says for command in commands if command.says}
        self._says |= {**rules.says, **rules.reports}
        self._probe = self._codes[probe]
        for says in self._says.values():
            read(says, b"", rules.order)

    def split(self, buffer: bytes) -> tuple[tuple[Frame, ...], bytes]:
        """Whole frames, what is between them as stray bytes, and the rest."""
        frames: list[Frame] = []
        begin = at = 0
        while (at := buffer.find(self._framing.start[:1], at)) >= 0:
            size = self._framing.size(buffer, at)
            if size is None:
                break
            if size:
                frames += [*stray(buffer[begin:at]), self._frame(buffer[at : at + size])]
                begin = at + size
            at += size or 1
        at = len(buffer) if at < 0 else at
        return (*frames, *stray(buffer[begin:at])), buffer[at:]

    def _frame(self, data: bytes) -> Frame:
        unasked = self._framing.number(CODE, data) in self._rules.reports
        return Frame(FrameKind.UNSOLICITED if unasked else FrameKind.REPLY, data, LazyFields(self._read, data))

    def _read(self, data: bytes) -> Fields:
        says = self._says.get(self._framing.number(CODE, data), "")
        return read(says, self._framing.said(data), self._rules.order)

    def resolve(self, live: LiveField, data: bytes, conversation: Conversation) -> bytes:
        """The counter, one more than before."""
        if live.name != COUNTER:
            return super().resolve(live, data, conversation)
        number = counted(conversation, COUNTER, live.length)
        return number if self._framing.by_name[COUNTER].order == "big" else number[::-1]

    def learn(self, frame: Frame, conversation: Conversation) -> bytes:
        """What later messages need of a reply that does not refuse."""
        if frame.kind is FrameKind.REPLY and not self.refuses(frame):
            kept = {name: frame.fields[name] for name in self._rules.learns if name in frame.fields}
            conversation.values.update(kept)
        return super().learn(frame, conversation)

    def answers(self, sent: bytes, frame: Frame) -> bool:
        """A reply of the command's, or one that says its code; to bytes that are no frame, any reply."""
        if frame.kind is not FrameKind.REPLY or frame.data == sent or not self._framing.size(sent):
            return super().answers(sent, frame)
        framing, asked = self._framing, self._framing.number(CODE, sent)
        if COUNTER in framing.by_name and framing.number(COUNTER, sent) != framing.number(COUNTER, frame.data):
            return False
        return self._is_about(asked, frame)

    def _is_about(self, asked: int, frame: Frame) -> bool:
        number = self._framing.number(CODE, frame.data)
        if number in self._rules.says:
            return frame.fields.get(CODE, asked) == asked
        return number == self._framing.reply(asked)

    def expects_reply(self, sent: bytes) -> bool:
        """Only a right frame must be answered."""
        return bool(self._framing.size(sent))

    def served(self, frame: Frame) -> bool:
        """A reply to the probe that does not refuse."""
        if frame.kind is not FrameKind.REPLY or not self._framing.size(frame.data):
            return False
        return self._is_about(self._probe, frame) and not self.refuses(frame)

    def refuses(self, frame: Frame) -> bool:
        """As the protocol's rules say."""
        return frame.kind is FrameKind.REPLY and self._rules.refuses(frame.fields)

    def session_lapsed(self, frame: Frame) -> bool:
        """As the protocol's rules say."""
        return frame.kind is FrameKind.REPLY and self._rules.lapsed(frame.fields)

    def identity(self, frame: Frame) -> Identity:
        """Model, serial number and firmware, as far as the answer has them."""
        model, serial, firmware = self._rules.identity
        return Identity(model, str(frame.fields.get(serial, "")), str(frame.fields.get(firmware, "")))

    def forbidden(self, messages: Sequence[str]) -> re.Pattern[bytes]:
        """A start and, where the code stands, one of theirs: right length and checksum or not."""
        if not messages:
            return super().forbidden(())
        return self._framing.pattern(self._codes[name] for name in messages)


def framed(
    name: str,
    framing: Framing,
    commands: Sequence[Command],
    *,
    probe: str,
    states: Callable[[Sends], Sequence[State]] = lambda _send: (State("idle", (), {}),),
    chains: Sequence[tuple[str, str]] = (),
    rules: Rules = Rules(),
    **options: Any,
) -> Protocol:
    """The protocol. `probe` names the command that asks whether the device serves; `options` are those of `Protocol`.

    `states` makes them of a function that sends a command: `send("heat", on=0)`. Each command may begin a conversation;
    of a pair in `chains` the second may follow the first. Raises UsageError for what does not fit.
    """
    messages = messages_by_name(_message(framing, one, rules.learns) for one in commands)
    if probe not in messages:
        raise UsageError(f"protocol '{name}' has no command '{probe}' to ask.{did_you_mean(probe, messages)}")

    def send(command: str, **values: Any) -> Send:
        return messages[command].send(**values)

    return Protocol(
        name=name,
        messages=messages,
        edges=edges_of(messages, chains),
        wire=FramedWire(framing, commands, probe, rules),
        states={state.name: state for state in states(send)},
        probe=messages[probe].send(),
        **options,
    )


def _message(framing: Framing, one: Command, learns: Sequence[str]) -> Message:
    live = {f"{BODY}.{part.name}": f"session:{part.name}" for part in one.fields if part.name in learns}
    if COUNTER in framing.by_name:
        live[COUNTER] = COUNTER
    return Message(framing.request(one.name, one.code, one.fields), live=live, **one.options)


def read(says: str, data: bytes, order: Order = "big") -> dict[str, int | str | bytes]:
    """The fields of a body as far as they are there, by name; raises UsageError for a format that is none."""
    found: dict[str, int | str | bytes] = {}
    for name, form in _forms(says, order):
        if form is None:
            found[name] = data
            break
        if len(data) < form.size:
            break
        (value,) = form.unpack_from(data)
        found[name] = value.rstrip(b"\0 ").decode("latin-1") if isinstance(value, bytes) else value
        data = data[form.size :]
    return found


@lru_cache
def _forms(says: str, order: Order) -> tuple[tuple[str, struct.Struct | None], ...]:
    return tuple(_form(word, order) for word in says.split())


def _form(word: str, order: Order) -> tuple[str, struct.Struct | None]:
    name, _, letter = word.partition(":")
    prefix = "" if letter[:1] in ("<", ">") else "<" if order == "little" else ">"
    try:
        form = None if letter == "*" else struct.Struct(prefix + letter)
        if not name or (form is not None and len(form.unpack(bytes(form.size))) != 1):
            raise struct.error
    except struct.error:
        raise UsageError(f"'{word}' is no field: write name:format, one letter of struct, or *") from None
    return name, form
