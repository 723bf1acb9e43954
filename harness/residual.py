"""How much of what a device can show has been seen, estimated from what was seen once.

Good and Turing: what was never seen comes in the next case with a probability of about the share of the cases that
showed something no other case did (I. J. Good, Biometrika 40, 1953; for fuzzing Böhme, STADS, TOSEM 27, 2018).
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.outcome import News
from harness.quick import quick


@quick
@dataclass(frozen=True, slots=True)
class Discovery:
    """Of so many `cases` on an interface: edges, replies that said something, orders.

    `once`: replies and orders that one case alone has shown. `quiet`: cases since anything was new.
    """

    cases: int = 0
    edges: int = 0
    replies: int = 0
    orders: int = 0
    once: int = 0
    quiet: int = 0

    def plus(self, news: News) -> Discovery:
        """One case more."""
        return Discovery(
            self.cases + 1,
            self.edges + news.edges,
            self.replies + news.replies,
            self.orders + news.orders,
            self.once + news.once,
            0 if news else self.quiet + 1,
        )

    @property
    def chance(self) -> float:
        """Of the next case to show a reply or an order that was never seen, where cases are alike."""
        return min(1.0, self.once / self.cases) if self.cases else 1.0
