"""SDC (IEEE 11073-20701) as a consumer speaks it: DPWS, the BICEPS services, WS-Eventing; SOAP 1.2 over HTTP."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import boofuzz

from harness.case import LiveField, Send
from harness.errors import UsageError
from harness.interfaces import Mark, State
from protocols.http_fields import BODY, CONTENT_LENGTH, request, text
from protocols.http_wire import CONTENT_LENGTH as LENGTH
from protocols.model import Message, Protocol, edges_of, messages_by_name
from protocols.sdc_fields import (
    DISCOVERY,
    DPWS,
    DURATIONS,
    EVENTING,
    METADATA,
    NUMBERS,
    SDC,
    TRANSFER,
    addressed,
    element,
    envelope,
    leaf,
)
from protocols.sdc_wire import (
    MESSAGE_ID,
    PARAMETERS,
    PROBE,
    SUBSCRIPTION_MESSAGE_ID,
    TARGET,
    TO,
    SdcWire,
    Template,
)
from protocols.soap import ABOUT_SUBSCRIPTION, ORDINARY

SOAP_TYPE = "application/soap+xml; charset=utf-8"
HEADER = f"{BODY}.Envelope.Header_element"
IDS = {kind: f"urn:uuid:6d656466-757a-800{kind}-8000-000000000000" for kind in (ORDINARY, ABOUT_SUBSCRIPTION)}
DIALECT = f"{DPWS}/Action"
NOBODY = "http://127.0.0.1:9/medfuzz"
"""Where notifications go: to the discard port of the device's own machine, where as a rule nobody listens."""
REPORTS = " ".join(
    f"{SDC}/{service}/{report}"
    for service, report in (("StateEventService", "EpisodicAlertReport"), ("ContextService", "EpisodicContextReport"))
)
DISCLOSES = frozenset({Mark.DISCLOSES_PATIENT_DATA})
THERAPY = frozenset({Mark.THERAPY})
SUBSCRIBED = ("subscribed",)
PAYLOADS = {
    "probe": "Probe",
    "resolve": "Resolve",
    "get_metadata": "GetMetadata",
    "get_mdib": "GetMdib",
    "get_md_state": "GetMdState",
    "get_md_description": "GetMdDescription",
    "get_context_states": "GetContextStates",
    "set_value": "SetValue",
    "set_string": "SetString",
    "activate": "Activate",
    "subscribe": "Subscribe",
    "renew": "Renew",
    "get_status": "GetStatus",
    "unsubscribe": "Unsubscribe",
}
"""The payload's element by message; Get has none."""
CHAINS = (
    *(("subscribe", name) for name in ("renew", "get_status", "unsubscribe", "set_value", "subscribe")),
    ("renew", "get_status"),
    ("unsubscribe", "renew"),
    ("unsubscribe", "unsubscribe"),
    *((name, "get_md_state") for name in ("set_value", "set_string", "activate")),
    ("probe", "get"),
    ("get", "get_mdib"),
)


@dataclass(frozen=True, slots=True)
class Paths:
    """Request targets of the device and of its hosted services."""

    device: str
    get: str
    set: str
    context: str
    event: str


def _message(
    name: str, target: str, host: str, action: str, payload: Iterable[boofuzz.Fuzzable] = (), **options: Any
) -> Message:
    """A SOAP request to a path."""
    about = name in ("renew", "get_status", "unsubscribe")
    to = f"http://{host}{target}"
    more = (text("ReferenceParameters", ""),) if about else ()
    header = addressed(action, to, *more, message_id=IDS[ABOUT_SUBSCRIPTION if about else ORDINARY])
    fields = {"Host": host, "Content-Type": SOAP_TYPE}
    live = {
        f"head.{CONTENT_LENGTH}_field.{CONTENT_LENGTH}": LENGTH,
        f"{HEADER}.MessageID_element.MessageID": SUBSCRIPTION_MESSAGE_ID if about else MESSAGE_ID,
    }
    if about:
        live |= {
            "head.request_line.request_target": TARGET,
            f"{HEADER}.To_element.To": TO,
            f"{HEADER}.ReferenceParameters": PARAMETERS,
        }
    made = request(name, "POST", target, fields, *envelope(header, payload))
    return Message(made, live=live, stretching=True, **options)


def _sdc(name: str, service: str, target: str, host: str, *inside: boofuzz.Fuzzable, **options: Any) -> Message:
    """A request of one of SDC's own services; its action and payload have the operation's name."""
    payload = PAYLOADS[name]
    return _message(name, target, host, f"{SDC}/{service}/{payload}", (element("msg", payload, *inside),), **options)


def _discovery(paths: Paths, host: str) -> tuple[Message, ...]:
    """What the device itself answers: WS-Transfer, WS-Discovery directed to it, WS-MetadataExchange of a service."""
    types = leaf("wsd", "Types", "dpws:Device mdpws:MedicalDevice")
    reference = element(
        "wsa", "EndpointReference", leaf("wsa", "Address", "urn:uuid:6d656466-757a-8000-8000-000000000001")
    )
    named = {name: f"{DISCOVERY}/{PAYLOADS[name]}" for name in ("probe", "resolve")}
    return (
        _message("get", paths.device, host, f"{TRANSFER}/Get"),
        _message("probe", paths.device, host, named["probe"], (element("wsd", "Probe", types),)),
        _message("resolve", paths.device, host, named["resolve"], (element("wsd", "Resolve", reference),)),
        _message(
            "get_metadata",
            paths.get,
            host,
            f"{METADATA}/GetMetadata/Request",
            (element("wsx", "GetMetadata"),),
        ),
    )


def _reads(paths: Paths, host: str, handle: str) -> tuple[Message, ...]:
    """GetService and ContextService; a handle limits what is asked for."""
    options: dict[str, Any] = {"marks": DISCLOSES}
    return (
        _sdc("get_mdib", "GetService", paths.get, host, **options),
        _sdc("get_md_state", "GetService", paths.get, host, leaf("msg", "HandleRef", handle), **options),
        _sdc("get_md_description", "GetService", paths.get, host, leaf("msg", "HandleRef", handle)),
        _sdc("get_context_states", "ContextService", paths.context, host, leaf("msg", "HandleRef", handle), **options),
    )


def _sets(paths: Paths, host: str, operations: dict[str, str], number: str, words: str) -> tuple[Message, ...]:
    """SetService: each names the operation by its handle."""

    def made(name: str, *argument: boofuzz.Fuzzable) -> Message:
        handle = leaf("msg", "OperationHandleRef", operations[name])
        return _sdc(name, "SetService", paths.set, host, handle, *argument, marks=THERAPY)

    return (
        made("set_value", leaf("msg", "RequestedNumericValue", number, *NUMBERS)),
        made("set_string", leaf("msg", "RequestedStringValue", words)),
        made("activate"),
    )


def _events(paths: Paths, host: str, notify: str) -> tuple[Message, ...]:
    """WS-Eventing as DPWS has it: the subscription's own address, and what names it there, are learned."""
    delivery = element(
        "wse",
        "Delivery",
        element("wse", "NotifyTo", leaf("wsa", "Address", notify)),
        Mode=f"{EVENTING}/DeliveryModes/Push",
    )
    expires = leaf("wse", "Expires", "PT1M", *DURATIONS)
    wanted = (delivery, expires, leaf("wse", "Filter", REPORTS, Dialect=DIALECT))
    actions = {name: f"{EVENTING}/{PAYLOADS[name]}" for name in ("subscribe", "renew", "get_status", "unsubscribe")}
    own: dict[str, Any] = {"accepted_in": SUBSCRIBED}
    return (
        _message("subscribe", paths.event, host, actions["subscribe"], (element("wse", "Subscribe", *wanted),)),
        _message(
            "renew",
            paths.event,
            host,
            actions["renew"],
            (element("wse", "Renew", leaf("wse", "Expires", "PT1M", *DURATIONS)),),
            **own,
        ),
        _message("get_status", paths.event, host, actions["get_status"], (element("wse", "GetStatus"),), **own),
        _message("unsubscribe", paths.event, host, actions["unsubscribe"], (element("wse", "Unsubscribe"),), **own),
    )


def _template(message: Message) -> Template:
    send = message.send()
    return send.data, tuple((live.name, live.offset, live.length) for live in send.live)


def _path(name: str, path: str) -> str:
    if not path.startswith("/") or not path.isascii() or not path.isprintable() or set(' "<>&') & set(path):
        raise UsageError(f"sdc: {name} is the path of a service, like /device/Get, not '{path}'")
    return path


def sdc(
    device: str = "/device",
    get: str = "",
    set: str = "",
    context: str = "",
    event: str = "",
    host: str = "127.0.0.1",
    notify: str = NOBODY,
    handle: str = "rate",
    value_operation: str = "set_rate",
    value: str = "1",
    string_operation: str = "set_label",
    string: str = "medfuzz",
    activate_operation: str = "start_bolus",
) -> Protocol:
    """The paths of the device and its services (empty: below the device's), and handles of its MDIB.

    `notify` is where notifications go. Raises UsageError for what is no path.
    """
    below = device.rstrip("/")
    paths = Paths(
        _path("device", device),
        _path("get", get or f"{below}/Get"),
        _path("set", set or f"{below}/Set"),
        _path("context", context or f"{below}/StateEvent"),
        _path("event", event or f"{below}/StateEvent"),
    )
    operations = {"set_value": value_operation, "set_string": string_operation, "activate": activate_operation}
    messages = messages_by_name(
        (
            *_discovery(paths, host),
            *_reads(paths, host, handle),
            *_sets(paths, host, operations, value, string),
            *_events(paths, host, notify),
        )
    )
    probe = messages["get"].send().data
    subscribe, unsubscribe = messages["subscribe"].send(), messages["unsubscribe"].send()
    return Protocol(
        "sdc",
        messages,
        edges_of(messages, CHAINS),
        SdcWire(_template(messages["get"]), _template(messages["get_status"]), PAYLOADS),
        {
            "idle": State("idle", ()),
            "subscribed": State("subscribed", (subscribe,), {"message": "GetStatusResponse"}),
        },
        Send("probe_of_state", probe, (LiveField(PROBE, 0, len(probe)),)),
        reply_timeout=2.0,
        max_reply=1 << 22,
        waits=(0.05, 1.0),
        undo=(unsubscribe,),
        may_close=True,
    )
