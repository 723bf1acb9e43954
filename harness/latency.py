"""How soon a device answers on one interface, and which messages it never does: learned, and forgotten again."""

from __future__ import annotations

from collections import Counter, deque
from enum import Enum
from statistics import median

SHORTEST_QUIET = 0.02
_QUIET_FACTOR = 4.0
_FORGETS, _FORGETS_OWN, _ENOUGH = 0.99, 0.9, 3
_MUTE_FROM, _LOOK_AGAIN = 3, 16
_LATEST = 16  # answers
_PACES, _SLOWEST_PACE = 3, 10 / 1200  # answers; seconds a byte at 1200 baud
_SHORTEST_BRIEF, _BRIEF_QUIETS = 0.1, 2.0


class Haste(Enum):
    """What a case does where an answer is overdue.

    It waits out the reply timeout; or does so for the first alone, as a device that is deaf then answers none behind
    it; or asks at once whether the device serves; or waits for no answer longer than it is usual several times over,
    because it is known how a device that is silent then comes back. At `MOST`, which proves nothing, that holds for the
    last one, too.
    """

    NONE, LITTLE, SOME, MORE, MOST = range(5)


class Latency:
    """`timeout` is what the bench gives an answer. Times are link seconds.

    With `steady` one slow answer at most doubles what is usual: a device that waits for us is as slow as our answer
    was bad.
    """

    def __init__(self, timeout: float, *, steady: bool = False) -> None:
        self._timeout, self._slowest, self._steady = timeout, 0.0, steady
        self._own: dict[str, tuple[int, float]] = {}
        self._paces: deque[float] = deque(maxlen=_PACES)
        self._latest: deque[float] = deque(maxlen=_LATEST)
        self._unanswered, self._quiet = Counter[str](), Counter[str]()

    @property
    def known(self) -> bool:
        """True once an answer came."""
        return self._slowest > 0.0

    @property
    def pace(self) -> float:
        """Seconds that a byte takes, where all of the last answers trickled in; 0 where one came at once."""
        return min(*self._paces, _SLOWEST_PACE) if len(self._paces) == _PACES else 0.0

    def trickled(self, pace: float) -> None:
        """An answer came byte by byte, so many seconds for each; or at once, 0."""
        self._paces.append(pace)

    def quiet(self, message: str) -> float:
        """After so long an answer is overdue, as those to the message, or to any, came so far; at most the timeout.

        A device that takes half a second for a message of one kind answers the others as soon as ever.
        """
        count, own = self._own.get(message, (0, 0.0))
        slowest = own if count >= _ENOUGH else self._slowest
        return min(self._timeout, max(SHORTEST_QUIET, _QUIET_FACTOR * slowest))

    def brief(self, message: str) -> float:
        """After so long an answer is not waited for any more where the device is known to be deaf now and then."""
        return min(self._timeout, max(_SHORTEST_BRIEF, _BRIEF_QUIETS * self.quiet(message)))

    def deaf(self, message: str) -> float:
        """So long an answer is waited for where none will come, or nothing is proven: four times what most take."""
        usual = _QUIET_FACTOR * median(self._latest) if self._latest else self._timeout
        return min(self.brief(message), max(_SHORTEST_BRIEF, usual))

    def answered(self, message: str, seconds: float) -> None:
        """An answer came; a slow one is forgotten over the next hundreds, over dozens where it is the message's own."""
        if self._steady and self.known:
            seconds = min(seconds, 2 * max(self._slowest, SHORTEST_QUIET))
        self._slowest = max(_FORGETS * self._slowest, seconds)
        self._latest.append(seconds)
        count, own = self._own.get(message, (0, 0.0))
        self._own[message] = count + 1, max(_FORGETS_OWN * own, seconds)
        self._unanswered.pop(message, None)

    def late(self, message: str, seconds: float) -> None:
        """An answer came that was given up: the next ones to its kind are waited for, those to others are not."""
        count, own = self._own.get(message, (0, 0.0))
        self._own[message] = max(count, _ENOUGH), max(own, seconds)

    def unanswered(self, message: str) -> None:
        """None came, though one is due."""
        self._unanswered[message] += 1

    def unasked(self, message: str, *, answered: bool) -> None:
        """A message to which no answer is due had one, or none in the time that others take."""
        self._quiet[message] = 0 if answered else self._quiet[message] + 1

    def unasked_wait(self, message: str) -> float:
        """So long an answer is waited for that is not due: as most of them take, and hardly where none ever came."""
        count = self._quiet[message]
        if count >= _MUTE_FROM and count % _LOOK_AGAIN != 0:
            return SHORTEST_QUIET
        return max(SHORTEST_QUIET, _QUIET_FACTOR * median(self._latest)) if self._latest else self._timeout

    def is_mute(self, message: str) -> bool:
        """True where the latest of its kind were not answered; now and then it is looked at again."""
        count = self._unanswered[message]
        return count >= _MUTE_FROM and count % _LOOK_AGAIN != 0
