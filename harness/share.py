"""Which part of a campaign one of several workers runs: its cases, and the numbers that these have in the whole."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

WORKERS = "workers"  # the folder below a run's in which each of its workers has one


@dataclass(frozen=True, slots=True)
class Share:
    """Part `index` of `of`, counted from 0: of things that are counted, each `of`-th from there on."""

    index: int = 0
    of: int = 1

    @property
    def is_part(self) -> bool:
        """True where there are others."""
        return self.of > 1

    @property
    def name(self) -> str:
        """For people, counted from 1."""
        return f"worker {self.index + 1}"

    def count(self, total: int) -> int:
        """How many of `total` things are its own."""
        return max(0, (total - self.index + self.of - 1) // self.of)

    def number(self, own: int) -> int:
        """In the whole, of its `own`-th case, both counted from 1; 0 stands for what came before the cases."""
        return (own - 1) * self.of + self.index + 1 if own else 0

    def seed(self, seed: int) -> int:
        """For choices that parts have to make differently; the first part's is the campaign's."""
        if not self.index:
            return seed
        digest = hashlib.blake2b(f"{seed}/{self.index}/{self.of}".encode(), digest_size=6).digest()
        return int.from_bytes(digest, "big")


WHOLE = Share()
