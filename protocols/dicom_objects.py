"""Data sets as DICOM's services carry them (PS3.3), and how transfer syntaxes write them (PS3.5, 7.1 and annex A)."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import Any, cast

import boofuzz

from protocols.dicom_fields import Fields, block, integer, padded, rendered, tag, uid
from protocols.dicom_uids import (
    COMMITMENT,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT,
    RLE,
    SECONDARY_CAPTURE,
    SOP_CLASSES,
    VRS,
)

WIDE = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})
"""VRs with a length of four bytes, two reserved ones in front of it, where VRs stand in the data set."""
BYTES = {"US": 2, "SS": 2, "UL": 4, "SL": 4, "SV": 8, "UV": 8}
"""Of VRs that are an integer."""
ITEM, ITEM_END, SEQUENCE_END, UNDEFINED = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD, 0xFFFFFFFF
KNOWN = (
    *(ITEM, ITEM_END, SEQUENCE_END, 0x00020010, 0x00080000, 0x00080005, 0x0008002A, 0x00080016, 0x00080054, 0x00080081),
    *(0x00080119, 0x00081161, 0x00081190, 0x0008040C, 0x00082112, 0x00100010, 0x00101010, 0x00104000, 0x00110010),
    *(0x00111001, 0x00186020, 0x00189073, 0x00189219, 0x00280009, 0x00280010, 0x00280030, 0x00280106, 0x00281201),
    *(0x0040A160, 0x00420011, 0x00660016, 0x00660040, 0x00700022, 0x00720080, 0x00720082, 0x00720083, 0x50003000),
    *(0x60003000, 0x7FE00001, 0x7FE00008, 0x7FE00009, 0x7FE00010, 0xFFFAFFFA, 0xFFFCFFFC),
)
"""Tags of every value representation, of delimiters, repeating groups, private and trailing elements (PS3.6, 6)."""
STUDY, SERIES, INSTANCE = (f"1.2.826.0.1.3680043.8.498.2.{number}" for number in (1, 2, 3))
Element = tuple[int, str, str, Any]
"""A tag, a VR, a name, and a value: a text, an integer, bytes, a sequence's one item or all its items, or fragments."""


@dataclass(frozen=True, slots=True)
class Items:
    """A sequence's items, each its elements."""

    items: tuple[tuple[Element, ...], ...]


@dataclass(frozen=True, slots=True)
class Encoding:
    """A transfer syntax: whether VRs stand in the data set, its byte order, whether sequences have a length."""

    syntax: str
    explicit: bool = True
    endian: str = "<"
    counted: bool = True

    def elements(self, *elements: Element) -> Fields:
        """Elements one after the other, each in a block of its own."""
        return tuple(block(f"{element[2]}_element", self.element(*element)) for element in elements)

    def element(self, number: int, vr: str, name: str, value: Any) -> Fields:
        """The fields of one element: tag, VR where it stands there, length, value, and the end of an endless one."""
        wide = not self.explicit or vr in WIDE
        head = (self._tag(f"{name}_tag", number), *(self._vr(name, vr) if self.explicit else ()))
        lost = vr == "UN" and isinstance(value, Items)
        inner = UNCOUNTED_IMPLICIT if lost else self  # whatever is around (PS3.5, 6.2.2)
        body = inner._value(vr, name, value)
        if isinstance(value, list) or (isinstance(value, tuple | Items) and not inner.counted):
            return (*head, self._undefined(name), body, *self._end(name, SEQUENCE_END))
        length = boofuzz.Size(f"{name}_length", f".{name}", length=4 if wide else 2, endian=self.endian)
        return (*head, length, body)

    def _tag(self, name: str, number: int) -> boofuzz.DWord:
        return tag(name, number, KNOWN, self.endian)

    def _vr(self, name: str, vr: str) -> Fields:
        """Two letters; and two reserved bytes behind some, which are bent in one of them."""
        others = [int.from_bytes(other) for other in VRS]
        letters = boofuzz.Word(f"{name}_vr", int.from_bytes(vr.encode()), endian=">", fuzz_values=others)
        reserved = boofuzz.Word(f"{name}_reserved", 0, fuzzable=vr == "SQ")
        return (letters, reserved) if vr in WIDE else (letters,)

    def _undefined(self, name: str) -> boofuzz.DWord:
        return boofuzz.DWord(f"{name}_length", UNDEFINED, endian=self.endian)

    def _end(self, name: str, number: int) -> Fields:
        return self._tag(f"{name}_end_tag", number), boofuzz.DWord(f"{name}_end_length", 0, endian=self.endian)

    def _value(self, vr: str, name: str, value: Any) -> boofuzz.Fuzzable:
        if isinstance(value, tuple):
            return block(name, self._item(f"{name}_item", self.elements(*cast("tuple[Element, ...]", value))))
        if isinstance(value, Items):
            return self._items(name, value)
        if isinstance(value, list):
            fragments = enumerate(cast("list[bytes]", value))
            return block(name, *(self._fragment(f"{name}_{k}", data) for k, data in fragments))
        if isinstance(value, bytes):
            return boofuzz.Bytes(name, value)
        if isinstance(value, int):
            return integer(name, value, BYTES[vr], self.endian)
        known = SOP_CLASSES if name.endswith("sop_class_uid") else ()
        return uid(name, value, known) if vr == "UI" else padded(name, value)

    def _items(self, name: str, value: Items) -> boofuzz.Block:
        numbered = enumerate(value.items, 1)
        return block(name, *(self._item(f"{name}_item_{k}", self.elements(*item)) for k, item in numbered))

    def _item(self, name: str, elements: Fields) -> Fields:
        head, body = self._tag(f"{name}_tag", ITEM), block(name, elements)
        if self.counted:
            return head, boofuzz.Size(f"{name}_length", f".{name}", endian=self.endian), body
        return (head, self._undefined(name), body, *self._end(name, ITEM_END))

    def _fragment(self, name: str, data: bytes) -> Fields:
        length = boofuzz.Size(f"{name}_length", f".{name}", endian=self.endian)
        return self._tag(f"{name}_tag", ITEM), length, boofuzz.Bytes(name, data)


LITTLE_IMPLICIT = Encoding(IMPLICIT, explicit=False)
LITTLE_EXPLICIT = Encoding(EXPLICIT_LITTLE, counted=False)
UNCOUNTED_IMPLICIT = replace(LITTLE_IMPLICIT, counted=False)
COUNTED_EXPLICIT = replace(LITTLE_EXPLICIT, counted=True)
BIG_EXPLICIT = Encoding(EXPLICIT_BIG, endian=">")
ENCAPSULATED = Encoding(RLE)


def deflated(fields: Fields) -> boofuzz.Bytes:
    """A data set as the deflated transfer syntax has it (PS3.5, A.5; RFC 1951), of even length."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    data = packer.compress(rendered(fields)) + packer.flush()
    return boofuzz.Bytes("deflated", data + b"\0" * (len(data) % 2))


REFERENCE: tuple[Element, ...] = (
    (0x00081150, "UI", "referenced_sop_class_uid", SECONDARY_CAPTURE),
    (0x00081155, "UI", "referenced_sop_instance_uid", INSTANCE + ".1"),
)
_PIXELS = b"\x00\x55\xaa\xff"
_RLE_PIXELS = b"\1\0\0\0\x40\0\0\0" + bytes(56) + b"\x03" + _PIXELS + b"\0"
"""One segment (PS3.5, annex G): a literal run of four bytes."""


def image(pixels: Element = (0x7FE00010, "OB", "pixel_data", _PIXELS), more: tuple[Element, ...] = ()) -> list[Element]:
    """A secondary capture of two by two pixels, with a sequence in it (PS3.3, A.8.1), and what else it may say."""
    own: tuple[Element, ...] = (
        (0x00080016, "UI", "sop_class_uid", SECONDARY_CAPTURE),
        (0x00080018, "UI", "sop_instance_uid", INSTANCE),
        (0x00080020, "DA", "study_date", "20260101"),
        (0x00080050, "SH", "accession_number", ""),
        (0x00080060, "CS", "modality", "OT"),
        (0x00080064, "CS", "conversion_type", "WSD"),
        (0x00082112, "SQ", "source_image_sequence", REFERENCE),
        (0x00100010, "PN", "patient_name", "DOE^JANE"),
        (0x00100020, "LO", "patient_id", "PAT-0001"),
        (0x0020000D, "UI", "study_instance_uid", STUDY),
        (0x0020000E, "UI", "series_instance_uid", SERIES),
        (0x00200013, "IS", "instance_number", "1"),
        (0x00280002, "US", "samples_per_pixel", 1),
        (0x00280004, "CS", "photometric_interpretation", "MONOCHROME2"),
        (0x00280010, "US", "rows", 2),
        (0x00280011, "US", "columns", 2),
        (0x00280100, "US", "bits_allocated", 8),
        (0x00280101, "US", "bits_stored", 8),
        (0x00280102, "US", "high_bit", 7),
        (0x00280103, "US", "pixel_representation", 0),
        pixels,
    )
    return sorted((*own, *more), key=lambda element: element[0])


RUN_LENGTHS: Element = (0x7FE00010, "OB", "pixel_data", [b"", _RLE_PIXELS])
"""Encapsulated (PS3.5, A.4): an empty offset table, and the one frame."""
EVERY_VR: tuple[Element, ...] = (
    (0x00080005, "CS", "specific_character_set", "ISO_IR 192"),
    (0x0008002A, "DT", "acquisition_date_time", "20260101120000.5+0100"),
    (0x00080030, "TM", "study_time", "120000.5"),
    (0x00080054, "AE", "retrieve_ae_title", "MEDFUZZ"),
    (0x00080081, "ST", "institution_address", "STREET 1"),
    (0x00080119, "UC", "long_code_value", "CODE"),
    (0x00081161, "UL", "simple_frame_list", 1),
    (0x00081190, "UR", "retrieve_url", "http://127.0.0.1/"),
    (0x0008040C, "UV", "file_offset_in_container", 1),
    (0x00101010, "AS", "patient_age", "034Y"),
    (0x00104000, "LT", "patient_comments", "NONE"),
    (0x00110010, "LO", "private_creator", "MEDFUZZ"),
    (0x00111001, "UN", "private_value", b"\1\2"),
    (0x00186020, "SL", "reference_pixel_x0", 1),
    (0x00189073, "FD", "acquisition_duration", bytes(8)),
    (0x00189219, "SS", "tag_angle_second_axis", 1),
    (0x00280009, "AT", "frame_increment_pointer", b"\x18\0\x63\x10"),
    (0x00280030, "DS", "pixel_spacing", "0.5\\0.5"),
    (0x00281201, "OW", "red_palette_color_lookup_table_data", bytes(4)),
    (0x00420011, "OB", "encapsulated_document", b"%PDF"),
    (0x00660016, "OF", "point_coordinates_data", bytes(8)),
    (0x00660040, "OL", "long_primitive_point_index_list", bytes(4)),
    (0x00700022, "FL", "graphic_data", bytes(8)),
    (0x0040A160, "UT", "text_value", "TEXT"),
)
"""An attribute of each value representation that an object may have."""
AMBIGUOUS: tuple[Element, ...] = (
    (0x00280106, "US", "smallest_image_pixel_value", 0),
    (0x00281101, "US", "red_palette_color_lookup_table_descriptor", 0),
    (0x50003000, "OW", "curve_data", bytes(2)),
    (0x60000010, "US", "overlay_rows", 2),
    (0x60003000, "OW", "overlay_data", bytes(2)),
)
"""Attributes whose value representation depends on others, and of repeating groups."""
PADDED: tuple[Element, ...] = ((0xFFFCFFFC, "OB", "data_set_trailing_padding", bytes(4)),)
"""What may fill a data set up."""
IDENTIFIER: tuple[Element, ...] = (
    (0x00080052, "CS", "query_retrieve_level", "STUDY"),
    (0x00100020, "LO", "patient_id", "PAT-0001"),
    (0x0020000D, "UI", "study_instance_uid", STUDY),
)
"""Which study is asked for."""
STEP_BEGUN: tuple[Element, ...] = (
    (0x00080060, "CS", "modality", "OT"),
    (0x00100010, "PN", "patient_name", "DOE^JANE"),
    (0x00100020, "LO", "patient_id", "PAT-0001"),
    (0x00400241, "AE", "performed_station_ae_title", "MEDFUZZ"),
    (0x00400244, "DA", "performed_procedure_step_start_date", "20260101"),
    (0x00400245, "TM", "performed_procedure_step_start_time", "120000"),
    (0x00400252, "CS", "performed_procedure_step_status", "IN PROGRESS"),
    (0x00400253, "SH", "performed_procedure_step_id", "STEP-1"),
    (0x00400270, "SQ", "scheduled_step_attributes_sequence", ((0x0020000D, "UI", "study_instance_uid", STUDY),)),
)
"""A modality performed procedure step that has begun (PS3.4, F.7.2)."""
STEP_DONE: tuple[Element, ...] = (
    (0x00400250, "DA", "performed_procedure_step_end_date", "20260101"),
    (0x00400251, "TM", "performed_procedure_step_end_time", "120100"),
    (0x00400252, "CS", "performed_procedure_step_status", "COMPLETED"),
)
COMMITTED: tuple[Element, ...] = (
    (0x00081195, "UI", "transaction_uid", INSTANCE + ".2"),
    (0x00081199, "SQ", "referenced_sop_sequence", REFERENCE),
)
"""What is to be kept safely, and what is (PS3.4, J.3.2)."""
COMMITMENT_INSTANCE = COMMITMENT + ".1"
"""The one instance of the storage commitment class, well known."""
