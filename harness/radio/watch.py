"""What is noted of a peripheral besides its PDUs: how connections ended, its advertisement, its table, its bond."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Iterator

from harness.transcript import TargetEvent

_MOST = 256
_MARGIN, _SHORTEST, _UNMEASURED, _LONGEST = 3.0, 1.5, 10.0, 30.0
_NAMES = frozenset({0x08, 0x09})
_STABLE = frozenset({0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x19}) | _NAMES


class Watch:
    """Events until they are taken, of many the last ones; and what they are told apart by."""

    def __init__(self) -> None:
        self._events = deque[TargetEvent](maxlen=_MOST)
        self._bonded = self._restarting = False
        self.ended_with = 0
        self._said: str | None = None
        self._waited, self._came_back = 0.0, False

    def note(self, kind: str, **detail: str) -> None:
        """Keep an event."""
        self._events.append(TargetEvent(kind, time.monotonic(), detail))

    def take(self) -> tuple[TargetEvent, ...]:
        """The events since the last call."""
        events = tuple(self._events)
        self._events.clear()
        return events

    def waited(self, seconds: float, *, again: bool) -> None:
        """So long it took until it was heard; `again`: after a connection, or a restart, which says less."""
        self._waited = max(self._waited, seconds)
        self._came_back = self._came_back or (again and not self._restarting)

    @property
    def patience(self) -> float:
        """Seconds of silence after which it advertises no more: a multiple of the longest that was waited for.

        Until it was seen to come back from a connection, what it needs for that is not known.
        """
        shortest = _SHORTEST if self._came_back else _UNMEASURED
        return min(max(_MARGIN * self._waited, shortest), _LONGEST)

    def connected(self) -> None:
        """A connection was made."""
        self._restarting = False

    def disconnected(self, reason: int, words: str) -> None:
        """One was lost, as is due when the device restarts at our wish."""
        self.ended_with = reason
        if not self._restarting:
            self.note("disconnected", reason=f"{reason:#04x}", words=words)

    def restarted(self) -> None:
        """The device restarted at our wish: it loses its connection and need not know us any more."""
        self._restarting, self._bonded = True, False

    def encrypted(self, bond: str) -> None:
        """The link was encrypted with a bond that the radio calls `kept`, `new` or `lost`.

        Only a bond that was kept once is missed: there are devices that keep none.
        """
        if bond == "lost" and self._bonded:
            self.note("bond", state="lost")
        self._bonded = bond == "kept"

    def expect_no_bond(self) -> None:
        """Something happened after which the device need not know us any more."""
        self._bonded = False

    def advertised(self, data: bytes, *, renamed: bool) -> None:
        """An advertisement was heard; a name counts unless the device can be `renamed`."""
        said = stable(data, _STABLE - _NAMES if renamed else _STABLE)
        if self._said is not None and said != self._said:
            self.note("advertising", state="changed", was=self._said, now=said)
        self._said = said

    def compared(self, before: Collection[str], now: Collection[str]) -> None:
        """Two readings of the GATT table, a row for each attribute."""
        gone, new = sorted(set(before) - set(now)), sorted(set(now) - set(before))
        if gone or new:
            self.note("table", gone=", ".join(gone), new=", ".join(new))


def stable(data: bytes, types: Collection[int]) -> str:
    """The fields of an advertisement that have one of the types, as `type:hex`, in order; names without their case."""
    return " ".join(sorted(f"{kind:02x}:{_plain(kind, value)}" for kind, value in structures(data) if kind in types))


def _plain(kind: int, value: bytes) -> str:
    return (value.lower() if kind in _NAMES else value).hex()


def structures(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and value of each structure of advertising data (Core vol 3 part C 11); a length of zero ends them."""
    at = 0
    while at + 1 < len(data) and data[at]:
        yield data[at + 1], data[at + 2 : at + 1 + data[at]]
        at += 1 + data[at]
