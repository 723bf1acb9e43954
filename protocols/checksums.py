"""Checksum algorithms by name, and the boofuzz primitive that applies one to a block."""

from __future__ import annotations

import binascii
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import boofuzz

from harness.errors import UsageError
from harness.registry import Registry

Order = Literal["big", "little"]


@dataclass(frozen=True, slots=True)
class Algorithm:
    """`compute` gives the checksum of some bytes as a number of `width` bytes."""

    name: str
    width: int
    compute: Callable[[bytes], int]


ALGORITHMS: Registry[Algorithm] = Registry("checksum algorithm")


def algorithm(name: str, width: int) -> Callable[[Callable[[bytes], int]], Callable[[bytes], int]]:
    """Decorator: files a function under `name`."""

    def add(compute: Callable[[bytes], int]) -> Callable[[bytes], int]:
        ALGORITHMS.register(name)(Algorithm(name, width, compute))
        return compute

    return add


@cache
def _reflected_table(polynomial: int) -> tuple[int, ...]:
    def entry(value: int) -> int:
        for _ in range(8):
            value = (value >> 1) ^ (polynomial if value & 1 else 0)
        return value

    return tuple(entry(byte) for byte in range(256))


def _reflected(data: bytes, polynomial: int, crc: int) -> int:
    table = _reflected_table(polynomial)
    for byte in data:
        crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
    return crc


@algorithm("crc8", 1)
def crc8(data: bytes) -> int:
    """Polynomial 07, start 00, not reflected; check value F4 (SMBus 3.2, 5.4)."""
    crc = 0
    for byte in data:
        crc = _crc8_table()[crc ^ byte]
    return crc


@cache
def _crc8_table() -> tuple[int, ...]:
    def entry(value: int) -> int:
        for _ in range(8):
            value = (value << 1) ^ (0x107 if value & 0x80 else 0)
        return value & 0xFF

    return tuple(entry(byte) for byte in range(256))


@algorithm("crc16_xmodem", 2)
def crc16_xmodem(data: bytes) -> int:
    """Polynomial 1021, start 0000, not reflected; check value 31C3."""
    return binascii.crc_hqx(data, 0)


@algorithm("crc32", 4)
def crc32(data: bytes) -> int:
    """Polynomial 04C11DB7 reflected, start and end FFFFFFFF; check value CBF43926 (IEEE 802.3)."""
    return binascii.crc32(data)


@algorithm("crc16_ccitt_false", 2)
def crc16_ccitt_false(data: bytes) -> int:
    """Polynomial 1021, start FFFF, not reflected; check value 29B1."""
    return binascii.crc_hqx(data, 0xFFFF)


@algorithm("crc16_modbus", 2)
def crc16_modbus(data: bytes) -> int:
    """Polynomial 8005 reflected, start FFFF; check value 4B37 (Modbus over serial line 1.02, 6.2.2)."""
    return _reflected(data, 0xA001, 0xFFFF)


@algorithm("crc16_mcrf4xx", 2)
def crc16_mcrf4xx(data: bytes) -> int:
    """Polynomial 1021 reflected, start FFFF; check value 6F91 (Bluetooth E2E-CRC)."""
    return _reflected(data, 0x8408, 0xFFFF)


@algorithm("sum8", 1)
def sum8(data: bytes) -> int:
    """Sum of all bytes modulo 256."""
    return sum(data) & 0xFF


@algorithm("sum8_digits", 2)
def sum8_digits(data: bytes) -> int:
    """That sum as two hexadecimal digits in upper case, the higher one first (ASTM E1381, MEDIBUS)."""
    return int.from_bytes(b"%02X" % sum8(data))


@algorithm("fletcher8", 2)
def fletcher8(data: bytes) -> int:
    """Sum of all bytes modulo 256, and behind it the sum of these sums (RFC 1145 with eight bits; UBX)."""
    first = second = 0
    for byte in data:
        first = (first + byte) & 0xFF
        second = (second + first) & 0xFF
    return first << 8 | second


@algorithm("lrc", 1)
def lrc(data: bytes) -> int:
    """Two's complement of the sum modulo 256 (Modbus ASCII)."""
    return -sum(data) & 0xFF


@algorithm("xor8", 1)
def xor8(data: bytes) -> int:
    """All bytes exclusive-or'ed."""
    result = 0
    for byte in data:
        result ^= byte
    return result


@algorithm("xor8_digits", 2)
def xor8_digits(data: bytes) -> int:
    """That as two hexadecimal digits in upper case, the higher one first (NMEA 0183)."""
    return int.from_bytes(b"%02X" % xor8(data))


@algorithm("internet", 2)
def internet(data: bytes) -> int:
    """One's complement of the one's complement sum of 16-bit words (RFC 1071)."""
    words = data + b"\0" if len(data) % 2 else data
    total = sum(int.from_bytes(words[at : at + 2]) for at in range(0, len(words), 2))
    return 0xFFFF - (total % 0xFFFF or 0xFFFF if total else 0)


def to_algorithm(given: str | Algorithm) -> Algorithm:
    """The algorithm of that name, or the one given; raises UsageError for an unknown name."""
    return ALGORITHMS.get(given) if isinstance(given, str) else given


class BlockChecksum(boofuzz.Checksum):
    """A checksum of one of `ALGORITHMS`, or of one's own, over neighbouring fields or blocks; otherwise as boofuzz's.

    `over` names siblings as boofuzz resolves names (`.body` is a sibling); their bytes are taken in that order. Where
    the first lies further out (`..src`), all between it and the last is covered, too.
    """

    def __init__(
        self, name: str, over: Sequence[str], algorithm: str | Algorithm, order: Order = "big", **kwargs: Any
    ) -> None:
        self.algorithm = to_algorithm(algorithm)
        self.order: Order = order
        self.over = tuple(over)
        super().__init__(name, over[0], algorithm=self.checksum, length=self.algorithm.width, **kwargs)
        self._covering = False

    def checksum(self, data: bytes) -> bytes:
        """The checksum's bytes."""
        return self.algorithm.compute(data).to_bytes(self.algorithm.width, self.order)

    def encode(self, value: Any, mutation_context: Any) -> bytes:
        """A mutation's bytes as they are, else the checksum of what is covered; itself counts as zeros."""
        if value is not None:
            return value
        request = self.request
        if self._covering or request is None:
            return bytes(self.algorithm.width)
        self._covering = True
        try:
            covered = [item.render(mutation_context) for item in self._covered(request)]
        finally:
            self._covering = False
        return self.checksum(b"".join(covered))

    def _covered(self, request: Any) -> list[Any]:
        named = [request.resolve_name(self.context_path, name) for name in self.over]
        if not self.over[0].startswith(".."):
            return named
        order = list(_leaves(request))
        first, last = next(_leaves(named[0])), list(_leaves(named[-1]))[-1]
        places = [number for number, leaf in enumerate(order) if leaf is first or leaf is last]
        return order[places[0] : places[-1] + 1]

    @property
    def live_name(self) -> str:
        """A live field's name for this checksum: `crc16_modbus/little`; "" for an algorithm that is not filed."""
        known = self.algorithm.name in ALGORITHMS and ALGORITHMS.get(self.algorithm.name) == self.algorithm
        return f"{self.algorithm.name}/{self.order}" if known else ""


def _leaves(item: Any) -> Iterator[Any]:
    """The fields of a request or block in their order; a block that is encoded as a whole is one."""
    if not getattr(item, "stack", None) or getattr(item, "encoder", None) or getattr(item, "dep", None):
        yield item
        return
    for child in item.stack:
        yield from _leaves(child)


def live_checksum(name: str, data: bytes) -> bytes | None:
    """The checksum that a live field's name asks for, or None where the name is not of that form."""
    known, _, order = name.partition("/")
    if order not in ("big", "little"):
        return None
    try:
        found = ALGORITHMS.get(known)
    except UsageError:
        return None
    return found.compute(data).to_bytes(found.width, order)
