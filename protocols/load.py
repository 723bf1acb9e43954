"""Finds a protocol by its shipped name (`modbus_tcp?unit=17`) or in a user's own file: `my_device.py:PROTOCOL`."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl

from harness.errors import UsageError, did_you_mean
from harness.registry import Registry
from harness.userfile import is_file, named
from protocols.model import Protocol

Value = int | bytes | str
SCAPY = "scapy:"
PROTOCOLS: Registry[Callable[[Mapping[str, str]], Protocol]] = Registry("protocol")


class Shipped(NamedTuple):
    """A protocol that comes with medfuzz: where it is defined, as text, and what it is for."""

    place: str
    what: str


SHIPPED = {
    "hl7_mllp": Shipped(
        "protocols.hl7_mllp:hl7_mllp", "HL7 v2 over MLLP: the device receives (interface engines, monitors, gateways)"
    ),
    "hl7_listener": Shipped(
        "protocols.hl7_listener:PROTOCOL", "HL7 v2 over MLLP: the device sends, we acknowledge (listen:)"
    ),
    "modbus_tcp": Shipped("protocols.modbus:modbus_tcp", "Modbus servers on a network"),
    "modbus_rtu": Shipped("protocols.modbus:modbus_rtu", "Modbus servers on a serial line"),
    "modbus_ascii": Shipped("protocols.modbus:modbus_ascii", "Modbus servers on a serial line, in characters"),
    "bytes": Shipped("protocols.plain_bytes:plain_bytes", "bytes alone, with ?probe=HEX that the device answers"),
    "dicom": Shipped("protocols.dicom:PROTOCOL", "DICOM storage, query and print servers"),
    "astm_host": Shipped("protocols.astm:astm_host", "ASTM E1381/E1394 laboratory hosts"),
    "astm_analyzer": Shipped("protocols.astm:ANALYZER", "ASTM E1381/E1394 analysers"),
    "medibus": Shipped("protocols.medibus:PROTOCOL", "Dräger ventilators, anaesthesia workstations, monitors"),
    "dri": Shipped("protocols.dri:PROTOCOL", "GE/Datex-Ohmeda monitors (S/5 Computer Interface)"),
    "http": Shipped("protocols.http:http", "any web or REST interface"),
    "intellivue": Shipped("protocols.intellivue:PROTOCOL", "Philips IntelliVue monitors (Data Export over UDP)"),
    "phd_agent": Shipped("protocols.phd:AGENT", "IEEE 11073-20601 agents (listen:)"),
    "phd_manager": Shipped("protocols.phd:MANAGER", "IEEE 11073-20601 managers"),
    "sdc": Shipped("protocols.sdc:sdc", "IEEE 11073 SDC providers (SOAP over HTTP)"),
    "arp": Shipped("protocols.arp:arp", "a device's own IP stack (raw:)"),
    "icmp": Shipped("protocols.icmp:icmp", "a device's own IP stack (raw:)"),
    "icmpv6": Shipped("protocols.icmp:icmpv6", "a device's own IPv6 stack (raw:)"),
    "att": Shipped("protocols.att:PROTOCOL", "Bluetooth LE: attribute protocol"),
    "gatt_racp": Shipped("protocols.gatt.racp:PROTOCOL", "Bluetooth LE: record access control point"),
    "gatt_cgm": Shipped(
        "protocols.gatt.cgm:PROTOCOL", "Bluetooth LE: continuous glucose monitoring, with end-to-end checksums"
    ),
    "gatt_cgm_plain": Shipped("protocols.gatt.cgm:PLAIN", "Bluetooth LE: continuous glucose monitoring"),
    "gatt_ids": Shipped("protocols.gatt.ids:PROTOCOL", "Bluetooth LE: insulin delivery"),
    "gatt_heart_rate": Shipped("protocols.gatt.heart_rate:PROTOCOL", "Bluetooth LE: heart rate"),
    "gatt_blood_pressure": Shipped("protocols.gatt.blood_pressure:PROTOCOL", "Bluetooth LE: blood pressure"),
    "gatt_plx": Shipped("protocols.gatt.plx:PROTOCOL", "Bluetooth LE: pulse oximeters"),
    "gatt_thermometer": Shipped("protocols.gatt.thermometer:PROTOCOL", "Bluetooth LE: thermometers"),
    "smp": Shipped("protocols.smp:PROTOCOL", "Bluetooth LE: pairing"),
    "l2cap_signalling": Shipped("protocols.l2cap:PROTOCOL", "Bluetooth LE: L2CAP signalling"),
    "l2cap": Shipped("protocols.l2cap:WHOLE_FRAMES", "Bluetooth LE: whole L2CAP frames"),
    "pump_link": Shipped("targets.pump.protocol.link:PROTOCOL", "the demonstration pump's serial link"),
    "pump_hl7": Shipped("targets.pump.protocol.hl7:PROTOCOL", "the demonstration pump's HL7"),
    "insulin": Shipped("targets.insulin.protocol.services:PROTOCOL", "the demonstration insulin pump"),
}
"""What only a demonstration device speaks lies beside that device."""


def _shipped(name: str, place: str, options: Mapping[str, str]) -> Protocol:
    """The protocol of a module, which is imported only when a bench names it; one that a function makes has options."""
    module, _, attribute = place.partition(":")
    found: Protocol | Callable[..., Protocol] = getattr(importlib.import_module(module), attribute)
    if isinstance(found, Protocol):
        if options:
            raise UsageError(f"protocol '{found.name}' has no options: leave out ?{next(iter(options))}")
        return found
    return found(**_values(name, options, inspect.signature(found).parameters))


def _values(protocol: str, options: Mapping[str, str], known: Mapping[str, inspect.Parameter]) -> dict[str, Value]:
    """The options, each as its parameter wants it; one that has no default is b"" where it is missing."""
    values: dict[str, Value] = {n: b"" for n, parameter in known.items() if parameter.default is parameter.empty}
    for name, text in options.items():
        if name not in known:
            raise UsageError(f"protocol '{protocol}' has no option '{name}'.{did_you_mean(name, list(known))}")
        values[name] = _value(f"protocol '{protocol}': {name}", text, known[name].annotation)
    return values


def _value(where: str, text: str, kind: str) -> Value:
    """A text as it stands, a whole number, or bytes as hexadecimal digits. Raises UsageError."""
    if kind == "str":
        return text
    if kind == "bytes":
        try:
            return bytes.fromhex(text)
        except ValueError as error:
            raise UsageError(f"{where} is hexadecimal digits in pairs, not '{text}'") from error
    if not (text.isdecimal() and text.isascii()):
        raise UsageError(f"{where} is a whole number, not '{text}'")
    return int(text)


for _name, _entry in SHIPPED.items():
    PROTOCOLS.register(_name)(partial(_shipped, _name, _entry.place))


def load_protocol(spec: str, folder: Path = Path()) -> Protocol:
    """The protocol that a bench names; a file is looked for in `folder`, the bench's own.

    Raises UsageError that names file, attribute and what to do.
    """
    if is_file(spec):
        return named(spec, folder, Protocol, "Protocol")
    stack = spec[: spec.rfind(")") + 1] if spec.startswith(SCAPY) else ""
    name, _mark, query = spec.removeprefix(stack).partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    if stack:
        return importlib.import_module("protocols.frames").stack_protocol((stack + name).removeprefix(SCAPY), options)
    if name.startswith(SCAPY):
        return importlib.import_module("protocols.scapy_layer").scapy_protocol(name.removeprefix(SCAPY), options)
    return PROTOCOLS.get(name)(options)
