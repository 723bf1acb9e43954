"""Words that a firmware knows: what it compares the bytes that it is sent with, letter by letter."""

from __future__ import annotations

from typing import Any

import unicorn
from unicorn import unicorn_const as const

from targets.board.auto.machine import AutoMachine
from targets.board.auto.port import Port

_MARKS = (0x7E, 0x51)
_MOST_RUNS, _LONGEST, _MOST_WORDS, _PATIENCE, _LINGER = 400, 24, 40, 300_000, 150_000
_BLANKS = frozenset((0, 8, 10, 13, 127))


class WordSearch:
    """Feeds a port beginnings of words with a mark behind, from one moment, and sees what the mark is compared with."""

    def __init__(self, machine: AutoMachine, port: Port) -> None:
        self._machine, self._port = machine, port
        self._moment = machine.snapshot()
        self._seen: set[tuple[int, int]] = set()
        self._runs = 0

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
        noise = self._next(bytes(_MARKS)) | self._next(bytes(_MARKS) * 2) | _BLANKS
        found: list[bytes] = []
        open_words = [b""]
        while open_words and len(found) < _MOST_WORDS and self._runs < _MOST_RUNS:
            word = open_words.pop(0)
            letters = sorted(self._next(word) - noise) if len(word) < _LONGEST else []
            open_words += [word + bytes((letter,)) for letter in letters]
            found += [word] if word and not letters else []
        return found

    def _next(self, word: bytes) -> frozenset[int]:
        """What the byte behind a word is compared with, whichever of the marks it is."""
        one, other = (self._partners(word, mark) for mark in _MARKS)
        return frozenset(one & other)

    def _partners(self, word: bytes, mark: int) -> set[int]:
        machine = self._machine
        self._runs += 1
        machine.restore(self._moment)
        self._seen.clear()
        self._port.feed(word + bytes((mark,)) + b"\r\n")
        machine.run_to_rest(machine.schedule.base + _PATIENCE, _LINGER)
        pairs = {(a, b) for one, other in self._seen for a, b in ((one, other), (other, one))}
        return {b for a, b in pairs if a == mark and b < 256 and b != mark}
