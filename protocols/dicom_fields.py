"""What DICOM messages are made of: PDUs and items (PS3.8, 9.3), data elements in implicit VR (PS3.5, 7.1)."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import cycle

import boofuzz

from protocols.dicom_pdu import CODES, COMMAND, ELEMENTS, LAST, NO_DATA_SET, P_DATA_TF

Fields = tuple[boofuzz.Fuzzable, ...]
_PIECES = (2, 4, 6, 14, 30)
"""Bytes of one fragment after the other, so that one ends within a tag, a VR, a length, a value."""


def u8(name: str, value: int, *, bent: bool = True) -> boofuzz.Byte:
    """A number of one byte; with `bent` False one like others that are bent already."""
    return boofuzz.Byte(name, value, fuzzable=bent)


def u16(name: str, value: int) -> boofuzz.Word:
    """A number of two bytes, the higher one first, as in PDUs."""
    return boofuzz.Word(name, value, endian=">")


def u32(name: str, value: int) -> boofuzz.DWord:
    """A number of four bytes, the highest one first, as in PDUs."""
    return boofuzz.DWord(name, value, endian=">")


def text(name: str, value: str, known: Sequence[str] = (), *, bent: bool = True) -> boofuzz.String:
    """A UID, a name; `known` are others that the standard registers for it."""
    return boofuzz.String(name, value, fuzz_values=list(known) or None, fuzzable=bent)


def ae_title(name: str, value: str) -> boofuzz.String:
    """An application entity title, sixteen characters with the spaces behind it."""
    return boofuzz.String(name, value.ljust(16), size=16)


def pdu(kind: int, *fields: boofuzz.Fuzzable, name: str = "pdu") -> Fields:
    """A PDU: type, reserved byte, PDU-length, and what that counts, in a block of that name."""
    prefix = "" if name == "pdu" else f"{name}_"
    length = boofuzz.Size(f"{prefix}pdu_length", f".{name}", length=4, endian=">")
    return u8(f"{prefix}pdu_type", kind), u8(f"{prefix}reserved", 0), length, boofuzz.Block(name, children=fields)


def item(kind: int, body: boofuzz.Fuzzable, *, bent: bool = True) -> Fields:
    """An item or sub-item, in a block of its own: type, reserved byte, item-length, and its body."""
    name = body.name
    length = boofuzz.Size(f"{name}_item_length", f".{name}", length=2, endian=">", fuzzable=bent)
    head = (u8(f"{name}_item_type", kind, bent=bent), u8(f"{name}_reserved", 0, bent=bent), length)
    return (block(f"{name}_item", head, (body,)),)


def block(name: str, *parts: Iterable[boofuzz.Fuzzable]) -> boofuzz.Block:
    """Several fields under one name."""
    return boofuzz.Block(name, children=tuple(field for part in parts for field in part))


def tag(name: str, number: int, known: Iterable[int] = (), endian: str = "<") -> boofuzz.DWord:
    """A tag: its group and its element number, each in the byte order of the data set."""
    swap = endian == "<"
    others = [_halves(other, swap=swap) for other in known]
    return boofuzz.DWord(name, _halves(number, swap=swap), endian=endian, fuzz_values=others or None)


def _halves(number: int, *, swap: bool) -> int:
    """As one integer in a byte order, where the group comes first in either."""
    return (number & 0xFFFF) << 16 | number >> 16 if swap else number


def element(number: int, value: boofuzz.Fuzzable) -> boofuzz.Block:
    """An element of a command: its tag, its length, its value; little-endian."""
    length = boofuzz.Size(f"{value.name}_length", f".{value.name}", length=4, endian="<")
    return block(f"{value.name}_element", (tag(f"{value.name}_tag", number, ELEMENTS), length, value))


def short(name: str, value: int) -> boofuzz.Fuzzable:
    """A value of VR US in a command."""
    return integer(name, value, 2)


def integer(name: str, value: int, size: int, endian: str = "<") -> boofuzz.Fuzzable:
    """An integer of two, four or eight bytes."""
    kinds = {2: boofuzz.Word, 4: boofuzz.DWord, 8: boofuzz.QWord}
    return kinds[size](name, value, endian=endian)


def padded(name: str, value: str) -> boofuzz.String:
    """A text of even length."""
    return text(name, _even(value, " "))


def uid(name: str, value: str, known: Sequence[str] = ()) -> boofuzz.String:
    """A value of VR UI, which a zero byte makes even; `known` are others that the standard registers."""
    return text(name, _even(value, "\0"), [_even(other, "\0") for other in known])


def _even(value: str, fill: str) -> str:
    return value + fill * (len(value) % 2)


def pdv(name: str, context: int, header: int, *fields: boofuzz.Fuzzable, counted: str = "item_length") -> Fields:
    """A presentation data value: its length, and the block `NAME_pdv`, in which `name` is that of the fragment."""
    own = (u8("presentation_context_id", context), u8("message_control_header", header))
    length = boofuzz.Size(counted, f".{name}_pdv", length=4, endian=">")
    return length, block(f"{name}_pdv", own, (boofuzz.Block(name, children=fields),))


def p_data(name: str, context: int, header: int, *fields: boofuzz.Fuzzable, counted: str = "item_length") -> Fields:
    """A P-DATA-TF with one PDV; `name` is the block of the fragment, `NAME_pdu` that of the PDU."""
    return pdu(P_DATA_TF, *pdv(name, context, header, *fields, counted=counted), name=f"{name}_pdu")


def command(
    context: int, code: int, *values: boofuzz.Fuzzable, data: bool, cut: bool = False, ahead: Fields = ()
) -> Fields:
    """A P-DATA-TF with a command: group length, command field, and the values by the numbers that their names have.

    With `cut` it is in two fragments, each in a P-DATA-TF of its own; `ahead` goes on in the same one.
    """
    own = (short("command_field", code), short("command_data_set_type", 1 if data else NO_DATA_SET), *values)
    ordered = sorted(own, key=lambda value: CODES[value.name])
    elements = block("elements", (element(CODES[value.name], value) for value in ordered))
    length = boofuzz.Size("command_group_length", ".elements", length=4, endian="<")
    first, size = tag("command_group_length_tag", 0), boofuzz.DWord("command_group_length_length", 4)
    if cut:
        begun = p_data("command_begun", context, COMMAND, first, size, counted="begun_item_length")
        return (*begun, *p_data("command", context, COMMAND | LAST, length, elements))
    whole = pdv("command", context, COMMAND | LAST, first, size, length, elements)
    return pdu(P_DATA_TF, *whole, *ahead, name="command_pdu")


def data_set(context: int, *fields: boofuzz.Fuzzable) -> Fields:
    """A P-DATA-TF with a whole data set."""
    return p_data("data_set", context, LAST, *fields)


def in_fragments(context: int, *fields: boofuzz.Fuzzable) -> Fields:
    """A data set in four fragments, two in each of two P-DATA-TF, each cut behind a tag."""
    cuts = [len(fields) // 3 * part // 4 * 3 + 1 for part in range(1, 4)]
    parts = [fields[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(fields)], strict=True)]
    pdvs = [
        pdv(f"fragment_{k}", context, LAST if k == len(parts) else 0, *part, counted=f"fragment_{k}_item_length")
        for k, part in enumerate(parts, 1)
    ]
    first, second = (*pdvs[0], *pdvs[1]), (*pdvs[2], *pdvs[3])
    return (*pdu(P_DATA_TF, *first, name="first_pdu"), *pdu(P_DATA_TF, *second, name="second_pdu"))


def rendered(fields: Fields) -> bytes:
    """What they are as they stand."""
    return boofuzz.Request("rendered", children=fields).render()


def in_pieces(context: int, *fields: boofuzz.Fuzzable) -> Fields:
    """A data set as it stands, in fragments of a few bytes, each in a P-DATA-TF of its own."""
    pdus = (struct.pack(">BBI", P_DATA_TF, 0, len(one)) + one for one in _pdvs(context, rendered(fields)))
    return (boofuzz.Bytes("pieces", b"".join(pdus)),)


def crowded(context: int, *fields: boofuzz.Fuzzable) -> Fields:
    """A data set as it stands, in fragments of a few bytes, all in one P-DATA-TF."""
    return pdu(P_DATA_TF, boofuzz.Bytes("pdvs", b"".join(_pdvs(context, rendered(fields)))), name="crowded_pdu")


def joined(context: int, *fields: boofuzz.Fuzzable) -> Fields:
    """A data set as it stands, whole, behind whatever is in its P-DATA-TF."""
    return pdv("data_set", context, LAST, boofuzz.Bytes("data", rendered(fields)), counted="data_set_item_length")


def _pdvs(context: int, data: bytes) -> Iterator[bytes]:
    pieces = tuple(_pieces(data))
    for number, piece in enumerate(pieces, 1):
        yield struct.pack(">IBB", len(piece) + 2, context, LAST if number == len(pieces) else 0) + piece


def _pieces(data: bytes) -> Iterator[bytes]:
    at, lengths = 0, cycle(_PIECES)
    while at < len(data):
        stop = at + next(lengths)
        yield data[at:stop]
        at = stop
