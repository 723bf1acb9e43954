"""The emulated insulin pump over Bluetooth LE: its services put together, and the states it can be brought to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from scapy.packet import Packet

from harness.case import Send, Step, Stimulate, Wait
from harness.interfaces import Mark, State
from protocols.gatt import cgm, ids, racp
from protocols.gatt.ids_packets import PAUSE, STOP
from protocols.gatt.messages import control, read, write
from protocols.model import Edge, Message, Protocol, messages_by_name
from targets.insulin.protocol import packets
from targets.insulin.protocol.wire import InsulinWire
from targets.keys import press

VENDOR = "0000{}-4d46-0001-0000-00805f9b34fb"
LOGIN, STATUS, SETTINGS, UPLOAD, PATIENT, LOG = (VENDOR.format(f"f00{number}") for number in range(1, 7))
SESSION_STATES = ("session", "delivering", "cgm_session", "suspended", "stopped", "priming", "alarm")
RUNNING = ("session", "delivering", "cgm_session")
AUTHENTICATION, PRIVILEGED = frozenset({Mark.AUTHENTICATION}), frozenset({Mark.PRIVILEGED})
DISCLOSES = PRIVILEGED | {Mark.DISCLOSES_PATIENT_DATA}
SETTINGS_RANGES = {
    "max_bolus": (10, 3000),
    "max_basal": (10, 3000),
    "alert_low": (60, 100),
    "alert_high": (120, 400),
    "volume": (1, 10),
    "brightness": (0, 10),
}
ACCEPTED: Mapping[str, tuple[str, ...]] = {
    "set_temp_basal": RUNNING,
    "cancel_temp_basal": ("delivering",),
    "set_bolus": RUNNING,
    "set_bolus_recommended": RUNNING,
    "set_extended_bolus": RUNNING,
    "cancel_bolus": ("delivering",),
    "confirm_annunciation": ("alarm",),
    "start_priming": ("stopped",),
    "stop_priming": ("priming",),
    "cgm_set_calibration": ("cgm_session",),
    "cgm_get_calibration": ("cgm_session",),
    "cgm_stop": ("cgm_session",),
}
INFORMATION = {"manufacturer": "2a29", "model": "2a24", "serial": "2a25", "firmware": "2a26", "battery": "2a19"}


def _login(name: str, body: Packet, marks: frozenset[Mark] = PRIVILEGED, **options: Any) -> Message:
    return control(name, LOGIN, body, marks=marks, **options)


def _vendor() -> tuple[Message, ...]:
    return (
        read("status", STATUS),
        _login("hello", packets.Hello()),
        _login("prove", packets.Prove(), AUTHENTICATION, live={"answer": "answer"}, needs=("hello",)),
        _login("logout", packets.Logout()),
        _login("change_pin", packets.ChangePin()),
        _login("bond", packets.Bond()),
        read("settings", SETTINGS, marks=PRIVILEGED),
        write("set_settings", SETTINGS, packets.Settings(), marks=cgm.THERAPY, ranges=SETTINGS_RANGES),
        write("upload", UPLOAD, packets.Upload(), marks=PRIVILEGED),
        read("patient", PATIENT, marks=DISCLOSES),
        read("log", LOG, marks=PRIVILEGED),
    )


COMMANDS = ids.commands()
CONTROLS = (
    *cgm.specific_ops(protected=True),
    *racp.record_access(prefix="cgm_"),
    *ids.status_reader(),
    *ids.history(),
)
OPEN = (*(read(name, uuid) for name, uuid in INFORMATION.items()), *cgm.session(protected=True), *ids.reads())


WITHIN = (
    "logout",
    "change_pin",
    "bond",
    "settings",
    "set_settings",
    "upload",
    "patient",
    "log",
    *(message.name for message in (*CONTROLS, *COMMANDS) if message in COMMANDS or "delete" in message.name),
)


def _placed(message: Message) -> Message:
    """Where it is accepted: what is under a session only in the states that have one."""
    anywhere = SESSION_STATES if message.name in WITHIN else ()
    return replace(message, accepted_in=ACCEPTED.get(message.name, anywhere))


MESSAGES = messages_by_name(_placed(message) for message in (*_vendor(), *OPEN, *CONTROLS, *COMMANDS))


def _codes() -> dict[str, bytes]:
    """What the guard recognizes: the first byte or two of what goes to a control point."""
    logins = {
        name: MESSAGES[name].layout.default.data[3:4] for name in ("hello", "prove", "logout", "change_pin", "bond")
    }
    return {
        **logins,
        **{message.name: message.layout.default.data[3:4] for message in CONTROLS},
        **{message.name: message.layout.default.data[3:5] for message in (*COMMANDS, *ids.status_reader())},
    }


def _send(name: str, **values: Any) -> Send:
    return MESSAGES[name].send(**values)


LOGGED_IN: tuple[Step, ...] = (_send("hello"), _send("prove"))
SESSION = (*LOGGED_IN, _send("set_therapy_state"))
STOPPED = (*SESSION, _send("set_therapy_state", state=STOP))
OCCLUDED: tuple[Step, ...] = (Stimulate("occlusion", 15), Wait(0.6))


def _state(name: str, preamble: tuple[Step, ...], delivery: int, session: int = 1) -> State:
    return State(name, preamble, {"delivery_state": delivery, "session_open": session})


def _states() -> dict[str, State]:
    states = (
        _state("idle", (_send("logout"),), 2, 0),
        _state("session", SESSION, 2),
        _state("delivering", (*SESSION, _send("set_temp_basal"), _send("set_bolus")), 2),
        _state("cgm_session", (*SESSION, _send("cgm_start"), Wait(0.5)), 2),
        _state("suspended", (*SESSION, _send("set_therapy_state", state=PAUSE)), 3),
        _state("stopped", STOPPED, 1),
        _state("priming", (*STOPPED, _send("start_priming")), 4),
        _state("alarm", (*SESSION, *OCCLUDED), 5),
    )
    return {state.name: state for state in states}


def _edges() -> tuple[Edge, ...]:
    """Open messages come first; a login opens the rest; what belongs together follows in order."""
    own = (
        ("hello", "prove"),
        ("hello", "hello"),
        ("set_settings", "settings"),
        ("set_settings", "set_settings"),
        ("upload", "settings"),
        ("upload", "upload"),
        ("change_pin", "hello"),
        ("logout", "patient"),
        ("set_max_bolus", "settings"),
        ("get_delivered_begin", "hello"),
        ("get_delivered_begin", "cgm_get_interval"),
    )
    first = [name for name in MESSAGES if name not in WITHIN and name != "prove"]
    return (
        *(Edge("", name) for name in first),
        *(Edge("prove", name) for name in WITHIN),
        *(Edge(*chain) for chain in (*own, *cgm.CHAINS, *racp.chains("cgm_"), *ids.CHAINS)),
    )


PROTOCOL = Protocol(
    name="insulin",
    messages=MESSAGES,
    edges=_edges(),
    wire=InsulinWire(_codes()),
    states=_states(),
    probe=MESSAGES["status"].send(),
    reply_timeout=1.0,
    actions={
        "confirm_key": press("keypad_confirm"),
        "stop_key": press("keypad_stop"),
        "occlusion": OCCLUDED,
        "occlusion_cleared": (Stimulate("occlusion", 2), Wait(0.6)),
        "reservoir_empty": (Stimulate("reservoir", 0), Wait(0.6)),
        "battery_low": (Stimulate("battery", 10), Wait(0.6)),
        "glucose_low": (Stimulate("glucose", 45), Wait(0.6)),
        "glucose_high": (Stimulate("glucose", 390), Wait(0.6)),
    },
    waits=(0.05, 1.0, 5.0),
)
