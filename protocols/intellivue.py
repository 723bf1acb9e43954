"""Philips IntelliVue patient monitors, Data Export over UDP: associations, polls, what is to be exported.

A monitor pushes an MDS Create event once it has accepted an association; it is confirmed at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import boofuzz

from harness.case import LiveField, Send
from harness.interfaces import Mark, State
from protocols import intellivue_pdu as pdu
from protocols.intellivue_wire import ENDING, EVENT_ID, INVOKE_ID, PROBE, Code, IntellivueWire
from protocols.model import Message, Protocol, edges_of, messages_by_name
from protocols.phd_fields import Fields, attribute, counted, listed, u16, u32

ASSOCIATED, UNASSOCIATED = ("associated",), ("unassociated",)
ASKS, RESPONDS = {"operation.invoke_id": INVOKE_ID}, {"operation.invoke_id": EVENT_ID}
PATIENT_DATA, CONFIGURES = frozenset({Mark.DISCLOSES_PATIENT_DATA}), frozenset({Mark.PRIVILEGED})
POLLED = {"mds": pdu.MDS, "numerics": pdu.NUMERIC, "waves": pdu.WAVE, "alarms": pdu.ALARMS, "patient": pdu.PATIENT}
PRIORITIES = {"numeric": (pdu.NUMERIC_PRIORITY, 0x00024BB8), "wave": (pdu.WAVE_PRIORITY, 0x00020100)}
"""Attribute of a list, and the label that stands in it: SpO2, and an ECG's."""
MAX_LEN, LONGEST = 1400, 1 << 16


def _short(name: str, block: str, *fields: boofuzz.Fuzzable) -> Fields:
    """What a length of one byte counts; a longer one has another form, which mutations of that byte reach."""
    return boofuzz.Size(f"{name}", f".{block}", length=1, endian=">"), boofuzz.Block(block, children=fields)


def _session(kind: int, *fields: boofuzz.Fuzzable) -> Fields:
    return boofuzz.Byte("type", kind), *_short("length", "session", *fields)


def _presentation(*fields: boofuzz.Fuzzable) -> Fields:
    return boofuzz.Byte("presentation_type", 0xC1), *_short("presentation_length", "presentation", *fields)


def _profile() -> Fields:
    """PollProfileSupport, with its extensions."""
    extensions = attribute("poll_profile_ext", 0xF001, u32("ext_options", 0x8C000000), *listed("ext_attr"))
    return (
        u32("poll_profile_revision", 0x80000000),
        u32("min_poll_period", 8000),
        u32("max_mtu_rx", 1000),
        u32("max_mtu_tx", 1000),
        u32("max_bw_tx", 0xFFFFFFFF),
        u32("profile_options", 0x60000000),
        *listed("optional_packages", extensions),
    )


def _associate() -> Message:
    user = (
        u32("protocol_version", 0x80000000),
        u32("nomenclature_version", 0x40000000),
        u32("functional_units", 0),
        u32("system_type", 0x80000000),
        u32("startup_mode", 0x20000000),
        *listed("option_list"),
        *listed("supported_aprofiles", attribute("poll_profile_support", 1, *_profile())),
    )
    presentation = _presentation(
        boofuzz.Bytes("presentation_header", pdu.REQUEST_HEADER),
        *_short("user_data_length", "user_data", *user),
        boofuzz.Bytes("presentation_trailer", pdu.TRAILER),
    )
    fields = _session(pdu.CONNECT, boofuzz.Bytes("session_data", pdu.SESSION_DATA), *presentation)
    return Message(boofuzz.Request("associate", children=fields), accepted_in=UNASSOCIATED)


def _end(name: str, kind: int, header: bytes, before: bytes = b"") -> Message:
    """A release or an abort: session and presentation, nothing in them."""
    head = (boofuzz.Bytes("session_data", before),) if before else ()
    fields = _session(kind, *head, *_presentation(boofuzz.Bytes("presentation_header", header)))
    noted = boofuzz.Bytes("ending", b"", fuzzable=False)
    return Message(boofuzz.Request(name, children=(*fields, noted)), live={"ending": ENDING}, reply_expected=False)


def _operation(name: str, kind: int, command: int, *argument: boofuzz.Fuzzable, **options: Any) -> Message:
    told = u16("error_value" if kind == pdu.ERROR else "command_type", command)
    inner = (u16("invoke_id", 1), told, *counted("argument", *argument))
    head = (u16("session_id", pdu.EXPORT), u16("p_context_id", pdu.CONTEXT), u16("ro_type", kind))
    return Message(boofuzz.Request(name, children=(*head, *counted("operation", *inner))), **options)


def _object(kind: int = pdu.MDS) -> Fields:
    return u16("m_obj_class", kind), u16("context_id", 0), u16("handle", 0)


def _asks(name: str, command: int, *argument: boofuzz.Fuzzable, marks: frozenset[Mark] = frozenset()) -> Message:
    """A request of ours in an association."""
    fields = (*_object(), u32("scope", 0), *argument)
    return _operation(name, pdu.INVOKE, command, *fields, live=ASKS, accepted_in=ASSOCIATED, marks=marks)


def _poll(name: str, kind: int, *more: boofuzz.Fuzzable) -> Message:
    """A poll of all objects of a class; an extended one says in `more` for how long."""
    request = (
        u16("poll_number", 1),
        u16("partition", 1),
        u16("code", kind),
        u16("polled_attr_grp", 0),
        *more,
    )
    action = u16("action_type", pdu.EXTENDED_POLL if more else pdu.POLL)
    marks = PATIENT_DATA if kind == pdu.PATIENT else frozenset[Mark]()
    return _asks(name, pdu.CONFIRMED_ACTION, action, *counted("poll", *request), marks=marks)


def _period() -> Fields:
    """How long results come by themselves: a second, in eighths of a millisecond."""
    return listed("poll_ext_attr", attribute("time_pd_poll", pdu.PERIOD, u32("active_period", 8000)))


def _set_priority(name: str, kind: int, label: int) -> Message:
    """What a monitor is to export: labels of numerics, or of waves."""
    value = attribute("priority_list", kind, *listed("text_ids", (u32("text_id", label),)))
    entry = (u16("modify_operator", 0), *value)
    return _asks(f"set_{name}_priority_list", pdu.CONFIRMED_SET, *listed("modification_list", entry), marks=CONFIGURES)


def _made() -> Mapping[str, Message]:
    lists = [(u16(f"{name}_list", kind),) for name, (kind, _label) in PRIORITIES.items()]
    event = (*_object(), u32("current_time", 0), u16("event_type", pdu.MDS_CREATE), *counted("event_info"))
    responds: dict[str, Any] = {"live": RESPONDS, "accepted_in": ASSOCIATED, "reply_expected": False}
    return messages_by_name(
        (
            _associate(),
            *(_poll(f"poll_{name}", kind) for name, kind in POLLED.items()),
            *(_poll(f"extended_poll_{name}", kind, *_period()) for name, kind in POLLED.items() if name != "mds"),
            _asks("get_priority_lists", pdu.GET, *listed("attribute_id_list", *lists)),
            *(_set_priority(name, kind, label) for name, (kind, label) in PRIORITIES.items()),
            _operation("mds_create_result", pdu.RESULT, pdu.CONFIRMED_EVENT_REPORT, *event, **responds),
            _operation("error", pdu.ERROR, 10, **responds),
            _end("release", pdu.FINISH, pdu.RELEASE),
            _end("abort", pdu.ABORT, pdu.ABORTED, pdu.ABORT_DATA),
        )
    )


def _codes(messages: Mapping[str, Message]) -> dict[str, Code]:
    """What tells each message: its session's type; else kind and command, and of a poll its action and its class."""
    found: dict[str, Code] = {}
    for name, message in messages.items():
        data = message.send().data
        told = pdu.operation_of(data)
        polls = told is not None and told.command == pdu.CONFIRMED_ACTION
        polled = data[24:26] + data[32:34] if polls else b""
        found[name] = data[:1] if told is None else data[5:6] + data[11:12] + polled
    return found


MESSAGES = _made()
CHAINS = (
    ("associate", "mds_create_result"),
    ("associate", "poll_mds"),
    ("poll_mds", "poll_numerics"),
    ("poll_numerics", "extended_poll_numerics"),
    ("set_wave_priority_list", "extended_poll_waves"),
    ("set_numeric_priority_list", "poll_numerics"),
    ("poll_alarms", "extended_poll_alarms"),
    ("release", "associate"),
    ("abort", "associate"),
    ("associate", "associate"),
)
REQUEST, RELEASE = MESSAGES["associate"].send(), MESSAGES["release"].send()

PROTOCOL = Protocol(
    "intellivue",
    MESSAGES,
    edges_of(MESSAGES, CHAINS),
    IntellivueWire(_codes(MESSAGES), REQUEST.data, MESSAGES["poll_mds"].send().data),
    {
        "associated": State("associated", (RELEASE, REQUEST), {"type": pdu.RESULT}),
        "unassociated": State("unassociated", (RELEASE,)),
    },
    Send(PROBE, REQUEST.data, (LiveField(PROBE, 0, len(REQUEST.data)),)),
    max_len=MAX_LEN,
    max_reply=LONGEST,
    waits=(0.05, 1.0, 11.0),
    undo=(RELEASE,),
)
"""A monitor ends an association in which nothing was said for 10 s."""
