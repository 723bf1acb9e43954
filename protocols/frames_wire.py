"""Whole frames between us and a device's IP stack: which answers which, what hosts must do (RFC 826, 1122, 4443)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from functools import cache, lru_cache, partial
from typing import Any, Self

from harness.addresses import BROADCAST, EXAMPLES, Addresses
from harness.case import LiveField, Send
from harness.interfaces import Conversation, Frame, FrameKind
from protocols.frames_read import (
    ADVERTISEMENT,
    IS_AT,
    SOLICITATION,
    WHO_HAS,
    Datagram,
    Icmp,
    arp_of,
    datagram_of,
    icmp_of,
)
from protocols.wire import Fields, LazyFields, Wire, counted

SEQUENCE = "sequence"
ADDRESSES = ("own_mac", "own_ip", "device_mac", "device_ip")
_LOOKED_AT, _WITH_PORTS = 64, (6, 17)


class FramesWire(Wire):
    """`probe` is what asks whether the device serves; `patterns` tell a message in what goes out, for the guard."""

    def __init__(self, version: int, probe: Send, patterns: Mapping[str, bytes]) -> None:
        self.version, self._probe, self._patterns = version, probe, dict(patterns)
        self._asked = probe.data
        self._find: Callable[[], Addresses] = partial(EXAMPLES.__getitem__, version)

    def at(self, find: Callable[[], Addresses]) -> Self:
        """The same wire between two whose addresses are found when they are needed."""
        placed = copy(self)
        placed._find = cache(find)
        return placed

    @property
    def addresses(self) -> Addresses:
        """Ours and the device's; raises what finding them raises."""
        return self._find()

    def split(self, buffer: bytes) -> tuple[tuple[Frame, ...], bytes]:
        """One frame, or several that were read at once: each begins with both addresses. To all is unsolicited."""
        starts = [found.start() for found in _borders(self.addresses).finditer(buffer)] or [0]
        starts = starts if starts[0] == 0 else [0, *starts]
        pieces = [buffer[start:stop] for start, stop in zip(starts, [*starts[1:], len(buffer)], strict=True)]
        return tuple(_frame(piece) for piece in pieces if piece), b""

    def resolve(self, live: LiveField, data: bytes, conversation: Conversation) -> bytes:
        """The bench's addresses, and a number for each echo."""
        if live.name in ADDRESSES:
            found: bytes = getattr(self.addresses, live.name)
            return found if len(found) == live.length else data[live.offset : live.offset + live.length]
        if live.name == SEQUENCE:
            return counted(conversation, SEQUENCE, live.length)
        return super().resolve(live, data, conversation)

    def answers(self, sent: bytes, frame: Frame) -> bool:
        """An echo with the same numbers, ARP of the address that was asked for, a datagram between the same ports.

        Else what scapy takes for an answer: an error that quotes what was sent.
        """
        if frame.kind is not FrameKind.REPLY or frame.data == sent:
            return False
        asked, told = icmp_of(datagram_of(sent)), icmp_of(datagram_of(frame.data))
        if asked and told and asked.asks and told.replies:
            return asked.ids == told.ids
        who, there = arp_of(sent), arp_of(frame.data)
        if who and there:
            return (who.operation, there.operation) == (WHO_HAS, IS_AT) and there.source == who.target
        if asked and told and (asked.type, told.type) == (SOLICITATION, ADVERTISEMENT):
            return asked.rest[4:20] == told.rest[4:20]
        return _between_the_same(sent, frame.data) or _matches(sent, frame.data)

    def expects_reply(self, sent: bytes) -> bool:
        """What must be answered, and the probe."""
        return self.demands(sent) or self._is_probe(sent)

    def demands(self, sent: bytes) -> bool:
        """An echo request, a question by ARP or neighbour discovery, in which all is right, from us to the device."""
        here = self.addresses
        if sent[:12] != here.device_mac + here.own_mac:
            return False
        if (who := arp_of(sent)) is not None:
            pair = who.source_mac == here.own_mac and who.source == here.own_ip and who.target == here.device_ip
            return who.plain and who.operation == WHO_HAS and pair and sent[12:14] == b"\x08\x06"
        datagram = datagram_of(sent)
        asked = icmp_of(datagram)
        if datagram is None or asked is None or not (datagram.plain and asked.summed and asked.asks):
            return False
        return (datagram.source, datagram.target) == (here.own_ip, here.device_ip) and len(asked.rest) >= 4

    def served(self, frame: Frame) -> bool:
        """The answer to the probe, with the data that were sent."""
        asked, told = icmp_of(datagram_of(self._asked)), icmp_of(datagram_of(frame.data))
        if frame.kind is not FrameKind.REPLY:
            return False
        if asked and asked.asks:
            return bool(told and told.replies and told.summed and asked.ids[:2] == told.ids[:2] and _data(asked, told))
        if arp_of(self._asked):
            there = arp_of(frame.data)
            return bool(there and there.operation == IS_AT and there.source == self.addresses.device_ip)
        return True

    def wrong(self, sent: bytes, frame: Frame) -> str:
        """A wrong checksum that is sent, or that is answered; an echo without the data that were sent."""
        told_by, asked_by = datagram_of(frame.data), datagram_of(sent)
        told, asked = icmp_of(told_by), icmp_of(asked_by)
        if told_by is None or told is None or not told.replies:
            return ""
        if not told_by.summed:
            return "the IP header of an echo reply has a wrong checksum"
        if not told.summed:
            return "an echo reply has a wrong checksum"
        return "" if asked is None or asked_by is None or not asked.asks else _wrongly_echoed(asked_by, asked, told)

    def forbidden(self, messages: Sequence[str]) -> re.Pattern[bytes]:
        """What each message is told by; a protocol that knows of none lets nothing out."""
        if any(name not in self._patterns for name in messages):
            return super().forbidden(messages)
        return re.compile(b"|".join(self._patterns[name] for name in messages) or rb"(?!)", re.DOTALL)

    def _is_probe(self, sent: bytes) -> bool:
        """The probe's bytes, whatever stands in its live fields."""
        return len(sent) == len(self._asked) and _blank(self._probe, sent) == _blank(self._probe, self._asked)


def _data(asked: Icmp, told: Icmp) -> bool:
    return asked.data == told.data


def _wrongly_echoed(asked_by: Datagram, asked: Icmp, told: Icmp) -> str:
    if not asked_by.summed:
        return "an IP header with a wrong checksum is answered"
    if not asked_by.plain or asked.ids != told.ids:
        return ""
    if not asked.summed:
        return "an echo request with a wrong checksum is answered"
    return "" if _data(asked, told) else "an echo reply has other data than its request"


def _blank(send: Send, data: bytes) -> bytes:
    blank = bytearray(data)
    for live in send.live:
        blank[live.offset : live.offset + live.length] = bytes(live.length)
    return bytes(blank)


@lru_cache(maxsize=_LOOKED_AT)
def _borders(addresses: Addresses) -> re.Pattern[bytes]:
    """Where a frame of the device's begins: to us, or to a group."""
    own, device = re.escape(addresses.own_mac), re.escape(addresses.device_mac)
    return re.compile(rb"(?:" + own + rb"|\xff{6}|\x33\x33.{4}|\x01\x00\x5e.{3})" + device, re.DOTALL)


def _frame(data: bytes) -> Frame:
    kind = FrameKind.UNSOLICITED if data[:6] == BROADCAST or data[0] & 1 else FrameKind.REPLY
    return Frame(kind, data, LazyFields(read, data))


def _between_the_same(sent: bytes, came: bytes) -> bool:
    """True for UDP or TCP from the port that was addressed to the one that it was sent from."""
    one, other = datagram_of(sent), datagram_of(came)
    if one is None or other is None or one.protocol != other.protocol or one.protocol not in _WITH_PORTS:
        return False
    there, here = one.payload[:4], other.payload[:4]
    return len(there) == 4 and there == here[2:] + here[:2] and one.source == other.target


@lru_cache(maxsize=_LOOKED_AT)
def _matches(sent: bytes, came: bytes) -> bool:
    """True where scapy takes one for an answer to the other; what it cannot read answers nothing."""
    from scapy.layers.l2 import Ether

    try:
        return bool(Ether(came).answers(Ether(sent)))
    except Exception:  # noqa: BLE001  hostile bytes
        return False


def read(data: bytes) -> Fields:
    """The fields of every layer as `LAYER.FIELD`."""
    from scapy.layers.l2 import Ether
    from scapy.packet import NoPayload

    found: dict[str, Any] = {}
    layer: Any = Ether(data)
    while not isinstance(layer, NoPayload):
        told = {name: value for name, value in layer.fields.items() if isinstance(value, int | str | bytes)}
        found |= {f"{type(layer).__name__}.{name}": value for name, value in told.items()}
        layer = layer.payload
    return found
