"""What an SDC provider's response cannot be, whatever the device is: by SOAP 1.2, WS-Addressing, the message model."""

from __future__ import annotations

import re

from protocols.http_message import HttpMessage
from protocols.sdc_fields import DPWS, EVENTING, MESSAGE
from protocols.soap import SOAP11, SOAP12, UNSPECIFIED, Envelope, envelope_of, is_xml, kind_of, root_of

ANSWERS = {
    name: f"{name}Response"
    for name in (
        *("GetMdib", "GetMdState", "GetMdDescription", "GetContextStates", "SetValue", "SetString", "Activate"),
        *("Subscribe", "Renew", "GetStatus"),
    )
}
"""The payload of an answer by that of its request."""
CARRIED_OUT = frozenset({"Wait", "Start", "Fin", "FinMod"})
XPATH = "http://www.w3.org/TR/1999/REC-xpath-19991116"
DIALECTS = frozenset({XPATH, f"{DPWS}/Action", f"{EVENTING}/Action"})
_SPACE = " \t\r\n"
_ZERO = re.compile(r"-?P(?=.)(?:0+[YMD])*(?:T(?=.)(?:0+H)?(?:0+M)?(?:0+(?:\.0+)?S)?)?")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_DECLARATION = re.compile(rb"\s*<\?xml\s+version=[\"']1\.0[\"'](?:\s+encoding=[\"'](?:utf|UTF)-8[\"'])?\s*\?>")


def impossible(request: HttpMessage | None, response: HttpMessage) -> str:
    """A few words why the response cannot be right; "" where it may. `request` is None where none can be read."""
    body = response.body.data
    if body and _is_readable(response):
        if b"<!DOCTYPE" in body[:1024]:
            return "its body has a document type declaration"
        if root_of(body) is None:
            return "its body is not well-formed XML"
    answer = envelope_of(body)
    if answer is None or answer.version != SOAP12:
        return ""
    if answer.is_fault and response.is_success:
        return "a fault comes with an HTTP status of success"
    if request is None or request.request_line is None or request.request_line[0] != "POST":
        return ""
    return _unrelated(request, answer) or ("" if answer.is_fault else _accepted(request, answer))


def _is_readable(response: HttpMessage) -> bool:
    """True for XML in UTF-8: of another encoding not every reader knows what it means."""
    kind, body = response.head.value(b"content-type").lower(), response.body.data
    charset = kind.partition(b"charset=")[2].strip(b"\"' ")
    if not is_xml(kind) or response.head.values(b"content-encoding") or charset not in (b"", b"utf-8"):
        return False
    return not body.lstrip().startswith(b"<?xml") or _DECLARATION.match(body) is not None


def _unrelated(request: HttpMessage, answer: Envelope) -> str:
    """The one message id of a request whose header can be read comes back."""
    asked = envelope_of(request.body.data)
    if asked is None or len(asked.message_ids) != 1 or not asked.message_ids[0]:
        return ""
    (wanted,) = asked.message_ids
    if answer.relates_to:
        return "" if {wanted, UNSPECIFIED} & set(answer.relates_to) else "it relates to another message"
    whole = kind_of(wanted) is not None and asked.version == SOAP12
    return "it does not say which message it answers" if whole and not answer.is_fault else ""


def _accepted(request: HttpMessage, answer: Envelope) -> str:
    """What must be answered by a fault is answered by anything else."""
    data = request.body.data
    if (
        not data.isascii()
        or b"<!DOCTYPE" in data
        or (data.lstrip().startswith(b"<?xml") and not _DECLARATION.match(data))
    ):
        return ""  # readers of XML may differ about these
    if root_of(data) is None:
        return "it accepts what is not well-formed XML"
    asked = envelope_of(data)
    if asked is None:
        return "it accepts what is no SOAP envelope"
    if asked.version not in (SOAP12, SOAP11):
        return "it accepts an envelope of an unknown version"
    return _other(asked, answer) or _no_number(asked, answer) or _granted(asked, answer)


def _other(asked: Envelope, answer: Envelope) -> str:
    wanted = ANSWERS.get(asked.name)
    fits = asked.action.endswith(f"/{asked.name}")
    return "its payload is another request's answer" if wanted and fits and answer.name != wanted else ""


def _no_number(asked: Envelope, answer: Envelope) -> str:
    """RequestedNumericValue is an xsd:decimal (BICEPS message model)."""
    if asked.payload is None or asked.payload.tag != f"{{{MESSAGE}}}SetValue" or answer.payload is None:
        return ""
    values = asked.payload.findall(f"{{{MESSAGE}}}RequestedNumericValue")
    state = (answer.payload.findtext(f".//{{{MESSAGE}}}InvocationState") or "").strip()
    if len(values) != 1 or len(values[0]) or state not in CARRIED_OUT:
        return ""
    return (
        "" if _DECIMAL.fullmatch((values[0].text or "").strip(_SPACE)) else "it carries out a value that is no decimal"
    )


def _granted(asked: Envelope, answer: Envelope) -> str:
    """A filter of a dialect that nobody can know, and a zero duration, must fail (WS-Eventing, 3.1)."""
    wanted = asked.payload
    if wanted is None or wanted.tag != f"{{{EVENTING}}}Subscribe" or answer.name != "SubscribeResponse":
        return ""
    filters, durations = wanted.findall(f"{{{EVENTING}}}Filter"), wanted.findall(f"{{{EVENTING}}}Expires")
    if len(filters) == 1 and (filters[0].get("Dialect") or XPATH).strip(_SPACE) not in DIALECTS:
        return "it grants a filter of an unknown dialect"
    if len(durations) == 1 and not len(durations[0]) and _ZERO.fullmatch((durations[0].text or "").strip(_SPACE)):
        return "it grants a subscription of no duration"
    return ""
