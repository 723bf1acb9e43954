"""ARP (RFC 826) of a device on Ethernet: requests, replies and what else its header may say, to its address alone."""

from __future__ import annotations

import re

from protocols.frames import PROBES, WHO_HAS, Stack, frames_protocol
from protocols.model import Protocol

OPERATIONS = {
    "who_has": 1,
    "is_at": 2,
    "reverse_request": 3,
    "reverse_reply": 4,
    "inverse_request": 8,
    "inverse_reply": 9,
}


def _stack(operation: int) -> Stack:
    text = PROBES[WHO_HAS, 4] if operation == OPERATIONS["who_has"] else f"Ether()/ARP(op={operation})"
    return Stack(text, rb"\x08\x06.{6}\x00" + re.escape(bytes([operation])))


STACKS = {
    **{name: _stack(operation) for name, operation in OPERATIONS.items()},
    "announcement": Stack("Ether()/ARP(op=1, pdst=own_ip)", rb"\x08\x06.{6}\x00\x01"),
    "probe_of_an_address": Stack("Ether()/ARP(op=1, psrc='0.0.0.0')", rb"\x08\x06.{6}\x00\x01"),
}


def arp() -> Protocol:
    """Of Ethernet and IPv4."""
    return frames_protocol("arp", STACKS, "who_has", version=4)
