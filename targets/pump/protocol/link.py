"""The pump's maintenance link: its messages, what may follow what, and the states it can be brought to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from harness.case import Step
from harness.interfaces import Mark, Resynchronization, State
from protocols.derive import derive
from protocols.model import Edge, Message, Protocol, messages_by_name
from targets.pump.protocol import packets
from targets.pump.protocol.actions import ACTIONS, AIR_ALARM, CONFIRM
from targets.pump.protocol.wire import PumpLinkWire

U16 = (0, 0xFFFF)
RANGES: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "open_session": {"role": (1, 2)},
    "set_settings": {
        "occlusion_limit": (20, 100),
        "air_limit": (50, 200),
        "kvo_rate": (100, 1000),
        "bolus_spacing": (60, 3600),
        "volume": (1, 10),
        "brightness": (0, 10),
    },
    "read_log": {"first": U16, "count": (1, 16)},
    "subscribe": {"interval": (100, 60000)},
    "program_rate": {"drug": (0, 7), "rate": (100, 999_000)},
    "program_volume": {"volume": (100, 9_999_000)},
    "bolus": {"amount": (1, 250_000), "duration": (1, 3600)},
    "silence": {"seconds": (1, 120)},
    "library_list": {"first": (0, 7)},
    "library_read": {"index": (0, 7)},
    "library_begin": {"version": U16, "entries": (1, 8)},
    "library_part": {"index": (0, 7)},
    "update_begin": {"version": U16, "size": (1, 1024)},
}
LIVE = {"token": "token", "counter": "counter", "answer": "answer", "mac": "mac", "digest": "digest"}
NEEDS: Mapping[str, tuple[str, ...]] = {
    "prove": ("open_session",),
    "library_part": ("library_begin",),
    "library_commit": ("library_begin", "library_part"),
    "update_chunk": ("update_begin",),
    "update_commit": ("update_begin", "update_chunk"),
}
AT_REST = ("session", "pharmacy")
ACCEPTED: Mapping[str, tuple[str, ...]] = {
    "start": ("paused",),
    "stop": ("infusing", "bolus", "paused"),
    "bolus": ("infusing", "bolus"),
    "silence": ("alarm",),
    "self_test": (*AT_REST, "programmed", "paused"),
    "library_begin": AT_REST,
    "library_part": AT_REST,
    "library_commit": AT_REST,
}
OPEN = frozenset({"status", "echo", "memory_statistics", "library_list", "library_read"})
AUTHENTICATION = frozenset({"open_session", "prove", "close_session"})
THERAPY = frozenset({"program_rate", "program_volume", "start", "stop", "bolus", "silence"})


def _message(body: type[packets.Body]) -> Message:
    name = _snake(body.__name__)
    make: Any = body
    request = derive(name, packets.frame(make()))
    live = {"sequence": "sequence"}
    live |= {f"body.{field.name}": LIVE[field.name] for field in body.fields_desc if field.name in LIVE}
    return Message(
        request,
        marks=_marks(name),
        live=live,
        ranges=RANGES.get(name, {}),
        needs=NEEDS.get(name, ()),
        accepted_in=ACCEPTED.get(name, ()),
    )


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _marks(name: str) -> frozenset[Mark]:
    if name in OPEN:
        return frozenset()
    if name in AUTHENTICATION:
        return frozenset({Mark.AUTHENTICATION})
    marks = {Mark.PRIVILEGED}
    if name in THERAPY:
        marks.add(Mark.THERAPY)
    if name == "read_patient":
        marks.add(Mark.DISCLOSES_PATIENT_DATA)
    return frozenset(marks)


COMMANDS = {_snake(body.__name__): code for code, body in packets.REQUESTS.items()}
MESSAGES = messages_by_name(_message(body) for body in packets.REQUESTS.values())


def _send(name: str, **values: Any) -> Step:
    return MESSAGES[name].send(**values)


SESSION = (_send("open_session"), _send("prove"))
PHARMACY = (_send("open_session", role=2), _send("prove"))
PROGRAMMED = (*SESSION, _send("program_rate"), _send("program_volume"))
INFUSING = (*PROGRAMMED, *CONFIRM)


def _states() -> dict[str, State]:
    states = (
        State("idle", (), {"therapy_state": 1, "session_open": 0, "pending": 0}),
        State("session", SESSION, {"therapy_state": 1, "session_open": 1, "pending": 0}),
        State("infusing", INFUSING, {"therapy_state": 2, "session_open": 1}),
        State("alarm", (*INFUSING, *AIR_ALARM), {"therapy_state": 6, "session_open": 1}),
        State("programmed", PROGRAMMED, {"therapy_state": 1, "session_open": 1, "pending": 3}),
        State("bolus", (*INFUSING, _send("bolus")), {"therapy_state": 3, "session_open": 1}),
        State("paused", (*INFUSING, _send("stop")), {"therapy_state": 4, "session_open": 1}),
        State("pharmacy", PHARMACY, {"therapy_state": 1, "session_open": 1, "pending": 0}),
    )
    return {state.name: state for state in states}


def _edges() -> tuple[Edge, ...]:
    """Open messages come first; a session opens the rest; what belongs together follows in order."""
    first = ("status", "open_session", "echo", "memory_statistics", "library_list", "library_read")
    chains = (
        ("open_session", "prove"),
        ("program_rate", "program_volume"),
        ("start", "stop"),
        ("stop", "start"),
        ("bolus", "bolus"),
        ("silence", "silence"),
        ("library_list", "library_read"),
        ("library_begin", "library_part"),
        ("library_part", "library_commit"),
        ("update_begin", "update_chunk"),
        ("update_chunk", "update_commit"),
        ("set_settings", "get_settings"),
        ("set_device_name", "get_settings"),
        ("add_history", "read_log"),
        ("library_commit", "library_read"),
    )
    confirmed = (("program_rate", "start"), ("program_volume", "stop"), ("program_volume", "bolus"))
    behind = {target for _, target in chains} - {"stop", "bolus", "silence", "start", "read_log", "get_settings"}
    within = [name for name in MESSAGES if name not in first and name not in behind]
    return (
        *(Edge("", name) for name in first),
        *(Edge("prove", name) for name in within),
        *(Edge(*chain) for chain in chains),
        *(Edge(source, target, CONFIRM) for source, target in confirmed),
    )


PROTOCOL = Protocol(
    name="pump_link",
    messages=MESSAGES,
    edges=_edges(),
    wire=PumpLinkWire(COMMANDS),
    states=_states(),
    probe=MESSAGES["status"].send(),
    reply_timeout=0.5,
    resynchronization=Resynchronization(0.03),
    max_reply=2048,
    actions=ACTIONS,
    waits=(0.05, 1.0, 31.0),
    undo=(*SESSION, _send("close_session")),
)
