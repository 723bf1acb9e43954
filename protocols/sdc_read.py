"""What an SDC provider's responses say: identity and services, the subscription it has made, states of metrics."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from protocols.http_message import response_of
from protocols.sdc_fields import DPWS, EVENTING, METADATA, PARTICIPANT
from protocols.soap import ADDRESSING, Envelope, envelope_of, local
from protocols.wire import Fields

LONGEST_ADDRESS, LONGEST_PARAMETERS = 1024, 4096
_FIELDS = 256
_PLAIN_ADDRESS = re.compile(r"[!-~]+")
_IS_PARAMETER = f"{{{ADDRESSING}}}IsReferenceParameter"
METADATA_NAMES = ("Manufacturer", "ModelName", "ModelNumber", "FriendlyName", "FirmwareVersion", "SerialNumber")


@dataclass(frozen=True, slots=True)
class Subscription:
    """Where it is renewed and ended: the path, the address as it goes into a header, the header blocks that name it."""

    target: bytes
    to: bytes
    parameters: bytes


def subscription_of(envelope: Envelope) -> Subscription | None:
    """What a SubscribeResponse says of the subscription manager; None where no address can be read."""
    manager = None if envelope.payload is None else envelope.payload.find(f"{{{EVENTING}}}SubscriptionManager")
    if manager is None or envelope.payload is None or envelope.payload.tag != f"{{{EVENTING}}}SubscribeResponse":
        return None
    address = (manager.findtext(f"{{{ADDRESSING}}}Address") or "").strip()
    target = target_of(address)
    if not target:
        return None
    found = manager.find(f"{{{ADDRESSING}}}ReferenceParameters")
    return Subscription(target.encode(), escape(address).encode(), _parameters(found))


def target_of(address: str) -> str:
    """The path and query of an address; "" where there is none that could stand in a request line."""
    if len(address) > LONGEST_ADDRESS or not _PLAIN_ADDRESS.fullmatch(address):
        return ""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "") if parts.netloc else ""


def _parameters(found: ElementTree.Element | None) -> bytes:
    """Each reference parameter as a header block (WS-Addressing 1.0 SOAP Binding, 2.3)."""
    blocks: list[bytes] = []
    for element in found if found is not None else ():
        marked = ElementTree.fromstring(ElementTree.tostring(element))
        marked.set(_IS_PARAMETER, "true")
        blocks.append(ElementTree.tostring(marked).strip())
    together = b"".join(blocks)
    return together if len(together) <= LONGEST_PARAMETERS else b""


def response_fields(data: bytes) -> Fields:
    """Status, what the envelope says, and of the payload what has a name of its own in the standard."""
    response = response_of(data)
    if response is None:
        return {}
    fields: dict[str, int | str | bytes] = {"status": response.status, "reason": response.reason}
    envelope = envelope_of(response.body.data)
    if envelope is None:
        return {**fields, "body": response.body.data[:LONGEST_PARAMETERS]} if response.body.data else fields
    fields |= {"message": envelope.name or envelope.action.rpartition("/")[2], "action": envelope.action}
    if envelope.relates_to:
        fields["relates_to"] = envelope.relates_to[0]
    if envelope.payload is not None:
        fields |= _payload_fields(envelope, envelope.payload)
    return dict(list(fields.items())[:_FIELDS])


def _payload_fields(envelope: Envelope, payload: ElementTree.Element) -> dict[str, int | str | bytes]:
    fields: dict[str, int | str | bytes] = {local(name): _number(value) for name, value in payload.attrib.items()}
    if envelope.is_fault:
        return {**fields, **_fault(payload, envelope.version)}
    if payload.tag == f"{{{METADATA}}}Metadata":
        return {**fields, **_metadata(payload)}
    if envelope.name == "GetMdStateResponse":
        return {**fields, **_states(payload)}
    if not envelope.name.startswith("GetMd"):
        for element in payload.iter():
            if not len(element) and element.text and element.text.strip():
                fields.setdefault(local(element.tag), _number(element.text.strip()))
    return fields


def _number(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else text


def _fault(payload: ElementTree.Element, version: str) -> dict[str, str]:
    """Code, subcode and reason (SOAP 1.2, 5.4)."""
    own = f"{{{version}}}"
    values = [(value.text or "").strip() for value in payload.iter(f"{own}Value")][:2]
    reason = payload.find(f"{own}Reason/{own}Text")
    told: dict[str, str] = dict(zip(("code", "subcode"), values, strict=False))
    return told if reason is None else {**told, "reason_text": (reason.text or "").strip()}


def _metadata(payload: ElementTree.Element) -> dict[str, str]:
    """ThisModel and ThisDevice by the standard's names, and the path of each hosted service: `hosted_GetService`."""
    fields: dict[str, str] = {}
    for name in METADATA_NAMES:
        if text := (payload.findtext(f".//{{{DPWS}}}{name}") or "").strip():
            fields[name] = text
    for hosted in payload.iter(f"{{{DPWS}}}Hosted"):
        address = (hosted.findtext(f".//{{{ADDRESSING}}}Address") or "").strip()
        for kind in (hosted.findtext(f"{{{DPWS}}}Types") or "").split():
            fields[f"hosted_{kind.rpartition(':')[2]}"] = target_of(address)
    return fields


def _states(payload: ElementTree.Element) -> dict[str, int | str]:
    """The value of each metric by its handle: `value_HANDLE`."""
    fields: dict[str, int | str] = {}
    for state in payload.iter():
        value = state.find(f"{{{PARTICIPANT}}}MetricValue")
        if value is not None and value.get("Value") is not None:
            fields[f"value_{state.get('DescriptorHandle', '')}"] = _number(value.get("Value", ""))
    return fields
