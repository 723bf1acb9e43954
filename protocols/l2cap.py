"""L2CAP of Bluetooth LE (Core 5.4 vol 3 part A): signalling commands, and whole frames with their header.

`l2cap_signalling` is for links of the layer `signalling`, `l2cap` for those of `l2cap`; both from scapy's classes.
"""

from __future__ import annotations

from typing import Any

from scapy.layers import bluetooth as scapy_bluetooth
from scapy.packet import Raw

from harness.interfaces import Resynchronization, State
from protocols.derive import derive
from protocols.l2cap_wire import ATT, SIGNALLING, SMP, L2capWire, SignallingWire
from protocols.model import Message, Protocol, edges_of, messages_by_name

UNKNOWN_CODE = 0x7F
UNUSED_SPSM = 0x00EF
DEVICE_NAME = 0x2A00
CHANNELS = {
    "null": 0,
    "classic_signalling": 1,
    "connectionless": 2,
    "att": ATT,
    "signalling": SIGNALLING,
    "smp": SMP,
    "reserved": 0x3F,
    "dynamic": 0x40,
    "last": 0xFFFF,
}
QUIET: dict[str, Any] = {"reply_expected": False}
U16 = (0, 0xFFFF)


def _command(name: str, packet: Any, code: int | None = None, **options: Any) -> Message:
    header: Any = scapy_bluetooth.L2CAP_CmdHdr(**({} if code is None else {"code": code}))
    limits = {f"{type(packet).__name__}.{key}": value for key, value in options.pop("ranges", {}).items()}
    return Message(derive(name, header / packet), live={"id": "identifier"}, ranges=limits, **options)


def _requests() -> tuple[Message, ...]:
    b: Any = scapy_bluetooth
    channel = {"spsm": UNUSED_SPSM, "mtu": 64, "mps": 64, "initial_credits": 1}
    credit = {"mtu": (23, 0xFFFF), "mps": (23, 0xFFFD), "initial_credits": U16}
    interval = {"min_interval": 24, "max_interval": 40, "slave_latency": 0, "timeout_mult": 200}
    return (
        _command("unknown", Raw(b""), UNKNOWN_CODE),
        _command("echo", b.L2CAP_EchoReq(data=b"ping")),
        _command("information", b.L2CAP_InfoReq(type=2)),
        _command("connection", b.L2CAP_ConnReq(psm=0x1F, scid=0x40)),
        _command("disconnection", b.L2CAP_DisconnReq(dcid=0x40, scid=0x40)),
        _command("parameter_update", b.L2CAP_Connection_Parameter_Update_Request(**interval)),
        _command("credit_connection", b.L2CAP_LE_Credit_Based_Connection_Request(scid=0x40, **channel), ranges=credit),
        _command("enhanced_connection", b.L2CAP_Credit_Based_Connection_Request(scid=0x41, **channel)),
        _command("reconfigure", b.L2CAP_Credit_Based_Reconfigure_Request(mtu=64, mps=64, dcid=0x40)),
    )


def _unanswered() -> tuple[Message, ...]:
    b: Any = scapy_bluetooth
    taken = {"dcid": 0x40, "mtu": 64, "mps": 64, "initial_credits": 1}
    return (
        _command("credits", b.L2CAP_Flow_Control_Credit_Ind(cid=0x40, credits=1), ranges={"credits": U16}, **QUIET),
        _command("reject", b.L2CAP_CmdRej(), **QUIET),
        _command("parameter_update_response", b.L2CAP_Connection_Parameter_Update_Response(), **QUIET),
        _command("credit_connection_response", b.L2CAP_LE_Credit_Based_Connection_Response(**taken), **QUIET),
        _command("disconnection_response", b.L2CAP_DisconnResp(dcid=0x40, scid=0x40), **QUIET),
    )


def _frame(name: str, cid: int, packet: Any, **options: Any) -> Message:
    return Message(derive(name, scapy_bluetooth.L2CAP_Hdr(cid=cid) / packet), **options)


def _frames() -> tuple[Message, ...]:
    b: Any = scapy_bluetooth
    identifier = {"L2CAP_CmdHdr.id": "identifier"}
    unknown, echo = b.L2CAP_CmdHdr(code=UNKNOWN_CODE) / Raw(b""), b.L2CAP_CmdHdr() / b.L2CAP_EchoReq(data=b"ping")
    return (
        _frame("device_name", ATT, b.ATT_Hdr() / b.ATT_Read_By_Type_Request(uuid=DEVICE_NAME)),
        _frame("read", ATT, b.ATT_Hdr() / b.ATT_Read_Request(gatt_handle=3)),
        _frame("write_command", ATT, b.ATT_Hdr() / b.ATT_Write_Command(gatt_handle=3, data=bytes(20)), **QUIET),
        _frame("signalling_unknown", SIGNALLING, unknown, live=identifier),
        _frame("signalling_echo", SIGNALLING, echo, live=identifier),
        _frame("pairing_failed", SMP, b.SM_Hdr() / b.SM_Failed(reason=8), **QUIET),
        _frame("pairing_request", SMP, b.SM_Hdr() / b.SM_Pairing_Request()),
        *(_frame(f"channel_{name}", cid, Raw(b"\x0a\x03\x00"), **QUIET) for name, cid in CHANNELS.items()),
    )


SIGNALS = messages_by_name((*_requests(), *_unanswered()))
SIGNAL_CHAINS = (
    ("credit_connection", "credits"),
    ("credit_connection", "disconnection"),
    ("credit_connection", "credit_connection"),
    ("enhanced_connection", "reconfigure"),
    ("parameter_update", "echo"),
)
PROTOCOL = Protocol(
    name="l2cap_signalling",
    messages=SIGNALS,
    edges=edges_of(SIGNALS, SIGNAL_CHAINS),
    wire=SignallingWire(),
    states={"connected": State("connected", ())},
    probe=SIGNALS["unknown"].send(),
    reply_timeout=0.5,
    waits=(0.02, 0.1),
)

FRAMES = messages_by_name(_frames())
FRAME_CHAINS = (("pairing_request", "pairing_failed"), ("write_command", "read"), ("signalling_echo", "device_name"))
WHOLE_FRAMES = Protocol(
    name="l2cap",
    messages=FRAMES,
    edges=edges_of(FRAMES, FRAME_CHAINS),
    wire=L2capWire(),
    states={"connected": State("connected", ())},
    probe=FRAMES["device_name"].send(),
    reply_timeout=0.5,
    resynchronization=Resynchronization(0.2),
    max_reply=1 << 16,
    waits=(0.02, 0.1),
)
