"""HTTP/1.1 as a client speaks it (RFC 9110, RFC 9112): responses as frames, and what cannot be right in them.

What is said in the bodies is another protocol's: SDC's wire builds on this one, and so can any REST device's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from harness.case import LiveField
from harness.interfaces import Conversation, Frame, FrameKind, Identity
from protocols.http_message import HttpMessage, request_of, response_of
from protocols.wire import Fields, LazyFields, Wire, stray

CONTENT_LENGTH = "content_length"
_STARTS = re.compile(rb"HTTP/1\.\d \d{3}[ \r\n]")
_BEGINS = re.compile(rb"H(?:T(?:T(?:P(?:/(?:1(?:\.(?:\d(?: (?:\d(?:\d(?:\d)?)?)?)?)?)?)?)?)?)?)?\Z")
_WITHOUT_BODY = frozenset({"HEAD", "CONNECT"})
_LONGEST_TEXT = 4096


class HttpWire(Wire):
    """`lines` maps messages to the method that tells them apart, for the guard."""

    def __init__(self, lines: Mapping[str, str] | None = None) -> None:
        self._lines = dict(lines or {})

    def split(self, buffer: bytes) -> tuple[tuple[Frame, ...], bytes]:
        """Whole responses; an interim one (1xx) answers nothing. One without a length is all that has come so far."""
        frames: list[Frame] = []
        at = 0
        while found := _STARTS.search(buffer, at):
            frames += stray(buffer[at : found.start()])
            at = found.start()
            response = response_of(buffer[at:])
            if response is None:
                return tuple(frames), buffer[at:]
            data = buffer[at : at + response.size]
            kind = FrameKind.UNSOLICITED if response.status < 200 else FrameKind.REPLY
            frames.append(Frame(kind, data, LazyFields(self.read, data)))
            at += response.size
        begun = _BEGINS.search(buffer, at)
        keep = begun.start() if begun else len(buffer)
        return (*frames, *stray(buffer[at:keep])), buffer[keep:]

    def resolve(self, live: LiveField, data: bytes, conversation: Conversation) -> bytes:
        """Content-Length: the bytes behind the first empty line that follows it."""
        if live.name != CONTENT_LENGTH:
            return super().resolve(live, data, conversation)
        _head, line, body = data[live.offset :].partition(b"\r\n\r\n")
        return b"%d" % len(body) if line else data[live.offset : live.offset + live.length]

    def answers(self, sent: bytes, frame: Frame) -> bool:
        """Any final response: they come in the order of the requests, and do not say to which they belong."""
        return frame.kind is FrameKind.REPLY and bool(sent) and frame.data != sent

    def expects_reply(self, sent: bytes) -> bool:
        """A whole request that can be read."""
        return self.demands(sent)

    def unfinished(self, sent: bytes) -> bytes:
        """A head without an empty line, or less than a length announced."""
        while sent:
            request = request_of(sent)
            if request is None:
                return sent
            sent = sent[request.size :]
        return b""

    def ends(self, frame: Frame) -> bool:
        """A response that closes the connection, or has no other end than that."""
        response = response_of(frame.data) if frame.kind is FrameKind.REPLY else None
        return response is not None and (response.head.closes or response.body.open or bool(response.body.fault))

    def demands(self, sent: bytes) -> bool:
        """One whole request in the standard's form is answered, if only by an error (RFC 9110, 3.4)."""
        request = alone(sent)
        return request is not None and not broken(request)

    def wrong(self, sent: bytes, frame: Frame) -> str:
        """A response that cannot be read, or success for a request that must be refused."""
        response = response_of(frame.data) if frame.kind is FrameKind.REPLY else None
        return "" if response is None else impossible(request_of(sent), response)

    def served(self, frame: Frame) -> bool:
        """Any response but a server's own error (5xx)."""
        response = response_of(frame.data) if frame.kind is FrameKind.REPLY else None
        return response is not None and 200 <= response.status < 500

    def refuses(self, frame: Frame) -> bool:
        """A status of 400 and above."""
        response = response_of(frame.data) if frame.kind is FrameKind.REPLY else None
        return response is not None and response.status >= 400

    def blames_request(self, frame: Frame) -> bool:
        """A status between 400 and 499."""
        response = response_of(frame.data) if frame.kind is FrameKind.REPLY else None
        return response is not None and 400 <= response.status < 500

    def identity(self, frame: Frame) -> Identity:
        """The server's name for itself, as model."""
        return Identity(model=str(frame.fields.get("server", "")))

    def content(self, frame: Frame) -> bytes:
        """The body; dates and connection belong to the one response."""
        response = response_of(frame.data) if frame.kind is FrameKind.REPLY else None
        return frame.data if response is None else response.body.data

    def read(self, data: bytes) -> Fields:
        """Status line, the fields that tell of the body, and the beginning of that."""
        response = response_of(data)
        if response is None:
            return {}
        fields: dict[str, int | str | bytes] = {"status": response.status, "reason": response.reason}
        for name in (b"server", b"content-type", b"location", b"allow", b"connection"):
            if value := response.head.value(name):
                fields[name.decode().replace("-", "_")] = value.decode("latin-1")
        if response.body.data:
            fields["body"] = response.body.data[:_LONGEST_TEXT]
        return fields

    def forbidden(self, messages: Sequence[str]) -> re.Pattern[bytes]:
        """A forbidden method in front of a space, wherever it stands."""
        methods = b"|".join(re.escape(self._lines[name].encode()) + rb"[ \t]" for name in messages)
        return re.compile(methods) if methods else super().forbidden(())


def alone(sent: bytes) -> HttpMessage | None:
    """The request, where the bytes are one whole request and nothing else."""
    request = request_of(sent)
    return request if request is not None and request.size == len(sent) else None


def broken(request: HttpMessage) -> bool:
    """True where two servers may read different things in the head, or answer without a body where one is announced."""
    line = request.request_line
    if line is None or line[0] in _WITHOUT_BODY or line[2] not in "01" or not request.head.plain:
        return True
    both = request.head.is_chunked and request.head.length is not None
    other = bool(request.head.values(b"transfer-encoding")) and not request.head.is_chunked
    return both or other or request.head.length == -1 or bool(request.body.fault)


def impossible(request: HttpMessage | None, response: HttpMessage) -> str:
    """A few words why the response cannot be right, as HTTP; "" where it may."""
    if response.body.fault:
        return response.body.fault
    if response.head.is_chunked and response.head.values(b"content-length"):
        return "it has both Content-Length and Transfer-Encoding"
    if not response.head.plain:
        return "its head is not in the standard's form"
    readable = request is not None and request.request_line is not None and request.head.plain
    return _accepted(request) if request is not None and readable and response.is_success else ""


def _accepted(request: HttpMessage) -> str:
    """A request that must be refused (RFC 9112, 3.2, 6.3); Host is looked at with GET only, so that it is told once."""
    head, line = request.head, request.request_line
    lengths = head.values(b"content-length")
    other = [one for one in lengths if not one.isdigit() and b"," not in one]
    if not head.values(b"transfer-encoding") and (other or len(set(lengths)) > 1):
        return "it accepts a request whose Content-Length is no number"
    if line is not None and line[0] == "GET" and line[2] == "1" and len(head.values(b"host")) != 1:
        return "it accepts a request without exactly one Host"
    return ""
