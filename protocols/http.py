"""HTTP/1.1 as any device with a web or REST interface serves it: methods on one resource, and a body of your own."""

from __future__ import annotations

from harness.errors import UsageError
from harness.interfaces import Mark, State
from protocols.http_fields import request, text
from protocols.http_wire import HttpWire
from protocols.model import Message, Protocol, edges_of, messages_by_name

BODIES = [
    "", "null", "[]", "{}", "0", '""', "{", "[", '{"a":', "[" * 400, '{"a":' * 100, "1e999", "-0", "NaN", "9" * 400,
    '"\\ud800"', '"\\u0000"', '{"a":1,"a":2}', "\ufeff{}", "<a/>", "a=1&a=2", "'", "\0",
]  # fmt: skip
CHANGES = frozenset({Mark.PRIVILEGED})
METHODS = {"get": "GET", "options": "OPTIONS", "post": "POST", "put": "PUT", "delete": "DELETE"}


def _message(name: str, target: str, host: str, body: str, content_type: str) -> Message:
    """A request; POST and PUT carry the body."""
    carried = (text("content", body, *BODIES),) if name in ("post", "put") else ()
    fields = {"Host": host, "Accept": "*/*", **({"Content-Type": content_type} if carried else {})}
    marks = CHANGES if name in ("post", "put") else frozenset[Mark]()
    marks |= {Mark.PRIVILEGED, Mark.FORBIDDEN_ON_HARDWARE} if name == "delete" else frozenset()
    return Message(request(name, METHODS[name], target, fields, *carried), marks)


def _check(name: str, target: str) -> str:
    if not target.startswith("/") or not target.isascii() or not target.isprintable() or " " in target:
        raise UsageError(f"http: {name} is a path as it goes out, like /api/status, not '{target}'")
    return target


def http(
    path: str = "/",
    change: str = "",
    body: str = "{}",
    content_type: str = "application/json",
    host: str = "127.0.0.1",
) -> Protocol:
    """GET and OPTIONS on `path`; POST, PUT and DELETE on `change` (empty: the same). Raises UsageError for no path."""
    targets = {name: _check("path", path) for name in ("get", "options")}
    targets |= dict.fromkeys(("post", "put", "delete"), _check("change", change) if change else path)
    messages = messages_by_name(_message(name, targets[name], host, body, content_type) for name in METHODS)
    after = [(source, target) for source in ("post", "put", "delete") for target in ("get", "post", "delete")]
    return Protocol(
        "http",
        messages,
        edges_of(messages, after),
        HttpWire(METHODS),
        {"idle": State("idle", ())},
        messages["get"].send(),
        reply_timeout=2.0,
        max_reply=1 << 22,
        waits=(0.05, 1.0),
        may_close=True,
    )
