"""SDC (IEEE 11073-20701) on a connection: SOAP over HTTP, what relates to what, and the subscription that lives on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from harness.case import LiveField
from harness.interfaces import Conversation, Frame, FrameKind, Identity
from protocols.http_message import response_of
from protocols.http_wire import HttpWire, alone
from protocols.http_wire import impossible as impossible_http
from protocols.sdc_fields import EVENTING
from protocols.sdc_judge import impossible
from protocols.sdc_read import Subscription, response_fields, subscription_of
from protocols.soap import (
    ABOUT_SUBSCRIPTION,
    ORDINARY,
    SUBSCRIPTION_PROBE,
    Envelope,
    envelope_of,
    kind_of,
    message_id,
)
from protocols.wire import Fields

PROBE = "probe"
MESSAGE_ID, SUBSCRIPTION_MESSAGE_ID = "message_id", "subscription_message_id"
TARGET, TO, PARAMETERS = "subscription_target", "subscription_to", "subscription_parameters"
SUBSCRIPTION = "subscription"
ENDED = f"{EVENTING}/UnsubscribeResponse"
FAILED = frozenset({"Cnclld", "CnclldMan", "Fail"})
Template = tuple[bytes, tuple[tuple[str, int, int], ...]]
"""A message's bytes, and its live fields as name, offset and length, the last one first."""


class SdcWire(HttpWire):
    """`get` is what the probe asks where there is no subscription, `get_status` where there is one.

    `payloads` are the names of the elements by which a device knows the messages; GET has none.
    """

    def __init__(self, get: Template, get_status: Template, payloads: Mapping[str, str]) -> None:
        super().__init__({})
        self._get, self._get_status, self._payloads = get, get_status, dict(payloads)

    def resolve(self, live: LiveField, data: bytes, conversation: Conversation) -> bytes:
        """A message id of its own, what names the subscription, or the probe that fits."""
        name = live.name
        if name == MESSAGE_ID:
            return message_id(ORDINARY)
        if name == SUBSCRIPTION_MESSAGE_ID:
            return message_id(ABOUT_SUBSCRIPTION)
        if name == PROBE:
            return self._probe(conversation)
        if name not in (TARGET, TO, PARAMETERS):
            return super().resolve(live, data, conversation)
        known: Subscription | None = conversation.values.get(SUBSCRIPTION)
        if known is None:
            return data[live.offset : live.offset + live.length]
        return known.target if name == TARGET else known.to if name == TO else known.parameters

    def _probe(self, conversation: Conversation) -> bytes:
        known = SUBSCRIPTION in conversation.values
        data, lives = self._get_status if known else self._get
        for name, offset, length in lives:
            live = LiveField(name, offset, length)
            own = known and name == SUBSCRIPTION_MESSAGE_ID
            value = message_id(SUBSCRIPTION_PROBE) if own else self.resolve(live, data, conversation)
            data = data[:offset] + value + data[offset + length :]
        return data

    def learn(self, frame: Frame, conversation: Conversation) -> bytes:
        """The subscription that was made; it is forgotten when it is ended, or the probe is told that there is none."""
        super().learn(frame, conversation)
        envelope = _envelope(frame)
        if envelope is None:
            return b""
        made = subscription_of(envelope)
        if made is not None:
            conversation.values[SUBSCRIPTION] = made
        elif envelope.action == ENDED or _kind(envelope, frame) == SUBSCRIPTION_PROBE:
            conversation.values.pop(SUBSCRIPTION, None)
        return b""

    def answers(self, sent: bytes, frame: Frame) -> bool:
        """A response that relates to no other of our messages."""
        if not super().answers(sent, frame):
            return False
        envelope, asked = _envelope(frame), alone(sent)
        told = () if envelope is None else [one for one in envelope.relates_to if kind_of(one) is not None]
        return not told or asked is None or any(one.encode() in sent for one in told)

    def wrong(self, sent: bytes, frame: Frame) -> str:
        """Why the response cannot be right, as HTTP, as SOAP, as an answer to this request."""
        response = response_of(frame.data) if frame.kind is FrameKind.REPLY else None
        if response is None:
            return ""
        request = alone(sent)
        return impossible_http(request, response) or impossible(request, response)

    def served(self, frame: Frame) -> bool:
        """The device's metadata, or the status of the subscription, be it that there is none any more."""
        response, envelope = response_of(frame.data) if frame.kind is FrameKind.REPLY else None, _envelope(frame)
        if response is None or envelope is None:
            return False
        if envelope.is_fault:
            return _kind(envelope, frame) == SUBSCRIPTION_PROBE
        return response.is_success and envelope.name in ("Metadata", "GetStatusResponse")

    def identity(self, frame: Frame) -> Identity:
        """ModelName, SerialNumber and FirmwareVersion of the metadata (DPWS 1.1, 4.1)."""
        told = frame.fields
        return Identity(
            model=str(told.get("ModelName", "")),
            serial=str(told.get("SerialNumber", "")),
            firmware=str(told.get("FirmwareVersion", "")),
        )

    def session_lapsed(self, frame: Frame) -> bool:
        """A fault for a message about a subscription: there is none any more."""
        envelope = _envelope(frame)
        return envelope is not None and _kind(envelope, frame) in (ABOUT_SUBSCRIPTION, SUBSCRIPTION_PROBE)

    def refuses(self, frame: Frame) -> bool:
        """A fault, an HTTP status of failure, or an operation that failed."""
        envelope = _envelope(frame)
        failed = envelope is not None and (envelope.is_fault or frame.fields.get("InvocationState") in FAILED)
        return failed or super().refuses(frame)

    def content(self, frame: Frame) -> bytes:
        """The body behind the addressing header."""
        data = super().content(frame)
        at = data.find(b"Header>")
        return data[data.find(b"Header>", at + 1) :] if at >= 0 else data

    def read(self, data: bytes) -> Fields:
        """What the response says, by the standard's names."""
        return response_fields(data)

    def forbidden(self, messages: Sequence[str]) -> re.Pattern[bytes]:
        """The element that a device knows the message by, with any prefix, or the end of its action."""
        names = b"|".join(re.escape(self._payloads[name].encode()) for name in messages if self._payloads.get(name))
        if not messages:
            return super().forbidden(())
        if not names or any(not self._payloads.get(name) for name in messages):
            return super(HttpWire, self).forbidden(messages)
        return re.compile(rb"(?:[<:]|/)(?:" + names + rb")[\s/><]")


def _envelope(frame: Frame) -> Envelope | None:
    """What a reply holds, if it is SOAP."""
    response = response_of(frame.data) if frame.kind is FrameKind.REPLY else None
    return envelope_of(response.body.data) if response is not None and response.body.data else None


def _kind(envelope: Envelope, frame: Frame) -> int | None:
    """The kind of our message that a fault relates to; None for what is no fault, or relates to none."""
    if not envelope.is_fault or not envelope.relates_to:
        return None
    return kind_of(envelope.relates_to[0])
