"""Dräger MEDIBUS (RS 232 MEDIBUS Protocol Definition, 6.00): ventilators, anaesthesia workstations, monitors."""

from __future__ import annotations

from typing import Any

import boofuzz

from harness.interfaces import Mark, Resynchronization, State
from protocols.checksums import BlockChecksum
from protocols.medibus_wire import CR, ESC, ICC, STOP, MedibusWire
from protocols.model import Message, Protocol, edges_of, messages_by_name

CODES = {
    "initialize_communication": ICC,
    "no_operation": 0x30,
    "stop_communication": STOP,
    "device_identification": 0x52,
    "date_and_time": 0x28,
    "current_data_1": 0x24,
    "low_alarm_limits_1": 0x25,
    "high_alarm_limits_1": 0x26,
    "alarms_1": 0x27,
    "current_data_2": 0x2B,
    "low_alarm_limits_2": 0x2C,
    "high_alarm_limits_2": 0x2D,
    "alarms_2": 0x2E,
    "alarms_3": 0x23,
    "device_settings": 0x29,
    "text_messages": 0x2A,
    "trend_data_status": 0x6C,
    "trend_data": 0x6D,
    "time_changed": 0x49,
    "configure_data_response": 0x4A,
    "realtime_configuration": 0x53,
    "configure_realtime_transmission": 0x54,
    "realtime_configuration_changed": 0x56,
}
"""Commands; the number behind a name is the codepage."""
CONFIGURES: dict[str, Any] = {"marks": frozenset({Mark.PRIVILEGED})}
CHAINS = (
    ("initialize_communication", "device_identification"),
    ("device_identification", "current_data_1"),
    ("realtime_configuration", "configure_realtime_transmission"),
    ("configure_realtime_transmission", "enable_datastreams"),
    ("enable_datastreams", "current_data_1"),
    ("configure_data_response", "current_data_1"),
    ("stop_communication", "initialize_communication"),
    ("trend_data_status", "trend_data"),
)


def _argument(name: str) -> tuple[boofuzz.Fuzzable, ...]:
    """What follows the code of a command that has an argument: codes in hexadecimal digits."""
    if name == "configure_data_response":
        return boofuzz.Byte("response_code", 0x24), boofuzz.String("data_codes", "73787D")
    if name == "configure_realtime_transmission":
        defaults = {"data_code_1": "00", "multiplier_1": "01", "data_code_2": "01", "multiplier_2": "01"}
        pairs = (boofuzz.String(field, default, size=2) for field, default in defaults.items())
        return *pairs, boofuzz.String("more_streams", "")
    return ()


def _command(name: str, code: int) -> Message:
    """ESC, code, argument, checksum over all of them, CR."""
    command = (boofuzz.Delim("esc", ESC.decode()), boofuzz.Byte("code", code), *_argument(name))
    parts = (
        boofuzz.Block("command", children=command),
        BlockChecksum("checksum", (".command",), "sum8_digits"),
        boofuzz.Delim("cr", CR.decode()),
    )
    options = CONFIGURES if "configure" in name else {}
    return Message(boofuzz.Request(name, children=parts), **options)


def _enable_datastreams() -> Message:
    """Not a command, but realtime bytes: a sync byte, which streams of 1 to 4 are wanted, the end of the sequence."""
    parts = (
        boofuzz.Byte("sync", 0xD0),
        boofuzz.Byte("sync_command", 0xC1),
        boofuzz.Byte("sync_argument", 0xC3),
        boofuzz.Bytes("end_of_sequence", b"\xc0\xc0"),
    )
    request = boofuzz.Request("enable_datastreams", children=parts)
    return Message(request, reply_expected=False)


MESSAGES = messages_by_name((*(_command(name, code) for name, code in CODES.items()), _enable_datastreams()))

PROTOCOL = Protocol(
    "medibus",
    MESSAGES,
    edges_of(MESSAGES, CHAINS),
    MedibusWire(CODES),
    {"open": State("open", (MESSAGES["initialize_communication"].send(),), {"code": ICC})},
    MESSAGES["initialize_communication"].send(),
    resynchronization=Resynchronization(0.1, CR),
    waits=(0.05, 1.0, 4.0),
)
"""Its probe is ICC, which is taken at any time; 4 s are longer than a device waits for a command."""
