"""For each planted fault of the insulin pump, the smallest reproducers that we could write by hand, and its boundaries.

Written from the firmware's source, as no fuzzer may, and on the vulnerable build: there a bolus needs no login. Of one
fault the first is the smallest; the others stand for other messages, or other fields, in which it has a boundary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from benchmarks.by_hand import Smallest, aligned, at_least, bounded, case, constants, in_order, only
from harness.case import LiveField, Send, Step, TestCase, Wait
from protocols.gatt.cgm import ALERTS
from protocols.gatt.values import SFLOAT
from protocols.render import Change
from targets.insulin.build import INSULIN
from targets.insulin.protocol.services import LOGGED_IN, MESSAGES, UPLOAD

GATT = "gatt"
GLUCOSE_RECORDS = "2a52"
_HALF, _WORD = 1 << 16, 1 << 32
_PROVISIONED = 16  # records of the history
_REPORT_SECONDS = 1.0  # each of them a connection interval, the last of which tell of the patient
_MAX_BASAL_MU_H, _MOST_BASAL_MU_H = 5_000, 30_000  # as configured; of the pump
_LEAST_BOLUS_MU, _SATURATED = 50, 1 << 30
_WATCHED = ("high", "low", "hypo", "hyper")
_HEAD = 2  # of an upload's record: type and size
_OF_POINTER = 3  # bytes: with fewer it points to other code still, and what comes of that is the layout's


def smallest(salt: str = "") -> tuple[Smallest, ...]:
    """All of them for a build with this salt, by fault."""
    numbers = constants(INSULIN, salt)
    return in_order(
        (*_of_links(), *_of_records(numbers), *_of_glucose(numbers), *_of_therapy(numbers), *_of_logins(numbers))
    )


def _gatt(*steps: Step) -> TestCase:
    return case(GATT, "idle", *steps)


def _send(message: str, /, **values: Any) -> Send:
    return MESSAGES[message].send(**values)


def _with(message: str, field: str, data: bytes) -> Send:
    """Where the message works the field out, or has nothing there."""
    return MESSAGES[message].mutated([Change(field, data)])


def _write(message: str, uuid: str, value: bytes) -> Send:
    """A Write Request whose value is no message's."""
    return Send(message, b"\x12\0\0" + value, (LiveField(f"handle:{uuid}", 1, 2),))


def _milli(raw: int) -> int:
    """Thousandths that the firmware reads in an SFLOAT; the least number where it is none."""
    mantissa, exponent = SFLOAT.split(raw)
    if abs(mantissa) > SFLOAT.largest:
        return -_SATURATED
    value = mantissa * 10 ** (exponent + 3) if exponent >= -3 else int(mantissa / 10 ** (-3 - exponent))
    return max(-_SATURATED, min(_SATURATED, value))


def _of_links() -> tuple[Smallest, ...]:
    """Reads, bonds, and what is common to control points. One takes a write of no bytes to be a request."""
    hello, crc = _send("hello"), "value.e2e_crc"
    return (
        Smallest("pin_readable", _gatt(_send("settings"))),
        Smallest("patient_read", _gatt(_send("patient"))),
        Smallest("nonce", _gatt(hello, hello)),
        Smallest("bond_session", _gatt(_send("bond"))),
        Smallest("request_lock", _gatt(replace(hello, wait=False), _write("cgm_count", GLUCOSE_RECORDS, b""))),
        bounded("crc_zero", crc, 0, only(0), lambda n: _gatt(_with("cgm_get_interval", crc, n.to_bytes(2, "little")))),
    )


def _of_records(numbers: Mapping[str, int]) -> tuple[Smallest, ...]:
    """Record access. There are no records of glucose, so that any range holds more than are stored.

    Of the history's ring as many places are empty as it has more than records: behind it lies the patient.
    """
    return (
        Smallest("history_delete", _gatt(_send("history_delete"))),
        Smallest("abort_race", _gatt(_send("history_report_begin"), _send("history_abort"))),
        Smallest("racp_range", _gatt(_send("cgm_report_range"))),
        bounded(
            "racp_range",
            "value.operand.greatest",
            _PROVISIONED,
            lambda n: _PROVISIONED <= n < _WORD - 1,
            lambda n: _gatt(_send("history_report_range", greatest=n)),
        ),
        bounded(
            "racp_range",
            "value.operand.greatest",
            numbers["HISTORY_SIZE"],
            lambda n: numbers["HISTORY_SIZE"] <= n < _WORD - 1,
            lambda n: _gatt(_send("history_report_range", greatest=n), Wait(_REPORT_SECONDS)),
            kind="leak",
        ),
    )


def _of_glucose(numbers: Mapping[str, int]) -> tuple[Smallest, ...]:
    """The glucose monitor. Behind the calibration lies a register that points into the RAM until its third byte."""
    more = numbers["CALIBRATION_SIZE"] + 3 - len(MESSAGES["cgm_set_calibration"].layout.default.data[4:-2])
    return (
        Smallest("session_null", _gatt(_send("cgm_stop"))),
        bounded(
            "interval_zero",
            "value.operand.minutes",
            0,
            only(0),
            lambda n: _gatt(_send("cgm_start"), _send("cgm_set_interval", minutes=n)),
        ),
        bounded(
            "calibration",
            "value.operand.+",
            more,
            at_least(more),
            lambda n: _gatt(_with("cgm_set_calibration", "value.operand.+", b"A" * n)),
        ),
        *(_of_alert(name) for name in _WATCHED),
    )


def _of_alert(name: str) -> Smallest:
    """A mantissa within the limits, and a number that is not: ten times the least one."""
    _opcode, _level, (least, most) = ALERTS[name]

    def shows(raw: int) -> bool:
        return least <= SFLOAT.split(raw)[0] <= most and not least <= _milli(raw) // 1000 <= most

    edge = SFLOAT.raw(10 * least, 1)
    return bounded(
        "alert_range", "value.operand.level", edge, shows, lambda n: _gatt(_send(f"cgm_set_{name}", level=n))
    )


def _of_therapy(numbers: Mapping[str, int]) -> tuple[Smallest, ...]:
    """Boluses and the basal rate; numbers are SFLOATs."""
    bolus, maximum = _send("set_bolus"), numbers["BOLUS_DEFAULT"] * 10
    return (
        Smallest("bolus_session", _gatt(bolus)),
        Smallest("bolus_replay", _gatt(bolus, replace(bolus, replay_of=0))),
        bounded(
            "bolus_limit",
            "value.operand.fast",
            maximum // 1000 + 1,
            lambda n: _milli(n) > max(maximum, _LEAST_BOLUS_MU),
            lambda n: _gatt(_send("set_bolus_recommended", fast=n)),
        ),
        bounded(
            "temp_basal",
            "value.operand.rate",
            -(-_HALF // 1000),
            _is_truncated,
            lambda n: _gatt(*LOGGED_IN, _send("set_temp_basal", rate=n)),
        ),
    )


def _is_truncated(raw: int) -> bool:
    """A rate above the pump's most that is within the configured one in 16 bits."""
    rate = _milli(raw)
    return rate > _MOST_BASAL_MU_H and rate % _HALF <= _MAX_BASAL_MU_H


def _of_logins(numbers: Mapping[str, int]) -> tuple[Smallest, ...]:
    """What needs a login. Two names in one upload are two writes of the settings."""
    exact, size = numbers["PIN_FIELD_SIZE"], numbers["UPLOAD_SIZE"]
    first, behind = size // 2, aligned(size, 4) + _OF_POINTER
    rest = behind - first - 2 * _HEAD
    records = bytes([2, first]) + b"A" * first + bytes([2, rest]) + b"A" * rest
    return (
        Smallest("settings_panic", _within(_write("upload", UPLOAD, b"\1\1A\1\1A"))),
        bounded("pin_length", "value.pin", exact, only(exact), lambda n: _within(_send("change_pin", pin=b"1" * n))),
        Smallest("record_zero", _within(_write("upload", UPLOAD, b"\1\0"))),
        *(_of_size(record) for record in (0, 1)),
        Smallest("upload_records", _within(_write("upload", UPLOAD, records))),
        *(_of_data(record, size) for record in (0, 1)),
    )


def _within(*steps: Step) -> TestCase:
    return _gatt(*LOGGED_IN, *steps)


def _of_size(record: int) -> Smallest:
    """An upload with one record's size."""
    field = f"value.records.Record{record}.size"

    def upload(size: int) -> Send:
        return _with("upload", field, bytes([size]))

    def shows(size: int) -> bool:
        return 0 in _sizes(_value(upload(size)))

    return bounded("record_zero", field, 0, shows, lambda n: _within(upload(n)))


def _of_data(record: int, area: int) -> Smallest:
    """An upload with one long record that repeats its usual bytes."""
    field = f"value.records.Record{record}.data"
    usual = MESSAGES["upload"].layout.leaf(field).default

    def upload(length: int) -> Send:
        return _with("upload", field, (usual * length)[:length])

    def shows(length: int) -> bool:
        return _overruns(_value(upload(length)), area)

    edge = next(filter(shows, range(area)))
    either = frozenset(range(edge - _OF_POINTER + 1, edge))
    return bounded("upload_records", field, edge, shows, lambda n: _within(upload(n)), either=either)


def _value(write: Send) -> bytes:
    return write.data[3:]


def _sizes(records: bytes) -> list[int]:
    """Those of records one behind the other, up to one of size 0, behind which nobody gets."""
    found: list[int] = []
    at = 0
    while at + _HEAD <= len(records) and 0 not in found:
        found.append(records[at + 1])
        at += _HEAD + records[at + 1]
    return found


def _overruns(records: bytes, area: int) -> bool:
    """Records that fit one by one, and together reach into the pointer behind the area."""
    sizes = _sizes(records)
    fit = max(sizes) + _HEAD <= area and sum(sizes) + _HEAD * len(sizes) == len(records)
    return fit and len(records) >= aligned(area, 4) + _OF_POINTER
