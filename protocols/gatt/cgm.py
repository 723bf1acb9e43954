"""Continuous Glucose Monitoring (181F): its control point, start time, record access, and what it reports."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from scapy.packet import Packet

from harness.interfaces import Mark, State
from protocols.gatt import racp
from protocols.gatt.cgm_packets import (
    GetCalibration,
    Measurement,
    ProtectedSpecificOps,
    ProtectedStartTime,
    SetAlert,
    SetCalibration,
    SetInterval,
    SpecificOps,
    StartTime,
)
from protocols.gatt.messages import control, read, service, write
from protocols.gatt.packets import INDICATION, NOTIFICATION, NoOperand, fields_read
from protocols.gatt.values import SFLOAT
from protocols.model import Message, Protocol
from protocols.wire import Fields

CONTROL_POINT = "2aac"
RESPONSE = 28
RESPONSES = {1: "success", 2: "opcode not supported", 3: "invalid operand", 4: "not completed", 5: "out of range"}
READ = {"cgm_feature": "2aa8", "cgm_status": "2aa9", "cgm_start_time": "2aaa", "cgm_run_time": "2aab"}
# Opcode, default and limits of each threshold: mg/dl, rates mg/dl/min.
ALERTS: dict[str, tuple[int, str, tuple[int, int]]] = {
    "high": (7, "250", (120, 400)),
    "low": (10, "70", (60, 100)),
    "hypo": (13, "55", (40, 80)),
    "hyper": (16, "300", (180, 400)),
    "decrease": (19, "3", (1, 10)),
    "increase": (22, "3", (1, 10)),
}
THERAPY, PRIVILEGED = frozenset({Mark.THERAPY, Mark.PRIVILEGED}), frozenset({Mark.PRIVILEGED})


def _ops(name: str, opcode: int, body: Packet, *, protected: bool, **options: Any) -> Message:
    frame = ProtectedSpecificOps if protected else SpecificOps
    return control(f"cgm_{name}", CONTROL_POINT, frame(opcode=opcode, operand=body), **options)


def specific_ops(*, protected: bool) -> tuple[Message, ...]:
    """Every opcode of the control point, with E2E-CRC or without."""
    with_crc: dict[str, Any] = {"protected": protected}
    glucose = {"glucose": (SFLOAT.raw("40"), SFLOAT.raw("400"))}
    simple = {"get_interval": 2, "reset_alert": 25, "start": 26, "stop": 27}
    return (
        _ops("set_interval", 1, SetInterval(), marks=THERAPY, ranges={"minutes": (1, 255)}, **with_crc),
        _ops("set_calibration", 4, SetCalibration(), marks=THERAPY, ranges=glucose, **with_crc),
        _ops("get_calibration", 5, GetCalibration(), variants=({"record": 1},), **with_crc),
        *(message for name in ALERTS for message in _alert(name, **with_crc)),
        *(
            _ops(name, code, NoOperand(), marks=PRIVILEGED if code > 24 else frozenset(), **with_crc)
            for name, code in simple.items()
        ),
    )


def _alert(name: str, **with_crc: Any) -> tuple[Message, Message]:
    opcode, level, (least, most) = ALERTS[name]
    limits = {"level": (SFLOAT.raw(least), SFLOAT.raw(most))}
    return (
        _ops(f"set_{name}", opcode, SetAlert(level=level), marks=THERAPY, ranges=limits, **with_crc),
        _ops(f"get_{name}", opcode + 1, NoOperand(), **with_crc),
    )


def session(*, protected: bool) -> tuple[Message, ...]:
    """Reads of the service, and the write of the session's start time."""
    time = ProtectedStartTime() if protected else StartTime()
    limits = {"year": (2000, 2099), "month": (1, 12), "day": (1, 28), "hour": (0, 23)}
    return (
        *(read(name, uuid) for name, uuid in READ.items()),
        write("cgm_set_start_time", "2aaa", time, marks=PRIVILEGED, ranges=limits),
    )


CHAINS = (
    ("cgm_start", "cgm_stop"),
    ("cgm_stop", "cgm_start"),
    ("cgm_start", "cgm_set_calibration"),
    ("cgm_set_calibration", "cgm_get_calibration"),
    ("cgm_set_interval", "cgm_get_interval"),
    ("cgm_set_start_time", "cgm_start_time"),
    ("cgm_start", "cgm_set_interval"),
    *((f"cgm_set_{name}", f"cgm_get_{name}") for name in ALERTS),
    ("cgm_stop", "cgm_status"),
)


def told(opcode: int, value: bytes) -> Fields:
    """A measurement, which tells its own size; or what the control point said to which opcode."""
    if opcode == NOTIFICATION and value[0] == len(value):
        return fields_read(Measurement)(value)
    if opcode == INDICATION and value[0] == RESPONSE:
        return {"request": value[1], "response": RESPONSES.get(value[2], f"code {value[2]}")}
    return {}


def glucose_monitoring(*, protected: bool) -> tuple[Message, ...]:
    """Everything of the service but its record access."""
    return (*session(protected=protected), *specific_ops(protected=protected))


def protocol(name: str, *, protected: bool) -> Protocol:
    """The service by itself, for a device with E2E-CRC or without."""
    own = (*glucose_monitoring(protected=protected), *racp.record_access(prefix="cgm_"))
    made = service(name, own, (*CHAINS, *racp.chains("cgm_")), told)
    running = State("session", (made.messages["cgm_start"].send(),))
    return replace(made, states={**made.states, "session": running})


PROTOCOL = protocol("gatt_cgm", protected=True)
PLAIN = protocol("gatt_cgm_plain", protected=False)
