"""HL7 v2 over MLLP as interface engines, monitors and gateways speak it: admissions, results, orders, queries, batches.

The messages are a table of the standard's segments and fields by number (HL7 2.5, chapters 2 to 5, 7, 9, 10).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from harness.errors import UsageError, did_you_mean
from harness.interfaces import Mark, Resynchronization, State
from protocols.hl7_segments import message, segment
from protocols.hl7_wire import END, Hl7Wire
from protocols.model import Message, Protocol, edges_of, messages_by_name

Fields = dict[int, str]
TIME = "20260101120000"
VERSIONS = ("2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8")
NAMES = "EVN PID PV1"
STRUCTURES = {
    "update": ("ADT^A08", NAMES),
    "admit": ("ADT^A01", NAMES),
    "register": ("ADT^A04", NAMES),
    "discharge": ("ADT^A03", NAMES),
    "transfer": ("ADT^A02", NAMES),
    "pre_admit": ("ADT^A05", NAMES),
    "cancel_admit": ("ADT^A11", NAMES),
    "add_person": ("ADT^A28", NAMES),
    "update_person": ("ADT^A31", NAMES),
    "merge": ("ADT^A40", "EVN PID MRG"),
    "observe": ("ORU^R01", "PID PV1 OBR OBX OBX_formatted"),
    "order": ("ORM^O01", "PID PV1 ORC OBR"),
    "pharmacy_order": ("OMP^O09", "PID PV1 ORC TQ1 RXO RXR"),
    "encoded_order": ("RDE^O11", "PID ORC RXE TQ1 RXR"),
    "give": ("RGV^O15", "PID ORC RXG TQ1 RXR"),
    "administer": ("RAS^O17", "PID ORC RXA RXR"),
    "query": ("QRY^R02", "QRD"),
    "query_by_parameter": ("QBP^Q11", "QPD RCP"),
    "schedule": ("SIU^S12", "SCH PID PV1 RGS AIS"),
    "document": ("MDM^T02", "EVN PID PV1 TXA OBX_formatted"),
    "batch": ("ORU^R01", "PID OBR OBX"),
    "respond": ("RSP^K11", "MSA QAK QPD"),
    "acknowledge": ("ACK^R01", "MSA"),
}
"""MSH-9, and the segments behind the header.

MSH-9 has no structure (ADT_A01): receivers know it by code and event, and to a guard it is the code of another message.
"""
HEADER = {3: "GATEWAY", 4: "HOSPITAL", 5: "RECEIVER", 6: "HOSPITAL", 7: TIME}
OBSERVED = {4: "1", 11: "F"}
DRUG = "1^MORPHINE^L"
SEGMENTS: Mapping[str, Fields] = {
    "EVN": {2: TIME},
    "PID": {
        1: "1",
        3: "PAT-0001^^^HOSPITAL^MR~987-65-4320^^^SSA&2.16.840.1.113883.4.1&ISO^SS",
        5: "DOE^JANE",
        7: "19700101",
        8: "F",
    },
    "MRG": {1: "PAT-0002^^^HOSPITAL^MR"},
    "PV1": {1: "1", 2: "I", 3: "WARD3^101^1"},
    "OBR": {1: "1", 2: "ORDER-17", 3: "RESULT-17", 4: "85353-1^Vital signs^LN", 7: TIME},
    "OBX": OBSERVED | {2: "NM", 3: "8867-4^Heart rate^LN", 5: "72", 6: "/min", 7: "50-120"},
    "OBX_formatted": OBSERVED | {2: "FT", 3: "NOTE^Note^L", 5: r"72 \T\ regular\.br\\X41\1: SpO₂ \H\98 %\N\~none"},
    "ORC": {1: "NW", 2: "ORDER-17"},
    "TQ1": {1: "1", 3: "Q6H", 7: TIME, 9: "R"},
    "RXO": {1: DRUG, 2: "20", 4: "mL", 21: "5.0", 22: "mL/h"},
    "RXE": {2: DRUG, 3: "20", 5: "mL", 23: "5.0", 24: "mL/h"},
    "RXG": {1: "1", 4: DRUG, 5: "20", 7: "mL", 15: "5.0", 16: "mL/h"},
    "RXA": {1: "1", 2: "1", 3: TIME, 4: TIME, 5: DRUG, 6: "20", 7: "mL"},
    "RXR": {1: "IV^Intravenous^HL70162"},
    "QRD": {1: TIME, 2: "R", 3: "I", 4: "Q17", 7: "1^RD", 8: "PAT-0001", 9: "RES", 10: "ALL"},
    "QPD": {1: "Q11^Query by parameter^L", 2: "Q17", 3: "PAT-0001"},
    "RCP": {1: "I", 2: "10^RD"},
    "QAK": {1: "Q17", 2: "OK"},
    "SCH": {1: "APPOINTMENT-17", 6: "ROUTINE", 11: f"^^30^{TIME}", 16: "17^WHO", 20: "17^WHO", 25: "BOOKED"},
    "RGS": {1: "1"},
    "AIS": {1: "1", 3: "MRI^Imaging^L", 4: TIME, 7: "30", 8: "min"},
    "TXA": {1: "1", 2: "DS", 3: "FT", 4: TIME, 12: "DOCUMENT-17", 17: "AU"},
    "MSA": {1: "AA", 2: "MSG00001"},
    "FHS": HEADER | {9: "FILE-17", 11: "FILE-17"},
    "BHS": HEADER | {9: "BATCH-17", 11: "BATCH-17"},
    "BTS": {1: "1"},
    "FTS": {1: "1"},
}
"""Fields by number; what stands behind a `_` tells several of one name apart."""
PRIVILEGED, THERAPY = frozenset({Mark.PRIVILEGED}), frozenset({Mark.THERAPY})
DISCLOSES = frozenset({Mark.DISCLOSES_PATIENT_DATA})
MARKS = {
    **{name: PRIVILEGED for name, (kind, _segments) in STRUCTURES.items() if kind[:3] in ("ADT", "SIU", "MDM")},
    **dict.fromkeys(("order", "pharmacy_order", "encoded_order", "give", "administer"), THERAPY),
    **dict.fromkeys(("query", "query_by_parameter"), DISCLOSES),
}
SETS = {"register": "8859/1", "discharge": "ASCII"}
ENHANCED = tuple({"message.MSH.15": "AL", "message.MSH.16": result} for result in ("AL", "NE"))
VARIANTS = {
    "observe": ENHANCED,
    "update": tuple({"message.MSH.12": version} for version in VERSIONS),
    "query_by_parameter": ENHANCED[:1],
}
UNANSWERED = ("batch", "respond", "acknowledge")
CHAINS = (
    ("register", "admit"),
    ("admit", "observe"),
    ("admit", "order"),
    ("admit", "discharge"),
    ("order", "give"),
    ("order", "observe"),
    ("pharmacy_order", "encoded_order"),
    ("encoded_order", "give"),
    ("give", "administer"),
    ("schedule", "register"),
    ("observe", "acknowledge"),
    ("observe", "query"),
    ("observe", "document"),
    ("observe", "batch"),
    ("query", "acknowledge"),
    ("query_by_parameter", "respond"),
    ("discharge", "update"),
    ("discharge", "give"),
)
TYPES = {name: kind for name, (kind, _segments) in STRUCTURES.items()} | {
    "batch": "FHS~BHS",
    "acknowledge": "ACK",
}


def _text(kind: str, segments: str, own: Fields) -> Iterator[str]:
    """The segments of one message; EVN-1 is the event of MSH-9, OBX-1 counts."""
    yield segment("MSH", HEADER | {9: kind, 10: "MSG00001", 11: "P", 15: "", 16: ""} | own)
    seen = Counter[str]()
    for each in segments.split():
        seen[name := each.partition("_")[0]] += 1
        first = {"EVN": kind.split("^")[1], "OBX": str(seen[name])}
        yield segment(name, SEGMENTS[each] | ({1: first[name]} if name in first else {}))


def _message(name: str, version: str, own: Fields) -> Message:
    kind, segments = STRUCTURES[name]
    fields = {12: version, 18: SETS.get(name, "UNICODE UTF-8")} | own
    lines = tuple(_text(kind, segments, fields))
    if name == "batch":
        inside = ("FHS", "BHS"), ("BTS", "FTS")
        before, behind = (tuple(segment(each, SEGMENTS[each]) for each in names) for names in inside)
        lines = (*before, *lines, *behind)
    options: dict[str, Any] = {"marks": MARKS[name]} if name in MARKS else {}
    return message(name, *lines, variants=VARIANTS.get(name, ()), reply_expected=name not in UNANSWERED, **options)


@cache
def hl7_mllp(version: str = "2.5", sender: str = "", receiver: str = "") -> Protocol:
    """`version` is MSH-12, `sender` MSH-3, `receiver` MSH-5. Raises UsageError for a version that HL7 does not have."""
    if version not in VERSIONS:
        raise UsageError(f"protocol 'hl7_mllp': '{version}' is no version of HL7 v2.{did_you_mean(version, VERSIONS)}")
    own = {number: text for number, text in ((3, sender), (5, receiver)) if text}
    messages = messages_by_name(_message(name, version, own) for name in STRUCTURES)
    return Protocol(
        name="hl7_mllp",
        messages=messages,
        edges=edges_of(messages, CHAINS),
        wire=Hl7Wire(TYPES),
        states={"idle": State("idle", ())},
        probe=messages["update"].send(),
        resynchronization=Resynchronization(0.1, END),
        max_reply=1 << 16,
        waits=(0.05, 1.0),
        may_close=True,
    )
