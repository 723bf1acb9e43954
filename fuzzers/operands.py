"""Which numbers of a case end up in which comparisons, and with which numbers these would come out otherwise.

The same case ran three times, with other numbers in its fields. An operand that moved in proportion to a field is that
field's, straight or scaled and shifted by what the program does to it; what stands on the other side is what to aim at.
(Input-to-state, as REDQUEEN, Aschermann et al., NDSS 2019, with the linear relations of Eclipser, Choi et al., ICSE
2019.) Where the operand is scaled, the numbers at which its product no longer fits a word are aims, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Generic, NamedTuple, TypeVar

from harness.learned import Compared

_WORD = 1 << 32
_STEEPEST = 1 << 20
_ROUNDS, _LONGEST_TABLE, _MOST_OPERANDS = 3, 64, 512  # of a loop; of jumps; of a probe
_HEADER, _PREFIX = 40, 8  # bytes that may be counted with a text, and those that stand right before it
Key = TypeVar("Key", bound=Hashable)
Three = tuple[int, int, int]


class Line(NamedTuple):
    """An operand is `slope` times a field's number, and `base`."""

    slope: int
    base: int

    def meets(self, wanted: int) -> Iterator[int]:
        """The numbers around which the operand passes `wanted`."""
        number, rest = divmod(wanted - self.base, self.slope)
        yield from (number, number + 1)
        if not rest:
            yield number - 1


class Hit(NamedTuple, Generic[Key]):
    """A number for a field that would meet what it is compared with.

    `vague`: the operand counts more than the field, so that any longer message moves it; or it is only below.
    """

    key: Key
    number: int
    against: int
    vague: bool = False


def hits(
    runs: Sequence[Sequence[Compared]],
    numbers: Mapping[Key, Three],
    lengths: Mapping[Key, bool],
    room: Mapping[Key, int] | None = None,
) -> Iterator[Hit[Key]]:
    """`runs` are three, `numbers` what the fields had in each; `lengths` tells those that are how long something is.

    Lengths are counted, not scaled. `room` tells of numbers that lie within one another how large each may be: the
    operand of the smallest that has room for what it is compared with is no larger one's. Numbers whose operand is met
    come first, then those that no word holds, then all below a small limit: a program that jumps by a table compares
    only with its end. A loop that counts up to a length tells little after a few rounds.
    """
    later = list[Hit[Key]]()
    counted = Counter[tuple[int, Key]]()
    for place, operand, other in islice(dict.fromkeys(moved(runs)), _MOST_OPERANDS):
        for key, three in numbers.items():
            found = list(_met(Operand(operand, other), key, three, is_length=lengths[key]))
            counted[place, key] += bool(found)
            if lengths[key] and counted[place, key] > _ROUNDS:
                continue
            yield from (hit for hit, waits in found if not waits)
            later += [hit for hit, waits in found if waits]
            if found and room and key in room and 0 <= found[0][0].number <= room[key]:
                break
    yield from sorted(later, key=lambda hit: hit.vague)


class Operand(NamedTuple):
    """What it was in three runs, and what it was compared with at first."""

    three: Three
    other: int


def _met(operand: Operand, key: Key, three: Three, *, is_length: bool) -> Iterator[tuple[Hit[Key], bool]]:
    """Numbers with which the operand passes what it is compared with; and, for later, what a word holds, or a table."""
    other = operand.other
    if (line := line_of(operand.three, three)) and _is_likely(line, three, is_length):
        signed = (other, other - _WORD) if other >= _WORD // 2 else (other,)
        vague = is_length and line.slope == 1 and line.base > _PREFIX
        yield from ((Hit(key, number, other, vague), False) for one in signed for number in line.meets(one))
        if abs(line.slope) > 1:
            yield from ((Hit(key, number, other), True) for number in line.meets(_WORD + min(other, 1)))
        if not is_length and line.slope == 1 and 1 < other <= _LONGEST_TABLE:
            yield from ((Hit(key, one - line.base, other, vague=True), True) for one in range(other))
    elif not is_length and (mask := mask_of(operand.three, three)) and not other & ~mask:
        yield Hit(key, three[0] & ~mask | other, other), False


def mask_of(operand: Three, numbers: Three) -> int:
    """The bits that are left of the numbers in the operands, where that is all that became of them; 0 else."""
    mask = 0xFF
    for number, left in zip(numbers, operand, strict=True):
        mask &= ~(number ^ left)
    fits = all(number & mask == left for number, left in zip(numbers, operand, strict=True))
    return mask if fits and mask & mask - 1 and max(numbers) <= 0xFF and len(set(operand)) > 1 else 0


def line_of(operand: Three, numbers: Three) -> Line | None:
    """What leads from the numbers to the operands, where whole numbers do."""
    (rise, later), (run, further) = _differences(operand), (numbers[1] - numbers[0], numbers[2] - numbers[0])
    if not run or not further or rise * further != later * run or rise % run:
        return None
    slope = rise // run
    return Line(slope, operand[0] - slope * numbers[0]) if 0 < abs(slope) <= _STEEPEST else None


def _is_likely(line: Line, numbers: Three, is_length: bool) -> bool:
    """False for what fits any clock: steep lines through numbers that had little choice; bytes that only look so."""
    if is_length:
        return (line.slope == 1 and 0 <= line.base <= _HEADER) or line.slope == -1
    return abs(line.slope) == 1 or len(set(numbers)) == len(numbers)


def _differences(operand: Three) -> tuple[int, int]:
    first, second, third = operand
    return _signed(second - first), _signed(third - first)


def _signed(number: int) -> int:
    number %= _WORD
    return number - _WORD if number >= _WORD // 2 else number


def moved(runs: Sequence[Sequence[Compared]]) -> Iterator[tuple[int, Three, int]]:
    """Operands that were not the same in each run, with where they were, and what they were compared with at first.

    What each place compared first comes first, then what it compared next: a loop hides nothing.
    """
    tables = [by_place(run) for run in runs]
    for place, first in sorted(tables[0].items(), key=lambda item: item[0][1]):
        rest = [table.get(place) for table in tables[1:]]
        if len(rest) == 2 and rest[0] is not None and rest[1] is not None:
            for mine, others in ((0, 1), (1, 0)):
                operand = first[mine], rest[0][mine], rest[1][mine]
                if len(set(operand)) > 1:
                    yield place[0], operand, first[others]


def by_place(run: Sequence[Compared]) -> dict[tuple[int, int], tuple[int, int]]:
    """Both operands by place and how often it had been passed."""
    times: dict[int, int] = {}
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for place, left, right in run:
        nth = times.get(place, 0)
        times[place] = nth + 1
        found[place, nth] = (left, right)
    return found
