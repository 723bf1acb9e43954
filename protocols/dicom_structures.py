"""What data sets may be built of besides plain attributes (PS3.5, 7): sequences in sequences, private data, lengths."""

from __future__ import annotations

from protocols.dicom_objects import INSTANCE, Element, Items

_CODE: tuple[Element, ...] = (
    (0x00080100, "SH", "code_value", "121071"),
    (0x00080102, "SH", "coding_scheme_designator", "DCM"),
    (0x00080104, "LO", "code_meaning", "Finding"),
)
_MEASURED: tuple[Element, ...] = (
    (0x004008EA, "SQ", "measurement_units_code_sequence", _CODE),
    (0x0040A30A, "DS", "numeric_value", "1.5"),
)
_CONTENT: tuple[Element, ...] = (
    (0x0040A010, "CS", "relationship_type", "CONTAINS"),
    (0x0040A040, "CS", "value_type", "NUM"),
    (0x0040A043, "SQ", "concept_name_code_sequence", _CODE),
    (0x0040A300, "SQ", "measured_value_sequence", _MEASURED),
)
_CHANNELS: tuple[Element, ...] = (
    (0x003A0005, "US", "number_of_waveform_channels", 1),
    (0x003A0010, "UL", "number_of_waveform_samples", 2),
    (0x54000110, "OW", "channel_minimum_value", bytes(2)),
    (0x54001004, "US", "waveform_bits_allocated", 16),
    (0x54001006, "CS", "waveform_sample_interpretation", "SS"),
    (0x5400100A, "OW", "waveform_padding_value", bytes(2)),
    (0x54001010, "OW", "waveform_data", b"\1\0\2\0"),
)
_TABLE: tuple[Element, ...] = (
    (0x00283002, "US", "lut_descriptor", b"\2\0\0\0\x10\0"),
    (0x00283003, "LO", "lut_explanation", "NONE"),
    (0x00283006, "OW", "lut_data", b"\0\0\xff\xff"),
)
_REFERRED: tuple[Element, ...] = ((0x00081155, "UI", "referenced_sop_instance_uid", INSTANCE + ".1"),)
NESTED: tuple[Element, ...] = (
    (0x00081110, "SQ", "referenced_study_sequence", Items(())),
    (0x00081140, "SQ", "referenced_image_sequence", Items((_REFERRED, ()))),
    (0x00110011, "LO", "private_creator_2", "MEDFUZZ 2"),
    (0x00111101, "SQ", "private_sequence", ((0x00081140, "SQ", "referenced_image_sequence", _REFERRED),)),
)
"""Sequences: empty, of several items, of an empty one, in each other, private."""
DEEP: tuple[Element, ...] = (
    (0x0040A730, "SQ", "content_sequence", Items((_CONTENT, _CONTENT))),
    (0x54000100, "SQ", "waveform_sequence", _CHANNELS),
)
"""A content tree, a waveform."""
LITTLE: tuple[Element, ...] = (
    (0x00111102, "UN", "private_unknown_sequence", Items((_REFERRED,))),
    (0x00283000, "SQ", "modality_lut_sequence", _TABLE),
)
"""Bytes that are right in little endian only: a table, and a sequence of a VR that the sender lost."""
SELECTED: tuple[Element, ...] = (
    (0x00720073, "OD", "selector_od_value", bytes(8)),
    (0x00720081, "OV", "selector_ov_value", bytes(8)),
    (0x00720082, "SV", "selector_sv_value", 1),
)
"""The value representations that an image has no attribute of."""
GROUP_LENGTHS: tuple[Element, ...] = (
    (0x00080000, "UL", "identifying_group_length", 0),
    (0x00100000, "UL", "patient_group_length", 0),
    (0x7FE00000, "UL", "pixel_group_length", 16),
)
"""Retired, but nothing that may be refused (PS3.5, 7.2)."""
