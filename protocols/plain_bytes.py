"""A device of whose protocol nobody has a definition: one message of bytes, and those of a capture beside it."""

from __future__ import annotations

import boofuzz

from harness.errors import UsageError
from harness.interfaces import State
from protocols.model import Edge, Message, Protocol
from protocols.wire import Wire


def plain_bytes(probe: bytes) -> Protocol:
    """`probe` is a harmless message that the device answers in every state. An answer ends where the line is quiet.

    Give the interface `seeds` of a capture: each different message of it is bent, and its orders are played.
    Raises UsageError without a probe.
    """
    if not probe:
        raise UsageError("protocol 'bytes' wants a probe, in hexadecimal digits: bytes?probe=0d0a")
    message = Message(boofuzz.Request("probe", children=(boofuzz.Bytes("bytes", probe),)))
    return Protocol(
        name="bytes",
        messages={message.name: message},
        edges=(Edge("", message.name),),
        wire=Wire(),
        states={"idle": State("idle", ())},
        probe=message.send(),
        waits=(0.05, 1.0),
        may_close=True,
    )
