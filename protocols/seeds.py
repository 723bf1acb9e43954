"""Puts a seeds file into a protocol: captured messages as further bases of its own, and recorded orders."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import boofuzz

from harness.case import Send
from harness.errors import UsageError
from harness.seeds import Seed, SeedsFile
from protocols.model import Message, Protocol
from protocols.recognize import HANDLE, taken_for, with_values

_LINE = re.compile(rb"([ -~]+)([\r\n]+)")
_PIECES, _MOST_PIECES = re.compile(rb"[A-Za-z0-9_]+|[^A-Za-z0-9_]+"), 12


def seeded(protocol: Protocol, file: SeedsFile, where: Path) -> Protocol:
    """The protocol with seeds: those of a known message become its bases, others are messages `seed_N` of bytes.

    Raises UsageError, naming `where`, for a seed that is not of the form of its message.
    """
    made = [_message(protocol, number, seed, where) for number, seed in enumerate(file.seed, 1)]
    messages = {name: _with_seeds(message, made) for name, message in protocol.messages.items()}
    messages |= {message.name: message for message in made if message.name not in messages}
    larger = replace(protocol, messages=messages)
    return replace(larger, recorded=tuple(_walk(larger, made, walk.seeds) for walk in file.walk if walk.seeds))


def _with_seeds(message: Message, made: Sequence[Message]) -> Message:
    own = tuple(seed for seed in made if seed.name == message.name)
    return replace(message, seeds=own) if own else message


def _message(protocol: Protocol, number: int, seed: Seed, where: Path) -> Message:
    if not seed.message:
        return Message(_bytes(f"seed_{number}", seed), live=_live(seed), seed=number)
    message = protocol.message(seed.message).shaped(seed.data)
    parts = taken_for(message, seed.data, seed.uuid)
    if parts is None:
        raise UsageError(
            f"seeds {where}: seed {number} is not of the form of '{seed.message}' in protocol '{protocol.name}'; "
            "correct its data, or leave `message` out to have it bent as bytes"
        )
    return replace(with_values(message, parts), seed=number)


def _bytes(name: str, seed: Seed) -> boofuzz.Request:
    """One string of bytes, a line of text by its words; behind opcode and handle, where that is a characteristic's."""
    if not seed.uuid:
        return boofuzz.Request(name, children=tuple(_words(seed.data)))
    opcode, handle, rest = seed.data[:1], seed.data[1:3], seed.data[3:]
    parts = (boofuzz.Bytes("opcode", opcode, size=1), boofuzz.Bytes("handle", handle, size=2))
    return boofuzz.Request(name, children=(*parts, boofuzz.Bytes("bytes", rest)))


def _words(data: bytes) -> Iterator[boofuzz.Bytes]:
    """The words of a line, what is between them, and its end; anything else is one piece."""
    line = _LINE.fullmatch(data)
    pieces = _PIECES.findall(line[1]) if line else [data]
    for number, piece in enumerate(pieces[:_MOST_PIECES], 1):
        whole = piece if number < _MOST_PIECES else b"".join(pieces[number - 1 :])
        yield boofuzz.Bytes("bytes" if len(pieces) == 1 and not line else f"part_{number}", whole)
    if line:
        yield boofuzz.Bytes("end", line[2])


def _live(seed: Seed) -> dict[str, str]:
    return {"handle": HANDLE + seed.uuid} if seed.uuid else {}


def _walk(protocol: Protocol, made: Sequence[Message], numbers: Sequence[int]) -> tuple[Send, ...]:
    """The sends of a recorded order, each with the callback of the edge that leads to it."""
    sends, source = list[Send](), ""
    for number in numbers:
        sends.append(protocol.follow(source, made[number - 1].send()))
        source = made[number - 1].name
    return tuple(sends)
