"""Insulin Delivery (183A; IDS 1.0) as scapy packets: insulin in U and U/h as SFLOAT, times in minutes."""
# ruff: noqa: RUF012  (scapy's fields_desc)

from __future__ import annotations

from typing import Any, ClassVar

from scapy.fields import ByteField, LEShortField, XByteField, XLEShortField

from protocols.gatt.packets import NoOperand, Value, operand, when
from protocols.gatt.values import SFloatField, e2e_crc

FAST, EXTENDED = 0x33, 0x3C
ABSOLUTE, RELATIVE = 0x33, 0x3C
STOP, PAUSE, RUN = 0x33, 0x3C, 0x55
RECOMMENDED = 0x3C
PROGRAMMED, REMAINING, DELIVERED = 0x0F, 0x33, 0x3C


class ControlPoint(Value):
    """2B24, 2B25: opcode, operand, counter and E2E-CRC."""

    fields_desc = [
        XLEShortField("opcode", 0),
        operand(NoOperand(), 3),
        ByteField("counter", 1),
        e2e_crc("opcode", "counter"),
    ]


class Operand(Value):
    """What follows an opcode."""

    opcode: ClassVar[int] = 0


class SetTherapyState(Operand):
    """Stop, pause or run."""

    opcode = 0x0F5A
    fields_desc = [XByteField("state", RUN)]


class ConfirmAnnunciation(Operand):
    """Confirms an annunciation by its number."""

    opcode = 0x0F99
    fields_desc = [LEShortField("annunciation", 1)]


def _block(number: int) -> list[Any]:
    duration, rate = LEShortField(f"minutes{number}", 1440), SFloatField(f"rate{number}", "0.8")
    if number == 1:
        return [duration, rate]

    return [when(1 << (number - 1), field) for field in (duration, rate)]


class WriteBasalProfile(Operand):
    """One to three time blocks of a profile template. Flags: 1 the last ones, 2 a second block, 4 a third."""

    opcode = 0x0FCC
    fields_desc = [
        XByteField("flags", 1),
        ByteField("template", 1),
        ByteField("first_block", 1),
        *_block(1),
        *_block(2),
        *_block(3),
    ]


class SetTempBasal(Operand):
    """A temporary basal rate: U/h or per cent, for some minutes."""

    opcode = 0x0FFF
    fields_desc = [
        XByteField("flags", 0),
        XByteField("type", ABSOLUTE),
        SFloatField("rate", "1.2"),
        LEShortField("minutes", 30),
    ]


class CancelTempBasal(Operand):
    """Ends the temporary basal rate."""

    opcode = 0x1111
    fields_desc = []


class SetBolus(Operand):
    """A bolus. Flags: 1 a delay, 2 a template, 4 why it was chosen."""

    opcode = 0x114B
    fields_desc = [
        XByteField("flags", 0),
        XByteField("type", FAST),
        SFloatField("fast", "2.0"),
        SFloatField("extended", "0"),
        LEShortField("minutes", 0),
        when(1, LEShortField("delay", 0)),
        when(2, ByteField("template", 1)),
        when(4, XByteField("activation", RECOMMENDED)),
    ]


class CancelBolus(Operand):
    """Ends a bolus by its identifier."""

    opcode = 0x1178
    fields_desc = [LEShortField("bolus", 1)]


class StartPriming(Operand):
    """Fills the line with some U."""

    opcode = 0x127B
    fields_desc = [SFloatField("amount", "5.0")]


class StopPriming(Operand):
    """Ends priming."""

    opcode = 0x1284
    fields_desc = []


class GetMaxBolus(Operand):
    """Asks for the largest bolus that may be set."""

    opcode = 0x147D
    fields_desc = []


class SetMaxBolus(Operand):
    """Sets the largest bolus."""

    opcode = 0x148D
    fields_desc = [SFloatField("amount", "10.0")]


class ResetStatus(Operand):
    """2B24: clears flags of what has changed."""

    opcode = 0x030C
    fields_desc = [XLEShortField("changed", 0xFFFF)]


class GetActiveBoluses(Operand):
    """2B24: identifiers of the active boluses."""

    opcode = 0x0330
    fields_desc = []


class GetBolusDelivery(Operand):
    """2B24: programmed, remaining or delivered insulin of a bolus."""

    opcode = 0x0356
    fields_desc = [LEShortField("bolus", 1), XByteField("of", REMAINING)]


class GetBasalDelivery(Operand):
    """2B24: the active basal rate."""

    opcode = 0x0365
    fields_desc = []


class GetDelivered(Operand):
    """2B24: what was delivered in all."""

    opcode = 0x03C0
    fields_desc = []


class Status(Value):
    """2B21: therapy control, operational state, U in the reservoir."""

    fields_desc = [
        XByteField("therapy_control", STOP),
        XByteField("operational", 0x3C),
        SFloatField("reservoir", "200"),
        XByteField("flags", 1),
        ByteField("counter", 1),
        e2e_crc("therapy_control", "counter"),
    ]


class Features(Value):
    """2B23: U per ml and which features there are."""

    fields_desc = [
        SFloatField("concentration", "100"),
        XByteField("features_low", 0),
        XLEShortField("features_high", 0),
        ByteField("counter", 1),
        e2e_crc("concentration", "counter"),
    ]
