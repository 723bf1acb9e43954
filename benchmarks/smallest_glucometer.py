"""For each planted fault of the glucose meter, the smallest reproducers that we could write by hand, with boundaries.

Written from the firmware's source, as no fuzzer may. Of one fault on one interface the first is the smallest; the
others stand for other messages in which it has a boundary.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.by_hand import Smallest, at_least, bounded, case, constants, in_order
from harness.case import Send, Step, TestCase
from protocols import att, l2cap, smp
from protocols.render import Change
from targets.glucometer.build import GLUCOMETER

MTU_MIN, MTU_ASKED, PATIENT = 23, 185, len("PAT-0031")
_HEAD = 4  # of a frame, and of a signalling command: its length, and what it is
_ANSWERS = frozenset({0x01, 0x07, 0x13, 0x15, 0x16, 0x18, 0x1A})
_SECOND = 2  # identifier of a link: its probe has the first
_ENTRY = 4  # of a match: two handles
_SERVICES, _CONFIGURATIONS = 1, 2  # attributes whose values begin with 1800, and 0000


def smallest(salt: str = "") -> tuple[Smallest, ...]:
    """All of them for a build with this salt, by fault and interface."""
    numbers = constants(GLUCOMETER, salt)
    return in_order((*_of_att(numbers), *_of_values(numbers), *_of_pairing(), *_of_signalling(), *_of_frames()))


def _att(*steps: Step) -> TestCase:
    return case("att", "connected", *steps)


def _frames(*steps: Step) -> TestCase:
    return case("l2cap", "connected", *steps)


def _send(message: str, /, **values: Any) -> Send:
    return att.MESSAGES[message].send(**values)


def _of_att(numbers: Mapping[str, int]) -> tuple[Smallest, ...]:
    """Requests of a byte are requests, too: they are answered by an error, and told apart by their opcode."""
    size, read = numbers["PREPARE_SIZE"], Send("read", b"\x0a", wait=False)
    written = len(att.MESSAGES["prepare_write"].layout.default.data[5:])
    offset = "ATT_Prepare_Write_Request.offset"
    return (
        Smallest("att_sequence", _att(read, read)),
        bounded(
            "mtu_small",
            "ATT_Exchange_MTU_Request.mtu",
            MTU_MIN - 1,
            lambda n: n < MTU_MIN,
            lambda n: _att(_send("exchange_mtu", mtu=n)),
        ),
        Smallest("prepare_offset", _att(_send("prepare_write", offset=size, data=b"A"))),
        bounded(
            "prepare_offset",
            offset,
            size,
            lambda n: size - written < n <= size,
            lambda n: _att(_send("prepare_write", offset=n)),
            either=frozenset(range(size - written + 1, size)),  # the pointer's last byte may be 0 already
        ),
    )


def _of_values(numbers: Mapping[str, int]) -> tuple[Smallest, ...]:
    """Find By Type Value: behind room for so many matches lies the patient, of whom a larger MTU lets more through."""
    most, data = numbers["MATCHES_MAX"], "ATT_Find_By_Type_Value_Request.data"
    needed = _ENTRY * most + PATIENT
    larger = (_send("exchange_mtu"),) if needed > _told(needed, MTU_MIN) else ()
    mtu = min(MTU_ASKED, numbers["SERVER_MTU"]) if larger else MTU_MIN
    longest = numbers["SERVER_MTU"] - len(att.MESSAGES["find_by_type_value"].layout.default.data[:7])

    def find(value: bytes, **other: Any) -> TestCase:
        return _att(*larger, _send("find_by_type_value", data=value, **other))

    def shows(length: int) -> bool:
        return _ENTRY // 2 <= length <= longest and _told((2 + length) * _SERVICES, mtu) >= needed

    short = next(n for n in range(2, longest) if _told((2 + n) * min(most, _CONFIGURATIONS), mtu) >= needed)
    edge = next(filter(shows, range(longest)))
    return (
        Smallest("find_value", find(bytes(short), uuid=0x2902)),
        bounded("find_value", data, edge, shows, lambda n: find((b"\x00\x18" * n)[:n])),
    )


def _told(size: int, mtu: int) -> int:
    """How much of so many bytes a response takes."""
    room = mtu - 1
    return size if size < room else room // _ENTRY * _ENTRY


def _of_pairing() -> tuple[Smallest, ...]:
    """The proof of a state of the Security Manager begins a pairing, which a byte ends."""
    field = "SM_Pairing_Request.max_key_size"
    return (
        Smallest("public_key", case("smp", "idle", Send("failed", b"\x05"), Send("public_key", b"\x0c" + bytes(32)))),
        Smallest("public_key", _frames(Send("pairing_request", b"\x21\0\6\0\x0c" + bytes(32)))),
        bounded(
            "key_size",
            field,
            17,
            at_least(17),
            lambda n: case("smp", "idle", smp.MESSAGES["pairing_request"].send(max_key_size=n)),
        ),
        bounded(
            "key_size",
            f"SM_Hdr.{field}",
            17,
            at_least(17),
            lambda n: _frames(l2cap.FRAMES["pairing_request"].send(max_key_size=n)),
        ),
    )


def _of_signalling() -> tuple[Smallest, ...]:
    """An answer of no bytes, over which nobody steps; an answer's length may lead to one in what it holds."""
    empty = b"\1\1\0\0"
    return (
        Smallest("signal_zero", case("signalling", "connected", Send("reject", empty))),
        Smallest("signal_zero", _frames(Send("signalling_unknown", b"\4\0\5\0" + empty))),
        *(_of_answer(name) for name in ("reject", "disconnection_response", "credits", "parameter_update_response")),
    )


def _of_answer(name: str) -> Smallest:
    message = l2cap.SIGNALS[name]

    def answer(length: int) -> Send:
        return message.mutated([Change("len", length.to_bytes(2, "little"))])

    def shows(length: int) -> bool:
        code, _identifier, *rest = answer(length).data
        return _is_endless(bytes([code, _SECOND, *rest]))

    return bounded("signal_zero", "len", 0, shows, lambda n: case("signalling", "connected", answer(n)))


def _is_endless(frame: bytes) -> bool:
    """Whether the steps from command to command come to an answer of no bytes."""
    at = 0
    while at + _HEAD <= len(frame):
        size = int.from_bytes(frame[at + 2 : at + _HEAD], "little")
        if size > len(frame) - at - _HEAD:
            return False
        if frame[at] in _ANSWERS and not size:
            return True
        at += size if frame[at] in _ANSWERS else _HEAD + size
    return False


def _of_frames() -> tuple[Smallest, ...]:
    """Frames of L2CAP: of no bytes with one, and with a length below what follows."""
    read, request = l2cap.FRAMES["read"], b"\1\0\4\0\x0a"
    inside = {name: len(message.layout.default.data) - _HEAD for name, message in l2cap.FRAMES.items()}

    def shows(length: int) -> bool:
        return length < inside["read"]

    def at(length: int) -> TestCase:
        return _frames(read.mutated([Change("len", length.to_bytes(2, "little"))]))

    once = Send("read", request, wait=False)
    return (
        Smallest("att_sequence", _frames(once, once)),
        Smallest("fragment_length", _frames(Send("read", b"\0\0\4\0\x0a"))),
        bounded(
            "fragment_length",
            "len",
            inside["read"] - 1,
            shows,
            at,
            {f"{name} len": inside["read"] - size for name, size in inside.items()},
        ),
    )
