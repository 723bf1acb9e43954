"""A conversation as the TCP segments that would have carried it on a loopback interface, from SYN to the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from harness.handover.conversation import Piece
from harness.handover.pcapng import Packet

HOST = "127.0.0.1"
FIRST_CLIENT = 50000
_LONGEST = 16384  # bytes of one segment: a loopback's MTU is 65536, and a window 65535
_OURS, _THEIRS = 1000, 5000  # first sequence numbers
_WRAP = 1 << 32


class Connection:
    """One connection to `port`, the `number`-th of its capture."""

    def __init__(self, port: int, number: int) -> None:
        client = FIRST_CLIENT + number % 10_000
        self._ports = {True: (client, port), False: (port, client)}
        self._next = {True: _OURS, False: _THEIRS}
        self._unseen = {True: 0, False: 0}  # bytes of each side that the other has not acknowledged

    def packets(self, pieces: Iterable[Piece], lost: str) -> Iterator[Packet]:
        """The segments; `lost` is why the device's side ended, "" where we closed the connection."""
        seconds, begun = 0.0, False
        for piece in pieces:
            if not begun:
                yield from self._opened(piece.seconds)
            seconds, begun = piece.seconds, True
            yield from self._said(piece)
        if lost:
            yield self._segment(seconds, False, "RA", comment=f"the link was lost: {lost}")
        else:
            yield from (self._segment(seconds, *way) for way in ((True, "FA"), (False, "FA"), (True, "A")))

    def _opened(self, seconds: float) -> Iterator[Packet]:
        yield from (self._segment(seconds, *way) for way in ((True, "S"), (False, "SA"), (True, "A")))

    def _said(self, piece: Piece) -> Iterator[Packet]:
        for start in range(0, len(piece.data), _LONGEST):
            if self._unseen[piece.outbound]:
                yield self._segment(piece.seconds, not piece.outbound, "A")
            part = piece.data[start : start + _LONGEST]
            yield self._segment(piece.seconds, piece.outbound, "PA", part, piece.comment if start == 0 else "")

    def _segment(self, seconds: float, outbound: bool, flags: str, data: bytes = b"", comment: str = "") -> Packet:
        from scapy.layers.inet import IP, TCP  # it is slow to load, and only a capture needs it

        ip, tcp = IP, TCP  # scapy's fields have no types
        make_ip: Any = ip
        make_tcp: Any = tcp
        source, target = self._ports[outbound]
        head = make_tcp(
            sport=source,
            dport=target,
            seq=self._next[outbound],
            ack=0 if flags == "S" else self._next[not outbound],
            flags=flags,
            window=65535,
        )
        self._next[outbound] = (self._next[outbound] + len(data) + any(flag in flags for flag in "SF")) % _WRAP
        self._unseen[not outbound] = 0
        self._unseen[outbound] += len(data)
        return Packet(seconds, outbound, bytes(make_ip(src=HOST, dst=HOST, flags="DF") / head / data), comment)
