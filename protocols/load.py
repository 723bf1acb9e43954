"""Finds a protocol by its shipped name or in a user's own file: `my_device.py:PROTOCOL`."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

from harness.registry import Registry
from harness.userfile import is_file, named
from protocols.model import Protocol

PROTOCOLS: Registry[Callable[[], Protocol]] = Registry("protocol")


SHIPPED = {
    "hl7_mllp": "protocols.hl7_mllp:PROTOCOL",
    "modbus_tcp": "protocols.modbus:TCP",
    "modbus_rtu": "protocols.modbus:RTU",
    "modbus_ascii": "protocols.modbus:ASCII",
    "astm_host": "protocols.astm:HOST",
    "astm_analyzer": "protocols.astm:ANALYZER",
    "medibus": "protocols.medibus:PROTOCOL",
    "dri": "protocols.dri:PROTOCOL",
    "att": "protocols.att:PROTOCOL",
    "gatt_racp": "protocols.gatt.racp:PROTOCOL",
    "gatt_cgm": "protocols.gatt.cgm:PROTOCOL",
    "gatt_cgm_plain": "protocols.gatt.cgm:PLAIN",
    "gatt_ids": "protocols.gatt.ids:PROTOCOL",
    "gatt_heart_rate": "protocols.gatt.heart_rate:PROTOCOL",
    "gatt_blood_pressure": "protocols.gatt.blood_pressure:PROTOCOL",
    "gatt_plx": "protocols.gatt.plx:PROTOCOL",
    "gatt_thermometer": "protocols.gatt.thermometer:PROTOCOL",
    "smp": "protocols.smp:PROTOCOL",
    "l2cap_signalling": "protocols.l2cap:PROTOCOL",
    "l2cap": "protocols.l2cap:WHOLE_FRAMES",
    "pump_link": "targets.pump.protocol.link:PROTOCOL",
    "pump_hl7": "targets.pump.protocol.hl7:PROTOCOL",
    "insulin": "targets.insulin.protocol.services:PROTOCOL",
}
"""Where each is defined, as text: what only a demonstration device speaks lies beside that device."""


def _shipped(place: str) -> Protocol:
    """The protocol of a module, which is imported only when a bench names it."""
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(module), attribute)


for _name, _place in SHIPPED.items():
    PROTOCOLS.register(_name)(partial(_shipped, _place))


def load_protocol(spec: str, folder: Path = Path()) -> Protocol:
    """The protocol that a bench names; a file is looked for in `folder`, the bench's own.

    Raises UsageError that names file, attribute and what to do.
    """
    return named(spec, folder, Protocol, "Protocol") if is_file(spec) else PROTOCOLS.get(spec)()
