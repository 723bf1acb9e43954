"""What a parsed safety formula is made of: passive nodes over declared signals.

Semantics. Signals are piecewise constant: a sample holds until the next one. A requirement's formula must hold at
every instant; it is judged at each sample and at each instant between samples where a window fills or empties.
The robustness of a formula lies in [-1, 1] and is positive exactly when the formula is true:

- a boolean signal is +1 or -1; a comparison is its margin divided by the declared range of what it compares
  (the larger range for a sum or difference), cut at +-1; an equality that holds is +1 and an inequality that fails -1;
- `and` is the minimum, `or` the maximum, `not` the sign, `implies(a, b)` is `not a or b`;
- `once(f, within=W)` is the maximum of f over the closed window [now - W, now], `historically` the minimum;
- `since(f, g, within=W)`: g was true at some step that reaches into the window and f at every later step;
- `previous(x)` is the value at the sample before the latest one; it is held between samples;
- where no `within` is given the window reaches back to the first sample.

Doubt never violates. A condition (the left side of `implies`, anything under an odd number of `not`) with
`historically(f, within=W)` counts only after W seconds were observed; the same words as a demand speak of the
observed part only. A signal that is missing, a division by zero and `previous` at the first sample take the value
that cannot violate, and it leaves the windows as ordinary values do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

FOREVER = math.inf


@dataclass(frozen=True, slots=True)
class SignalDeclaration:
    """A named signal. Margins of a number are divided by `high - low`, in `unit`."""

    name: str
    kind: Literal["number", "boolean"] = "number"
    low: float = 0.0
    high: float = 1.0
    unit: str = ""

    @property
    def range(self) -> float:
        """The declared width, 1 where none was declared."""
        return abs(self.high - self.low) or 1.0


@dataclass(frozen=True, slots=True)
class Constant:
    """A number that was written in the formula."""

    value: float


@dataclass(frozen=True, slots=True)
class SignalValue:
    """The value of a signal (0 or 1 for a boolean one), by position among the declared signals."""

    index: int


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`+ - * / min max` of two numbers, or `abs neg` of one (then `right` is `left`)."""

    operator: str
    left: Number
    right: Number


@dataclass(frozen=True, slots=True)
class PreviousNumber:
    """The number at the sample before the latest one."""

    of: Number


Number = Constant | SignalValue | Arithmetic | PreviousNumber


@dataclass(frozen=True, slots=True)
class Truth:
    """`True` or `False` as written."""

    value: bool


@dataclass(frozen=True, slots=True)
class SignalTruth:
    """A boolean signal."""

    index: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """`left operator right`; `scale` is what the margin is divided by."""

    operator: str
    left: Number
    right: Number
    scale: float


@dataclass(frozen=True, slots=True)
class Not:
    """True when `of` is false."""

    of: Boolean


@dataclass(frozen=True, slots=True)
class Every:
    """True when all parts are."""

    parts: tuple[Boolean, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """True when one part is."""

    parts: tuple[Boolean, ...]


@dataclass(frozen=True, slots=True)
class Implies:
    """`condition` obliges to `demand`."""

    condition: Boolean
    demand: Boolean


@dataclass(frozen=True, slots=True)
class Historically:
    """`of` was true throughout the last `within` seconds."""

    of: Boolean
    within: float = FOREVER


@dataclass(frozen=True, slots=True)
class Once:
    """`of` was true at some instant of the last `within` seconds."""

    of: Boolean
    within: float = FOREVER


@dataclass(frozen=True, slots=True)
class Since:
    """`start` was true within the last `within` seconds and `held` at every step after it."""

    held: Boolean
    start: Boolean
    within: float = FOREVER


@dataclass(frozen=True, slots=True)
class Previous:
    """`of` at the sample before the latest one."""

    of: Boolean


Boolean = Truth | SignalTruth | Comparison | Not | Every | Any | Implies | Historically | Once | Since | Previous


@dataclass(frozen=True, slots=True)
class Formula:
    """A requirement's formula; `signals` are the positions of the signals that it reads."""

    requirement: str
    text: str
    root: Boolean
    signals: frozenset[int]
