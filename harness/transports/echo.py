"""A line on which what is sent comes back, as on two-wire RS-485: `echo=on` drops the copy, and nothing else.

Where the moniker says nothing of it, what comes is compared with what was sent, until the device says something of its
own.
"""

from __future__ import annotations

from harness.errors import LinkClosed
from harness.interfaces import Link, Transport
from harness.transports import Endpoint

_AWAITED = 16
_REMEMBERED = 65536
_BROKEN_OFF = 0.25  # seconds behind the last byte after which the rest of a copy is not expected any more


class EchoLink:
    """A link without the copies of what was sent on it: exactly those bytes, in order, in whatever pieces.

    What comes before a copy, or in its place, is handed on. The beginning of a copy is held back until the rest is
    there, or until it was broken off: `receive` may take that much longer than its deadline.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self.whole, self.stream = link.whole, link.stream
        self.close, self.now = link.close, link.now
        self._sent: list[bytes] = []
        self._held = b""
        self._last = 0.0

    def send(self, data: bytes, deadline: float) -> None:
        """Send all of `data`, whose copy is awaited from now on; raises LinkError, LinkClosed."""
        if data:
            self._sent = [*self._sent[1 - _AWAITED :], data]
        self._link.send(data, deadline)

    def receive(self, deadline: float) -> bytes:
        """What the device said, or b"" at the deadline; raises LinkError, LinkClosed."""
        while True:
            until = max(deadline, self._last + _BROKEN_OFF) if self._held else deadline
            try:
                received = self._link.receive(until)
            except LinkClosed:
                if not self._held:
                    raise
                received = b""  # the end is told by the next call
            self._last = self.now() if received else self._last
            own, begun = self._without_copies(self._held + received, broken_off=not received)
            self._held = begun
            if own or not received:
                return own

    def _without_copies(self, received: bytes, *, broken_off: bool) -> tuple[bytes, bytes]:
        """What is the device's own, and the beginning of a copy, whose rest may come unless it is `broken_off`."""
        own = b""
        while (found := self._first(received, broken_off=broken_off)) is not None:
            start, number = found
            own, received = own + received[:start], received[start:]
            sent = self._sent[number]
            if not received.startswith(sent):
                return own, received
            received = received[len(sent) :]
            del self._sent[: number + 1]
        return own + received, b""

    def _first(self, received: bytes, *, broken_off: bool) -> tuple[int, int] | None:
        """Where the first copy is, whole or at the end its beginning, and of which message; copies come in order."""
        found: list[tuple[int, int]] = []
        for number, sent in enumerate(self._sent):
            start = received.find(sent)
            if start < 0 and not broken_off and (begun := _overlap(received, sent)):
                start = len(received) - begun
            found += [(start, number)] if start >= 0 else []
        return min(found, default=None)


def _overlap(received: bytes, sent: bytes) -> int:
    """The length of the longest end of `received` that is a beginning of `sent`."""
    start = max(0, len(received) - len(sent) + 1)
    while (start := received.find(sent[:1], start)) >= 0:
        if sent.startswith(received[start:]):
            return len(received) - start
        start += 1
    return 0


class EchoTransport:
    """Opens links of another transport that drop what comes back of their own."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.moniker, self.quiet_gap = transport.moniker, transport.quiet_gap
        self.byte_seconds = transport.byte_seconds

    def open(self, timeout: float) -> EchoLink:
        """A new link within `timeout` seconds; raises LinkError."""
        return EchoLink(self._transport.open(timeout))


class WatchedLink:
    """A link whose bytes are shown to a `WatchedTransport`. What comes before anything was said answers nothing."""

    def __init__(self, link: Link, watch: WatchedTransport) -> None:
        self._link, self._watch, self._spoke = link, watch, False
        self.whole, self.stream = link.whole, link.stream
        self.close, self.now = link.close, link.now

    def send(self, data: bytes, deadline: float) -> None:
        """Send all of `data`; raises LinkError, LinkClosed."""
        self._spoke = True
        self._watch.note_sent(data)
        self._link.send(data, deadline)

    def receive(self, deadline: float) -> bytes:
        """What the device said, or b"" at the deadline; raises LinkError, LinkClosed."""
        received = self._link.receive(deadline)
        if received and self._spoke:
            self._watch.note_received(received)
        return received


class WatchedTransport:
    """Opens links of another transport and knows whether anything but copies of what was sent ever came on them.

    What comes is looked for in what was sent, in order. What was sent on an earlier link may come back on a later one,
    as on a serial line, or not at all.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.moniker, self.quiet_gap = transport.moniker, transport.quiet_gap
        self.byte_seconds = transport.byte_seconds
        self.own = False
        self._sent, self._earlier = b"", 0  # not come back yet, and how much of it is of earlier links
        self._copied = self._skipped = 0

    @property
    def only_copies(self) -> bool:
        """True when bytes came, and none that the device must have made."""
        return not self.own and self._copied > self._skipped

    def note_sent(self, data: bytes) -> None:
        """Went out on the link."""
        if not self.own:
            self._sent = (self._sent + data)[-_REMEMBERED:]

    def note_received(self, data: bytes) -> None:
        """Came in on the link."""
        start = -1 if self.own else self._sent.find(data)
        if start < 0:
            self.own, self._sent = True, b""
            return
        end = start + len(data)
        self._copied, self._skipped = self._copied + len(data), self._skipped + max(0, start - self._earlier)
        self._sent, self._earlier = self._sent[end:], max(0, self._earlier - end)

    def open(self, timeout: float) -> Link:
        """A new link within `timeout` seconds; raises LinkError."""
        link = self._transport.open(timeout)
        self._earlier = len(self._sent)
        return link if self.own else WatchedLink(link, self)


def without_echo(endpoint: Endpoint, transport: Transport) -> Transport:
    """The transport, behind a filter where the moniker says `echo=on`, watched where it says nothing; UsageError."""
    if endpoint.switch("echo", default=False):
        return EchoTransport(transport)
    return transport if "echo" in endpoint.options else WatchedTransport(transport)
