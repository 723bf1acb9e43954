"""How often a fault comes back: k of n tries, with the interval in which its true rate lies."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist

CONFIDENCE = 0.95
_CHANCE = 0.01  # that one which comes and goes stays away for so many replays
_Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)


class Reliability(StrEnum):
    """What the replays of a finding came to."""

    CONFIRMED = "confirmed"
    FLAKY = "flaky"
    NOT_BELIEVED = "not believed"
    NOT_REPRODUCED = "not reproduced"
    NOT_REPLAYED = "not replayed"


@dataclass(frozen=True, slots=True)
class Rate:
    """`hits` of `tries` showed it; raises ValueError where that cannot be."""

    hits: int
    tries: int

    def __post_init__(self) -> None:
        """There are no more hits than tries."""
        if not 0 <= self.hits <= self.tries:
            raise ValueError(f"{self.hits} of {self.tries} tries")

    @property
    def flaky(self) -> bool:
        """True where some tries showed it and others did not."""
        return 0 < self.hits < self.tries

    @property
    def interval(self) -> tuple[float, float]:
        """The Wilson score interval (Wilson 1927) at `CONFIDENCE`; from 0 to 1 where nothing was tried."""
        if not self.tries:
            return 0.0, 1.0
        share, weight = self.hits / self.tries, _Z * _Z / self.tries
        middle = share + weight / 2
        spread = math.sqrt(weight * (share * (1 - share) + weight / 4))
        low, high = (middle - spread) / (1 + weight), (middle + spread) / (1 + weight)
        return (low if self.hits else 0.0), (high if self.hits < self.tries else 1.0)

    @property
    def telling(self) -> int:
        """How many tries have to miss what was seen so often before, until that is no chance any more.

        The rate is taken as the mean that Laplace's rule of succession gives it.
        """
        misses = 1 - (self.hits + 1) / (self.tries + 2)
        return math.ceil(math.log(_CHANCE) / math.log(misses))

    @property
    def percent(self) -> str:
        """The interval for people: `44-100 %`."""
        low, high = (round(100 * bound) for bound in self.interval)
        return f"{low}-{high} %"

    def __str__(self) -> str:
        """`2 of 3 (95 % interval 21-94 %)`; without an interval where nothing was tried."""
        said = f"{self.hits} of {self.tries}"
        return f"{said} ({100 * CONFIDENCE:.0f} % interval {self.percent})" if self.tries else said
