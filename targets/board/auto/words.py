"""Words that a firmware knows: what it compares the bytes that it is sent with, letter by letter."""

from __future__ import annotations

from typing import Any

import unicorn
from unicorn import unicorn_const as const

from targets.board.auto.machine import AutoMachine
from targets.board.auto.port import Port

_MARKS = (0x7E, 0x25)  # no letters, which many fold, and few bits alike
_MOST_RUNS, _LONGEST, _MOST_WORDS, _PATIENCE, _LINGER = 400, 24, 40, 300_000, 150_000
_BLANKS = frozenset((0, 8, 10, 13, 127))
_WORD, _BLANK, _LARGEST_TABLE = 0xFFFFFFFF, 0x20, 40
_RANGES = (9, 25)  # from the first digit or letter to the last: no table, but a question what kind of byte it is


class WordSearch:
    """Feeds a port beginnings of words with a mark behind, from one moment, and sees what the mark is compared with."""

    def __init__(self, machine: AutoMachine, port: Port) -> None:
        self._machine, self._port = machine, port
        self._moment = machine.snapshot()
        self._seen: set[tuple[int, int]] = set()
        self._runs = 0
        self._switched: list[int] = []

    def words(self) -> list[bytes]:
        """The words, each as long as comparisons lead on; none where the firmware compares no bytes."""
        machine = self._machine
        flags = const.UC_TCG_OP_FLAG_CMP
        hook: Any = machine.cpu.uc.hook_add(
            unicorn.UC_HOOK_TCG_OPCODE, self._compared, None, 1, 0, const.UC_TCG_OP_SUB, flags
        )
        machine.cpu.uc.ctl_flush_tb()
        try:
            return self._grown()
        finally:
            machine.cpu.uc.hook_del(hook)
            machine.cpu.uc.ctl_flush_tb()
            machine.restore(self._moment)

    def _compared(self, _uc: Any, _address: int, one: int, other: int, _size: int, _data: Any) -> None:
        self._seen.add((one & 0xFFFFFFFF, other & 0xFFFFFFFF))

    def _grown(self) -> list[bytes]:
        noise, ranges = _BLANKS, set[int]()
        for nonsense in (bytes(_MARKS), bytes(_MARKS) * 2):
            noise |= self._next(nonsense)
            ranges.update(self._switched)
        found: list[bytes] = []
        open_words = [(b"", False)]
        while open_words and len(found) < _MOST_WORDS and self._runs < _MOST_RUNS:
            word, sure = open_words.pop(0)
            letters = sorted(self._next(word) - noise) if len(word) < _LONGEST else []
            switched = [] if ranges.issuperset(self._switched) else self._switched
            open_words += [(word + bytes((letter,)), True) for letter in letters]
            if not letters:
                open_words += [(word + bytes((letter,)), False) for letter in switched]
            if sure and not letters and not switched:
                found.append(word)
                open_words += [(word + b" ", False)] if word.strip() == word else []  # one more may follow
        return found

    def _next(self, word: bytes) -> frozenset[int]:
        """What the byte behind a word is compared with, whichever of the marks it is.

        Where it is the place in a table instead, `_switched` are the letters that the table is for.
        """
        first, second = _MARKS
        one, other = self._compared_with(word, first), self._compared_with(word, second)
        tables = {
            ((first - place) & _WORD, most)
            for place, most in one
            if most <= _LARGEST_TABLE and ((place - first + second) & _WORD, most) in other
        }
        low = [(start, most) for start, most in tables if start > _BLANK and start + most < first]
        ranges = {start for start, most in low if most in _RANGES}
        low = [(start, most) for start, most in low if most not in _RANGES]
        self._switched = sorted({start + letter for start, most in low for letter in range(most + 1)})
        pairs = {b for a, b in one if a == first and b < 256} & {b for a, b in other if a == second and b < 256}
        return frozenset(pairs - set(_MARKS) - ranges)

    def _compared_with(self, word: bytes, mark: int) -> set[tuple[int, int]]:
        machine = self._machine
        self._runs += 1
        machine.restore(self._moment)
        self._seen.clear()
        self._port.feed(word + bytes((mark,)) + b"\r\n")
        machine.run_to_rest(machine.schedule.base + _PATIENCE + self._port.patience, _LINGER)
        return {(a, b) for one, other in self._seen for a, b in ((one, other), (other, one))}
