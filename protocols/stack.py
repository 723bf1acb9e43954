"""Scapy's way to write a packet, `Ether()/IP()/UDP(dport=53)/Raw("…")`, read without running it.

`own_mac`, `own_ip`, `device_mac` and `device_ip` stand for the bench's addresses; a header without addresses has them.
"""

from __future__ import annotations

import ast
import difflib
import importlib
import inspect
import ipaddress
from collections.abc import Iterator
from typing import Any

from scapy.fields import IP6Field, IPField, MACField
from scapy.packet import NoPayload, Packet, Raw

from harness.addresses import EXAMPLES
from harness.errors import UsageError, did_you_mean
from protocols.derive import UnderivableError, derive

MODULES = ("l2", "inet", "inet6", "dhcp", "dhcp6", "dns", "ntp", "snmp", "netbios", "tftp", "llmnr")
ADDRESSES = ("own_mac", "own_ip", "device_mac", "device_ip")
_ELSEWHERE = "Of one that lies elsewhere, write the module, too: scapy.contrib.lldp.LLDPDU()"
_DEFAULTS = {
    "Ether": {"dst": "device_mac", "src": "own_mac"},
    "Dot3": {"dst": "device_mac", "src": "own_mac"},
    "ARP": {"hwsrc": "own_mac", "psrc": "own_ip", "hwdst": "device_mac", "pdst": "device_ip"},
    "IP": {"src": "own_ip", "dst": "device_ip"},
    "IPv6": {"src": "own_ip", "dst": "device_ip"},
    "IPerror": {"src": "device_ip", "dst": "own_ip"},
    "IPerror6": {"src": "device_ip", "dst": "own_ip"},
}


def version_of(text: str) -> int:
    """Of IP, in a stack."""
    return 6 if "IPv6" in text or "ICMPv6" in text else 4


def example(name: str, version: int) -> Any:
    """What stands for an address in templates, as people write it."""
    found: bytes = getattr(EXAMPLES[version], name)
    return found.hex(":") if name.endswith("mac") else str(ipaddress.ip_address(found))


def stack_of(text: str) -> Packet:
    """The packet, with examples for addresses; raises UsageError that shows what cannot be read."""
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise UsageError(f"'{text}' is no stack of layers ({error.msg}); write Ether()/IP()/ICMP()") from error
    packet = _Reader(text).packet(tree)
    if type(packet).__name__ not in ("Ether", "Dot3"):
        raise UsageError(f"'{text}': a frame begins with Ether() or Dot3(); write Ether()/{text}")
    return packet


class _Reader:
    """Reads what a packet is made of: layers, and fields with literal values."""

    def __init__(self, text: str) -> None:
        self._text, self._version = text, version_of(text)

    def packet(self, node: ast.expr) -> Any:
        """A layer, or several put on one another."""
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            return self.packet(node.left) / self.packet(node.right)
        if not isinstance(node, ast.Call):
            raise self._refused(node, "is no layer; write NAME() or NAME(FIELD=VALUE), one / another")
        kind = self._layer(node.func)
        values = {word.arg: self._value(word.value) for word in node.keywords if word.arg}
        if kind is Raw and node.args:
            values["load"] = self._value(node.args[0])
        elif node.args or any(not word.arg for word in node.keywords):
            raise self._refused(node, "has a value without a name; write FIELD=VALUE")
        for name, address in _DEFAULTS.get(kind.__name__, {}).items():
            values.setdefault(name, example(address, self._version))
        return self._made(node, kind, values)

    def _made(self, node: ast.expr, kind: Any, values: dict[str, Any]) -> Any:
        fields = {field.name: field for field in kind.fields_desc}
        for name, value in values.items():
            if name not in fields:
                raise self._refused(node, f"has no field '{name}'.{did_you_mean(name, fields)}")
            if isinstance(value, str) and (wanted := _no_address(fields[name], value)):
                raise self._refused(node, f"has {wanted} in '{name}', not '{value}'")
        try:
            return kind(**values)
        except Exception as error:
            raise self._refused(node, f"cannot be made ({error})") from error

    def _layer(self, node: ast.expr) -> Any:
        name = ast.unparse(node)
        if not name.replace(".", "").isidentifier():
            raise self._refused(node, "is no layer's name")
        found = next(filter(None, (getattr(module, name, None) for module in _modules(name))), None)
        if "." in name:
            place, _dot, last = name.rpartition(".")
            try:
                found = getattr(importlib.import_module(place), last, None)
            except ImportError as error:
                raise self._refused(node, f"is not there ({error})") from error
        if not _is_layer(found):
            known = [key for module in _modules(name) for key in dir(module) if _is_layer(getattr(module, key))]
            near = did_you_mean(name, known) if difflib.get_close_matches(name, known) else ""
            raise self._refused(node, f"is no layer of scapy's that is known by this name.{near} {_ELSEWHERE}")
        return found

    def _value(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Name) and node.id in ADDRESSES:
            return example(node.id, self._version)
        if isinstance(node, ast.Call) or (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)):
            return self.packet(node)
        if isinstance(node, ast.List):
            return [self._value(one) for one in node.elts]
        if isinstance(node, ast.Tuple):
            return tuple(self._value(one) for one in node.elts)
        try:
            return ast.literal_eval(node)
        except ValueError as error:
            known = f"; it may be {', '.join(ADDRESSES)}" if isinstance(node, ast.Name) else ""
            raise self._refused(node, f"is no number, text, bytes or list{known}") from error

    def _refused(self, node: ast.expr, why: str) -> UsageError:
        return UsageError(f"'{self._text}': {ast.unparse(node)} {why}")


def _is_layer(value: object) -> bool:
    return inspect.isclass(value) and issubclass(value, Packet)


def _modules(name: str) -> Iterator[Any]:
    if "." not in name:
        yield importlib.import_module("scapy.packet")
        yield from (importlib.import_module(f"scapy.layers.{module}") for module in MODULES)


def _no_address(field: Any, value: str) -> str:
    """What a field of an address wants where a text is none: scapy would ask the network for it. "" where it is one."""
    field = getattr(field, "fld", field)
    try:
        if isinstance(field, IPField | IP6Field):
            ipaddress.ip_address(value)
        elif isinstance(field, MACField) and len(bytes.fromhex(value.replace(":", ""))) != 6:
            return "an Ethernet address"
    except ValueError:
        return "an IP address" if isinstance(field, IPField | IP6Field) else "an Ethernet address"
    return ""


def settled(packet: Packet) -> Packet:
    """The same bytes, with all that one layer decides of another, and all lengths in bits, given."""
    whole: Any = packet.copy()
    for layer in layers_of(whole):
        built = bytes(layer)
        for field in layer.fields_desc:
            if field.name in layer.overloaded_fields:
                layer.fields.setdefault(field.name, layer.overloaded_fields[field.name])
            if hasattr(field, "rev") and layer.getfieldval(field.name) is None:
                layer.fields[field.name] = type(layer)(built).getfieldval(field.name)
    whole.clear_cache()
    return whole


def layers_of(packet: Any) -> list[Any]:
    """The layers, from the outermost on."""
    found: list[Any] = []
    while not isinstance(packet, NoPayload):
        found.append(packet)
        packet = packet.payload
    return found


def derived(name: str, packet: Packet) -> Any:
    """The Request of a stack: of an upper layer that cannot be derived, its bytes. Raises UnderivableError."""
    whole = settled(packet)
    depth = len(layers_of(whole))
    while True:
        try:
            return derive(name, _cut(whole, depth))
        except UnderivableError:
            depth -= 1
            if depth < 1:
                raise


def _cut(packet: Packet, depth: int) -> Packet:
    """The packet with bytes in the place of all layers from `depth` on."""
    whole: Any = packet.copy()
    found = layers_of(whole)
    if depth < len(found):
        rest = bytes(found[depth])
        found[depth - 1].remove_payload()
        found[depth - 1].add_payload(Raw(rest))
    return whole
