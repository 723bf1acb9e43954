"""Modbus (Application Protocol V1.1b3): all public functions, over TCP and on a serial line as RTU and as ASCII.

The requests are written down here and not derived from scapy.contrib.modbus, whose fields have names of its own
(`startAddr`, `outputsValue`) and which knows neither RTU nor ASCII; the tests read our requests with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import boofuzz

from harness.case import Send
from harness.interfaces import Mark, Resynchronization, State
from protocols.checksums import BlockChecksum
from protocols.encoding import HexBlock
from protocols.modbus_pdu import LONGEST, READ_DEVICE_IDENTIFICATION, RESTART_COMMUNICATIONS
from protocols.modbus_wire import AsciiWire, ModbusWire, RtuWire, TcpWire
from protocols.model import Edge, Message, Protocol, messages_by_name

CODES = {
    "read_coils": 0x01,
    "read_discrete_inputs": 0x02,
    "read_holding_registers": 0x03,
    "read_input_registers": 0x04,
    "write_single_coil": 0x05,
    "write_single_register": 0x06,
    "read_exception_status": 0x07,
    "diagnostics": 0x08,
    "get_comm_event_counter": 0x0B,
    "get_comm_event_log": 0x0C,
    "write_multiple_coils": 0x0F,
    "write_multiple_registers": 0x10,
    "report_server_id": 0x11,
    "read_file_record": 0x14,
    "write_file_record": 0x15,
    "mask_write_register": 0x16,
    "read_write_multiple_registers": 0x17,
    "read_fifo_queue": 0x18,
    "read_device_identification": 0x2B,
}
SUB_FUNCTIONS = (0x00, 0x01, 0x02, 0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F, 0x10, 0x11, 0x12, 0x14)
COIL_ON, COIL_OFF = 0xFF00, 0x0000
FILE_REFERENCE = 6
ADDRESSES = (0, 0xFFFF)
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


def requests() -> dict[str, tuple[boofuzz.Fuzzable, ...]]:
    """What follows the function code in each request, made anew: a primitive belongs to one Request."""
    return {
        "read_coils": (u16("address", 0), u16("quantity", 1)),
        "read_discrete_inputs": (u16("address", 0), u16("quantity", 1)),
        "read_holding_registers": (u16("address", 0), u16("quantity", 1)),
        "read_input_registers": (u16("address", 0), u16("quantity", 1)),
        "write_single_coil": (u16("address", 0), u16("value", COIL_ON)),
        "write_single_register": (u16("address", 0), u16("value", 3)),
        "read_exception_status": (),
        "diagnostics": (u16("sub_function", 0), boofuzz.Bytes("data", b"\xa5\x37")),
        "get_comm_event_counter": (),
        "get_comm_event_log": (),
        "write_multiple_coils": (
            u16("address", 0),
            _coils_of("values"),
            _bytes_of("values"),
            boofuzz.Bytes("values", b"\xcd"),
        ),
        "write_multiple_registers": (
            u16("address", 0),
            _registers_of("values"),
            _bytes_of("values"),
            boofuzz.Bytes("values", b"\x00\x0a\x01\x02"),
        ),
        "report_server_id": (),
        "read_file_record": _sub_request(u16("record_length", 2)),
        "write_file_record": _sub_request(
            _registers_of("record_data", "record_length"), boofuzz.Bytes("record_data", b"\x06\xaf\x04\xbe")
        ),
        "mask_write_register": (u16("address", 0), u16("and_mask", 0x00F2), u16("or_mask", 0x0025)),
        "read_write_multiple_registers": (
            u16("read_address", 0),
            u16("read_quantity", 2),
            u16("write_address", 0),
            _registers_of("values", "write_quantity"),
            _bytes_of("values"),
            boofuzz.Bytes("values", b"\x00\xff\x00\xfe"),
        ),
        "read_fifo_queue": (u16("fifo_pointer_address", 0),),
        "read_device_identification": (
            u8("mei_type", READ_DEVICE_IDENTIFICATION),
            u8("read_device_id_code", 1),
            u8("object_id", 0),
        ),
    }


def _options() -> dict[str, dict[str, Any]]:
    """Declared limits, other valid forms, and what is a write, by message."""
    bits, words = {"address": ADDRESSES, "quantity": (1, 2000)}, {"address": ADDRESSES, "quantity": (1, 125)}
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
        "read_write_multiple_registers": {"ranges": {"read_quantity": (1, 125)}, **WRITES},
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


def _messages(unit: int, framed: Framing, live: Mapping[str, str]) -> dict[str, Message]:
    options = _options()
    return messages_by_name(
        Message(
            boofuzz.Request(name, children=framed((u8("unit", unit), u8("function_code", CODES[name]), *pdu))),
            live=live,
            **options.get(name, {}),
        )
        for name, pdu in requests().items()
    )


def _protocol(name: str, messages: Mapping[str, Message], wire: ModbusWire, probe: Send, **options: Any) -> Protocol:
    edges = (*(Edge("", message) for message in messages), *(Edge(*chain) for chain in CHAINS))
    states = {"idle": State("idle", ())}
    return Protocol(name, messages, edges, wire, states, probe, waits=(0.05, 1.0), **options)


def modbus_tcp(unit: int = 1, address: int = 0, quantity: int = 1) -> Protocol:
    """Over TCP; the probe reads `quantity` holding registers at `address` of `unit`.

    The standard has no timeout here: a server may wait for as many bytes as a PDU can have. It is given them.
    """
    messages = _messages(unit, _mbap, {"transaction_id": "transaction_id"})
    read = {"address": address, "quantity": quantity}
    filler = messages[PROBE].send(transaction_id=0, **read).data
    quiet = Resynchronization(0.1, filler * (LONGEST // len(filler) + 1))
    probe = messages[PROBE].send(**read)
    return _protocol("modbus_tcp", messages, TcpWire(unit, CODES), probe, resynchronization=quiet, may_close=True)


def modbus_rtu(unit: int = 1, address: int = 0, quantity: int = 1) -> Protocol:
    """On a serial line, binary; the probe reads `quantity` holding registers at `address` of `unit`."""
    return _serial("modbus_rtu", _messages(unit, _rtu, {}), RtuWire(unit, CODES), address, quantity)


def modbus_ascii(unit: int = 1, address: int = 0, quantity: int = 1) -> Protocol:
    """On a serial line, in characters; the probe reads `quantity` holding registers at `address` of `unit`."""
    return _serial("modbus_ascii", _messages(unit, _ascii, {}), AsciiWire(unit, CODES), address, quantity)


def _serial(name: str, messages: Mapping[str, Message], wire: ModbusWire, address: int, quantity: int) -> Protocol:
    """Restart Communications is all that a device which only listens takes, and a harmless filler for another one."""
    probe = messages[PROBE].send(address=address, quantity=quantity)
    restart = messages["diagnostics"].send(sub_function=RESTART_COMMUNICATIONS, data=b"\0\0")
    return _protocol(name, messages, wire, probe, resynchronization=Resynchronization(0.1, restart.data))


TCP = modbus_tcp()
RTU = modbus_rtu()
ASCII = modbus_ascii()
