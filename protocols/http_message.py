"""HTTP/1.1 messages as bytes (RFC 9112): head, headers, and a body by length, in chunks or up to the end."""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST_HEAD = 1 << 16
CLOSE, KEEP_ALIVE = b"close", b"keep-alive"
SWITCHING = 101
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_LINE_END = re.compile(rb"\r?\n")
_STATUS = re.compile(rb"HTTP/1\.(\d) (\d{3})(?: ([^\r\n]*))?\Z")
_REQUEST = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([!-~]+) HTTP/1\.(\d)\Z")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\0\r\n]*?)[ \t]*\Z")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\Z")
_BODILESS = (204, 304)


@dataclass(frozen=True, slots=True)
class Head:
    """`start` is the first line; `fields` are names in lower case with values; `size` counts the empty line.

    `plain`: each line is a field as the standard has them, so that two readers cannot differ about it.
    """

    start: bytes
    fields: tuple[tuple[bytes, bytes], ...]
    size: int
    plain: bool

    def values(self, name: bytes) -> list[bytes]:
        """All values of a field, in order."""
        return [value for own, value in self.fields if own == name]

    def value(self, name: bytes) -> bytes:
        """The first value of a field, b"" where there is none."""
        return next(iter(self.values(name)), b"")

    @property
    def is_chunked(self) -> bool:
        """True where the body comes in chunks."""
        codings = b",".join(self.values(b"transfer-encoding")).lower().split(b",")
        return codings[-1].strip() == b"chunked"

    @property
    def length(self) -> int | None:
        """What Content-Length says; -1 for what is no number or several, None where there is none."""
        told = set(self.values(b"content-length"))
        if not told:
            return None
        (one, *others) = told
        return -1 if others or not one.isdigit() or len(one) > 18 else int(one)

    @property
    def closes(self) -> bool:
        """True where the connection ends behind the message."""
        options = [option.strip() for option in b",".join(self.values(b"connection")).lower().split(b",")]
        minor = self.start[7:8] if self.start.startswith(b"HTTP/1.") else self.start[-1:]
        return CLOSE in options or (minor == b"0" and KEEP_ALIVE not in options)


@dataclass(frozen=True, slots=True)
class Body:
    """What was carried, without chunk sizes; `size` counts them. `fault` says why it cannot be read, or "".

    `open`: only the end of the connection ends it.
    """

    data: bytes
    size: int
    fault: str = ""
    open: bool = False


@dataclass(frozen=True, slots=True)
class HttpMessage:
    """A whole request or response."""

    head: Head
    body: Body

    @property
    def size(self) -> int:
        """Bytes in all."""
        return self.head.size + self.body.size

    @property
    def status(self) -> int:
        """A response's status code, 0 for a request."""
        found = _STATUS.match(self.head.start)
        return int(found[2]) if found else 0

    @property
    def reason(self) -> str:
        """A response's reason phrase."""
        found = _STATUS.match(self.head.start)
        return (found[3] or b"").decode("latin-1") if found else ""

    @property
    def request_line(self) -> tuple[str, str, str] | None:
        """Method, target and minor version of a request whose first line can be read."""
        found = _REQUEST.match(self.head.start)
        return (found[1].decode(), found[2].decode(), found[3].decode()) if found else None

    @property
    def is_success(self) -> bool:
        """A response that says that the request was carried out."""
        return 200 <= self.status < 300


def head_of(data: bytes) -> Head | None:
    """The head at the front; None as long as there is no empty line."""
    end = _HEAD_END.search(data, 0, LONGEST_HEAD)
    if end is None:
        return None
    start, *lines = _LINE_END.split(data[: end.start()])
    found = [_FIELD.match(line) for line in lines]
    fields = tuple((match[1].lower(), match[2]) for match in found if match)
    plain = len(fields) == len(lines) and b"\r" not in start and data.count(b"\n", 0, end.end()) == len(lines) + 2
    crlf = data.count(b"\r\n", 0, end.end()) == len(lines) + 2
    return Head(start, fields, end.end(), plain and crlf)


def response_of(data: bytes) -> HttpMessage | None:
    """The response at the front, whose status line stands there; None as long as it is not whole."""
    head = head_of(data)
    if head is None:
        return None
    status = int(data[9:12])
    rest = data[head.size :]
    if status < 200 or status in _BODILESS:
        body: Body | None = Body(b"", 0)
    elif head.is_chunked:
        body = _chunks(rest)
    elif head.length is None:
        body = Body(rest, len(rest), open=True)
    elif head.length < 0:
        body = Body(rest, len(rest), "its Content-Length is no number")
    else:
        body = _counted(rest, head.length)
    return None if body is None else HttpMessage(head, body)


def request_of(data: bytes) -> HttpMessage | None:
    """The request at the front; None where it is not whole. One whose length cannot be read has no body."""
    head = head_of(data)
    if head is None:
        return None
    rest = data[head.size :]
    body = _chunks(rest) if head.is_chunked else _counted(rest, max(head.length or 0, 0))
    return None if body is None else HttpMessage(head, body)


def _counted(rest: bytes, length: int) -> Body | None:
    return Body(rest[:length], length) if len(rest) >= length else None


def _chunks(rest: bytes) -> Body | None:
    """A chunked body with its trailer; None as long as the last chunk is missing."""
    data, at = bytearray(), 0
    while (end := rest.find(b"\r\n", at)) >= 0:
        size = _CHUNK_SIZE.match(rest, at, end)
        if size is None:
            return Body(bytes(data), len(rest), "the size of a chunk cannot be read")
        length, at = int(size[1], 16), end + 2
        if not length:
            trailer = 2 if rest.startswith(b"\r\n", at) else rest.find(b"\r\n\r\n", at) + 4 - at
            return Body(bytes(data), at + trailer) if trailer >= 2 and len(rest) >= at + trailer else None
        if len(rest) < at + length + 2:
            return None
        if rest[at + length : at + length + 2] != b"\r\n":
            return Body(bytes(data), len(rest), "a chunk is longer than its size")
        data += rest[at : at + length]
        at += length + 2
    return Body(bytes(data), len(rest), "the size of a chunk cannot be read") if len(rest) - at > LONGEST_HEAD else None
