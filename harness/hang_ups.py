"""Does a device close its connections by itself, behind an answer, and after how long? It is given that time first.

What was sent to it meanwhile is lost without a word, and looks like a message at which it hung up.
"""

from __future__ import annotations

from harness.latency import SHORTEST_QUIET

_LOOKS = 100  # before a message, since it last hung up without a word
_SUSPICIONS, _LOOKS_OF_ONE = 4, 3  # that it does, in a row, of which none came true; and what each is worth
_FACTOR = 4.0  # of what it took
_BRIEF, _LONG_LOOKS = 0.1, 1  # seconds where nothing is to be proven, but for so many looks of which none came true


class HangUps:
    """What is known of one interface's device; all times are link seconds."""

    def __init__(self) -> None:
        self._looks = self._suspicions = 0
        self._long_looks = _LONG_LOOKS
        self._moment, self._answered_at, self._looked = SHORTEST_QUIET, -1.0, False

    def opened(self) -> None:
        """A link was opened, on which nothing was answered yet."""
        self._answered_at, self._looked = -1.0, False

    def answered(self, at: float) -> None:
        """Behind an answer it may hang up."""
        self._answered_at, self._looked = at, False

    def came_true(self) -> None:
        """It hung up while it owed nothing."""
        self._looks, self._suspicions, self._long_looks = _LOOKS, 0, _LONG_LOOKS

    def moment(self, longest: float, *, proves: bool = True) -> float:
        """Seconds that it is given to hang up before the next message, at most the `longest`; 0 where it does not.

        Where that `proves` nothing, a device of which this is only suspected costs one long look.
        """
        if not self._looks:
            return 0.0
        if not proves and not self._long_looks:
            longest = min(longest, _BRIEF)
        self._looks, moment = self._looks - 1, min(self._moment, longest)
        self._long_looks -= not proves and moment > _BRIEF
        self._looked = _FACTOR * moment >= self._moment
        return moment

    def suspected(self, now: float) -> bool:
        """A link is closed that owes an answer: true where it may have been on its way out before the message came.

        So it is given as long, and more, before what comes next; where it then does not hang up, it was the message.
        """
        if self._answered_at < 0.0 or self._looked:
            return False
        if self._suspicions < _SUSPICIONS:
            self._suspicions, self._looks = self._suspicions + 1, max(self._looks, _LOOKS_OF_ONE)
            self._moment = max(self._moment, _FACTOR * (now - self._answered_at))
        return True
