"""HL7 v2 over MLLP as the pump's network module speaks it: orders, admission, status query."""

from __future__ import annotations

from typing import Any

import boofuzz

from harness.case import Step
from harness.interfaces import Mark, Resynchronization, State
from protocols.hl7_wire import END
from protocols.model import Edge, Message, Protocol, messages_by_name
from targets.pump.protocol.actions import ACTIONS, AIR_ALARM, CONFIRM
from targets.pump.protocol.hl7_segments import give, header, message, number, order_control, segment, text
from targets.pump.protocol.hl7_wire import TYPES, PumpHl7Wire


def patient() -> boofuzz.Block:
    """PID."""
    return segment(
        "PID",
        "|",
        number("set_id", "1"),
        "||",
        text("identifier", "PAT-0001"),
        "||",
        text("family_name", "DOE"),
        boofuzz.Delim("name_separator", "^"),
        text("given_name", "JANE"),
    )


def query_definition() -> boofuzz.Block:
    """QRD."""
    return segment(
        "QRD",
        "|",
        text("time", "20260101120000"),
        "|",
        text("format", "R"),
        "|",
        text("priority", "I"),
        "|",
        text("query_id", "Q17"),
        "|||",
        text("quantity", "1^RD"),
        "|",
        text("subject", "MP405"),
        "|",
        text("what", "STA"),
    )


def _message(name: str, code: str, trigger: str, *segments: boofuzz.Block, **options: Any) -> Message:
    head = header(code, trigger, receiver="MP405", facility="WARD3", version="2.6")
    return message(name, head, *segments, **options)


VARIANTS = tuple(
    {f"message.RXG.{field}": value}
    for field, values in (("rate", ("0.1", "999.0", "50.125")), ("amount", ("0.1", "9999")), ("drug", ("0", "2")))
    for value in values
)
MESSAGES = messages_by_name(
    (
        _message("query", "QRY", "R02", query_definition()),
        _message(
            "order",
            "RGV",
            "O15",
            patient(),
            order_control("NW"),
            give(),
            marks=frozenset({Mark.THERAPY}),
            variants=VARIANTS,
        ),
        _message("cancel", "RGV", "O15", patient(), order_control("CA"), marks=frozenset({Mark.THERAPY})),
        _message(
            "admit",
            "ADT",
            "A01",
            patient(),
            segment("PV1", "|", number("set_id", "1"), "|", text("class", "I"), "|", text("ward", "WARD3")),
            marks=frozenset({Mark.PRIVILEGED}),
        ),
    )
)
ORDERED: tuple[Step, ...] = (MESSAGES["order"].send(),)
INFUSING = (*ORDERED, *CONFIRM)


def _states() -> dict[str, State]:
    states = (
        State("idle", (), {"therapy_state": 1, "pending": 0}),
        State("ordered", ORDERED, {"therapy_state": 1, "pending": 4}),
        State("infusing", INFUSING, {"therapy_state": 2, "pending": 0}),
        State("alarm", (*INFUSING, *AIR_ALARM), {"therapy_state": 6}),
    )
    return {state.name: state for state in states}


PROTOCOL = Protocol(
    name="pump_hl7",
    messages=MESSAGES,
    edges=(
        *(Edge("", name) for name in MESSAGES),
        Edge("order", "query", CONFIRM),
        Edge("order", "cancel"),
        Edge("order", "order"),
        Edge("cancel", "query"),
        Edge("admit", "order"),
        Edge("query", "admit"),
    ),
    wire=PumpHl7Wire(TYPES),
    states=_states(),
    probe=MESSAGES["query"].send(),
    reply_timeout=0.5,
    resynchronization=Resynchronization(0.03, END),
    max_reply=4096,
    actions=ACTIONS,
    waits=(0.05, 1.0, 5.0),
    undo=(*ORDERED, MESSAGES["cancel"].send()),
)
