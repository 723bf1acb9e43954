"""Where a run stands between two cases: written into its store while it runs, and read to go on from there."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from harness.campaign import CampaignState
from harness.record import RecordState
from harness.serialize import dumps, loads


@dataclass(frozen=True, slots=True)
class Position:
    """What the campaign and its record know; `missing` are signals that had no value so far, by requirement."""

    campaign: CampaignState
    record: RecordState
    missing: Mapping[str, tuple[str, ...]]


def still_missing(
    now: Mapping[str, tuple[str, ...]], before: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]]:
    """Signals that never had a value, neither in this run nor in the one that it goes on from, by requirement."""
    both = {name: tuple(s for s in signals if s in before.get(name, ())) for name, signals in now.items()}
    return {name: signals for name, signals in both.items() if signals}


def packed(position: Position) -> bytes:
    """For the store, which may hold a hundred thousand marks of cases."""
    return zlib.compress(dumps(position).encode(), 1)


def unpacked(data: bytes) -> Position:
    """What `packed` gave; raises ValueError."""
    try:
        return loads(Position, zlib.decompress(data).decode())
    except zlib.error as error:
        raise ValueError(f"not a position: {error}") from error
