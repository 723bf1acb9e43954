"""Which numbers of a case end up in which comparisons, and with which numbers these would come out otherwise.

The same case ran three times, with other numbers in its fields. An operand that moved in proportion to a field is that
field's, straight or scaled and shifted by what the program does to it; what stands on the other side is what to aim at.
(Input-to-state, as REDQUEEN, Aschermann et al., NDSS 2019, with the linear relations of Eclipser, Choi et al., ICSE
2019.) Where the operand is scaled, the numbers at which its product no longer fits a word are aims, too.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

from harness.learned import Compared

_WORD = 1 << 32
_STEEPEST = 1 << 20
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

    `vague`: the operand counts more than the field, so that any longer message moves it.
    """

    key: Key
    number: int
    against: int
    vague: bool = False


def hits(
    runs: Sequence[Sequence[Compared]], numbers: Mapping[Key, Three], lengths: Mapping[Key, bool]
) -> Iterator[Hit[Key]]:
    """`runs` are three, `numbers` what the fields had in each.

    `lengths` tells those that are how long something is, which are counted, not scaled. Numbers whose operand is met
    come first, then those that no word holds.
    """
    wraps = list[Hit[Key]]()
    for operand, other in _moved(runs):
        for key, three in numbers.items():
            if (line := line_of(operand, three)) and _is_likely(line, three, lengths[key]):
                signed = (other, other - _WORD) if other >= _WORD // 2 else (other,)
                vague = lengths[key] and line.slope == 1 and line.base > _PREFIX
                yield from (Hit(key, number, other, vague) for one in signed for number in line.meets(one))
                if abs(line.slope) > 1:
                    wraps += [Hit(key, number, other) for number in line.meets(_WORD + min(other, 1))]
    yield from wraps


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


def _moved(runs: Sequence[Sequence[Compared]]) -> Iterator[tuple[Three, int]]:
    """Operands that were not the same in each run, and what they were compared with at first."""
    tables = [by_place(run) for run in runs]
    for place, first in tables[0].items():
        rest = [table.get(place) for table in tables[1:]]
        if len(rest) == 2 and rest[0] is not None and rest[1] is not None:
            for mine, others in ((0, 1), (1, 0)):
                operand = first[mine], rest[0][mine], rest[1][mine]
                if len(set(operand)) > 1:
                    yield operand, first[others]


def by_place(run: Sequence[Compared]) -> dict[tuple[int, int], tuple[int, int]]:
    """Both operands by place and how often it had been passed."""
    times: dict[int, int] = {}
    found: dict[tuple[int, int], tuple[int, int]] = {}
    for place, left, right in run:
        nth = times.get(place, 0)
        times[place] = nth + 1
        found[place, nth] = (left, right)
    return found
