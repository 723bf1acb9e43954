"""ASTM E1394 (CLSI LIS02-A2) over E1381: an analyser that reports to a host, and a host that asks an analyser.

Each record has a frame of its own. Frame numbers are live: they begin at 1 behind an ENQ and go on with each ACK.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import boofuzz

from harness.errors import UsageError, did_you_mean
from harness.interfaces import Mark, Resynchronization, State
from protocols.astm_records import RECORDS, TYPES, record
from protocols.astm_wire import (
    ACK,
    ASK,
    ENQ,
    EOT,
    ESTABLISH,
    ESTABLISH_AND_STAY,
    ETB,
    ETX,
    FRAME_NUMBER,
    NAK,
    PROBE,
    STX,
    AstmWire,
)
from protocols.checksums import BlockChecksum
from protocols.model import Edge, Message, Protocol, messages_by_name

CONTROLS = {"enq": ENQ, "eot": EOT, "ack": ACK, "nak": NAK}
_OPEN = ("enq", "header")
_ORDERED = (*_OPEN, "patient", "order")
NEEDS = {
    "header": ("enq",),
    "patient": _OPEN,
    "manufacturer": _OPEN,
    "query": _OPEN,
    "terminator": _OPEN,
    "order": (*_OPEN, "patient"),
    "comment": (*_OPEN, "patient"),
    "result": _ORDERED,
    "scientific": _ORDERED,
    "comment_begin": _ORDERED,
    "comment_end": (*_ORDERED, "comment_begin"),
}
"""A frame is taken behind an ENQ, and a record where the standard's hierarchy has it."""
VARIANTS = {
    "terminator": tuple({"termination_code": code} for code in "TRFEQI"),
    "query": tuple({"request_information_status_codes": code} for code in "CPFXIRANLDM"),
}
MARKS = {"order": Mark.PRIVILEGED, "query": Mark.DISCLOSES_PATIENT_DATA}


def _control(name: str, sent: bytes, live: str = "") -> Message:
    """Control characters as a message; an ENQ is live, as it begins a count of frames."""
    live_fields = {"control": live} if live else {}
    parts = (boofuzz.Bytes("control", sent),)
    return Message(boofuzz.Request(name, children=parts), live=live_fields, reply_expected=bool(live))


def _frame(name: str, end: bytes, ends: tuple[str, str]) -> Message:
    """One record, or a part of one, in its frame, from one end of the line to the other."""
    parts = (
        boofuzz.Delim("stx", STX.decode()),
        boofuzz.Byte("fn", 1, output_format="ascii"),
        boofuzz.Block("text", children=record(name, *ends)),
        boofuzz.Delim("etx", end.decode()),
        BlockChecksum("checksum", (".fn", ".text", ".etx"), "sum8_digits"),
        boofuzz.Delim("cr_lf", "\r\n"),
    )
    options: dict[str, Any] = {"marks": frozenset({MARKS[name]})} if name in MARKS else {}
    return Message(
        boofuzz.Request(name, children=parts),
        live={"fn": FRAME_NUMBER},
        needs=NEEDS[name],
        variants=VARIANTS.get(name, ()),
        **options,
    )


def _messages(names: Sequence[str], ends: tuple[str, str]) -> Mapping[str, Message]:
    controls = (_control("enq", ENQ, ESTABLISH), *(_control(name, CONTROLS[name]) for name in ("eot", "ack", "nak")))
    frames = (_frame(name, ETB if name == "comment_begin" else ETX, ends) for name in RECORDS if name in names)
    return messages_by_name((*controls, *frames))


def _protocol(
    name: str,
    ends: tuple[str, str],
    records: Sequence[str],
    chains: Sequence[tuple[str, str]],
    seconds: float,
    asks: bytes = PROBE,
) -> Protocol:
    """`seconds` are waited before the probe `asks` once more; the filler ends a frame and the transfer."""
    messages = _messages(records, ends)
    edges = (
        *(Edge("", message) for message in CONTROLS),
        Edge("enq", "header"),
        *(Edge(*chain) for chain in chains),
        *(
            Edge(message, "terminator")
            for message in records
            if message not in ("header", "terminator", "comment_begin")
        ),
        Edge("terminator", "eot"),
        Edge("eot", "enq"),
    )
    return Protocol(
        name,
        messages,
        edges,
        AstmWire({record: TYPES[record] for record in records}, CONTROLS),
        {
            "idle": State("idle", ()),
            "transfer": State(
                "transfer", (_control("establish", asks, ESTABLISH_AND_STAY).send(),), {"response": "ACK"}
            ),
        },
        _control("probe", asks, ASK).send(),
        resynchronization=Resynchronization(seconds, b"\r\n" + EOT),
        max_reply=1 << 17,
        waits=(0.05, 1.0),
    )


_RECORDS = (
    "header", "patient", "order", "result", "comment", "comment_begin", "comment_end", "manufacturer", "scientific",
    "query", "terminator",
)  # fmt: skip
_CHAINS = (
    ("header", "patient"), ("patient", "order"), ("order", "result"), ("result", "result"), ("result", "comment"),
    ("order", "comment_begin"), ("comment_begin", "comment_end"), ("order", "scientific"), ("header", "manufacturer"),
    ("header", "query"),
)  # fmt: skip
_PROBES = {"eot_enq": PROBE, "enq": ENQ}


def astm_host(probe: str = "eot_enq") -> Protocol:
    """We are the analyser; the device under test is the host, which leaves the link to us in contention.

    `probe` is `enq` for a host that does not stand an EOT where nothing was begun. Raises UsageError.
    """
    if probe not in _PROBES:
        raise UsageError(f"protocol 'astm_host': '{probe}' is no probe.{did_you_mean(probe, _PROBES)}")
    return _protocol("astm_host", ("ANALYSER", "HOST"), _RECORDS, _CHAINS, 0.1, _PROBES[probe])


ANALYZER = _protocol(
    "astm_analyzer",
    ("HOST", "ANALYSER"),
    ("header", "query", "patient", "order", "comment", "manufacturer", "terminator"),
    (
        ("header", "query"),
        ("header", "patient"),
        ("patient", "order"),
        ("order", "comment"),
        ("header", "manufacturer"),
    ),
    1.2,
)
"""We are the host; the device under test is the analyser, which sends what it was asked for by itself.

It has priority: in contention it is given more than the second behind which it may ask again (LIS01-A2, 6.2.7).
"""
