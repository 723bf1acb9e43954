"""The Attribute Protocol of a device whose table is known: what can be said of each of its attributes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from protocols import att
from protocols.model import Message, Protocol

_WRITE, _COMMAND = "write", "command"
_READS = {"read": "ATT_Read_Request", "read_blob": "ATT_Read_Blob_Request"}
_WRITES = {"write": "ATT_Write_Request", "prepare_write": "ATT_Prepare_Write_Request"}
_COMMANDS = {"write_command": "ATT_Write_Command"}
_LONGEST = 512  # bytes of an attribute (Core 5.4 vol 3 part F 3.2.9)


@dataclass(frozen=True, slots=True)
class Attribute:
    """One line of the table: whether it takes a `write` or a `command`, and the value it usually has."""

    handle: int
    takes: Collection[str]
    value: bytes = b"\x01\x00"


def with_table(attributes: Sequence[Attribute]) -> Protocol:
    """`att`, its messages said of each of these attributes."""
    messages = {name: _placed(message, attributes) for name, message in att.PROTOCOL.messages.items()}
    return replace(att.PROTOCOL, messages=messages)


def _placed(message: Message, attributes: Sequence[Attribute]) -> Message:
    """A read is worth trying everywhere; a write where the device takes it."""
    name = message.name
    if name in _READS:
        return replace(message, places=tuple({f"{_READS[name]}.gatt_handle": each.handle} for each in attributes))
    places = tuple(_written(name, attributes))
    return replace(message, places=places) if places else message


def _written(name: str, attributes: Sequence[Attribute]) -> Iterator[dict[str, Any]]:
    for takes, packets in ((_WRITE, _WRITES), (_COMMAND, _COMMANDS)):
        for each in attributes if name in packets else ():
            if takes in each.takes:
                packet = packets[name]
                yield {f"{packet}.gatt_handle": each.handle, f"{packet}.data": each.value[:_LONGEST]}
