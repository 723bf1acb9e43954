"""IEEE 11073-20601, personal health devices: `phd_manager` for what collects, `phd_agent` for what measures."""

from __future__ import annotations

from typing import Any

import boofuzz

from harness.case import LiveField, Send
from harness.interfaces import Mark, State
from protocols import phd_fields as made
from protocols.model import Edge, Message, Protocol, edges_of, messages_by_name
from protocols.phd_apdu import (
    ABRT,
    CONFIRMED_ACTION,
    CONFIRMED_EVENT_REPORT,
    CONFIRMED_SET,
    ERROR,
    EVENT_REPORT,
    GET,
    NOTI_CONFIG,
    PRST,
    REJECT,
    RESPONSE,
    RLRE,
    RLRQ,
    SCAN_REPORT_FIXED,
    SET_TIME,
)
from protocols.phd_wire import ACCEPTING, ANSWERED_ID, GO_ON, INVOKE_ID, PROBE, AgentWire, Codes, ManagerWire

OWN_CONFIG = 0x4000
"""An extended configuration, which a manager that does not know it is told."""
OPERATING, UNASSOCIATED = ("operating",), ("unassociated",)
DEVICE_MESSAGE = "device_message"
ASKS = {"apdu.data_apdu.invoke_id": INVOKE_ID}
RESPONDS = {"apdu.data_apdu.invoke_id": ANSWERED_ID}
LONGEST_APDU = 64_512
"""Of an agent (8.4); a manager's is an eighth of it."""


def _message(name: str, fields: made.Fields, **options: Any) -> Message:
    return Message(boofuzz.Request(name, children=fields), **options)


def _short(name: str, choice: int, **options: Any) -> Message:
    return _message(name, made.apdu(choice, made.u16("reason", 0)), **options)


def _error(name: str = "error") -> Message:
    value = made.data_apdu(ERROR, made.u16("error_value", 1), *made.counted("parameter"))
    return _message(name, value, live=RESPONDS, reply_expected=False, accepted_in=OPERATING)


def _reject() -> Message:
    fields = made.data_apdu(REJECT, made.u16("problem", 0))
    return _message("reject_operation", fields, live=RESPONDS, reply_expected=False, accepted_in=OPERATING)


def _codes(messages: dict[str, Message]) -> dict[str, Codes]:
    """Where a message's bytes have what tells it apart: its own default."""
    found: dict[str, Codes] = {}
    for name, message in messages.items():
        data = message.send().data
        choice = int.from_bytes(data[:2])
        carried = int.from_bytes(data[8:10]) if choice == PRST else 0
        event = int.from_bytes(data[18:20]) if carried in (EVENT_REPORT, CONFIRMED_EVENT_REPORT) else 0
        found[name] = choice, carried, event
    return found


def _agents() -> dict[str, Message]:
    """What an agent says, and what a manager has to abort."""
    own: dict[str, Any] = {"live": ASKS, "accepted_in": OPERATING}
    associate = _message("associate", made.associate_request(OWN_CONFIG), accepted_in=UNASSOCIATED)
    reports = {
        "configuration": made.configuration(CONFIRMED_EVENT_REPORT, OWN_CONFIG),
        "scan_report_fixed": made.scan_report_fixed(CONFIRMED_EVENT_REPORT),
        "scan_report_var": made.scan_report_var(CONFIRMED_EVENT_REPORT),
    }
    return messages_by_name(
        (
            associate,
            *(_message(name, fields, **own) for name, fields in reports.items()),
            _message(
                "scan_report_unconfirmed",
                made.scan_report_fixed(EVENT_REPORT),
                **own,
                reply_expected=False,
            ),
            _message(
                "mds_attributes",
                made.mds_attributes(GET + RESPONSE, OWN_CONFIG),
                live=RESPONDS,
                accepted_in=OPERATING,
                reply_expected=False,
            ),
            _error(),
            _reject(),
            _short("release", RLRQ, accepted_in=OPERATING),
            _short("release_reply", RLRE, reply_expected=False),
            _short("abort", ABRT, reply_expected=False),
            _message("associate_reply", made.associate_response(0)),
        )
    )


def _manager() -> Protocol:
    messages = _agents()
    templates = [messages[name].send().data for name in ("associate", "configuration", "mds_attributes")]
    request = messages["associate"].send()
    chains = (
        ("associate", "configuration"),
        ("associate", "scan_report_fixed"),
        ("configuration", "scan_report_fixed"),
        ("scan_report_fixed", "release"),
        ("release", "associate"),
        ("abort", "associate"),
        ("associate", "associate"),
    )
    return Protocol(
        "phd_manager",
        messages,
        edges_of(messages, chains),
        ManagerWire(_codes(messages), *templates),
        {
            "unassociated": State("unassociated", ()),
            "operating": State("operating", (request,), {"choice": CONFIRMED_EVENT_REPORT + RESPONSE}),
        },
        Send(PROBE, request.data, (LiveField(PROBE, 0, len(request.data)),)),
        max_reply=1 << 17,
        waits=(0.05, 1.0),
        may_close=True,
        reconnect=True,
    )


def _accepting(name: str, result: int) -> Message:
    """An AARE; an acceptance is noted."""
    fields = (*made.associate_response(result), boofuzz.Bytes("accepting", b"", fuzzable=False))
    live = {"accepting": ACCEPTING} if result in (0, 3) else {}
    return _message(name, fields, live=live, needs=(DEVICE_MESSAGE,), reply_expected=result == 3)


def _managers() -> dict[str, Message]:
    """What a manager says, behind what the device said first."""
    own: dict[str, Any] = {"live": ASKS, "accepted_in": OPERATING}
    handle = made.u16("obj_handle", made.MDS)
    time = boofuzz.Block("date_time", children=made.absolute_time(bytes.fromhex("2026010112000000")))
    arguments: dict[str, tuple[int, made.Fields]] = {
        "get_mds": (GET, made.listed("attribute_id_list")),
        "get_attributes": (GET, made.listed("attribute_id_list", (made.u16("attribute_id", made.SYSTEM_ID),))),
        "set_time": (
            CONFIRMED_ACTION,
            (made.u16("action_type", SET_TIME), *made.counted("action_info", time, made.u32("accuracy", 0))),
        ),
        "set_attribute": (
            CONFIRMED_SET,
            made.listed(
                "modification_list",
                (made.u16("modify_operator", 0), *made.attribute("operational_state", 0x0953, made.u16("state", 1))),
            ),
        ),
    }
    marks = {"set_time": frozenset({Mark.PRIVILEGED}), "set_attribute": frozenset({Mark.PRIVILEGED})}
    result = made.event_report(
        CONFIRMED_EVENT_REPORT + RESPONSE,
        NOTI_CONFIG,
        made.u16("config_report_id", OWN_CONFIG),
        made.u16("config_result", 0),
    )
    scanned = made.event_report(CONFIRMED_EVENT_REPORT + RESPONSE, SCAN_REPORT_FIXED)
    responds: dict[str, Any] = {"live": RESPONDS, "accepted_in": OPERATING, "reply_expected": False}
    return messages_by_name(
        (
            _message(DEVICE_MESSAGE, ()),
            _accepting("accept", 0),
            _accepting("accept_unknown_config", 3),
            _accepting("reject", 1),
            *(
                _message(name, made.data_apdu(choice, handle, *argument), **own, marks=marks.get(name, frozenset()))
                for name, (choice, argument) in arguments.items()
            ),
            _message("configuration_result", result, **responds),
            _message("scan_report_result", scanned, **responds),
            _error(),
            _reject(),
            _short("release", RLRQ, accepted_in=OPERATING),
            _short("abort", ABRT, reply_expected=False),
        )
    )


def _agent() -> Protocol:
    messages = _managers()
    accept = messages["accept_unknown_config"].send()
    firsts = ("accept", "accept_unknown_config", "reject")
    others = [name for name in messages if name not in (DEVICE_MESSAGE, *firsts)]
    edges = (
        Edge("", DEVICE_MESSAGE),
        *(Edge(DEVICE_MESSAGE, name) for name in firsts),
        *(Edge("", name) for name in others),
        *(Edge("accept_unknown_config", name) for name in others),
        Edge("accept", "accept"),
        Edge("get_mds", "release"),
    )
    return Protocol(
        "phd_agent",
        messages,
        edges,
        AgentWire(_codes(messages), accept.data),
        {
            "unassociated": State("unassociated", ()),
            "operating": State("operating", (messages[DEVICE_MESSAGE].send(), accept), {"apdu_choice": PRST}),
        },
        Send("device_message_awaited", b"", (LiveField(GO_ON, 0, 0),)),
        reply_timeout=5.0,
        max_reply=1 << 17,
        waits=(0.05, 1.0),
        may_close=True,
        reconnect=True,
    )


MANAGER = _manager()
AGENT = _agent()
