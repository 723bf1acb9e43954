"""The pump's dialect of HL7 v2 in parts: fields by name, segments, the header, the MLLP block around them."""

from __future__ import annotations

from typing import Any

import boofuzz

from protocols.hl7_values import NUMBERS, TEXTS
from protocols.hl7_wire import END, START
from protocols.model import Message


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
