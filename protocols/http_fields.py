"""What HTTP/1.1 requests are made of: request line, header fields, and a length that can be said in other ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import boofuzz

Fields = tuple[boofuzz.Fuzzable, ...]
BODY, CONTENT_LENGTH = "body", "Content-Length"
LENGTHS = [
    "",
    "-1",
    "+1",
    "0x10",
    "1e3",
    "1,1",
    "1 1",
    "00000000000000000000",
    "18446744073709551616",
    "9" * 40,
    "chunked",
]
TARGETS = [
    "*", "//", "/.", "/..", "/../../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/%00", "/%", "/%zz", "/?",
    "/?a=%s", "/?" + "a=1&" * 64, "/" + "a/" * 128, "/#", "http://127.0.0.1/", "http://", "/;a=b", "/ ", "\\", "/\t",
]  # fmt: skip
VERSIONS = ["HTTP/0.9", "HTTP/1.0", "HTTP/2.0", "HTTP/1.", "HTTP/1.1 ", "HTTP/99999.99999", "http/1.1", "HTTP", ""]
VALUES = ["", ",", ";", "\r\n ", "\r\nX: y", "a" * 300, "é", "\x7f", '"', "chunked", "gzip", "close", "%s%n"]
METHODS = ["", "HEAD", "TRACE", "CONNECT", "PATCH", "get", "G\0T", "PRI", "PROPFIND"]


class ContentLength(boofuzz.Size):
    """The length of a block in digits; it is bent to other numbers, and to what is none."""

    def __init__(self, name: str, block: str) -> None:
        super().__init__(name, block, length=4, output_format="ascii", fuzz_values=LENGTHS)

    def encode(self, value: Any, mutation_context: Any) -> Any:
        """A text as it is, else as any other length."""
        return value.encode() if isinstance(value, str) else super().encode(value, mutation_context)


def text(name: str, value: str, *own: str) -> boofuzz.String:
    """A text, with values that are unusual in its place."""
    return boofuzz.String(name, value, fuzz_values=[one for one in own if one != value])


def request_line(method: str, target: str) -> boofuzz.Block:
    """Method, target, version (RFC 9112, 3)."""
    return boofuzz.Block(
        "request_line",
        children=(
            text("method", method, *METHODS),
            boofuzz.Delim("method_end", " "),
            text("request_target", target, *TARGETS),
            boofuzz.Delim("request_target_end", " "),
            text("HTTP-version", "HTTP/1.1", *VERSIONS),
            boofuzz.Delim("request_line_end", "\r\n"),
        ),
    )


def field(name: str, value: boofuzz.Fuzzable) -> boofuzz.Block:
    """A header field in a block of its own (RFC 9112, 5); `value` has the field's name."""
    end = boofuzz.Delim(f"{name}_end", "\r\n")
    return boofuzz.Block(f"{name}_field", children=(boofuzz.Delim(f"{name}_name", f"{name}: "), value, end))


def head(method: str, target: str, fields: Mapping[str, str], *, length: bool) -> boofuzz.Block:
    """All up to the empty line; with `length` a Content-Length of the block `body`."""
    own = [field(name, text(name, value, *VALUES)) for name, value in fields.items()]
    counted = [field(CONTENT_LENGTH, ContentLength(CONTENT_LENGTH, f"...{BODY}"))] if length else []
    return boofuzz.Block(
        "head", children=(request_line(method, target), *own, *counted, boofuzz.Delim("head_end", "\r\n"))
    )


def request(name: str, method: str, target: str, fields: Mapping[str, str], *body: boofuzz.Fuzzable) -> boofuzz.Request:
    """A whole request; one with a body says how long that is."""
    inside = (boofuzz.Block(BODY, children=body),) if body else ()
    return boofuzz.Request(name, children=(head(method, target, fields, length=bool(body)), *inside))
