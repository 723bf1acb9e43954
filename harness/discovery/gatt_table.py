"""What a peripheral has, as `discover` shows it: services and characteristics by name, with what was read of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from harness.interfaces import Identity
from harness.radio.att import ATT, ERROR
from harness.radio.att import READ as READ_REQUEST
from harness.radio.peer import Characteristic, Peer
from protocols.att_wire import ERRORS

READ, WRITE_COMMAND, WRITE, INDICATE = 0x02, 0x04, 0x08, 0x20
PROPERTIES = {
    0x01: "broadcast",
    READ: "read",
    WRITE_COMMAND: "write without response",
    WRITE: "write",
    0x10: "notify",
    INDICATE: "indicate",
    0x40: "signed write",
    0x80: "extended",
}
PRESENTATION_FORMAT = "2904"
_PAIRING = {0x05: "needs pairing", 0x0C: "needs a longer key", 0x0F: "needs encryption"}
_SHORT_UUID = 4


@dataclass(frozen=True, slots=True)
class Found:
    """A characteristic: its value as it was read (None: it was not), and why not. `format` is its 0x2904's, or b"".

    `descriptors` are their handles by UUID.
    """

    uuid: str
    handle: int
    properties: int
    value: bytes | None = None
    refusal: str = ""
    format: bytes = b""
    descriptors: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def locked(self) -> bool:
        """It opens to a central that has paired."""
        return self.refusal in _PAIRING.values()

    @property
    def name(self) -> str:
        """Its assigned name, or ""."""
        return assigned_name(self.uuid)


@dataclass(frozen=True, slots=True)
class FoundService:
    """A service and its characteristics."""

    uuid: str
    characteristics: tuple[Found, ...]


@dataclass(frozen=True, slots=True)
class GattTable:
    """A whole peripheral."""

    name: str
    identity: Identity
    services: tuple[FoundService, ...]

    @property
    def characteristics(self) -> tuple[Found, ...]:
        """Those of all services."""
        return tuple(found for service in self.services for found in service.characteristics)


def survey(peer: Peer, timeout: float, *, paired: bool) -> GattTable:
    """Connect and read everything that can be read; raises LinkError, BenchError."""
    surveyor = _Surveyor(peer, timeout, paired=paired)
    surveyor.connect()
    services = tuple(
        FoundService(service.uuid, tuple(surveyor.found(each) for each in service.characteristics))
        for service in peer.services
    )
    return GattTable(peer.name, peer.identity, services)


class _Surveyor:
    def __init__(self, peer: Peer, timeout: float, *, paired: bool) -> None:
        self._peer, self._timeout, self._paired = peer, timeout, paired

    def connect(self) -> None:
        self._peer.open(ATT, self._timeout, paired=self._paired, subscribed=False)

    def found(self, characteristic: Characteristic) -> Found:
        """With its value and its presentation format, where there are such."""
        readable = characteristic.properties & READ
        value, refusal = self._read(characteristic.handle) if readable else (None, "")
        form = characteristic.descriptors.get(PRESENTATION_FORMAT, 0)
        told = self._read(form)[0] if form else b""
        return Found(
            characteristic.uuid,
            characteristic.handle,
            characteristic.properties,
            value,
            refusal,
            told or b"",
            characteristic.descriptors,
        )

    def _read(self, handle: int) -> tuple[bytes | None, str]:
        answer = self._peer.read(handle)
        if answer[:1] == bytes([READ_REQUEST + 1]):
            return answer[1:], ""
        if answer[:1] == bytes([ERROR]) and len(answer) > 4:
            reason = ERRORS.get(answer[4], f"application error {answer[4]:#04x}")
            return None, _PAIRING.get(answer[4], reason)
        self._peer.close()  # a late answer would be taken for the next one's
        self.connect()
        return None, "is not answered"


def assigned_name(uuid: str) -> str:
    """What the Bluetooth SIG or a well-known vendor calls it; "" where nobody does, or without the extra."""
    try:
        from bleak.uuids import uuid16_dict, uuid128_dict
    except ImportError:
        return ""
    return uuid16_dict.get(int(uuid, 16), "") if len(uuid) == _SHORT_UUID else uuid128_dict.get(uuid, "")


def tree(table: GattTable) -> Iterator[str]:
    """The lines that a person reads."""
    shown = [(f"{f.uuid} {f.name}".rstrip(), _properties(f)) for f in table.characteristics]
    width, wide = (max((len(row[column]) for row in shown), default=0) for column in (0, 1))
    for service in table.services:
        yield f"{service.uuid} {assigned_name(service.uuid)}".rstrip()
        for found in service.characteristics:
            title = f"{found.uuid} {found.name}".rstrip()
            line = f"  {found.handle:#06x} {title:<{width}}  {_properties(found):<{wide}}  {_value(found)}"
            yield line.rstrip()


def _properties(found: Found) -> str:
    return ", ".join(word for bit, word in PROPERTIES.items() if found.properties & bit)


def _value(found: Found) -> str:
    if found.value is None:
        return found.refusal
    text = found.value.rstrip(b"\0").decode("latin-1")
    return f"'{text}'" if len(text) > 1 and text.isascii() and text.isprintable() else found.value.hex(" ") or "(empty)"
