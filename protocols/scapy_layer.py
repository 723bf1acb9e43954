"""A protocol out of any scapy packet class: `scapy:scapy.contrib.modbus.ModbusADURequest`, without a line of Python.

Its messages are the class with each packet of its module that scapy reads back as the payload, and the class alone
where there is none. What scapy knows of lengths and checksums stays right, unless it is what is bent; a packet of
which that cannot be said is bent as bytes. How a stream is cut into answers scapy does not know: an answer ends where
the line is quiet.
"""

from __future__ import annotations

import importlib
import inspect
import logging
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any

import boofuzz
from scapy.packet import NoPayload, Packet, Raw

from harness.errors import UsageError, did_you_mean
from harness.interfaces import Frame, FrameKind, State
from protocols.derive import UnderivableError, derive
from protocols.model import Message, Protocol, edges_of, messages_by_name
from protocols.render import Layout
from protocols.wire import Fields, LazyFields, Wire

SCHEME = "scapy:"
logging.getLogger("scapy.runtime").setLevel(logging.ERROR)  # it warns of routes that no packet of ours takes
_OPTIONS = ("probe", "reply")


class ScapyWire(Wire):
    """Whatever comes is one answer, read as the packet class of replies.

    A copy is one, too: many a protocol acknowledges a write by repeating it. Only the `probe` is not served by a copy.
    """

    def __init__(self, reply: type[Packet], probe: Message) -> None:
        self._reply, self._probe = reply, probe

    def split(self, buffer: bytes) -> tuple[tuple[Frame, ...], bytes]:
        """One frame; its fields are read when somebody asks."""
        return ((Frame(FrameKind.REPLY, buffer, LazyFields(self.read, buffer)),) if buffer else ()), b""

    def answers(self, sent: bytes, frame: Frame) -> bool:
        """Anything."""
        return frame.kind is FrameKind.REPLY

    def unfinished(self, sent: bytes) -> bytes:
        """All of it where the length of the whole tells of more than was sent."""
        return sent if _tells_of_more(self._probe.layout, sent) else b""

    def served(self, frame: Frame) -> bool:
        """Anything else than the probe itself."""
        return frame.data != self._probe.layout.default.data

    def read(self, data: bytes) -> Fields:
        """The fields of every layer, the outermost last, so that its names count."""
        layers: list[Any] = [self._reply(data)]
        while not isinstance(layers[-1].payload, NoPayload):
            layers.append(layers[-1].payload)
        return {name: value for layer in reversed(layers) for name, value in _plain(layer)}


def _plain(layer: Any) -> Iterator[tuple[str, int | str | bytes]]:
    for field in layer.fields_desc:
        value = layer.getfieldval(field.name)
        if isinstance(value, int | str | bytes):
            yield field.name, value


def scapy_protocol(spec: str, options: Mapping[str, str]) -> Protocol:
    """`spec` is `MODULE.CLASS`; options are `probe`, a message's name or a packet in hexadecimal digits, and `reply`.

    Such a packet stands for its message everywhere. `reply` is the class of answers. Raises UsageError for a class
    that there is not, or that scapy cannot build.
    """
    for name in options:
        if name not in _OPTIONS:
            raise UsageError(f"protocol '{SCHEME}{spec}' has no option '{name}'.{did_you_mean(name, _OPTIONS)}")
    outer = _named(spec)
    messages = dict(messages_by_name(_messages(outer)))
    if not messages:
        raise UsageError(f"protocol '{SCHEME}{spec}': scapy builds no packet of it")
    probe = options.get("probe", next(iter(messages)))
    if given := _packet(outer, probe) if probe not in messages else None:
        messages[probe := given.name] = given
    if probe not in messages:
        raise UsageError(f"protocol '{SCHEME}{spec}' has no message '{probe}'.{did_you_mean(probe, messages)}")
    return Protocol(
        name=f"{SCHEME}{spec}",
        messages=messages,
        edges=edges_of(messages),
        wire=ScapyWire(_named(options["reply"]) if "reply" in options else outer, messages[probe]),
        states={"idle": State("idle", ())},
        probe=messages[probe].send(),
        waits=(0.05, 1.0),
        may_close=True,
        notes=() if "probe" in options else (f"the probe is '{probe}', the first message; say another by ?probe=NAME",),
    )


def _named(spec: str) -> type[Packet]:
    module, _dot, name = spec.rpartition(".")
    try:
        found: Any = getattr(importlib.import_module(module or "scapy.all"), name, None)
    except ImportError as error:
        raise UsageError(f"protocol '{SCHEME}{spec}': {error}; write MODULE.CLASS, scapy.contrib.modbus.…") from error
    if not (inspect.isclass(found) and issubclass(found, Packet)):
        known = [key for key, value in vars(importlib.import_module(module or "scapy.all")).items() if _is_layer(value)]
        raise UsageError(f"protocol '{SCHEME}{spec}': '{name}' is no packet class.{did_you_mean(name, known)}")
    return found


def _is_layer(value: object) -> bool:
    return inspect.isclass(value) and issubclass(value, Packet) and value not in (Packet, Raw, NoPayload)


def _messages(outer: type[Packet]) -> Iterator[Message]:
    for name, packet in _packets(outer):
        try:
            yield Message(derive(name, packet))
        except UnderivableError:
            if data := _built(packet):
                yield Message(boofuzz.Request(name, children=(boofuzz.Bytes("bytes", data),)))


def _packet(outer: type[Packet], digits: str) -> Message | None:
    """A packet in hexadecimal digits as the message that it is; None where it is none of scapy's."""
    try:
        data = bytes.fromhex(digits)
        packet = _counting(outer(data), data)
        message = Message(derive(type(packet.lastlayer()).__name__, packet))
    except Exception:  # noqa: BLE001  no digits, or bytes of which scapy makes nothing, in whatever way
        return None
    return message if message.send().data == data else None


def _counting(packet: Any, data: bytes) -> Any:
    """The packet with lengths and checksums left to scapy, where that gives these bytes."""
    layer: Any = packet
    while not isinstance(layer, NoPayload):
        for field in layer.fields_desc:
            if field.default is None and field.name in layer.fields:
                told = layer.fields.pop(field.name)
                packet.clear_cache()
                if _built(packet) != data:
                    layer.fields[field.name] = told
        layer = layer.payload
    return packet


def _tells_of_more(layout: Layout, data: bytes) -> bool:
    """A length of all that follows is larger than that is, or does not stand there yet."""
    starts = [0, *accumulate(len(layout.usual(leaf)) for leaf in layout.leaves)]
    for size in layout.sizes:
        if size.extent.last == len(layout.leaves):
            primitive: Any = layout.leaves[size.leaf].primitive
            order = "little" if primitive.endian == "<" else "big"
            first = starts[size.extent.first]
            right = size.compute(max(len(data) - first, 0).to_bytes(8, "big"))
            told = data[starts[size.leaf] : starts[size.leaf + 1]]
            return 0 < len(data) < first or int.from_bytes(told, order) > int.from_bytes(right, order)
    return False


def _built(packet: Packet) -> bytes:
    try:
        return bytes(packet)
    except Exception:  # noqa: BLE001  a packet whose defaults scapy itself cannot build
        return b""


def _packets(outer: type[Packet]) -> list[tuple[str, Packet]]:
    """The class with every payload that scapy finds again in the bytes; alone where there is none."""
    around = vars(importlib.import_module(outer.__module__)).values()
    inner: Sequence[type[Packet]] = [one for one in around if _is_layer(one) and one is not outer]
    found = [(one.__name__, outer() / one()) for one in inner if _is_read_back(outer, one)]
    return found or [(outer.__name__, outer())]


def _is_read_back(outer: type[Packet], inner: type[Packet]) -> bool:
    try:
        return type(outer(bytes(outer() / inner())).payload) is inner
    except Exception:  # noqa: BLE001  a packet whose defaults scapy itself cannot build
        return False
