"""HL7 v2 messages in parts: fields that are text or a number, segments, the header, the MLLP block around them."""

from __future__ import annotations

from typing import Any

import boofuzz

from protocols.hl7_wire import END, START
from protocols.model import Message

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


def header(
    code: str, trigger: str, *more: boofuzz.Fuzzable | str, receiver: str, facility: str, version: str
) -> boofuzz.Block:
    """MSH up to the version, and `more` behind it; the control id is live."""
    return segment(
        "MSH",
        boofuzz.Delim("field_separator", "|"),
        boofuzz.Delim("encoding_characters", "^~\\&"),
        "|",
        text("sending_application", "GATEWAY"),
        "|",
        text("sending_facility", facility),
        "|",
        text("receiving_application", receiver),
        "|",
        text("receiving_facility", facility),
        "|",
        text("time", "20260101120000"),
        "||",
        text("message_code", code),
        boofuzz.Delim("type_separator", "^"),
        text("trigger_event", trigger),
        "|",
        text("control_id", "MSG00001"),
        "|",
        text("processing_id", "P"),
        "|",
        text("version", version),
        *more,
    )


def message(name: str, head: boofuzz.Block, *segments: boofuzz.Block, **options: Any) -> Message:
    """A message in its MLLP block."""
    content = boofuzz.Block("message", children=(head, *segments))
    parts = (boofuzz.Delim("start", START.decode()), content, boofuzz.Delim("stop", END.decode()))
    return Message(boofuzz.Request(name, children=parts), live={"message.MSH.control_id": "control_id"}, **options)


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


def order_control(control: str) -> boofuzz.Block:
    """ORC."""
    return segment("ORC", "|", text("control", control), "|", text("placer_number", "ORDER-17"))
