"""SOAP 1.2 envelopes with WS-Addressing headers, as devices of DPWS and SDC say them: read, never trusted."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from functools import lru_cache
from xml.etree import ElementTree

SOAP12, SOAP11 = "http://www.w3.org/2003/05/soap-envelope", "http://schemas.xmlsoap.org/soap/envelope/"
ADDRESSING = "http://www.w3.org/2005/08/addressing"
UNSPECIFIED = f"{ADDRESSING}/unspecified"
ORDINARY, ABOUT_SUBSCRIPTION, SUBSCRIPTION_PROBE = 0, 1, 2
_OURS = re.compile(r"urn:uuid:6d656466-757a-800([0-2])-[0-9a-f]{4}-[0-9a-f]{12}")
_NODE = b"medfuz"
_DTD = b"<!DOCTYPE"


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a well-formed body says. `version` is the envelope's namespace; `payload` the body's first child, if any.

    `message_ids` and `relates_to` are all that the header has, with white space around them gone.
    """

    version: str
    action: str
    message_ids: tuple[str, ...]
    relates_to: tuple[str, ...]
    payload: ElementTree.Element | None

    @property
    def name(self) -> str:
        """The payload's name without its namespace, "" where the body is empty."""
        return "" if self.payload is None else local(self.payload.tag)

    @property
    def is_fault(self) -> bool:
        """True where the payload is the envelope's own fault."""
        return self.payload is not None and self.payload.tag == f"{{{self.version}}}Fault"


def local(tag: str) -> str:
    """A tag without its namespace."""
    return tag.rpartition("}")[2]


def message_id(kind: int) -> bytes:
    """A MessageID that no other message has; `kind` can be read again in what relates to it (RFC 9562, 5.8)."""
    random = uuid.uuid4().bytes[8:]
    return uuid.UUID(bytes=_NODE + (0x8000 | kind).to_bytes(2) + random).urn.encode()


def kind_of(identifier: str) -> int | None:
    """The kind that one of our own message ids has; None for any other."""
    found = _OURS.fullmatch(identifier)
    return int(found[1]) if found else None


@lru_cache(maxsize=8)
def root_of(body: bytes) -> ElementTree.Element | None:
    """The document's root; None for what is not well-formed, or has a document type declaration."""
    if _DTD in body:
        return None
    try:
        return ElementTree.fromstring(body)
    except (ElementTree.ParseError, ValueError, LookupError):  # the last two are of encodings that Python does not know
        return None


def envelope_of(body: bytes) -> Envelope | None:
    """The envelope, whatever its version; None for what is no envelope with a body."""
    root = root_of(body)
    if root is None or local(root.tag) != "Envelope" or not root.tag.startswith("{"):
        return None
    version = root.tag[1:].partition("}")[0]
    content = root.find(f"{{{version}}}Body")
    if content is None:
        return None
    header = root.find(f"{{{version}}}Header")
    return Envelope(
        version,
        next(iter(_texts(header, "Action")), ""),
        _texts(header, "MessageID"),
        _texts(header, "RelatesTo"),
        next(iter(content), None),
    )


def _texts(header: ElementTree.Element | None, name: str) -> tuple[str, ...]:
    found = () if header is None else header.findall(f"{{{ADDRESSING}}}{name}")
    return tuple(" ".join((element.text or "").split()) for element in found)


def is_xml(content_type: bytes) -> bool:
    """True for a media type whose bodies are XML."""
    kind = content_type.partition(b";")[0].strip().lower()
    return kind.endswith((b"/xml", b"+xml"))
