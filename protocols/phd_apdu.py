"""IEEE 11073-20601 APDUs as bytes, in MDER: association and presentation, and what stands in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

AARQ, AARE, RLRQ, RLRE, ABRT, PRST = 0xE200, 0xE300, 0xE400, 0xE500, 0xE600, 0xE700
HEADER = 4
EVENT_REPORT, CONFIRMED_EVENT_REPORT, GET, SET, CONFIRMED_SET = 0x0100, 0x0101, 0x0103, 0x0104, 0x0105
ACTION, CONFIRMED_ACTION = 0x0106, 0x0107
RESPONSE, ERROR, REJECT = 0x0100, 0x0300, 0x0400
"""A response's choice is that of its request and `RESPONSE`; an error and a reject have their own."""
CONFIRMED = frozenset({CONFIRMED_EVENT_REPORT, GET, CONFIRMED_SET, CONFIRMED_ACTION})
REQUESTS = CONFIRMED | {EVENT_REPORT, SET, ACTION}
RESPONSES = frozenset({*(choice + RESPONSE for choice in CONFIRMED), ERROR, REJECT})
ACCEPTED, REJECTED_TRANSIENT, ACCEPTED_UNKNOWN_CONFIG = 0, 2, 3
RESULTS = {
    0: "accepted",
    1: "rejected-permanent",
    2: "rejected-transient",
    3: "accepted-unknown-config",
    4: "rejected-no-common-protocol",
    5: "rejected-no-common-parameter",
    6: "rejected-unknown",
    7: "rejected-unauthorized",
    8: "rejected-unsupported-assoc-version",
}
PROTOCOL_ID, EXTERNAL = 20601, 0xFFFF
NOTI_CONFIG, SCAN_REPORT_FIXED, SCAN_REPORT_VAR = 0x0D1C, 0x0D1D, 0x0D1E
SET_TIME = 0x0C17
_HEADER = re.compile(rb"[\xe2-\xe7]\0[\s\S]{2}")
_BEGINS = re.compile(rb"[\xe2-\xe7](?:\0[\s\S]?)?\Z")


@dataclass(frozen=True, slots=True)
class Apdu:
    """`choice` says which, `body` is what its length counts."""

    choice: int
    body: bytes


@dataclass(frozen=True, slots=True)
class DataApdu:
    """What a PRST carries: an invoke id, which operation or response, and its argument."""

    invoke_id: int
    choice: int
    argument: bytes


@dataclass(frozen=True, slots=True)
class Proposal:
    """Association information: the versions, the protocols by id, and of the one of 20601 its system id."""

    protocols: tuple[tuple[int, bytes], ...]

    @property
    def ids(self) -> frozenset[int]:
        """The data protocols' ids."""
        return frozenset(number for number, _info in self.protocols)


def apdu(choice: int, body: bytes) -> bytes:
    """An APDU with a right length."""
    return choice.to_bytes(2) + len(body).to_bytes(2) + body


def presentation(invoke_id: int, choice: int, argument: bytes) -> bytes:
    """A PRST with right lengths."""
    inner = invoke_id.to_bytes(2) + choice.to_bytes(2) + len(argument).to_bytes(2) + argument
    return apdu(PRST, len(inner).to_bytes(2) + inner)


def pieces_of(buffer: bytes) -> Iterator[tuple[bool, bytes]]:
    """APDUs, and what is none, in order, as `(is_apdu, bytes)`; the last is what is only begun, with True."""
    at = 0
    while found := _HEADER.search(buffer, at):
        if found.start() > at:
            yield False, buffer[at : found.start()]
        at = found.start()
        stop = at + HEADER + int.from_bytes(buffer[at + 2 : at + HEADER])
        if stop > len(buffer):
            yield True, buffer[at:]
            return
        yield True, buffer[at:stop]
        at = stop
    begun = _BEGINS.search(buffer, at)
    keep = begun.start() if begun else len(buffer)
    if keep > at:
        yield False, buffer[at:keep]
    if keep < len(buffer):
        yield True, buffer[keep:]


def apdus_of(data: bytes) -> tuple[tuple[Apdu, ...], bytes]:
    """The APDUs at the front, and what is left."""
    found: list[Apdu] = []
    while _HEADER.match(data) and len(data) >= (stop := HEADER + int.from_bytes(data[2:HEADER])):
        found.append(Apdu(int.from_bytes(data[:2]), data[HEADER:stop]))
        data = data[stop:]
    return tuple(found), data


def alone(data: bytes) -> Apdu | None:
    """The APDU, where the bytes are one and nothing else."""
    found, rest = apdus_of(data)
    return found[0] if len(found) == 1 and not rest else None


def data_of(one: Apdu) -> DataApdu | None:
    """What a PRST carries; None for another APDU, and where one of its three lengths leaves a rest."""
    body = one.body
    if one.choice != PRST or len(body) < 8 or int.from_bytes(body[:2]) != len(body) - 2:
        return None
    argument = body[8:]
    if int.from_bytes(body[6:8]) != len(argument):
        return None
    return DataApdu(int.from_bytes(body[2:4]), int.from_bytes(body[4:6]), argument)


def proposal_of(one: Apdu) -> Proposal | None:
    """What an AARQ proposes; None where its lengths leave a rest, or it has no protocol."""
    body = one.body
    if one.choice != AARQ or len(body) < 8 or int.from_bytes(body[6:8]) != len(body) - 8:
        return None
    found = tuple(_protocols(body[8:]))
    right = len(found) == int.from_bytes(body[4:6]) and sum(4 + len(info) for _id, info in found) == len(body) - 8
    return Proposal(found) if right and found else None


def _protocols(rest: bytes) -> Iterator[tuple[int, bytes]]:
    while len(rest) >= 4 and len(rest) >= (stop := 4 + int.from_bytes(rest[2:4])):
        yield int.from_bytes(rest[:2]), rest[4:stop]
        rest = rest[stop:]


def result_of(one: Apdu) -> tuple[int, int, bytes] | None:
    """An AARE's result, the protocol it selects, and that one's information; None where its lengths leave a rest."""
    body = one.body
    if one.choice != AARE or len(body) < 6 or int.from_bytes(body[4:6]) != len(body) - 6:
        return None
    return int.from_bytes(body[:2]), int.from_bytes(body[2:4]), body[6:]


def system_id_of(information: bytes) -> bytes:
    """The system id in a PhdAssociationInformation, b"" where there is none."""
    size = int.from_bytes(information[18:20])
    return information[20 : 20 + size] if len(information) >= 20 + size else b""
