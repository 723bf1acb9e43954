"""HL7 v2 over MLLP as the pump's network module speaks it: orders, admission, status query."""

from __future__ import annotations

from typing import Any

import boofuzz

from harness.case import Step
from harness.interfaces import Mark, Resynchronization, State
from protocols.hl7_wire import END, START, Hl7Wire
from protocols.model import Edge, Message, Protocol, messages_by_name
from protocols.pump_actions import ACTIONS, AIR_ALARM, CONFIRM

TYPES = {"order": "RGV", "cancel": "RGV", "query": "QRY", "admit": "ADT"}
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


def text(name: str, default: str) -> boofuzz.String:
    """A field or component."""
    return boofuzz.String(name, default, fuzz_values=[*TEXTS, f"{default}~{default}", f"{default}^{default}&{default}"])


def number(name: str, default: str) -> boofuzz.String:
    """A field that holds a decimal number."""
    return boofuzz.String(name, default, fuzz_values=[*NUMBERS, *TEXTS])


def segment(name: str, *parts: boofuzz.Fuzzable | str) -> boofuzz.Block:
    """A segment: its name, parts that are fields or constant text with delimiters, and its end."""
    children: list[boofuzz.Fuzzable] = [boofuzz.Delim("name", name)]
    for index, part in enumerate(parts):
        children.append(boofuzz.Static(f"text{index}", part) if isinstance(part, str) else part)
    return boofuzz.Block(name, children=(*children, boofuzz.Delim("end", "\r")))


def header(kind: str, trigger: str) -> boofuzz.Block:
    """MSH; the control id is live."""
    return segment(
        "MSH",
        boofuzz.Delim("field_separator", "|"),
        boofuzz.Delim("encoding_characters", "^~\\&"),
        "|",
        text("sending_application", "GATEWAY"),
        "|",
        text("sending_facility", "WARD3"),
        "|",
        text("receiving_application", "MP405"),
        "|",
        text("receiving_facility", "WARD3"),
        "|",
        text("time", "20260101120000"),
        "||",
        text("message_code", kind),
        boofuzz.Delim("type_separator", "^"),
        text("trigger_event", trigger),
        "|",
        text("control_id", "MSG00001"),
        "|",
        text("processing_id", "P"),
        "|",
        text("version", "2.6"),
    )


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


def order_control(control: str) -> boofuzz.Block:
    """ORC."""
    return segment("ORC", "|", text("control", control), "|", text("placer_number", "ORDER-17"))


def give() -> boofuzz.Block:
    """RXG."""
    return segment(
        "RXG",
        "|",
        number("sub_id", "1"),
        "|||",
        number("drug", "1"),
        boofuzz.Delim("drug_separator", "^"),
        text("drug_name", "MORPHINE"),
        "|",
        number("amount", "20"),
        "||",
        text("units", "mL"),
        "||||||||",
        number("rate", "5.0"),
        "|",
        text("rate_units", "mL/h"),
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


def message(name: str, kind: str, trigger: str, *segments: boofuzz.Block, **options: Any) -> Message:
    """A message in its MLLP block."""
    content = boofuzz.Block("message", children=(header(kind, trigger), *segments))
    parts = (boofuzz.Delim("start", START.decode()), content, boofuzz.Delim("stop", END.decode()))
    return Message(boofuzz.Request(name, children=parts), live={"message.MSH.control_id": "control_id"}, **options)


VARIANTS = tuple(
    {f"message.RXG.{field}": value}
    for field, values in (("rate", ("0.1", "999.0", "50.125")), ("amount", ("0.1", "9999")), ("drug", ("0", "2")))
    for value in values
)
MESSAGES = messages_by_name(
    (
        message("query", "QRY", "R02", query_definition()),
        message(
            "order",
            "RGV",
            "O15",
            patient(),
            order_control("NW"),
            give(),
            marks=frozenset({Mark.THERAPY}),
            variants=VARIANTS,
        ),
        message("cancel", "RGV", "O15", patient(), order_control("CA"), marks=frozenset({Mark.THERAPY})),
        message(
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
    name="hl7_mllp",
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
    wire=Hl7Wire(TYPES),
    states=_states(),
    probe=MESSAGES["query"].send(),
    reply_timeout=0.5,
    resynchronization=Resynchronization(0.03, END),
    max_reply=4096,
    actions=ACTIONS,
    waits=(0.05, 1.0, 5.0),
    undo=(*ORDERED, MESSAGES["cancel"].send()),
)
