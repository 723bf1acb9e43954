"""Finds a protocol by its shipped name (`modbus_tcp?unit=17`) or in a user's own file: `my_device.py:PROTOCOL`."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from urllib.parse import parse_qsl

from harness.errors import UsageError, did_you_mean
from harness.registry import Registry
from harness.userfile import is_file, named
from protocols.model import Protocol

Value = int | bytes | str
SCAPY = "scapy:"
PROTOCOLS: Registry[Callable[[Mapping[str, str]], Protocol]] = Registry("protocol")


SHIPPED = {
    "hl7_mllp": "protocols.hl7_mllp:hl7_mllp",
    "hl7_listener": "protocols.hl7_listener:PROTOCOL",
    "modbus_tcp": "protocols.modbus:modbus_tcp",
    "modbus_rtu": "protocols.modbus:modbus_rtu",
    "modbus_ascii": "protocols.modbus:modbus_ascii",
    "bytes": "protocols.plain_bytes:plain_bytes",
    "dicom": "protocols.dicom:PROTOCOL",
    "astm_host": "protocols.astm:HOST",
    "astm_analyzer": "protocols.astm:ANALYZER",
    "medibus": "protocols.medibus:PROTOCOL",
    "dri": "protocols.dri:PROTOCOL",
    "http": "protocols.http:http",
    "intellivue": "protocols.intellivue:PROTOCOL",
    "phd_agent": "protocols.phd:AGENT",
    "phd_manager": "protocols.phd:MANAGER",
    "sdc": "protocols.sdc:sdc",
    "arp": "protocols.arp:arp",
    "icmp": "protocols.icmp:icmp",
    "icmpv6": "protocols.icmp:icmpv6",
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


for _name, _place in SHIPPED.items():
    PROTOCOLS.register(_name)(partial(_shipped, _name, _place))


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
