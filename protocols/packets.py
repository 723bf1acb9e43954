"""What scapy lacks: checksums that build, and derive, without a post_build; where integers lie; reading at once."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from scapy.fields import (
    ByteField,
    Field,
    LEIntField,
    LEShortField,
    StrFixedLenField,
    XByteField,
    XLEIntField,
)
from scapy.packet import Packet

from protocols.checksums import Algorithm, Order, to_algorithm
from protocols.wire import Place

FORMATS = {1: "B", 2: "H", 4: "I", 8: "Q"}
_READING = ("pre_dissect", "do_dissect", "post_dissect", "dissect")  # what a packet may do otherwise
_PLAIN = (ByteField, LEIntField, LEShortField, XByteField, XLEIntField)


class ChecksumField(Field[Any, Any]):
    """The checksum over the fields from `over[0]` to `over[1]` of its own layer, unless a value is given.

    Both stand before the checksum. Raises UsageError for an unknown algorithm.
    """

    __slots__ = ["algorithm", "order", "over"]

    def __init__(
        self,
        name: str,
        default: int | None = None,
        *,
        over: tuple[str, str],
        algorithm: str | Algorithm,
        order: Order = "big",
    ) -> None:
        self.algorithm = to_algorithm(algorithm)
        self.order: Order = order
        self.over = over
        super().__init__(name, default, ("<" if order == "little" else ">") + FORMATS[self.algorithm.width])

    def addfield(self, pkt: Any, s: bytes, val: int | None) -> bytes:
        """Appends the given value, or the checksum over what has been built so far."""
        if val is None:
            return s + self.checksum(self._covered(pkt, s))
        return super().addfield(pkt, s, val)

    def checksum(self, data: bytes) -> bytes:
        """The checksum's bytes."""
        return self.algorithm.compute(data).to_bytes(self.algorithm.width, self.order)

    def covered_names(self, fields: Sequence[str]) -> list[str]:
        """The covered ones out of the layer's fields, in order."""
        first, last = self.over
        return list(fields[fields.index(first) : fields.index(last) + 1])

    def _covered(self, packet: Any, built: bytes) -> bytes:
        first, last = self.over
        return built[_offset(packet, first, False) : _offset(packet, last, True)]


def _offset(packet: Any, name: str, after: bool) -> int:
    """Where a field of the layer starts, or ends; a flag starts and ends with its byte."""
    built: Any = b""
    for field in packet.fields_desc:
        if field.name == name and not after:
            break
        built = field.addfield(packet, built, packet.getfieldval(field.name))
        if field.name == name:
            break
    return len(built) if isinstance(built, bytes) else len(built[0]) + after


def integer_places(kind: type[Packet], start: int) -> dict[str, Place]:
    """Where a packet's integers lie, which begins at `start`, up to the first field whose length may vary."""
    found: dict[str, Place] = {}
    at = start
    made: Any = kind()
    for field in made.fields_desc:
        is_text = isinstance(field, StrFixedLenField)
        if not is_text and field.fmt[-1] not in "BHIQ":
            break
        size = len(field.addfield(made, b"", field.default))
        if not is_text:
            found[field.name] = (at, size, "little" if field.fmt[0] == "<" else "big")
        at += size
    return found


@cache
def plain_reader(kind: type[Packet]) -> Callable[[bytes], dict[str, Any] | None]:
    """Reads the fields of a packet of little-endian integers and texts of a fixed size, ten times as fast as scapy.

    None for bytes of another size, and for any packet with other fields: these are scapy's to read.
    """
    made: Any = kind()
    letters = [_letter(made, field) for field in made.fields_desc]
    if None in letters or any(getattr(kind, step) is not getattr(Packet, step) for step in _READING):
        return lambda _data: None
    layout, names = struct.Struct("<" + "".join(map(str, letters))), [field.name for field in made.fields_desc]

    def read(data: bytes) -> dict[str, Any] | None:
        return dict(zip(names, layout.unpack(data), strict=True)) if len(data) == layout.size else None

    return read


def _letter(made: Any, field: Any) -> str | None:
    """How `struct` has it; None where only scapy knows."""
    if type(field) in _PLAIN:
        return field.fmt[-1]
    return f"{len(field.addfield(made, b'', field.default))}s" if type(field) is StrFixedLenField else None
