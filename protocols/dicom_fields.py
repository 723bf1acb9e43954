"""What DICOM messages are made of: PDUs and items (PS3.8, 9.3), data elements in implicit VR (PS3.5, 7.1)."""

from __future__ import annotations

from collections.abc import Iterable

import boofuzz

from protocols.dicom_pdu import CODES, COMMAND, LAST, NO_DATA_SET, P_DATA_TF

Fields = tuple[boofuzz.Fuzzable, ...]


def u8(name: str, value: int) -> boofuzz.Byte:
    """A number of one byte."""
    return boofuzz.Byte(name, value)


def u16(name: str, value: int) -> boofuzz.Word:
    """A number of two bytes, the higher one first, as in PDUs."""
    return boofuzz.Word(name, value, endian=">")


def u32(name: str, value: int) -> boofuzz.DWord:
    """A number of four bytes, the highest one first, as in PDUs."""
    return boofuzz.DWord(name, value, endian=">")


def text(name: str, value: str) -> boofuzz.String:
    """A UID, a name."""
    return boofuzz.String(name, value)


def ae_title(name: str, value: str) -> boofuzz.String:
    """An application entity title, sixteen characters with the spaces behind it."""
    return boofuzz.String(name, value.ljust(16))


def pdu(kind: int, *fields: boofuzz.Fuzzable, name: str = "pdu") -> Fields:
    """A PDU: type, reserved byte, PDU-length, and what that counts, in a block of that name."""
    prefix = "" if name == "pdu" else f"{name}_"
    length = boofuzz.Size(f"{prefix}pdu_length", f".{name}", length=4, endian=">")
    return u8(f"{prefix}pdu_type", kind), u8(f"{prefix}reserved", 0), length, boofuzz.Block(name, children=fields)


def item(kind: int, body: boofuzz.Fuzzable) -> Fields:
    """An item or sub-item: type, reserved byte, item-length, and its body."""
    length = boofuzz.Size(f"{body.name}_item_length", f".{body.name}", length=2, endian=">")
    return u8(f"{body.name}_item_type", kind), u8(f"{body.name}_reserved", 0), length, body


def block(name: str, *parts: Iterable[boofuzz.Fuzzable]) -> boofuzz.Block:
    """Several fields under one name."""
    return boofuzz.Block(name, children=tuple(field for part in parts for field in part))


def element(group: int, number: int, value: boofuzz.Fuzzable) -> Fields:
    """A data element: its tag, its length, its value; little-endian."""
    raw = group.to_bytes(2, "little") + number.to_bytes(2, "little")
    length = boofuzz.Size(f"{value.name}_length", f".{value.name}", length=4, endian="<")
    return boofuzz.Bytes(f"{value.name}_tag", raw, size=4), length, value


def short(name: str, value: int) -> boofuzz.Word:
    """A value of VR US."""
    return boofuzz.Word(name, value, endian="<")


def padded(name: str, value: str, fill: str = " ") -> boofuzz.String:
    """A text of even length; UIDs are filled with a zero byte."""
    return boofuzz.String(name, value + fill * (len(value) % 2))


def uid(name: str, value: str) -> boofuzz.String:
    """A value of VR UI."""
    return padded(name, value, "\0")


def data_elements(*elements: tuple[int, int, boofuzz.Fuzzable]) -> Fields:
    """Elements one after the other."""
    return tuple(field for group, number, value in elements for field in element(group, number, value))


def p_data(name: str, context: int, header: int, *fields: boofuzz.Fuzzable) -> Fields:
    """A P-DATA-TF with one PDV; `name` is the block of the fragment, `NAME_pdu` that of the PDU."""
    fragment = boofuzz.Block(name, children=fields)
    value = boofuzz.Block(
        f"{name}_pdv",
        children=(u8("presentation_context_id", context), u8("message_control_header", header), fragment),
    )
    length = boofuzz.Size("item_length", f".{name}_pdv", length=4, endian=">")
    return pdu(P_DATA_TF, length, value, name=f"{name}_pdu")


def command(context: int, code: int, *values: boofuzz.Fuzzable, data: bool) -> Fields:
    """A P-DATA-TF with a command: group length, command field, and the values by the numbers that their names have."""
    own = (short("command_field", code), short("command_data_set_type", 1 if data else NO_DATA_SET), *values)
    ordered = sorted(own, key=lambda value: CODES[value.name])
    elements = block("elements", data_elements(*((0, CODES[value.name], value) for value in ordered)))
    length = boofuzz.Size("command_group_length", ".elements", length=4, endian="<")
    tag, size = (
        boofuzz.Bytes("command_group_length_tag", bytes(4), size=4),
        boofuzz.DWord("command_group_length_length", 4),
    )
    return p_data("command", context, COMMAND | LAST, tag, size, length, elements)


def data_set(context: int, *elements: tuple[int, int, boofuzz.Fuzzable]) -> Fields:
    """A P-DATA-TF with a whole data set."""
    return p_data("data_set", context, LAST, *data_elements(*elements))
