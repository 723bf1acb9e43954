"""HL7 v2 over MLLP as interface engines, monitors and gateways speak it: admissions, results, orders, queries."""

from __future__ import annotations

from typing import Any

import boofuzz

from harness.interfaces import Mark, Resynchronization, State
from protocols.hl7_segments import give, header, message, number, order_control, segment, text
from protocols.hl7_wire import END, Hl7Wire
from protocols.model import Edge, Message, Protocol, messages_by_name

TIME = "20260101120000"
TYPES = {
    "update": "ADT^A08",
    "admit": "ADT^A01",
    "register": "ADT^A04",
    "discharge": "ADT^A03",
    "observe": "ORU^R01",
    "order": "ORM^O01",
    "give": "RGV^O15",
    "query": "QRY^R02",
    "query_by_parameter": "QBP^Q11",
    "acknowledge": "ACK",
}
ENHANCED = {
    "message.MSH.accept_acknowledgment": "AL",
    "message.MSH.application_acknowledgment": "AL",
}
PRIVILEGED, THERAPY = frozenset({Mark.PRIVILEGED}), frozenset({Mark.THERAPY})
DISCLOSES = frozenset({Mark.DISCLOSES_PATIENT_DATA})


def _message(name: str, *segments: boofuzz.Block, trigger: str = "", **options: Any) -> Message:
    """Segments behind a header; MSH-9 has no structure, which receivers know by code and trigger."""
    code, _, own = TYPES[name].partition("^")
    head = header(
        code,
        own or trigger,
        "|||",
        text("accept_acknowledgment", ""),
        "|",
        text("application_acknowledgment", ""),
        "||",
        text("character_set", "UNICODE UTF-8"),
        receiver="RECEIVER",
        facility="HOSPITAL",
        version="2.5",
    )
    return message(name, head, *segments, **options)


def _event(trigger: str) -> boofuzz.Block:
    return segment("EVN", "|", text("event", trigger), "|", text("time", TIME))


def _patient() -> boofuzz.Block:
    return segment(
        "PID",
        "|",
        number("set_id", "1"),
        "||",
        text("identifier", "PAT-0001"),
        boofuzz.Delim("identifier_separator", "^^^"),
        text("authority", "HOSPITAL"),
        boofuzz.Delim("type_separator", "^"),
        text("identifier_type", "MR"),
        "||",
        text("family_name", "DOE"),
        boofuzz.Delim("name_separator", "^"),
        text("given_name", "JANE"),
        "||",
        text("birth_date", "19700101"),
        "|",
        text("sex", "F"),
    )


def _visit() -> boofuzz.Block:
    return segment(
        "PV1",
        "|",
        number("set_id", "1"),
        "|",
        text("class", "I"),
        "|",
        text("ward", "WARD3"),
        boofuzz.Delim("room_separator", "^"),
        text("room", "101"),
        boofuzz.Delim("bed_separator", "^"),
        text("bed", "1"),
    )


def _order_detail(code: str, name: str) -> boofuzz.Block:
    return segment(
        "OBR",
        "|",
        number("set_id", "1"),
        "|",
        text("placer_number", "ORDER-17"),
        "|",
        text("filler_number", "RESULT-17"),
        "|",
        text("service", code),
        boofuzz.Delim("service_separator", "^"),
        text("service_name", name),
        "|||",
        text("time", TIME),
    )


def _observation(
    set_id: str, kind: str, code: str, name: str, value: boofuzz.String, units: str, limits: str
) -> boofuzz.Block:
    observed = segment(
        "OBX",
        "|",
        number("set_id", set_id),
        "|",
        text("value_type", kind),
        "|",
        text("code", code),
        boofuzz.Delim("code_separator", "^"),
        text("code_name", name),
        "|",
        text("sub_id", "1"),
        "|",
        value,
        "|",
        text("units", units),
        "|",
        text("limits", limits),
        "||||",
        text("status", "F"),
    )
    return boofuzz.Block(f"observation{set_id}", children=(observed,))


def _observations() -> tuple[boofuzz.Block, ...]:
    return (
        _observation("1", "NM", "8867-4", "Heart rate", number("value", "72"), "/min", "50-120"),
        _observation("2", "ST", "8884-9", "Heart rhythm", text("value", "sinus"), "", ""),
    )


def _query_definition() -> boofuzz.Block:
    return segment(
        "QRD",
        "|",
        text("time", TIME),
        "|",
        text("format", "R"),
        "|",
        text("priority", "I"),
        "|",
        text("query_id", "Q17"),
        "|||",
        number("quantity", "1"),
        boofuzz.Delim("quantity_separator", "^"),
        text("quantity_units", "RD"),
        "|",
        text("subject", "PAT-0001"),
        "|",
        text("what", "RES"),
    )


def _query_parameters() -> tuple[boofuzz.Block, ...]:
    parameters = segment(
        "QPD",
        "|",
        text("query_name", "Q11"),
        boofuzz.Delim("query_separator", "^"),
        text("query_text", "Query by parameter"),
        "|",
        text("query_tag", "Q17"),
        "|",
        text("identifier", "PAT-0001"),
    )
    control = segment(
        "RCP",
        "|",
        text("priority", "I"),
        "|",
        number("quantity", "10"),
        boofuzz.Delim("quantity_separator", "^"),
        text("quantity_units", "RD"),
    )
    return parameters, control


def _acknowledgement() -> boofuzz.Block:
    return segment("MSA", "|", text("code", "AA"), "|", text("answered_id", "MSG00001"))


def _admission(name: str) -> Message:
    event = TYPES[name].partition("^")[2]
    return _message(name, _event(event), _patient(), _visit(), marks=PRIVILEGED)


MESSAGES = messages_by_name(
    (
        *(_admission(name) for name in ("update", "admit", "register", "discharge")),
        _message(
            "observe",
            _patient(),
            _visit(),
            _order_detail("85353-1", "Vital signs"),
            *_observations(),
            variants=(ENHANCED,),
        ),
        _message(
            "order", _patient(), _visit(), order_control("NW"), _order_detail("24323-8", "Metabolic"), marks=THERAPY
        ),
        _message("give", _patient(), order_control("NW"), give(), marks=THERAPY),
        _message("query", _query_definition(), marks=DISCLOSES),
        _message("query_by_parameter", *_query_parameters(), marks=DISCLOSES),
        _message("acknowledge", _acknowledgement(), trigger="R01", reply_expected=False),
    )
)
CHAINS = (
    ("register", "admit"),
    ("admit", "observe"),
    ("admit", "order"),
    ("admit", "discharge"),
    ("order", "give"),
    ("order", "observe"),
    ("observe", "acknowledge"),
    ("observe", "query"),
    ("query", "acknowledge"),
    ("discharge", "update"),
    ("discharge", "give"),
)

PROTOCOL = Protocol(
    name="hl7_mllp",
    messages=MESSAGES,
    edges=(*(Edge("", name) for name in MESSAGES), *(Edge(*chain) for chain in CHAINS)),
    wire=Hl7Wire(TYPES),
    states={"idle": State("idle", ())},
    probe=MESSAGES["update"].send(),
    resynchronization=Resynchronization(0.1, END),
    max_reply=1 << 16,
    waits=(0.05, 1.0),
    may_close=True,
)
