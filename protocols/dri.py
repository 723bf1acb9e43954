"""GE/Datex-Ohmeda DRI (S/5 Computer Interface): requests that start, stop and ask once for records of a monitor."""

from __future__ import annotations

from typing import Any

import boofuzz

from harness.errors import UsageError, did_you_mean
from harness.interfaces import Mark, Resynchronization, State
from protocols.checksums import BlockChecksum
from protocols.dri_wire import (
    ALARM,
    ALARM_STATUS,
    AUX_INFO,
    DISPLAYED,
    END_OF_LIST,
    FLAG,
    ONCE,
    PHDB,
    SUBRECORDS,
    TREND_10S,
    TREND_60S,
    WAVE,
    XMIT_STATUS,
    DriWire,
    stuffed,
    unstuffed,
)
from protocols.encoding import CodedBlock
from protocols.model import Message, Protocol, edges_of, messages_by_name

EVERY_10_S, STOP = 10, 0
WAVES = bytes([1, 4, 8, END_OF_LIST, 0, 0, 0, 0])  # ECG1, invasive pressure 1, plethysmogram
REQUESTS: dict[str, tuple[int, tuple[int, int]]] = {
    "start_displayed_values": (PHDB, (DISPLAYED, EVERY_10_S)),
    "displayed_values_once": (PHDB, (DISPLAYED, ONCE)),
    "stop_displayed_values": (PHDB, (DISPLAYED, STOP)),
    "trend_10s_once": (PHDB, (TREND_10S, ONCE)),
    "trend_60s_once": (PHDB, (TREND_60S, ONCE)),
    "aux_info_once": (PHDB, (AUX_INFO, ONCE)),
    "start_waveforms": (WAVE, (0, 0)),
    "timed_waveforms": (WAVE, (2, 0)),
    "stop_waveforms": (WAVE, (1, 0)),
    "alarm_status": (ALARM, (XMIT_STATUS, 0)),
    "enter_alarm_diffmode": (ALARM, (2, 0)),
    "exit_alarm_diffmode": (ALARM, (3, 0)),
}
"""Main type; type and interval in seconds of physiological data, request type of waveforms, command of alarms."""
STARTS = ("start_displayed_values", "start_waveforms")
STOPS = ("stop_displayed_values", "stop_waveforms", "exit_alarm_diffmode")
PROBES = {"alarm_status": (ALARM, ALARM_STATUS), "trend_60s_once": (PHDB, TREND_60S)}
CHAINS = (
    ("start_displayed_values", "stop_displayed_values"),
    ("start_displayed_values", "displayed_values_once"),
    ("start_waveforms", "stop_waveforms"),
    ("start_waveforms", "start_displayed_values"),
    ("timed_waveforms", "stop_waveforms"),
    ("enter_alarm_diffmode", "alarm_status"),
    ("alarm_status", "exit_alarm_diffmode"),
)
DISCLOSES: dict[str, Any] = {"marks": frozenset({Mark.DISCLOSES_PATIENT_DATA})}


def _u8(name: str, value: int) -> boofuzz.Byte:
    return boofuzz.Byte(name, value)


def _u16(name: str, value: int) -> boofuzz.Word:
    return boofuzz.Word(name, value & 0xFFFF, endian="<")


def _u32(name: str, value: int) -> boofuzz.DWord:
    return boofuzz.DWord(name, value, endian="<")


def _data(main: int, first: int, second: int) -> tuple[boofuzz.Fuzzable, ...]:
    """The one subrecord of a request, by main type."""
    if main == PHDB:
        return (
            _u8("phdb_rcrd_type", first),
            _u16("tx_ival", second),
            _u32("phdb_class_bf", 0),
            _u16("reserved", 0),
        )
    if main == WAVE:
        return (
            _u16("req_type", first),
            _u16("res", 0),
            boofuzz.Bytes("type", WAVES),
            boofuzz.Bytes("reserved", bytes(20)),
        )
    return _u16("cmd", first), boofuzz.Bytes("reserved", bytes(10))


def _header(main: int) -> tuple[boofuzz.Fuzzable, ...]:
    """Behind r_len; the list of subrecords ends behind the first."""
    kinds = (0, END_OF_LIST, *[0] * (SUBRECORDS - 2))
    described = ((_u16(f"sr_offset_{n}", 0), _u8(f"sr_type_{n}", kind)) for n, kind in enumerate(kinds))
    numbers = (_u8("r_nbr", 0), _u8("dri_level", 0), _u16("plug_id", 0), _u32("r_time", 0), _u8("n_subnet", 0))
    reserved = (_u8("reserved2", 0), _u16("reserved3", 0))
    return *numbers, *reserved, _u16("r_maintype", main), *(field for pair in described for field in pair)


def _request(name: str, main: int, said: tuple[int, int]) -> Message:
    rest = boofuzz.Block("rest", children=(*_header(main), boofuzz.Block("data", children=_data(main, *said))))
    record = (boofuzz.Size("r_len", ".rest", length=2, endian="<", offset=2), rest)
    check = BlockChecksum("checksum", (".r_len", ".rest"), "sum8")
    coded = CodedBlock("record", (*record, check), stuffed, unstuffed)
    parts = (boofuzz.Bytes("start_flag", FLAG), coded, boofuzz.Bytes("end_flag", FLAG))
    return Message(boofuzz.Request(name, children=parts), reply_expected=name in PROBES, **DISCLOSES)


MESSAGES = messages_by_name(_request(name, main, said) for name, (main, said) in REQUESTS.items())


def dri(probe: str = "alarm_status") -> Protocol:
    """`probe` is the request whose answer proves that a monitor serves: `alarm_status`, or `trend_60s_once`.

    Raises UsageError for another one.
    """
    if probe not in PROBES:
        raise UsageError(f"dri: '{probe}' is no probe.{did_you_mean(probe, PROBES)}")
    stops = tuple(MESSAGES[name].send() for name in STOPS)
    return Protocol(
        "dri",
        MESSAGES,
        edges_of(MESSAGES, CHAINS),
        DriWire({name: main for name, (main, _said) in REQUESTS.items()}, PROBES[probe]),
        {
            "quiet": State("quiet", stops),
            "transmitting": State("transmitting", tuple(MESSAGES[name].send() for name in STARTS)),
        },
        MESSAGES[probe].send(),
        resynchronization=Resynchronization(0.1, FLAG),
        max_reply=1 << 16,
        undo=stops,
        waits=(0.05, 1.0),
    )


PROTOCOL = dri()
