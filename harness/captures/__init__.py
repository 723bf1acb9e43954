"""Captures of real traffic: what was said to a device, out of btsnoop, pcap and pcapng files."""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import UsageError

H4 = 187
MAX_MESSAGES = 100_000


class CaptureDamaged(UsageError):
    """A capture file that is cut short or no capture; what was read before `offset` holds."""


@dataclass(frozen=True, slots=True)
class Record:
    """One captured packet: its link type (tcpdump's LINKTYPE), its bytes, and whether the capturing host sent it."""

    offset: int
    link: int
    data: bytes
    sent: bool | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """Bytes that went to a device, in one conversation with it; `uuid` is the characteristic that a handle means."""

    conversation: int
    device: str
    data: bytes
    uuid: str = ""
