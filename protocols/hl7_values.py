"""What fields of HL7 v2 are bent to: numbers, times, text with delimiters, escape sequences, codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

POWERS = (7, 8, 15, 16, 31, 32, 63, 64)
NUMBERS = [
    "0", "-0", "-1", "1", "0.001", "0.0001", "0.0", ".5", "5.", "5..0", "1e9", "1e-9", "0x10", "+5", " 5", "5 ", "5,0",
    "NaN", "inf", "00000005.0", "9" * 20, "9" * 40, "-" + "9" * 20, "0." + "9" * 20, "0." + "0" * 40 + "1",
    *(str((1 << power) + delta) for power in POWERS for delta in (-1, 0, 1)),
    *(f"{((1 << power) + delta) / 1000:.3f}" for power in POWERS[3:] for delta in (-1, 0, 1)),
    *(str(10**power) for power in range(1, 12)),
]  # fmt: skip
TEXTS = [
    "^", "^^^^", "~", "~~~~", "&", "&&", "\\",
    "\\F\\", "\\S\\", "\\T\\", "\\R\\", "\\E\\", "\\X", "\\X0D\\", "\\X00\\", "\\Z\\",
    "\\.br\\", '""', "|", "||||", "\r", "\rPID|1", "\n", "\x1c", "\x1c\r", "\x0b",
    "\x00", "\x7f", "\x1b[2J", "é", "\ufeff",
]  # fmt: skip
"""Of any text field; ASTM's records have them too."""
ESCAPES = [
    "\\.br\\\\.br\\", "\\.br", "\\.sp9999\\", "\\.in-9999\\", "\\.ti\\", "\\.ce\\", "\\.fi\\", "\\H\\A\\N\\", "\\H\\",
    "\\X4\\", "\\X0\\", "\\XZZ\\", "\\X41", "\\X1C0D\\", "\\X0B\\", "\\XFFFFFFFF\\", "\\X" + "41" * 120 + "\\",
    "\\C2842\\", "\\M2442\\", "\\C\\", "\\M24\\", "\\Zlocal\\", "\\\\", "\\E", "\\E\\F\\E\\",
    "\\F\\\\S\\\\T\\\\R\\\\E\\", "\\F" * 40,
]  # fmt: skip
TIMES = [
    "2026", "202601", "2026010112", "202601011200+0000", "20260101120000.0000-1200", "20260101120000+9999",
    "20260229", "20261301", "20260132", "20260101240000", "20260101126000", "20260101120060", "00000000", "19000101",
    "00010101000000", "99991231235959", "2026-01-01T12:00:00Z", "2026010112000", "20260101120000." + "9" * 30,
]  # fmt: skip
_ANSWERS = ("AL", "NE", "ER", "SU", "al", "XX")
CODED: Mapping[str, Sequence[str]] = {
    "MSH.11": ("D", "T", "P", "P^A", "P^R", "P^I", "P^T", "X"),
    "MSH.12": ("2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5.1", "2.6", "2.7", "2.7.1", "2.8", "2.8.2", "2.9", "3.0"),
    "MSH.15": _ANSWERS,
    "MSH.16": _ANSWERS,
    "MSH.18": (
        "ASCII", "8859/1", "8859/15", "UNICODE UTF-8", "UNICODE UTF-16", "UNICODE UTF-32", "ISO IR14", "ISO IR87",
        "GB 18030-2000", "KS X 1001", "BIG-5", "~ISO IR87", "ASCII~ISO IR87", "UTF-8",
    ),
    "MSA.1": ("AA", "AE", "AR", "CA", "CE", "CR", "aa", "XX"),
    "OBX.2": ("CE", "CWE", "DT", "ED", "FT", "NM", "RP", "SN", "ST", "TM", "TS", "TX", "XCN", "ZZ"),
    "OBX.11": tuple("CDFINOPRSUWX"),
    "ORC.1": ("CA", "CH", "CR", "DC", "HD", "NA", "NW", "OK", "RE", "RL", "RP", "SC", "SN", "UA", "UX", "XO", "XX"),
    "PID.8": tuple("AFMNOU"),
    "PV1.2": tuple("BCEINOPRU"),
    "QAK.2": ("OK", "NF", "AE", "AR"),
    "TXA.17": ("AU", "DI", "DO", "IN", "IP", "LA", "PA"),
}  # fmt: skip
"""By field, what HL7's own tables have for it, and codes that they do not have."""
