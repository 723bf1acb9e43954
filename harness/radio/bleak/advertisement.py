"""Advertising data as bleak tells it, out of its bytes (Core Supplement, Part A)."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from bleak.backends.scanner import AdvertisementData
from bleak.uuids import normalize_uuid_str

from harness.radio.watch import structures

_UUIDS = {0x02: 2, 0x03: 2, 0x04: 4, 0x05: 4, 0x06: 16, 0x07: 16}
_SERVICE_DATA = {0x16: 2, 0x20: 4, 0x21: 16}
_SHORT_NAME, _NAME, _TX_POWER, _MANUFACTURER = 0x08, 0x09, 0x0A, 0xFF


def advertisement_data(data: bytes, rssi: int) -> AdvertisementData:
    """`rssi` in dBm. What is cut short or malformed is left out."""
    parts = list(structures(data))
    names = [
        value.decode("utf-8", "replace") for wanted in (_NAME, _SHORT_NAME) for kind, value in parts if kind == wanted
    ]
    powers = [int.from_bytes(value, "little", signed=True) for kind, value in parts if kind == _TX_POWER and value]
    return AdvertisementData(
        local_name=names[0] if names else None,
        manufacturer_data={_number(v[:2]): v[2:] for kind, v in parts if kind == _MANUFACTURER and len(v) > 1},
        service_data=dict(_service_data(parts)),
        service_uuids=list(dict.fromkeys(_service_uuids(parts))),
        tx_power=powers[0] if powers else None,
        rssi=rssi,
        platform_data=(data,),
    )


def _service_data(parts: list[tuple[int, bytes]]) -> Iterator[tuple[str, bytes]]:
    for kind, value in parts:
        size = _SERVICE_DATA.get(kind, 0)
        if size and len(value) >= size:
            yield uuid_of(value[:size]), value[size:]


def _service_uuids(parts: list[tuple[int, bytes]]) -> Iterator[str]:
    for kind, value in parts:
        size = _UUIDS.get(kind, 0)
        yield from (uuid_of(value[at : at + size]) for at in range(0, len(value) - size + 1, size or 1) if size)


def uuid_of(octets: bytes) -> str:
    """A UUID as bleak writes it, out of its 2, 4 or 16 bytes on the wire."""
    return str(UUID(bytes=octets[::-1])) if len(octets) == 16 else normalize_uuid_str(octets[::-1].hex())


def _number(octets: bytes) -> int:
    return int.from_bytes(octets, "little")
