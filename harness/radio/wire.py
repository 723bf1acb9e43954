"""The socket between harness and radio: length-prefixed messages, raw bytes for PDUs, JSON for everything else."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator, Mapping
from enum import IntEnum
from typing import Any, NamedTuple, cast

VERSION = 2
CONTROL = "unix:radio"
_HEAD = struct.Struct("<IBH")
LONGEST = 1 << 20
Words = Mapping[str, Any]


class Kind(IntEnum):
    """What a message carries. PDU: CID u16 (little endian) and the payload. FRAME: a whole L2CAP frame with its header.

    FRAGMENT: packet boundary flag u8 and the bytes of one ACL packet. ASK, ANSWER and EVENT: JSON objects.
    """

    ASK = 1
    ANSWER = 2
    EVENT = 3
    PDU = 4
    FRAME = 5
    FRAGMENT = 6


Received = Callable[[Kind, int, bytes], None]
Told = Callable[[str, Words], None]
Heard = Callable[[Words], None]


class Message(NamedTuple):
    """One message; `connection` is the radio's number of the connection that it belongs to, or 0."""

    kind: int
    connection: int
    body: bytes

    @property
    def words(self) -> dict[str, Any]:
        """The JSON object of an ASK, ANSWER or EVENT; raises ValueError."""
        found: Any = json.loads(self.body)
        if not isinstance(found, dict):
            raise ValueError("not an object")
        return cast("dict[str, Any]", found)


def packed(kind: Kind, connection: int, body: bytes) -> bytes:
    """A message's bytes."""
    return _HEAD.pack(len(body), kind, connection) + body


def spoken(kind: Kind, words: Words, connection: int = 0) -> bytes:
    """A JSON message's bytes."""
    return packed(kind, connection, json.dumps(words).encode())


class Unpacker:
    """Messages out of a byte stream. Raises ValueError for one that is longer than `LONGEST`."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> Iterator[Message]:
        """The messages that are complete with `data`."""
        buffer, at = self._buffer + data, 0
        while len(buffer) - at >= _HEAD.size:
            length, kind, connection = _HEAD.unpack_from(buffer, at)
            if length > LONGEST:
                raise ValueError(f"a message of {length} bytes")
            end = at + _HEAD.size + length
            if end > len(buffer):
                break
            yield Message(kind, connection, buffer[at + _HEAD.size : end])
            at = end
        self._buffer = buffer[at:]
