"""Derives a boofuzz Request from any scapy packet, so that one definition both parses and generates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import boofuzz
from scapy.fields import (
    BitFieldLenField,
    ConditionalField,
    Emph,
    FieldLenField,
    FieldListField,
    LenField,
    MultipleTypeField,
    PacketListField,
    StrField,
    StrFixedLenField,
)
from scapy.packet import NoPayload, Packet, Raw

from harness.errors import UsageError
from protocols.bits import BitGroup, Bits
from protocols.checksums import BlockChecksum, Order
from protocols.encoding import endian_of, integer
from protocols.network import summed
from protocols.packets import ChecksumField
from protocols.render import Layout

PROBE = b"\x5a\x5a\x5a"


class UnderivableError(UsageError):
    """A field whose bytes cannot be kept right under mutation; the message names packet and field."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Fields that share bytes (nearly always one) and what they are in the built packet."""

    fields: tuple[Any, ...]
    start: int
    raw: bytes
    declared: bytes

    @property
    def name(self) -> str:
        """One name for all of them."""
        return "_".join(field.name for field in self.fields)


def derive(name: str, packet: Packet) -> boofuzz.Request:
    """The Request whose default rendering is `bytes(packet)` and whose fields are named as the packet's.

    A payload becomes a block named after its class. Raises UnderivableError.
    """
    original: Any = packet.copy()
    original.clear_cache()
    try:
        wanted = bytes(original)
    except Exception as error:
        raise _underivable(packet, "*", f"scapy cannot build it ({error})") from error
    request = boofuzz.Request(name, children=_layer(original))
    _check_same(request, wanted, type(packet).__name__)
    return request


def fields_of(packet: Packet) -> list[boofuzz.Fuzzable]:
    """The primitives of a packet and its payload, to be put into a Request or Block of one's own.

    Raises UnderivableError.
    """
    return list(derive("fields", packet).stack)


def _layer(packet: Any) -> list[boofuzz.Fuzzable]:
    payload = None if isinstance(packet.payload, NoPayload) else packet.payload
    block = type(payload).__name__ if payload is not None else None
    children = [_primitive(packet, piece, block) for piece in _pieces(packet)]
    if payload is not None:
        children.append(boofuzz.Block(block, children=_layer(payload)))
    return children


def _pieces(packet: Any) -> Iterator[Piece]:
    """The layer's own fields as they are in the built packet: what post_build changed is in `raw`."""
    built = bytes(packet)
    done: Any = b""
    group: list[Any] = []
    start = 0
    for declared in packet.fields_desc:
        field = _active(declared, packet)
        if field is None:
            continue
        group.append(field)
        done = _add(packet, declared, done)
        if not isinstance(done, tuple):
            yield Piece(tuple(group), start, built[start : len(done)], done[start:])
            group, start = [], len(done)
    if group:
        raise _underivable(packet, group[0].name, "its bits do not fill whole bytes")


def _add(packet: Any, field: Any, done: Any) -> Any:
    try:
        return field.addfield(packet, done, packet.getfieldval(field.name))
    except Exception as error:
        raise _underivable(packet, field.name, f"scapy cannot build it ({error})") from error


def _active(field: Any, packet: Any) -> Any:
    """The field that really builds, out of its wrappers; None when its condition does not hold."""
    while True:
        if isinstance(field, ConditionalField):
            if not field.cond(packet):
                return None
            field = field.fld
        elif isinstance(field, Emph):
            field = field.fld
        elif isinstance(field, MultipleTypeField):
            chosen: Any = field
            field = chosen._find_fld_pkt(packet)
        else:
            return field


def _primitive(packet: Any, piece: Piece, payload: str | None) -> boofuzz.Fuzzable:
    field = piece.fields[0]
    value = packet.getfieldval(field.name)
    if isinstance(field, BitFieldLenField) and value is None and len(piece.fields) == 1:
        return _counted(packet, piece)
    if hasattr(field, "rev"):
        return _bits(packet, piece)
    if value is None:
        return _computed(packet, piece, payload)
    if isinstance(value, Packet):
        return boofuzz.Block(piece.name, children=_layer(value))
    if isinstance(value, list) and not isinstance(field, StrField):
        values: list[Any] = list(cast("list[Any]", value))
        return boofuzz.Block(piece.name, children=_elements(packet, field, values))
    return _plain(packet, piece)


def _plain(packet: Any, piece: Piece) -> boofuzz.Fuzzable:
    """A number or a string of bytes that nothing else decides."""
    field = piece.fields[0]
    if not piece.raw and (isinstance(field, StrFixedLenField) or not isinstance(field, StrField)):
        return boofuzz.Static(piece.name, b"")  # there is no such field in this message
    if isinstance(field, StrField) or not 0 < len(piece.raw) <= 8 or not _is_number(packet.getfieldval(field.name)):
        return boofuzz.Bytes(piece.name, piece.raw)
    order = _order(packet, field)
    return _integer(piece.name, piece.raw, order, _own_values(field, piece.raw, order))


def _own_values(field: Any, raw: bytes, order: Order) -> list[int]:
    """What a field says that it is best bent to, by an `own_values` method that takes its number."""
    own: Callable[[int], list[int]] | None = getattr(field, "own_values", None)
    return own(int.from_bytes(raw, order)) if own else []


def _is_number(value: Any) -> bool:
    try:
        int(value)
    except (TypeError, ValueError):
        return value is None
    return not isinstance(value, str | bytes)


def _integer(name: str, raw: bytes, order: Order, own: Sequence[int] = ()) -> boofuzz.Fuzzable:
    return integer(name, int.from_bytes(raw, order), len(raw), order, own)


def _bits(packet: Any, piece: Piece) -> boofuzz.Fuzzable:
    last = piece.fields[-1]
    order: Order = "little" if last.rev and len(piece.raw) > 1 else "big"
    number = int.from_bytes(piece.raw, order)
    low = 8 * len(piece.raw)
    members: list[Bits] = []
    for field in piece.fields:
        if packet.getfieldval(field.name) is None:
            raise _underivable(packet, field.name, "a length in bits is not kept right; give it a value")
        low -= field.size
        members.append(Bits(field.name, field.size, (number >> low) & ((1 << field.size) - 1)))
    return BitGroup(piece.name, members, order)


def _elements(packet: Any, field: Any, values: Sequence[Any]) -> list[boofuzz.Fuzzable]:
    if isinstance(field, PacketListField):
        return [
            boofuzz.Block(f"{type(value).__name__}{i}", children=_layer(value))
            if isinstance(value, Packet)
            else boofuzz.Bytes(f"element{i}", bytes(value))
            for i, value in enumerate(values)
        ]
    if not isinstance(field, FieldListField):
        raise _underivable(packet, field.name, f"a list of {type(field).__name__} is not known")
    inner: Any = field.field
    return [_element(packet, f"element{i}", inner, value) for i, value in enumerate(values)]


def _element(packet: Any, name: str, field: Any, value: Any) -> boofuzz.Fuzzable:
    raw = field.addfield(packet, b"", value)
    if isinstance(field, StrField) or not 0 < len(raw) <= 8 or not _is_number(value):
        return boofuzz.Bytes(name, raw)
    order = _order(packet, field)
    return _integer(name, raw, order, _own_values(field, raw, order))


def _computed(packet: Any, piece: Piece, payload: str | None) -> boofuzz.Fuzzable:
    """A field that nobody gave a value: a length, a count, a checksum, or bytes that post_build fills in."""
    field = piece.fields[0]
    if isinstance(field, ChecksumField):
        names = set(field.covered_names([f.name for f in packet.fields_desc]))
        covered = [f".{p.name}" for p in _pieces(packet) if names & {own.name for own in p.fields}]
        return BlockChecksum(piece.name, covered, field.algorithm, field.order)
    if sums := summed(packet, field.name, [p.name for p in _pieces(packet) if p.raw], payload):
        return BlockChecksum(piece.name, *sums)
    if isinstance(field, FieldLenField):
        whole = payload if field.length_of == field.name else None  # what is behind it, by an `adjust` of its own
        return _size(packet, piece, whole, int) if whole else _counted(packet, piece)
    if isinstance(field, LenField):
        adjust: Any = field.adjust
        return _size(packet, piece, payload, adjust) if payload else _plain(packet, piece)
    return _filled_in(packet, piece, payload)


def _counted(packet: Any, piece: Piece) -> boofuzz.Fuzzable:
    field = piece.fields[0]
    if field.length_of:
        return _size(packet, piece, field.length_of, lambda n: field.adjust(packet, n))
    counted, values = packet.getfield_and_val(field.count_of)
    count, length = counted.i2count(packet, values), len(counted.addfield(packet, b"", values))
    if not count or length % count:
        return _plain(packet, piece)
    return _size(packet, piece, field.count_of, lambda n: field.adjust(packet, n // (length // count)))


def _size(packet: Any, piece: Piece, target: str, math: Callable[[int], int]) -> boofuzz.Fuzzable:
    order = _order(packet, piece.fields[0])
    return boofuzz.Size(piece.name, f".{target}", length=len(piece.raw), endian=endian_of(order), math=math)


def _filled_in(packet: Any, piece: Piece, payload: str | None) -> boofuzz.Fuzzable:
    """Finds out by trying whether post_build counts the payload, sums something up, or writes a constant."""
    if piece.raw == piece.declared and not payload:
        return _plain(packet, piece)
    order = _order(packet, piece.fields[0])
    before = int.from_bytes(piece.raw, order)
    longer = int.from_bytes(_with_payload(packet)[piece.start : piece.start + len(piece.raw)], order)
    if longer - before == len(PROBE):
        extra = before - len(bytes(packet.payload))
        return _size(packet, piece, payload, lambda n: n + extra) if payload else _plain(packet, piece)
    if longer != before or _depends(packet, piece):
        reason = "its value comes from other bytes in post_build; use a ChecksumField or give it a value"
        raise _underivable(packet, piece.name, reason)
    return _plain(packet, piece)


def _with_payload(packet: Any) -> bytes:
    longer = packet.copy()
    longer.clear_cache()
    longer.lastlayer().add_payload(Raw(PROBE))
    return bytes(longer)


def _depends(packet: Any, piece: Piece) -> bool:
    """True when the piece changes with another field of its layer."""
    for field in packet.fields_desc:
        if field.name in {own.name for own in piece.fields}:
            continue
        other = packet.copy()
        other.clear_cache()
        value = other.getfieldval(field.name)
        if _is_number(value) and value is not None:
            other.setfieldval(field.name, int(value) ^ 1)
        elif isinstance(value, bytes):
            other.setfieldval(field.name, bytes([value[0] ^ 1]) + value[1:] if value else b"\1")
        elif isinstance(value, Packet):
            other.setfieldval(field.name, Raw(bytes(value) + b"\1"))
        else:
            continue
        if bytes(other)[piece.start : piece.start + len(piece.raw)] != piece.raw:
            return True
    return False


def _order(packet: Any, field: Any) -> Order:
    """The byte order, as the field itself shows it when it builds the number one."""
    try:
        one = field.addfield(packet, b"", 1)
    except Exception:  # noqa: BLE001  a field that cannot hold 1 shows its order in its format only
        return "little" if str(field.fmt).startswith("<") else "big"
    return "little" if len(one) > 1 and one[0] == 1 else "big"


def _check_same(request: boofuzz.Request, wanted: bytes, packet: str) -> None:
    rendered = Layout(request).default
    if rendered.data == wanted:
        return
    for span in rendered.spans:
        part = slice(span.offset, span.offset + span.length)
        if rendered.data[part] != wanted[part]:
            found = f"scapy builds {wanted[part].hex()}, its field gives {rendered.data[part].hex()}"
            raise UnderivableError(f"{packet}.{span.name}: cannot be derived: {found}")
    sizes = f"scapy builds {len(wanted)} bytes, its fields {len(rendered.data)}"
    raise UnderivableError(f"{packet}: cannot be derived: {sizes}")


def _underivable(packet: Any, field: str, reason: str) -> UnderivableError:
    return UnderivableError(f"{type(packet).__name__}.{field}: cannot be derived: {reason}")
