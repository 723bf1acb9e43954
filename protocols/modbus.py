"""Modbus (Application Protocol V1.1b3): all public functions, over TCP and on a serial line as RTU and as ASCII.

The requests are written down here and not derived from scapy.contrib.modbus, whose fields have names of its own
(`startAddr`, `outputsValue`) and which knows neither RTU nor ASCII; the tests read our requests with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import boofuzz

from harness.errors import UsageError
from harness.interfaces import Mark, Resynchronization, State
from protocols.checksums import BlockChecksum
from protocols.encoding import HexBlock
from protocols.modbus_pdu import LONGEST, READ_DEVICE_IDENTIFICATION, RESTART_COMMUNICATIONS
from protocols.modbus_places import Places
from protocols.modbus_wire import AsciiWire, ModbusWire, RtuWire, TcpWire
from protocols.model import Edge, Message, Protocol, messages_by_name

SUB_FUNCTIONS = (0x00, 0x01, 0x02, 0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F, 0x10, 0x11, 0x12, 0x14)
COIL_ON, COIL_OFF = 0xFF00, 0x0000
FILE_REFERENCE = 6
ADDRESSES, BITS_READ, REGISTERS_READ = (0, 0xFFFF), (1, 2000), (1, 125)
WRITES: dict[str, Any] = {"marks": frozenset({Mark.PRIVILEGED})}
PROBE = "read_holding_registers"
CHAINS = (
    ("write_single_coil", "read_coils"),
    ("write_multiple_coils", "read_coils"),
    ("write_single_register", "read_holding_registers"),
    ("write_multiple_registers", "read_holding_registers"),
    ("mask_write_register", "read_holding_registers"),
    ("write_file_record", "read_file_record"),
    ("diagnostics", "get_comm_event_counter"),
    ("diagnostics", "get_comm_event_log"),
)
Framing = Callable[[Sequence[boofuzz.Fuzzable]], Sequence[boofuzz.Fuzzable]]


def u8(name: str, value: int) -> boofuzz.Byte:
    """A number of one byte."""
    return boofuzz.Byte(name, value)


def u16(name: str, value: int) -> boofuzz.Word:
    """A number of two bytes, the higher one first."""
    return boofuzz.Word(name, value, endian=">")


def _bytes_of(name: str) -> boofuzz.Size:
    return boofuzz.Size("byte_count", f".{name}", length=1)


def _registers_of(name: str, field: str = "quantity") -> boofuzz.Size:
    return boofuzz.Size(field, f".{name}", length=2, endian=">", math=lambda size: size // 2)


def _coils_of(name: str) -> boofuzz.Size:
    return boofuzz.Size("quantity", f".{name}", length=2, endian=">", math=lambda size: size * 8)


def _sub_request(*more: boofuzz.Fuzzable) -> tuple[boofuzz.Fuzzable, ...]:
    """One group of a file request, behind the length of all of them."""
    numbers = (u8("reference_type", FILE_REFERENCE), u16("file_number", 1), u16("record_number", 0))
    return _bytes_of("sub_request"), boofuzz.Block("sub_request", children=(*numbers, *more))


def requests(at: int = 0) -> dict[str, tuple[int, tuple[boofuzz.Fuzzable, ...]]]:
    """Function code, and what follows it in a request to the places from address `at`; made anew at each call."""
    coils, words = boofuzz.Bytes("values", b"\xcd"), boofuzz.Bytes("values", b"\x00\x0a\x01\x02")
    data, record = boofuzz.Bytes("data", b"\xa5\x37"), boofuzz.Bytes("record_data", b"\x06\xaf\x04\xbe")
    both = (u16("read_address", at), u16("read_quantity", 2), u16("write_address", at))
    written = boofuzz.Bytes("values", b"\x00\xff\x00\xfe")
    identified = (u8("mei_type", READ_DEVICE_IDENTIFICATION), u8("read_device_id_code", 1), u8("object_id", 0))
    return {
        "read_coils": (0x01, (u16("address", at), u16("quantity", 1))),
        "read_discrete_inputs": (0x02, (u16("address", at), u16("quantity", 1))),
        "read_holding_registers": (0x03, (u16("address", at), u16("quantity", 1))),
        "read_input_registers": (0x04, (u16("address", at), u16("quantity", 1))),
        "write_single_coil": (0x05, (u16("address", at), u16("value", COIL_ON))),
        "write_single_register": (0x06, (u16("address", at), u16("value", 3))),
        "read_exception_status": (0x07, ()),
        "diagnostics": (0x08, (u16("sub_function", 0), data)),
        "get_comm_event_counter": (0x0B, ()),
        "get_comm_event_log": (0x0C, ()),
        "write_multiple_coils": (0x0F, (u16("address", at), _coils_of("values"), _bytes_of("values"), coils)),
        "write_multiple_registers": (0x10, (u16("address", at), _registers_of("values"), _bytes_of("values"), words)),
        "report_server_id": (0x11, ()),
        "read_file_record": (0x14, _sub_request(u16("record_length", 2))),
        "write_file_record": (0x15, _sub_request(_registers_of("record_data", "record_length"), record)),
        "mask_write_register": (0x16, (u16("address", at), u16("and_mask", 0x00F2), u16("or_mask", 0x0025))),
        "read_write_multiple_registers": (
            0x17,
            (*both, _registers_of("values", "write_quantity"), _bytes_of("values"), written),
        ),
        "read_fifo_queue": (0x18, (u16("fifo_pointer_address", at),)),
        "read_device_identification": (0x2B, identified),
    }


CODES = {name: code for name, (code, _fields) in requests().items()}


def _options() -> dict[str, dict[str, Any]]:
    """Declared limits, other valid forms, and what is a write, by message."""
    bits = {"address": ADDRESSES, "quantity": BITS_READ}
    words = {"address": ADDRESSES, "quantity": REGISTERS_READ}
    address = {"ranges": {"address": ADDRESSES}}
    return {
        "read_coils": {"ranges": bits},
        "read_discrete_inputs": {"ranges": bits},
        "read_holding_registers": {"ranges": words},
        "read_input_registers": {"ranges": words},
        "write_single_coil": {**address, **WRITES, "variants": ({"value": COIL_OFF},)},
        "write_single_register": {"ranges": {"address": ADDRESSES, "value": (0, 0xFFFF)}, **WRITES},
        "diagnostics": {"variants": tuple({"sub_function": code, "data": b"\0\0"} for code in SUB_FUNCTIONS)},
        "write_multiple_coils": {**address, **WRITES},
        "write_multiple_registers": {**address, **WRITES},
        "write_file_record": WRITES,
        "mask_write_register": {**address, **WRITES},
        "read_write_multiple_registers": {"ranges": {"read_quantity": REGISTERS_READ}, **WRITES},
        "read_fifo_queue": {"ranges": {"fifo_pointer_address": ADDRESSES}},
        "read_device_identification": {
            "variants": tuple({"read_device_id_code": code, "object_id": 0} for code in (2, 3, 4)),
        },
    }


def _mbap(adu: Sequence[boofuzz.Fuzzable]) -> tuple[boofuzz.Fuzzable, ...]:
    length = boofuzz.Size("length", ".adu", length=2, endian=">")
    return u16("transaction_id", 1), u16("protocol_id", 0), length, boofuzz.Block("adu", children=tuple(adu))


def _rtu(adu: Sequence[boofuzz.Fuzzable]) -> tuple[boofuzz.Fuzzable, ...]:
    return boofuzz.Block("adu", children=tuple(adu)), BlockChecksum("crc", (".adu",), "crc16_modbus", "little")


def _ascii(adu: Sequence[boofuzz.Fuzzable]) -> tuple[boofuzz.Fuzzable, ...]:
    check = BlockChecksum("lrc", [f".{field.name}" for field in adu], "lrc")
    return boofuzz.Delim("start", ":"), HexBlock("adu", (*adu, check)), boofuzz.Delim("end", "\r\n")


def _messages(unit: int, address: int, framed: Framing, **live: str) -> dict[str, Message]:
    options = _options()
    return messages_by_name(
        Message(
            boofuzz.Request(name, children=framed((u8("unit", unit), u8("function_code", code), *fields))),
            live=live,
            **options.get(name, {}),
        )
        for name, (code, fields) in requests(address).items()
    )


def _protocol(
    name: str, messages: Mapping[str, Message], wire: ModbusWire, read: Mapping[str, int], filler: bytes, **options: Any
) -> Protocol:
    """The filler follows 0.1 s of silence. Raises UsageError for a probe that no device could serve."""
    for field, (low, high) in {"address": ADDRESSES, "quantity": REGISTERS_READ}.items():
        _check(name, field, read[field], low, high)
    edges = (*(Edge("", message) for message in messages), *(Edge(*chain) for chain in CHAINS))
    return Protocol(
        name,
        messages,
        edges,
        wire,
        {"idle": State("idle", ())},
        messages[PROBE].send(**read),
        resynchronization=Resynchronization(0.1, filler),
        related=Places(messages, wire.opened),
        waits=(0.05, 1.0),
        **options,
    )


def _check(name: str, what: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise UsageError(f"{name}: {what} is {low} to {high}, not {value}")


def modbus_tcp(unit: int = 1, address: int = 0, quantity: int = 1) -> Protocol:
    """Over TCP; the probe reads `quantity` holding registers at `address` of `unit`. Raises UsageError.

    The standard has no timeout here: a server may wait for as many bytes as a PDU can have. It is given them.
    """
    _check("modbus_tcp", "unit", unit, 0, 255)
    messages = _messages(unit, address, _mbap, transaction_id="transaction_id")
    read = messages[PROBE].send(transaction_id=0).data
    filler = read * (LONGEST // len(read) + 1)
    probe = {"address": address, "quantity": quantity}
    return _protocol("modbus_tcp", messages, TcpWire(unit, CODES), probe, filler, may_close=True)


def modbus_rtu(unit: int = 1, address: int = 0, quantity: int = 1) -> Protocol:
    """On a serial line, binary; the probe reads `quantity` holding registers at `address` of `unit`.

    Raises UsageError.
    """
    return _serial("modbus_rtu", _rtu, RtuWire(unit, CODES), unit, {"address": address, "quantity": quantity})


def modbus_ascii(unit: int = 1, address: int = 0, quantity: int = 1) -> Protocol:
    """On a serial line, in characters; the probe reads `quantity` holding registers at `address` of `unit`.

    Raises UsageError.
    """
    return _serial("modbus_ascii", _ascii, AsciiWire(unit, CODES), unit, {"address": address, "quantity": quantity})


def _serial(name: str, framed: Framing, wire: ModbusWire, unit: int, probe: Mapping[str, int]) -> Protocol:
    """Restart Communications is all that a device which only listens takes, and a harmless filler for another one."""
    _check(name, "unit", unit, 1, 247)
    messages = _messages(unit, probe["address"], framed)
    restart = messages["diagnostics"].send(sub_function=RESTART_COMMUNICATIONS, data=b"\0\0")
    return _protocol(name, messages, wire, probe, restart.data)
