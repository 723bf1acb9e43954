"""GATT messages: reads and writes of a characteristic, found by its UUID, with a scapy packet as the value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import boofuzz
from scapy.layers import bluetooth as scapy_bluetooth
from scapy.packet import Packet

from harness.interfaces import State
from protocols.derive import derive, fields_of
from protocols.gatt.wire import WRITE_REQUEST, GattWire, Reader
from protocols.model import Edge, Message, Protocol, edges_of, messages_by_name

READ_REQUEST = 0x0A
DEVICE_NAME = "2a00"


def write(name: str, uuid: str, value: Packet, *, procedure: str = "", **options: Any) -> Message:
    """A Write Request. `ranges` and `live` name fields of the value.

    `procedure` is for control points: `awaited`, the answer is the indication; `begun`, it is the write response.
    """
    parts = _head(WRITE_REQUEST)
    live = {"handle": f"handle:{uuid}"}
    if procedure:
        parts.append(boofuzz.Static("procedure", b""))
        live["procedure"] = f"procedure:{procedure}"
    parts.append(boofuzz.Block("value", children=fields_of(value)))
    return _placed(Message(boofuzz.Request(name, children=parts), live=live), **options)


def control(name: str, uuid: str, value: Packet, *, begun: bool = False, **options: Any) -> Message:
    """A Write Request to a control point; its `counter`, if it has one, is the characteristic's.

    With `begun` what follows goes out while the procedure runs and before its indication is confirmed.
    """
    procedure = "begun" if begun else "awaited"
    counted = any(field.name == "counter" for field in value.fields_desc)
    live = {"value.counter": f"counter:{uuid}"} if counted else {}
    return write(name, uuid, value, procedure=procedure, live={**live, **options.pop("live", {})}, **options)


def read(name: str, uuid: str, **options: Any) -> Message:
    """A Read Request."""
    return _placed(
        Message(boofuzz.Request(name, children=_head(READ_REQUEST)), live={"handle": f"handle:{uuid}"}), **options
    )


def read_device_name(name: str = "device_name") -> Message:
    """A Read By Type Request of the device name, which every GATT server answers without knowing handles."""
    b: Any = scapy_bluetooth
    return Message(derive(name, b.ATT_Hdr() / b.ATT_Read_By_Type_Request(uuid=int(DEVICE_NAME, 16))))


def _head(opcode: int) -> list[boofuzz.Fuzzable]:
    return [boofuzz.Byte("opcode", opcode), boofuzz.Word("handle", 0, endian="<")]


def _placed(message: Message, **options: Any) -> Message:
    """The message with options whose fields are given by their last names."""
    ranges: Mapping[str, tuple[int, int]] = options.pop("ranges", {})
    live: Mapping[str, str] = options.pop("live", {})
    path = message.layout.path
    return replace(
        message,
        ranges={path(name): limits for name, limits in ranges.items()},
        live={**message.live, **{path(name): value for name, value in live.items()}},
        **options,
    )


def graph(messages: Iterable[Message], chains: Iterable[tuple[str, str]]) -> tuple[Edge, ...]:
    """Everything that needs nothing comes first; `chains` follow."""
    return edges_of((message.name for message in messages if not message.needs), chains)


def service(
    name: str,
    messages: Iterable[Message],
    chains: Iterable[tuple[str, str]],
    read: Reader | None = None,
    commands: Mapping[str, bytes] | None = None,
) -> Protocol:
    """A service by itself, for any device that has it; the probe reads the device's name."""
    own = messages_by_name((read_device_name(), *messages))
    return Protocol(
        name=name,
        messages=own,
        edges=graph(own.values(), chains),
        wire=GattWire(read, commands),
        states={"connected": State("connected", ())},
        probe=own["device_name"].send(),
        reply_timeout=1.0,
        waits=(0.02, 0.5, 60.0),
    )
