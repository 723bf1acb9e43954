"""Where a run stands between two cases: written into its store while it runs, and read to go on from there."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from harness.deck import DeckState
from harness.ledger import LedgerState
from harness.novelty import NoveltyState
from harness.record import RecordState
from harness.scope import PlaceState
from harness.serialize import dumps, loads
from harness.slow_lane import SlowLaneState
from harness.sparing import SparingState
from harness.triage.desk import DeskState


@dataclass(frozen=True, slots=True)
class CampaignState:
    """Where a campaign stands between two cases: all that decides what comes next, as plain values.

    Times are wall seconds, but for the runner's `effort`. `history` are places in the order of the cases; those that
    are `held` are run again. Findings are elsewhere, by bucket.
    """

    seconds: float
    effort: float
    cases: int
    refused: int
    quiet: int
    deck: DeckState
    history: tuple[int, ...]
    sparing: SparingState
    places: tuple[PlaceState, ...]
    ledger: LedgerState
    desk: DeskState
    suspect: int
    slow_lane: SlowLaneState
    walked: tuple[tuple[str, str], ...]
    edges: tuple[int, ...]
    resets: int
    novelty: Mapping[str, NoveltyState]
    held: tuple[int, ...] = ()


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
