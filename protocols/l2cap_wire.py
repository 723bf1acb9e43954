"""L2CAP on the wire: signalling commands with identifiers, and whole frames whose channel says what they carry."""

from __future__ import annotations

from collections.abc import Mapping

from harness.case import LiveField
from harness.interfaces import Conversation, Frame, FrameKind
from protocols.att_wire import AttWire
from protocols.smp_wire import SmpWire
from protocols.wire import Fields, LazyFields, Wire

HEAD = 4
REJECT, CREDIT = 0x01, 0x16
RESPONSES = frozenset({0x03, 0x05, 0x07, 0x09, 0x0B, 0x0D, 0x0F, 0x11, 0x13, 0x15, 0x18, 0x1A})
REJECTED = {0: "not understood", 1: "MTU exceeded", 2: "invalid CID"}
ATT, SIGNALLING, SMP = 4, 5, 6
TOP = 0xFF


class SignallingWire(Wire):
    """One command at a time: code, identifier, length, data (Core 5.4 vol 3 part A 4)."""

    def split(self, buffer: bytes) -> tuple[tuple[Frame, ...], bytes]:
        """One command; requests come unasked, and what is too short for a command is stray."""
        if not buffer:
            return (), b""
        kind = FrameKind.REPLY if buffer[0] in RESPONSES or buffer[0] == REJECT else FrameKind.UNSOLICITED
        kind = kind if len(buffer) >= HEAD else FrameKind.STRAY
        return (Frame(kind, buffer, LazyFields(parse_command, buffer)),), b""

    def resolve(self, live: LiveField, data: bytes, conversation: Conversation) -> bytes:
        """The next identifier, 1 to 255."""
        if live.name != "identifier":
            return super().resolve(live, data, conversation)
        value = int(conversation.values.get("identifier", 0)) % TOP + 1
        conversation.values["identifier"] = value
        return value.to_bytes(live.length, "little")

    def answers(self, sent: bytes, frame: Frame) -> bool:
        """A response or reject with the same identifier."""
        if frame.kind is not FrameKind.REPLY or len(sent) < 2:
            return False
        return frame.data[1] == sent[1] and frame.data[0] in (REJECT, sent[0] + 1)

    def refuses(self, frame: Frame) -> bool:
        """A command reject."""
        return frame.data[:1] == bytes([REJECT])

    def expects_reply(self, sent: bytes) -> bool:
        """Every whole request, known or not: the least answer is a reject."""
        if len(sent) < HEAD or int.from_bytes(sent[2:HEAD], "little") != len(sent) - HEAD:
            return False
        return sent[1] != 0 and sent[0] not in RESPONSES and sent[0] not in (REJECT, CREDIT)

    def served(self, frame: Frame) -> bool:
        """Any answer."""
        return frame.kind is FrameKind.REPLY


def parse_command(command: bytes) -> Fields:
    """Code and identifier, and why a command was rejected or what became of a request for a channel."""
    fields: Fields = {"code": command[0], "identifier": command[1]}
    if command[0] == REJECT:
        reason = int.from_bytes(command[4:6], "little")
        return {**fields, "reason": REJECTED.get(reason, f"reason {reason}")}
    if command[0] == 0x15:
        return {**fields, "result": int.from_bytes(command[12:14], "little")}
    return {**fields, "value": command[HEAD:]}


class L2capWire(Wire):
    """Whole frames: length, channel, and what the channel's own wire makes of the rest."""

    def __init__(self) -> None:
        self._channels: Mapping[int, Wire] = {ATT: AttWire(), SIGNALLING: SignallingWire(), SMP: SmpWire()}

    def _inner(self, data: bytes) -> Wire | None:
        """The wire of a whole frame's channel."""
        whole = len(data) > HEAD and int.from_bytes(data[:2], "little") == len(data) - HEAD
        return self._channels.get(int.from_bytes(data[2:HEAD], "little")) if whole else None

    def _inside(self, data: bytes) -> Frame | None:
        wire = self._inner(data)
        return wire.split(data[HEAD:])[0][0] if wire else None

    def split(self, buffer: bytes) -> tuple[tuple[Frame, ...], bytes]:
        """One frame, of the kind that its channel says; on an unknown channel it comes unasked."""
        if not buffer:
            return (), b""
        inside = self._inside(buffer)
        kind = inside.kind if inside else FrameKind.UNSOLICITED if len(buffer) >= HEAD else FrameKind.STRAY
        return (Frame(kind, buffer, inside.fields if inside else {}),), b""

    def resolve(self, live: LiveField, data: bytes, conversation: Conversation) -> bytes:
        """Identifiers, as for signalling."""
        return self._channels[SIGNALLING].resolve(live, data, conversation)

    def learn(self, frame: Frame, conversation: Conversation) -> bytes:
        """What the channel has to answer at once goes out in a frame of it."""
        conversation.last_received = frame.data
        wire, inside = self._inner(frame.data), self._inside(frame.data)
        said = wire.learn(inside, conversation) if wire and inside else b""
        return len(said).to_bytes(2, "little") + frame.data[2:HEAD] + said if said else b""

    def answers(self, sent: bytes, frame: Frame) -> bool:
        """As the channel says, where both went over the same one."""
        wire, inside = self._inner(sent), self._inside(frame.data)
        same = sent[2:HEAD] == frame.data[2:HEAD]
        return bool(wire and inside and same and wire.answers(sent[HEAD:], inside))

    def expects_reply(self, sent: bytes) -> bool:
        """A right length, and a message that the channel has to answer."""
        wire = self._inner(sent)
        return wire is not None and wire.expects_reply(sent[HEAD:])

    def served(self, frame: Frame) -> bool:
        """The probe went over ATT."""
        wire, inside = self._inner(frame.data), self._inside(frame.data)
        return isinstance(wire, AttWire) and inside is not None and wire.served(inside)
