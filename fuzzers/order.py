"""A seeded order of many things in constant memory."""

from __future__ import annotations

from random import Random

ROUNDS = 3
MIX = 0x9E3779B1


class Order:
    """Visits 0 … count - 1, each once: a Feistel permutation, walked on where it leaves the range."""

    def __init__(self, count: int, seed: str) -> None:
        random = Random(seed)
        self.count = count
        self._half = max((count - 1).bit_length() + 1, 2) // 2
        self._mask = (1 << self._half) - 1
        self._keys = tuple(random.getrandbits(32) for _ in range(ROUNDS))

    def at(self, k: int) -> int:
        """The k-th of them; raises IndexError outside the range."""
        if not 0 <= k < self.count:
            raise IndexError(k)
        found = self._permuted(k)
        while found >= self.count:
            found = self._permuted(found)
        return found

    def _permuted(self, k: int) -> int:
        left, right = k >> self._half, k & self._mask
        for key in self._keys:
            mixed = (right * MIX ^ key) & 0xFFFFFFFF
            mixed = (mixed ^ mixed >> 15) * MIX & 0xFFFFFFFF
            left, right = right, left ^ (mixed >> 16) & self._mask
        return left << self._half | right
