"""Insulin Delivery (183A): command control point, status reader, history, and status."""

from __future__ import annotations

from typing import Any

from harness.interfaces import Mark
from protocols.gatt import ids_packets as packets
from protocols.gatt import racp
from protocols.gatt.messages import control, read, service
from protocols.gatt.packets import INDICATION
from protocols.gatt.values import SFLOAT
from protocols.model import Message, Protocol
from protocols.wire import Fields

READER, COMMAND, RECORD_ACCESS = "2b24", "2b25", "2b27"
READ = {"idd_status": "2b21", "idd_annunciation": "2b22", "idd_features": "2b23"}
RESPONSE_CODES = 0x0303, 0x0F55
RESPONSES = {
    0x0F: "success",
    0x70: "opcode not supported",
    0x71: "invalid operand",
    0x72: "not completed",
    0x73: "out of range",
    0x74: "not applicable",
    0x75: "not plausible",
    0x76: "too many boluses",
}
THERAPY, PRIVILEGED = frozenset({Mark.THERAPY, Mark.PRIVILEGED}), frozenset({Mark.PRIVILEGED})


def units(least: str, most: str) -> tuple[int, int]:
    """Limits of an amount as SFLOATs of one exponent, so that what lies between them lies between in U, too."""
    return SFLOAT.raw(least, -1), SFLOAT.raw(most, -1)


def _message(name: str, uuid: str, body: Any, **options: Any) -> Message:
    return control(name, uuid, packets.ControlPoint(opcode=body.opcode, operand=body), **options)


def _bolus(name: str, body: Any, **options: Any) -> Message:
    return _message(name, COMMAND, body, marks=THERAPY, **options)


def commands() -> tuple[Message, ...]:
    """Every command of the control point that changes therapy, and the two that do not."""
    p, three = packets, {f"minutes{number}": 480 for number in (1, 2, 3)}
    therapy_state = tuple({"state": state} for state in (p.STOP, p.PAUSE))
    percent = {"type": p.RELATIVE, "rate": SFLOAT.raw("150")}
    extended = p.SetBolus(type=p.EXTENDED, fast="0", extended="2.0", minutes=60)
    return (
        _message("set_therapy_state", COMMAND, p.SetTherapyState(), marks=THERAPY, variants=therapy_state),
        _message("confirm_annunciation", COMMAND, p.ConfirmAnnunciation(), marks=PRIVILEGED),
        _message("write_basal_profile", COMMAND, p.WriteBasalProfile(), marks=THERAPY),
        _message("write_basal_blocks", COMMAND, p.WriteBasalProfile(flags=7, **three), marks=THERAPY),
        _message(
            "set_temp_basal",
            COMMAND,
            p.SetTempBasal(),
            marks=THERAPY,
            ranges={"rate": units("0", "5"), "minutes": (1, 1440)},
            variants=(percent,),
        ),
        _message("cancel_temp_basal", COMMAND, p.CancelTempBasal(), marks=THERAPY),
        _bolus("set_bolus", p.SetBolus(), ranges={"fast": units("0.1", "15")}),
        _bolus("set_bolus_recommended", p.SetBolus(flags=4), ranges={"fast": units("0.1", "15")}),
        _bolus("set_extended_bolus", extended, ranges={"extended": units("0.1", "15"), "minutes": (1, 1440)}),
        _message("cancel_bolus", COMMAND, p.CancelBolus(), marks=THERAPY, ranges={"bolus": (1, 3)}),
        _message("start_priming", COMMAND, p.StartPriming(), marks=THERAPY, ranges={"amount": units("0.1", "25")}),
        _message("stop_priming", COMMAND, p.StopPriming(), marks=THERAPY),
        _message("get_max_bolus", COMMAND, p.GetMaxBolus(), marks=PRIVILEGED),
        _message("set_max_bolus", COMMAND, p.SetMaxBolus(), marks=THERAPY, ranges={"amount": units("0.1", "30")}),
    )


def status_reader() -> tuple[Message, ...]:
    """Every request of the status reader control point."""
    p = packets
    of = tuple({"of": value} for value in (p.PROGRAMMED, p.DELIVERED))
    return (
        _message("reset_status", READER, p.ResetStatus()),
        _message("get_active_boluses", READER, p.GetActiveBoluses()),
        _message("get_bolus_delivery", READER, p.GetBolusDelivery(), variants=of),
        _message("get_basal_delivery", READER, p.GetBasalDelivery()),
        _message("get_delivered", READER, p.GetDelivered()),
        _message("get_delivered_begin", READER, p.GetDelivered(), begun=True),
    )


def reads() -> tuple[Message, ...]:
    """Status, annunciation and features."""
    return tuple(read(name, uuid) for name, uuid in READ.items())


def history() -> tuple[Message, ...]:
    """Record access of the history."""
    return racp.record_access(RECORD_ACCESS, racp.INSULIN_DELIVERY, "history_")


CHAINS = (
    ("set_therapy_state", "set_bolus"),
    ("set_bolus", "set_bolus"),
    ("set_bolus", "cancel_bolus"),
    ("set_bolus", "get_bolus_delivery"),
    ("set_extended_bolus", "get_active_boluses"),
    ("set_bolus_recommended", "get_active_boluses"),
    ("set_temp_basal", "cancel_temp_basal"),
    ("set_temp_basal", "get_basal_delivery"),
    ("write_basal_profile", "get_basal_delivery"),
    ("write_basal_blocks", "get_basal_delivery"),
    ("start_priming", "stop_priming"),
    ("set_max_bolus", "get_max_bolus"),
    ("set_max_bolus", "set_bolus"),
    ("get_delivered_begin", "get_basal_delivery"),
    ("get_delivered_begin", "history_count"),
    ("confirm_annunciation", "idd_annunciation"),
    ("reset_status", "idd_status"),
    *racp.chains("history_"),
)


def told(opcode: int, value: bytes) -> Fields:
    """What a control point said to which opcode."""
    if opcode == INDICATION and int.from_bytes(value[:2], "little") in RESPONSE_CODES:
        request = int.from_bytes(value[2:4], "little")
        return {"request": request, "response": RESPONSES.get(value[4], f"code {value[4]}")}
    return {}


def codes() -> dict[str, bytes]:
    """The first bytes of what each command writes, for the guard."""
    return {message.name: message.layout.default.data[3:5] for message in commands()}


SERVICE = (*reads(), *status_reader(), *commands(), *history())
PROTOCOL: Protocol = service("gatt_ids", SERVICE, CHAINS, told, codes())
MESSAGES = PROTOCOL.messages
