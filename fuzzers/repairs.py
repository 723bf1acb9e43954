"""Checksums that nobody described, learned from a comparison: what the program worked out of a message's bytes.

Three runs of one message with other bytes have shown, at one place in the code, the number that stands at some place
of the message beside one that a known algorithm gives for the bytes before it (T-Fuzz, Peng et al., S&P 2018, and
REDQUEEN, Aschermann et al., NDSS 2019, meet the same hurdle by patching the check or one message at a time). From then
on bent messages get it right, and most often the length that leads to it. A length is learned alike: a number of the
message that was compared with about as much as the message is long.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import product
from random import Random
from typing import Literal

from fuzzers.operands import by_place, line_of, moved
from fuzzers.windows import three_of, windows
from harness.learned import Compared, Counted, Repair
from protocols.checksums import ALGORITHMS, Algorithm

_LATEST_START, _LARGEST_GAP, _FARTHEST, _NEAR = 8, 1, 8, 8  # a gap: what stands between, as `*` in NMEA 0183
_MOST_PLACES, LONGEST_TAIL = 64, 2
_DIGITS = re.compile(rb"[0-9A-Fa-f]+")
_USUAL_STARTS, _USUAL_TAILS, _USUAL_LENGTHS = (0, 0, 1, 1, 2, 3), (0, 0, 0, 1, 1, 2), (0, 1, 1, 2, 2, 3)
_BROKEN = 0.15  # of the bent messages keep their wrong checksum
Order = Literal["little", "big"]


def repairs_in(runs: Sequence[Sequence[Compared]], datas: Sequence[bytes]) -> Iterator[tuple[Repair, int]]:
    """What the operands tell, and where in the bytes each checksum stands; message and field are left open.

    What is one byte of the message alone is no sum of several.
    """
    if len({len(data) for data in datas}) > 1:
        return
    single, explains = {tuple(column) for column in zip(*datas, strict=True)}, _Explains(datas)
    tables = [by_place(run) for run in runs]
    for place in tables[0]:
        pairs = [table[place] for table in tables if place in table]
        for mine in (0, 1) if len(pairs) == len(runs) else ():
            worked_out, stood = tuple(pair[mine] for pair in pairs), tuple(pair[1 - mine] for pair in pairs)
            if len(set(worked_out)) > 1 and worked_out not in single:
                found = list(explains.both(worked_out, stood))
                whole = [(repair, at) for repair, at, shown in found if shown in ("whole", "digits")]
                yield from whole or [(repair, at) for repair, at, _shown in found]


class _Explains:
    """Knows of some messages of one length what any checksum in them would be, and what would stand in its place."""

    def __init__(self, datas: Sequence[bytes]) -> None:
        self._datas, self._size = datas, len(datas[0])
        self._sums: dict[tuple[str, int, int], list[int]] = {}

    @cached_property
    def _standing(self) -> dict[tuple[int, ...], list[tuple[Algorithm, int, Order, str]]]:
        """By what stands there in each message: the algorithm, where, in which order, and what of it is compared."""
        found: dict[tuple[int, ...], list[tuple[Algorithm, int, Order, str]]] = {}
        for algorithm in map(ALGORITHMS.get, ALGORITHMS):
            for at, order in product(range(1, self._size - algorithm.width + 1), orders_of(algorithm)):
                numbers = [int.from_bytes(data[at : at + algorithm.width], order) for data in self._datas]
                for shown in _shown(algorithm):
                    parts = tuple(_part(number, algorithm, shown) for number in numbers)
                    found.setdefault(parts, []).append((algorithm, at, order, shown))
        return found

    def both(self, worked_out: tuple[int, ...], stood: tuple[int, ...]) -> Iterator[tuple[Repair, int, str]]:
        """The algorithms, ranges and places that give just these numbers, and what of the checksum is compared.

        What stands everywhere, as noughts do, tells nothing.
        """
        standing = self._standing.get(stood, ())
        for algorithm, at, order, shown in standing if len(standing) <= _MOST_PLACES else ():
            for start, gap in product(range(min(at, _LATEST_START)), range(_LARGEST_GAP + 1)):
                sums = self._worked_out(algorithm, start, at - gap)
                if tuple(_part(one, algorithm, shown) for one in sums) == worked_out:
                    tail, anchors = self._size - at - algorithm.width, anchors_of(self._datas[0], at)
                    ending = ending_of(self._datas, at + algorithm.width)
                    yield Repair("", "", algorithm.name, start, order, tail, gap, anchors, ending), at, shown

    def _worked_out(self, algorithm: Algorithm, start: int, stop: int) -> list[int]:
        key = algorithm.name, start, stop
        if key not in self._sums:
            self._sums[key] = [algorithm.compute(data[start:stop]) for data in self._datas]
        return self._sums[key]


def orders_of(algorithm: Algorithm) -> tuple[Order, ...]:
    """In which its bytes may stand."""
    return ("little", "big") if algorithm.width > 1 and not _is_text(algorithm) else ("big",)


def _is_text(algorithm: Algorithm) -> bool:
    """True for one that is written in hexadecimal digits."""
    return algorithm.name.endswith("_digits")


def _shown(algorithm: Algorithm) -> tuple[str, ...]:
    """A program may compare the whole, or begin with one byte of two, or with what it has read in digits."""
    if _is_text(algorithm):
        return ("digits",)
    return ("whole", "low", "high") if algorithm.width == 2 else ("whole",)


def _part(number: int, algorithm: Algorithm, shown: str) -> int:
    if shown == "digits":
        text = number.to_bytes(algorithm.width)
        return int(text, 16) if _DIGITS.fullmatch(text) else -1
    return number if shown == "whole" else number & 0xFF if shown == "low" else number >> 8 & 0xFF


def ending_of(datas: Sequence[bytes], at: int) -> str:
    """What stands from there on in all of them, if it is short: a delimiter."""
    endings = {data[at:] for data in datas}
    return endings.pop().hex() if len(endings) == 1 and len(datas[0]) - at <= LONGEST_TAIL else ""


def anchors_of(data: bytes, at: int) -> tuple[tuple[int, int], ...]:
    """Bytes that may be the length which leads to the checksum: where each stands, and what it lacks."""
    return tuple((j, at - data[j]) for j in range(at) if j < at - data[j] <= j + _FARTHEST)


def counts_in(runs: Sequence[Sequence[Compared]], datas: Sequence[bytes]) -> Iterator[Counted]:
    """Numbers in the bytes that were compared with about as much as there are; message and field are left open."""
    size = len(datas[0])
    if {len(data) for data in datas} != {size}:
        return
    numbers = [(window, three_of(window, datas)) for window in windows("", size) if window.stop - window.start <= 2]
    for _place, operand, other in moved(runs):
        for window, three in numbers if abs(other - size) <= _NEAR else ():
            if (line := line_of(operand, three)) and line.slope == 1:
                lacks = size - (other - line.base)
                yield Counted("", "", window.start, window.stop, window.order, lacks, size)


class Repairs:
    """What was learned, by message and field."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], list[Repair]] = {}
        self._often: Counter[tuple[object, ...]] = Counter()
        self._counts: dict[tuple[str, str], dict[Counted, set[int]]] = {}

    def count(self, counted: Counted) -> None:
        """A number that may be a length: it is one, more likely, where it was with another length."""
        known = self._counts.setdefault((counted.message, counted.field), {})
        known.setdefault(replace(counted, seen=0), set()).add(counted.seen)

    def _lengths(self, message: str, field: str) -> list[Counted]:
        known = self._counts.get((message, field), {})
        return [one for one, seen in known.items() if len(seen) > 1] or list(known)

    def add(self, repair: Repair) -> None:
        """One more; of several of one kind it is kept what all of them say."""
        known = self._known.setdefault((repair.message, repair.field), [])
        self._often[_kind(repair)] += 1
        for number, other in enumerate(known):
            if _kind(other) == _kind(repair):
                anchors = tuple(anchor for anchor in other.anchors if anchor in repair.anchors)
                known[number] = replace(repair, anchors=anchors or repair.anchors)
                return
        known.append(repair)

    def of(self, message: str, field: str) -> Sequence[Repair]:
        """Those of a field, what was seen most often first."""
        known = self._known.get((message, field), ())
        return sorted(known, key=lambda repair: -self._often[_kind(repair)])

    def fields(self, message: str) -> list[str]:
        """The fields of a message of which something is known."""
        return list(dict.fromkeys(field for name, field in (*self._known, *self._counts) if name == message))

    def place(self, message: str, field: str, data: bytes) -> tuple[Repair, int] | None:
        """Where in some bytes a checksum stands that is right."""
        for repair in self.of(message, field):
            for at in _places(repair, data):
                if _right(repair, data, at) == data:
                    return repair, at
        return None

    def bent(self, message: str, field: str, data: bytes, random: Random) -> bytes:
        """Bytes that were bent, with a length and a checksum that are right, most often."""
        if (lengths := self._lengths(message, field)) and random.random() > _BROKEN:
            data = _counted(random.choice(lengths), data)
        repairs = [repair for repair in self.of(message, field) if list(_places(repair, data))]
        if not repairs or random.random() < _BROKEN:
            return data
        repair = random.choices(repairs, [self._often[_kind(one)] ** 2 for one in repairs])[0]
        at = random.choice(list(_places(repair, data)))
        width, ending = ALGORITHMS.get(repair.algorithm).width, bytes.fromhex(repair.ending)
        if ending and random.random() > _BROKEN and len(data) - len(ending) - width > repair.start + repair.gap:
            at = len(data) - len(ending) - width
            data = data[: at + width] + ending
        elif repair.anchors and random.random() < 0.5:
            where, lacks = random.choice(repair.anchors)
            at = len(data) - width
            if where < at and 0 <= at - lacks <= 0xFF:
                data = data[:where] + bytes([at - lacks]) + data[where + 1 :]
        return _right(repair, data, at)


def guessed(data: bytes, random: Random) -> bytes:
    """With a checksum of any kind at the end or shortly before it: where nothing is known, one of them may be right.

    What stands behind it may be what the message begins with, as HDLC and SLIP have it; one of the first bytes may tell
    how long the message is, or how much follows.
    """
    algorithm = ALGORITHMS.get(random.choice(list(ALGORITHMS)))
    start, tail = random.choice(_USUAL_STARTS), random.choice(_USUAL_TAILS)
    at = len(data) - tail - algorithm.width
    order = random.choice(orders_of(algorithm))
    if at <= start + 1:
        return data
    if tail == 1 and random.random() < 0.5:
        data = data[:-1] + data[:1]
    if random.random() < 0.5:
        where, follows = random.choice(_USUAL_LENGTHS), random.random() < 0.75
        number = (at - where - 1 if follows else len(data)) + random.choice((0, 0, algorithm.width))
        data = data[:where] + bytes([number & 0xFF]) + data[where + 1 :]
    return _right(Repair("", "", algorithm.name, start, order, tail), data, at)


def _kind(repair: Repair) -> tuple[object, ...]:
    return repair.message, repair.field, repair.algorithm, repair.start, repair.gap, repair.order


def _counted(length: Counted, data: bytes) -> bytes:
    """With the number that the length is, where it has room."""
    number, width = len(data) - length.lacks, length.stop - length.start
    if length.stop > len(data) or not 0 <= number < 1 << 8 * width:
        return data
    order: Order = "little" if length.order == "little" else "big"
    return data[: length.start] + number.to_bytes(width, order) + data[length.stop :]


def kept(repair: Repair, at: int, data: bytes) -> bytes:
    """Bytes of which some were given other values, with the checksum at its place right."""
    return _right(repair, data, at)


def covered(repair: Repair, at: int) -> range:
    """Where the checksum itself stands."""
    return range(at, at + ALGORITHMS.get(repair.algorithm).width)


def _places(repair: Repair, data: bytes) -> Iterable[int]:
    """Where it may stand in some bytes: at the end, before as much as was behind it once, where a length leads."""
    width = ALGORITHMS.get(repair.algorithm).width
    ends = [len(data) - width, len(data) - width - repair.tail]
    led = [data[where] + lacks for where, lacks in repair.anchors if where < len(data)]
    return [at for at in dict.fromkeys((*ends, *led)) if repair.start + repair.gap < at <= len(data) - width]


def _right(repair: Repair, data: bytes, at: int) -> bytes:
    algorithm = ALGORITHMS.get(repair.algorithm)
    number = algorithm.compute(data[repair.start : at - repair.gap])
    order: Order = "little" if repair.order == "little" else "big"
    return data[:at] + number.to_bytes(algorithm.width, order) + data[at + algorithm.width :]
