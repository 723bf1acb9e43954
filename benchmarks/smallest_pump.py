"""For each planted fault of the pump, the smallest reproducer that we could write by hand, and where its boundary lies.

Written from the firmware's source, as no fuzzer may: what a reproducer that was cut down is measured with. Everything
stands on the vulnerable build, where one fault may make the way to another shorter, as it does for who cuts down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from benchmarks.by_hand import Smallest, aligned, at_least, bounded, case, constants, in_order, only
from harness.case import LiveField, Send, Step, Stimulate, TestCase, Wait
from targets.pump.build import PUMP
from targets.pump.protocol.actions import CONFIRM
from targets.pump.protocol.link import MESSAGES

LINK, NETWORK = "maintenance", "network"
_CONTROL_ID = "MSG00001"
_ORDER = f"||||||RGV^O15|{_CONTROL_ID}"
_ADMISSION = f"||||||ADT^A01|{_CONTROL_ID}"
_PATIENT = "\rPID|||PAT-0001"
_GIVE = "\rORC|NW|1\rRXG||||1|1||mL||||||||{rate}|mL/h"
_WORD, _HALF = 1 << 32, 1 << 16
_HARD_LIMIT_UL_H, _MOST_UL_H = 20_000, 999_000  # of morphine; of the pump


def smallest(salt: str = "") -> tuple[Smallest, ...]:
    """All of them for a build with this salt, by fault and interface."""
    numbers = constants(PUMP, salt)
    found = (*_of_sessions(numbers), *_of_uploads(numbers), *_of_therapy(numbers), *_of_hl7(numbers))
    return in_order(found)


# -- the maintenance link ---------------------------------------------------------------------------------------------


def _send(message: str, /, **values: Any) -> Send:
    return MESSAGES[message].send(**values)


_SESSION = (_send("open_session", peer=b""), _send("prove"))
_RATE = (*_SESSION, _send("program_rate"))
_KEY = CONFIRM[:1]
_INFUSING = (*_RATE, _send("program_volume"), *_KEY)
_ALARM = (Stimulate("air", 500), Wait(0.3))
_BEGIN = _send("library_begin")


def _link(*steps: Step) -> TestCase:
    return case(LINK, "idle", *steps)


def _of_sessions(numbers: Mapping[str, int]) -> tuple[Smallest, ...]:
    """Session, settings, diagnostics."""
    leaked = aligned(numbers["ECHO_SIZE"], 2) + len("PAT-0001")  # the record behind it holds a 16-bit weight
    peer = aligned(numbers["PEER_SIZE"], 4) + 3  # of the pointer behind it: two bytes still point into the flash
    label = numbers["LABEL_SIZE"] + 12  # its terminator is the first byte of the return address
    renamed = _send("set_device_name", name=b"N")
    return (
        bounded("echo", "body.count", leaked, at_least(leaked), lambda n: _link(_send("echo", count=n, data=b""))),
        bounded("peer_name", "body.peer", peer, at_least(peer), lambda n: _link(_send("open_session", peer=b"A" * n))),
        bounded(
            "device_name",
            "body.name",
            label,
            at_least(label),
            lambda n: _link(*_SESSION, _send("set_device_name", name=b"A" * n)),
        ),
        Smallest("settings_panic", _link(*_SESSION, renamed, renamed)),
        Smallest("history", _link(*_SESSION, _send("add_history", elements=bytes(2)))),
        Smallest("calendar", _link(*_INFUSING, _send("set_clock"), Wait(905.0))),
    )


def _of_uploads(numbers: Mapping[str, int]) -> tuple[Smallest, ...]:
    """Drug library and update; the library needs no session, and an empty image no MAC: both are planted faults."""
    exact, commit = numbers["DRUG_NAME_SIZE"], _send("update_commit")
    return (
        bounded(
            "drug_name",
            "body.name",
            exact,
            only(exact),
            lambda n: _link(_BEGIN, _send("library_part", name=b"A" * n)),
        ),
        Smallest("library_session", _link(_BEGIN, _send("library_part", name=b"A"), _send("library_commit"))),
        Smallest("upload_lock", _link(_BEGIN, _BEGIN)),
        bounded(
            "update_unsigned",
            "body.size",
            0,
            only(0),
            lambda n: _link(*_SESSION, _send("update_begin", size=n), commit),
        ),
        bounded(
            "update_rollback",
            "body.version",
            0x01FF,
            _is_older,
            lambda n: _link(*_SESSION, _send("update_begin", size=0, version=n), commit),
        ),
    )


def _is_older(version: int) -> bool:
    """Than 2.2, with a higher number behind the point."""
    return version < 0x0202 and version & 0xFF > 0x02


def _of_therapy(numbers: Mapping[str, int]) -> tuple[Smallest, ...]:
    """Therapy over the maintenance link."""
    bolus, strength = _send("bolus"), numbers["DRUG_CONCENTRATION"]
    return (
        bounded(
            "rate_limit",
            "body.rate",
            -(-_WORD // strength),
            lambda rate: _wraps(rate, strength),
            lambda n: _link(*_SESSION, _send("program_rate", rate=n)),
        ),
        bounded(
            "bolus_rate",
            "body.duration",
            1,
            _is_too_fast,
            lambda n: _link(*_INFUSING, _send("bolus", duration=n)),
        ),
        Smallest("bolus_state", _link(*_RATE, *_KEY, *_ALARM, bolus)),
        Smallest("command_replay", _link(*_INFUSING, bolus, replace(bolus, replay_of=len(_INFUSING)))),
        bounded(
            "silence",
            "body.seconds",
            0,
            only(0),
            lambda n: _link(*_SESSION, *_ALARM, _send("silence", seconds=n), Wait(130.0)),
        ),
    )


def _wraps(rate: int, strength: int) -> bool:
    """A rate above the limit whose product with the concentration is below the limit's in 32 bits."""
    return rate > _HARD_LIMIT_UL_H and rate * strength % _WORD <= _HARD_LIMIT_UL_H * strength


def _is_too_fast(duration: int) -> bool:
    """2 ml in so many seconds upon 5 ml/h: above the pump's most, and below it in 16 bits of 0.1 ml/h."""
    if not 1 <= duration <= 3600:
        return False
    rate = 5000 + 2000 * 3600 // duration
    return rate > _MOST_UL_H and rate // 100 % _HALF <= _MOST_UL_H // 100


# -- the network ------------------------------------------------------------------------------------------------------


def _hl7(name: str, *texts: str) -> TestCase:
    """Messages from MSH-3 on, a key pressed between two. A control id that is the usual one is worked out anew."""
    steps: list[Step] = []
    for text in texts:
        data = f"\x0bMSH|^~\\&|{text}\x1c\r".encode("ascii")
        at = data.find(_CONTROL_ID.encode())
        live = (LiveField("control_id", at, len(_CONTROL_ID)),) if at >= 0 else ()
        steps += [*(_KEY if steps else ()), Send(name, data, live)]
    return case(NETWORK, "idle", *steps)


def _of_hl7(numbers: Mapping[str, int]) -> tuple[Smallest, ...]:
    """HL7."""
    exact, line = numbers["CONTROL_ID_SIZE"], numbers["PATIENT_LINE_SIZE"] + 3
    order = _ORDER + _PATIENT + _GIVE.format(rate="1")
    above = f"{-(-_WORD // numbers['DRUG_CONCENTRATION']) / 1000:.3f}"
    return (
        Smallest("console_format", _hl7("order", f"%s|||||||{_CONTROL_ID}")),
        Smallest("patient_segment", _hl7("order", _ORDER)),
        bounded(
            "patient_line",
            "message.PID.name",
            line,
            at_least(line),
            lambda n: _hl7("admit", f"{_ADMISSION}{_PATIENT}||{'A' * n}"),
            {
                f"{message} message.PID.{name}": len(beside) - later
                for message, later in (("admit", 0), ("order", 4), ("cancel", 4))
                for name, beside in (("family_name", "^JANE"), ("given_name", "DOE^"))
            },
        ),
        bounded(
            "control_id",
            "message.MSH.control_id",
            exact,
            only(exact),
            lambda n: _hl7("query", f"|||||||{'A' * n}"),
        ),
        Smallest("order_repeated", _hl7("order", order, order)),
        Smallest("rate_limit", _hl7("order", _ORDER + _PATIENT + _GIVE.format(rate=above))),
    )
