"""HL7 v2 over MLLP where the device sends: we are the application that receives, and fuzz what we acknowledge with.

The device's own messages are what there is to wait for: `device_message` and the probe send nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import boofuzz

from harness.case import LiveField, Send
from harness.interfaces import Conversation, Frame, FrameKind, Resynchronization, State
from protocols.hl7_segments import message, segment
from protocols.hl7_wire import END, START, Hl7Wire, acknowledged, segments_of
from protocols.model import Edge, Message, Protocol, messages_by_name

DEVICE_MESSAGE, PROBE = "device_message", "device_message_awaited"
ANSWERED, GO_ON = "answered_id", "go_on"
MESSAGE = "message"
HEADER = {
    3: "GATEWAY",
    4: "HOSPITAL",
    5: "DEVICE",
    6: "HOSPITAL",
    7: "20260101120000",
    9: "ACK^R01^ACK",
    10: "MSG00001",
    11: "P",
    12: "2.5",
}
REASON = "Unknown key identifier"
_LONGEST_ID = 199
_OUTRIGHT = b"MSH|^~\\&|GATEWAY|HOSPITAL|DEVICE|HOSPITAL|20260101120000||ACK|%s|P|2.5\rMSA|AA|%s\r"


class Hl7ListenerWire(Hl7Wire):
    """Blocks with a header and no acknowledgement are the device's own messages; the last one is what we answer."""

    def resolve(self, live: LiveField, data: bytes, conversation: Conversation) -> bytes:
        """The control id of the device's last message; what is said where it does not go on."""
        if live.name == ANSWERED:
            return identifier(conversation.connected.get(MESSAGE, b"")) or data[live.offset : live.offset + live.length]
        return self._go_on(conversation) if live.name == GO_ON else super().resolve(live, data, conversation)

    def _go_on(self, conversation: Conversation) -> bytes:
        """A right acknowledgement, for which a device may wait for long; nothing before it has said anything."""
        told = identifier(conversation.connected.get(MESSAGE, b""))
        return START + _OUTRIGHT % (told, told) + END if told else b""

    def learn(self, frame: Frame, conversation: Conversation) -> bytes:
        """Keeps the device's last message; what acknowledges it is a message of ours."""
        super().learn(frame, conversation)
        if self.served(frame):
            conversation.connected[MESSAGE] = frame.data
        return b""

    def answers(self, sent: bytes, frame: Frame) -> bool:
        """A device's message: it goes on, with the next one or with the same again."""
        return frame.kind is FrameKind.REPLY and frame.data != sent and _is_own(frame.data)

    def expects_reply(self, sent: bytes) -> bool:
        """A device that waits for nothing sends its next message; one that has had its answer, too."""
        return not sent or (sent.startswith(START) and sent.endswith(END) and acknowledged(sent) is not None)

    def wrong(self, sent: bytes, frame: Frame) -> str:
        """Nothing: what a device sends by itself is its own affair."""
        return ""

    def demands(self, sent: bytes) -> bool:
        """Nothing of ours wants an answer."""
        return False

    def served(self, frame: Frame) -> bool:
        """A whole message of the device's own."""
        return frame.kind is FrameKind.REPLY and _is_own(frame.data)

    def refuses(self, frame: Frame) -> bool:
        """Never: there is no such answer."""
        return False

    def forbidden(self, messages: Sequence[str]) -> re.Pattern[bytes]:
        """An acknowledgement's code behind its segment's name; what sends nothing is in no stream."""
        return super().forbidden([name for name in messages if name != DEVICE_MESSAGE])


def identifier(data: bytes) -> bytes:
    """MSH-10 of a block, as it stands there; b"" where there is none."""
    header = segments_of(data).first("MSH")
    told = header[9].strip().encode() if len(header) > 9 else b""
    return told[:_LONGEST_ID]


def _is_own(data: bytes) -> bool:
    return acknowledged(data) is None and bool(segments_of(data).first("MSH"))


def _acknowledgement(name: str, code: str) -> Message:
    """An ACK with this code of the device's last message; two live fields: our own control id, and the device's."""
    refused = code[1:] != "A"
    answer = segment("MSA", {1: code, 2: "MSG00001", 3: REASON if refused else ""})
    error = segment("ERR", {2: "PID^1^3", 3: f"204^{REASON}", 4: "E", 8: "No such patient"})
    return message(
        name,
        segment("MSH", HEADER),
        answer,
        *((error,) if refused else ()),
        live={"message.MSA.2": ANSWERED},
        needs=(DEVICE_MESSAGE,),
        reply_expected=False,
    )


CODES = {
    "accept": "AA",
    "error": "AE",
    "reject": "AR",
    "commit_accept": "CA",
    "commit_error": "CE",
    "commit_reject": "CR",
}
MESSAGES = messages_by_name(
    (
        Message(boofuzz.Request(DEVICE_MESSAGE, children=()), live={}),
        *(_acknowledgement(name, code) for name, code in CODES.items()),
    )
)
CHAINS = (("commit_accept", "accept"), ("commit_accept", "error"), ("accept", "accept"), ("error", "accept"))

PROTOCOL = Protocol(
    name="hl7_listener",
    messages=MESSAGES,
    edges=(
        Edge("", DEVICE_MESSAGE),
        *(Edge(DEVICE_MESSAGE, name) for name in CODES),
        *(Edge(*chain) for chain in CHAINS),
    ),
    wire=Hl7ListenerWire({name: f"MSA^{code}" for name, code in CODES.items()}),
    states={"idle": State("idle", ())},
    probe=Send(PROBE, b"", (LiveField(GO_ON, 0, 0),)),
    reply_timeout=5.0,
    resynchronization=Resynchronization(0.1),
    max_reply=1 << 16,
    may_close=True,
)
