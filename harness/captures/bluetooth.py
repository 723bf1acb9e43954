"""What was said to a device over Bluetooth LE: L2CAP PDUs out of captured HCI packets, connection by connection.

Core 5.4 vol 4 parts A and E (H4, events), vol 3 parts A (L2CAP), F and G (ATT, the discovery of characteristics).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from harness.captures import H4, MAX_MESSAGES, CaptureDamaged, Record, Said
from harness.radio.att import ATT, READ_BY_TYPE, SIGNED_WRITE, WITH_HANDLE, WRITE_COMMAND, is_request

MAX_CONNECTIONS, MAX_HANDLES = 4096, 1 << 16
_ACL, _EVENT = 2, 4
_DISCONNECTED, _LE, _CONNECTED = 0x05, 0x3E, (0x01, 0x0A, 0x29)
_CONTINUED = 1
_CHARACTERISTIC = 0x2803
UNKNOWN = "UNKNOWN"


@dataclass(slots=True)
class Connection:
    """One connection; `central`: the capturing host is (None: it began before the capture, which has no address)."""

    number: int
    device: str = UNKNOWN
    central: bool | None = None
    asked: bytes = b""
    parts: dict[bool | None, bytearray] = field(default_factory=dict["bool | None", bytearray])


@dataclass(frozen=True, slots=True)
class Pdu:
    """One PDU that went to a device."""

    conversation: int
    device: str
    channel: int
    data: bytes


class Conversations:
    """The conversations with one device (`device`: its address, "" for any). `heard` counts PDUs to every device."""

    def __init__(self, device: str) -> None:
        self._device = device.upper()
        self._connections: dict[int, Connection] = {}
        self._made = 0
        self._uuids: dict[tuple[str, int], str] = {}
        self.heard = Counter[str]()

    def said(self, records: Iterable[Record], channels: Sequence[int]) -> Iterator[Said]:
        """PDUs to the device on some channels (none: whole frames of all), handles told once all is read.

        Raises CaptureDamaged behind what was readable.
        """
        found, damage = list[Pdu](), None
        try:
            for record in records:
                if record.link == H4 and len(found) < MAX_MESSAGES:
                    found += [pdu for pdu in self._take(record) if not channels or pdu.channel in channels]
        except CaptureDamaged as error:
            damage = error
        for pdu in found:
            data = pdu.data if channels else _framed(pdu)
            yield Said(pdu.conversation, pdu.device, data, self._uuid(pdu) if channels else "")
        if damage:
            raise damage

    def _uuid(self, pdu: Pdu) -> str:
        if pdu.channel != ATT or pdu.data[0] not in WITH_HANDLE:
            return ""
        return self._uuids.get((pdu.device, int.from_bytes(pdu.data[1:3], "little")), "")

    def _take(self, record: Record) -> Iterator[Pdu]:
        data = record.data
        if len(data) >= 5 and data[0] == _ACL:
            yield from self._acl(int.from_bytes(data[1:3], "little"), data[5:], record.sent)
        elif len(data) >= 3 and data[0] == _EVENT:
            self._event(data[1], data[3:])

    def _event(self, code: int, body: bytes) -> None:
        if code == _DISCONNECTED and len(body) >= 3:
            self._connections.pop(int.from_bytes(body[1:3], "little") & 0xFFF, None)
        elif code == _LE and len(body) >= 12 and body[0] in _CONNECTED and body[1] == 0:
            connection = self._connection(int.from_bytes(body[2:4], "little") & 0xFFF, new=True)
            connection.central = body[4] == 0
            connection.device = ":".join(f"{octet:02X}" for octet in reversed(body[6:12]))

    def _connection(self, handle: int, *, new: bool = False) -> Connection:
        if new or handle not in self._connections:
            self._made += 1
            self._connections[handle] = Connection(self._made)
        return self._connections[handle]

    def _acl(self, head: int, data: bytes, sent: bool | None) -> Iterator[Pdu]:
        """Fragments put together by the L2CAP length."""
        connection = self._connection(head & 0xFFF)
        if head >> 12 & 3 != _CONTINUED:
            connection.parts[sent] = bytearray()
        elif sent not in connection.parts:
            return
        frame = connection.parts[sent]
        frame += data
        if len(frame) >= 4 and len(frame) >= 4 + int.from_bytes(frame[:2], "little"):
            del connection.parts[sent]
            yield from self._frame(connection, bytes(frame), sent)

    def _frame(self, connection: Connection, frame: bytes, sent: bool | None) -> Iterator[Pdu]:
        channel = int.from_bytes(frame[2:4], "little")
        pdu = frame[4 : 4 + int.from_bytes(frame[:2], "little")]
        if not pdu:
            return
        if channel == ATT:
            self._learn(connection, pdu)
        if not _to_device(connection, channel, pdu, sent):
            return
        self.heard[connection.device] += 1
        if connection.device == self._device or not self._device:
            yield Pdu(connection.number, connection.device, channel, pdu)

    def _learn(self, connection: Connection, pdu: bytes) -> None:
        """Value handles, out of what answers a Read By Type Request of characteristic declarations."""
        if pdu[0] == READ_BY_TYPE:
            connection.asked = pdu
        elif pdu[0] == READ_BY_TYPE + 1 and connection.asked[5:] == _CHARACTERISTIC.to_bytes(2, "little"):
            size = pdu[1] if len(pdu) > 1 else 0
            for start in range(2, len(pdu) - size + 1, size) if size in (7, 21) else ():
                entry = pdu[start : start + size]
                if len(self._uuids) < MAX_HANDLES:
                    self._uuids[connection.device, int.from_bytes(entry[3:5], "little")] = _uuid_text(entry[5:])


def _to_device(connection: Connection, channel: int, pdu: bytes, sent: bool | None) -> bool:
    """What the central says; on ATT, only what a client says."""
    if channel == ATT and not (is_request(pdu) or pdu[0] in (WRITE_COMMAND, SIGNED_WRITE)):
        return False
    if sent is None:
        return channel == ATT
    return sent == (connection.central is not False)


def _framed(pdu: Pdu) -> bytes:
    return len(pdu.data).to_bytes(2, "little") + pdu.channel.to_bytes(2, "little") + pdu.data


def _uuid_text(octets: bytes) -> str:
    """A UUID as it came, little-endian: four digits for an assigned one, else in full; lower case."""
    digits = octets[::-1].hex()
    if len(digits) == 4:
        return digits
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
