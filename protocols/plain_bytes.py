"""A device of whose protocol nobody has a definition: one message of bytes, and those of a capture beside it."""

from __future__ import annotations

import boofuzz

from harness.at_rest import AT_REST
from harness.case import Send
from harness.interfaces import Frame, State
from protocols.model import Edge, Message, Protocol
from protocols.wire import Wire

WANTS_PROBE = "protocol 'bytes' wants a probe, in hexadecimal digits: bytes?probe=0d0a"
_FIRST = b"hello\r\n"


class RestWire(Wire):
    """Of a device without a probe: its emulator says that it serves."""

    def answers(self, sent: bytes, frame: Frame) -> bool:
        """That it waits again answers the question whether it does, and nothing else."""
        return frame.data.endswith(AT_REST) != bool(sent) and super().answers(sent, frame)

    def expects_reply(self, sent: bytes) -> bool:
        """Nobody knows what such a device answers."""
        return False

    def served(self, frame: Frame) -> bool:
        """True when the emulator said so."""
        return frame.data.endswith(AT_REST)


def plain_bytes(probe: bytes) -> Protocol:
    """`probe` is a harmless message that the device answers in every state. An answer ends where the line is quiet.

    Without one it is for an emulated board that is inferred, which knows whether the firmware waits again. Give the
    interface `seeds` of a capture: each different message of it is bent, and its orders are played.
    """
    message = Message(
        boofuzz.Request("probe" if probe else "bytes", children=(boofuzz.Bytes("bytes", probe or _FIRST),))
    )
    return Protocol(
        name="bytes",
        messages={message.name: message},
        edges=(Edge("", message.name),),
        wire=Wire() if probe else RestWire(),
        states={"idle": State("idle", ())},
        probe=message.send() if probe else Send("at rest", b""),
        waits=(0.05, 1.0),
        may_close=True,
        blind=True,
    )
