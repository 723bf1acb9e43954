"""The Attribute Protocol of Bluetooth LE (Core 5.4 vol 3 part F) as a client says it, from scapy's packet classes.

Every GATT server answers it. Handles are the device's own: which ones exist is what a campaign finds out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scapy.layers import bluetooth as scapy_bluetooth

from harness.interfaces import Mark, State
from protocols.att_wire import AttWire
from protocols.derive import derive
from protocols.model import Message, Protocol, edges_of, messages_by_name

HANDLES = (0x0001, 0xFFFF)
PRIMARY_SERVICE, DEVICE_NAME = 0x2800, 0x2A00
HANDLE = {"gatt_handle": HANDLES}
RANGE = {"start": HANDLES, "end": HANDLES}
_VALUE = b"\x01\x00"


def _pdu(name: str, packet: Any, **options: Any) -> Message:
    ranges: Mapping[str, tuple[int, int]] = options.pop("ranges", {})
    inside = {f"{type(packet).__name__}.{field}": limits for field, limits in ranges.items()}
    return Message(derive(name, scapy_bluetooth.ATT_Hdr() / packet), ranges=inside, **options)


def _requests() -> tuple[Message, ...]:
    b: Any = scapy_bluetooth
    written = frozenset({Mark.PRIVILEGED})
    return (
        _pdu("exchange_mtu", b.ATT_Exchange_MTU_Request(mtu=185), ranges={"mtu": (23, 517)}),
        _pdu("find_information", b.ATT_Find_Information_Request(start=1), ranges=RANGE),
        _pdu(
            "find_by_type_value",
            b.ATT_Find_By_Type_Value_Request(uuid=PRIMARY_SERVICE, data=b"\x00\x18"),
            ranges=RANGE,
        ),
        _pdu("read_by_type", b.ATT_Read_By_Type_Request(uuid=DEVICE_NAME), ranges=RANGE),
        _pdu("read_by_type_128", b.ATT_Read_By_Type_Request_128bit(start=1, end=0xFFFF)),
        _pdu("read_by_group_type", b.ATT_Read_By_Group_Type_Request(start=1, uuid=PRIMARY_SERVICE), ranges=RANGE),
        _pdu("read", b.ATT_Read_Request(gatt_handle=3), ranges=HANDLE),
        _pdu("read_blob", b.ATT_Read_Blob_Request(gatt_handle=3, offset=1), ranges={**HANDLE, "offset": (0, 512)}),
        _pdu("read_multiple", b.ATT_Read_Multiple_Request(handles=[3, 5])),
        _pdu("read_multiple_variable", b.ATT_Read_Multiple_Variable_Request(handles=[3, 5])),
        _pdu("write", b.ATT_Write_Request(gatt_handle=3, data=_VALUE), ranges=HANDLE, marks=written),
        _pdu("prepare_write", b.ATT_Prepare_Write_Request(gatt_handle=3, offset=0, data=_VALUE), ranges=HANDLE),
        _pdu("execute_write", b.ATT_Execute_Write_Request(flags=1), needs=("prepare_write",), marks=written),
        _pdu("cancel_write", b.ATT_Execute_Write_Request(flags=0), needs=("prepare_write",)),
    )


def _unanswered() -> tuple[Message, ...]:
    """What a client may say without an answer, and what only a server says."""
    b: Any = scapy_bluetooth
    silent: dict[str, Any] = {"reply_expected": False}
    return (
        _pdu("write_command", b.ATT_Write_Command(gatt_handle=3, data=_VALUE), ranges=HANDLE, **silent),
        _pdu("signed_write", b.ATT_Signed_Write_Command(handle=3, value=_VALUE), **silent),
        _pdu("confirmation", b.ATT_Handle_Value_Confirmation(), **silent),
        _pdu("notification", b.ATT_Handle_Value_Notification(gatt_handle=3, value=_VALUE), ranges=HANDLE, **silent),
        _pdu("indication", b.ATT_Handle_Value_Indication(gatt_handle=3, value=_VALUE), ranges=HANDLE, **silent),
        _pdu("error_response", b.ATT_Error_Response(request=0x0A, handle=3, ecode=1), **silent),
        _pdu("read_response", b.ATT_Read_Response(value=_VALUE), **silent),
        _pdu("exchange_mtu_response", b.ATT_Exchange_MTU_Response(mtu=23), **silent),
    )


MESSAGES = messages_by_name((*_requests(), *_unanswered()))
CHAINS = (
    ("exchange_mtu", "read_by_group_type"),
    ("read_by_group_type", "read_by_type"),
    ("read_by_type", "find_information"),
    ("read", "read_blob"),
    ("prepare_write", "prepare_write"),
    ("prepare_write", "execute_write"),
    ("prepare_write", "cancel_write"),
    ("write", "read"),
)

PROTOCOL = Protocol(
    name="att",
    messages=MESSAGES,
    edges=edges_of((name for name in MESSAGES if not MESSAGES[name].needs), CHAINS),
    wire=AttWire(),
    states={"connected": State("connected", ())},
    probe=MESSAGES["read_by_type"].send(),
    reply_timeout=0.5,
    max_reply=1 << 16,
    waits=(0.02, 0.1),
)
