"""Record access (RACP, 2A52; GATT Specification Supplement 3.178) and Insulin Delivery's own dialect of it (2B27)."""
# ruff: noqa: RUF012  (scapy's fields_desc)

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scapy.fields import ByteField, LEIntField, LEShortField, XByteField
from scapy.packet import Packet

from harness.interfaces import Mark
from protocols.gatt.messages import control, service
from protocols.gatt.packets import NoOperand, Value, operand
from protocols.gatt.values import e2e_crc
from protocols.model import Message, Protocol

CONTROL_POINT = "2a52"


class RecordAccess(Value):
    """Operation, operator, operand."""

    fields_desc = [XByteField("opcode", 1), XByteField("operator", 1), operand(NoOperand())]


class ProtectedRecordAccess(Value):
    """Operation, operator, operand; counter and E2E-CRC."""

    fields_desc = [
        XByteField("opcode", 0x33),
        XByteField("operator", 0x33),
        operand(NoOperand(), 3),
        ByteField("counter", 1),
        e2e_crc("opcode", "counter"),
    ]


class Bound(Value):
    """A filter and one limit: minutes or a sequence number."""

    fields_desc = [XByteField("filter", 1), LEShortField("limit", 5)]


class Between(Value):
    """A filter, least and greatest."""

    fields_desc = [XByteField("filter", 1), LEShortField("least", 0), LEShortField("greatest", 10)]


class WideBound(Value):
    """A filter and one limit: a sequence number."""

    fields_desc = [XByteField("filter", 0x0F), LEIntField("limit", 5)]


class WideBetween(Value):
    """A filter, least and greatest sequence number."""

    fields_desc = [XByteField("filter", 0x0F), LEIntField("least", 0), LEIntField("greatest", 10)]


@dataclass(frozen=True, slots=True)
class Dialect:
    """One service's codes: operations report, delete, abort, count; operators null, all, ≤, ≥, range, first, last."""

    frame: type[Packet]
    bound: type[Packet]
    between: type[Packet]
    operations: tuple[int, int, int, int]
    operators: tuple[int, int, int, int, int, int, int]
    longest: int


GENERIC = Dialect(RecordAccess, Bound, Between, (1, 2, 3, 4), (0, 1, 2, 3, 4, 5, 6), 0xFFFF)
INSULIN_DELIVERY = Dialect(
    ProtectedRecordAccess,
    WideBound,
    WideBetween,
    (0x33, 0x3C, 0x55, 0x5A),
    (0x0F, 0x33, 0x3C, 0x55, 0x5A, 0x66, 0x69),
    0xFFFFFFFF,
)
MARKS = {"report": Mark.DISCLOSES_PATIENT_DATA, "delete": Mark.PRIVILEGED}


def record_access(uuid: str = CONTROL_POINT, dialect: Dialect = GENERIC, prefix: str = "") -> tuple[Message, ...]:
    """Report, count and delete all records, by one limit, or a range; begin a report, and abort it.

    Names are `PREFIXreport_range`.
    """
    report, delete, abort, count = dialect.operations
    found: list[Message] = []
    for name, code in (("report", report), ("count", count), ("delete", delete)):
        found += _operation(f"{prefix}{name}", uuid, dialect, code, frozenset({MARKS[name]} if name in MARKS else ()))
    everything = dialect.frame(opcode=report, operator=dialect.operators[1])
    stop = dialect.frame(opcode=abort, operator=dialect.operators[0])
    disclosing = frozenset({MARKS["report"]})
    begin = control(f"{prefix}report_begin", uuid, everything, begun=True, marks=disclosing)
    return (*found, begin, control(f"{prefix}abort", uuid, stop))


def _operation(name: str, uuid: str, dialect: Dialect, code: int, marks: frozenset[Mark]) -> tuple[Message, ...]:
    _null, everything, until, since, between, first, last = dialect.operators
    limits = {"limit": (0, dialect.longest)}
    ends = {"greatest": (0, dialect.longest)}
    few = ({"operator": first}, {"operator": last})
    by_limit, by_range = dialect.bound(), dialect.between()
    frames: tuple[tuple[str, Packet, dict[str, Any]], ...] = (
        (name, dialect.frame(opcode=code, operator=everything), {"variants": few}),
        (f"{name}_limit", dialect.frame(opcode=code, operator=since, operand=by_limit), {"ranges": limits}),
        (f"{name}_until", dialect.frame(opcode=code, operator=until, operand=by_limit), {"ranges": limits}),
        (f"{name}_range", dialect.frame(opcode=code, operator=between, operand=by_range), {"ranges": ends}),
    )
    return tuple(control(title, uuid, frame, marks=marks, **more) for title, frame, more in frames)


def chains(prefix: str = "") -> tuple[tuple[str, str], ...]:
    """What follows what."""
    pairs = (
        ("count", "report"),
        ("report_begin", "abort"),
        ("report_begin", "report_begin"),
        ("report_begin", "delete"),
        ("report_range", "abort"),
        ("count", "report_begin"),
        ("report_limit", "count_limit"),
        ("count_range", "report_range"),
        ("delete", "count"),
        ("delete_until", "report"),
        ("delete_range", "report"),
    )
    return tuple((prefix + before, prefix + behind) for before, behind in pairs)


PROTOCOL: Protocol = service("gatt_racp", record_access(), chains())
