"""Unique identifiers and value representations that DICOM registers (PS3.6, annex A; PS3.5, 6.2)."""

from __future__ import annotations

_ROOT = "1.2.840.10008"
DICOM_APPLICATION = f"{_ROOT}.3.1.1.1"
VERIFICATION = f"{_ROOT}.1.1"
IMPLICIT, EXPLICIT_LITTLE, EXPLICIT_BIG = f"{_ROOT}.1.2", f"{_ROOT}.1.2.1", f"{_ROOT}.1.2.2"
DEFLATED, RLE = f"{_ROOT}.1.2.1.99", f"{_ROOT}.1.2.5"
COMMITMENT, STEP, FILM_SESSION = f"{_ROOT}.1.20.1", f"{_ROOT}.3.1.2.3.3", f"{_ROOT}.5.1.1.1"
SECONDARY_CAPTURE = f"{_ROOT}.5.1.4.1.1.7"
STUDY_FIND, STUDY_MOVE, STUDY_GET = (f"{_ROOT}.5.1.4.1.2.2.{number}" for number in (1, 2, 3))
STORAGE = tuple(
    f"{_ROOT}.5.1.4.1.1.{kind}"
    for kind in (
        *("1", "1.1", "1.2", "1.3", "2", "2.1", "3.1", "4", "4.1", "4.2", "6.1", "7", "7.1", "7.2", "7.3", "7.4", "8"),
        *("9", "9.1.1", "9.2.1", "9.4.1", "10", "11.1", "12.1", "12.2", "20", "30", "66", "66.1", "66.4", "67"),
        *("77.1.1", "77.1.5.1", "77.1.6", "78.1", "88.11", "88.22", "88.33", "88.59", "88.67", "104.1", "128", "129"),
        *("131", "481.1", "481.2", "481.3", "481.5"),
    )
)
"""Storage classes, from computed radiography to radiotherapy."""
SOP_CLASSES = (
    *(VERIFICATION, COMMITMENT, STEP, FILM_SESSION, STUDY_FIND, STUDY_MOVE, STUDY_GET),
    *(f"{_ROOT}.1.3.10", f"{_ROOT}.3.1.2.3.4", f"{_ROOT}.5.1.1.9", f"{_ROOT}.5.1.1.18", f"{_ROOT}.5.1.4.31"),
    *(f"{_ROOT}.5.1.4.1.2.1.1", f"{_ROOT}.5.1.4.32.1", f"{_ROOT}.5.1.4.34.6.1"),
    *STORAGE,
)
TRANSFER_SYNTAXES = (
    *(IMPLICIT, EXPLICIT_LITTLE, EXPLICIT_BIG, DEFLATED, RLE),
    *(f"{_ROOT}.1.2.4.{kind}" for kind in (50, 51, 57, 70, 80, 81, 90, 91, 92, 93, 94, 95, 100, 101, 102, 103, 104)),
    *(f"{_ROOT}.1.2.4.{kind}" for kind in (105, 106, 107, 108, 201, 202, 203)),
    *(f"{_ROOT}.1.2.6.1", f"{_ROOT}.1.2.6.2", f"{_ROOT}.1.20"),
)
VRS = tuple(
    vr.encode()
    for vr in (
        *("AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "OB", "OD", "OF", "OL", "OV", "OW"),
        *("PN", "SH", "SL", "SQ", "SS", "ST", "SV", "TM", "UC", "UI", "UL", "UN", "UR", "US", "UT", "UV"),
    )
)
