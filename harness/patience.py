"""How long an answer is waited for: what the bench gives it, less where it need not come, more as the machine lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from harness.case import Send
from harness.latency import SHORTEST_QUIET, Haste, Latency

_LONGEST_LOSS = 30.0


class Standing(NamedTuple):
    """How it stands where a message went out.

    `expects`: an answer is due, `owed`: one to a message before it as well, or its bytes may be. `last`: the case ends
    with it. `deaf`: the message before was not answered. `ended`: the device has ended what can be said here.
    """

    expects: bool
    owed: bool
    last: bool
    deaf: bool
    ended: bool


class Patience:
    """Of one interface. `adaptive`: its link is on the wall clock; `steady` as for `Latency`; `lost` as for `Executor`.

    `telling`: what the device does with the message that is out says how fast it is.
    """

    def __init__(self, timeout: float, *, adaptive: bool, steady: bool, lost: Callable[[float], float]) -> None:
        self._adaptive, self._lost = adaptive, lost
        self.latency = Latency(timeout, steady=steady)
        self.haste, self.telling = Haste.NONE, True

    def seconds(self, step: Send, timeout: float, how: Standing) -> float:
        """How long a message that was sent is waited behind, `timeout` at most."""
        name, latency, hasty = step.message, self.latency, self.haste not in (Haste.NONE, Haste.LITTLE)
        mute = not self.telling or latency.is_mute(name)
        due = how.expects and not (hasty and not how.last and mute)
        seconds = timeout if due or how.owed or not self._adaptive else latency.quiet(name)
        if how.deaf and self._is_known and (self.haste is Haste.LITTLE or (hasty and not how.last)):
            seconds = min(seconds, latency.deaf(name))
        if not hasty:
            return seconds
        if how.ended:
            return 0.0
        if self.haste is Haste.MOST:
            seconds = min(seconds, latency.deaf(name))
        elif not how.last and self._is_known and step.mutated:
            seconds = min(seconds, latency.brief(name))
        if not how.expects and not how.owed:
            seconds = min(seconds, latency.unasked_wait(name))
        return seconds

    @property
    def _is_known(self) -> bool:
        """True where it is known what a device does that drops a message, or falls deaf behind it."""
        return self._is_sure or (self.telling and self.latency.known)

    @property
    def _is_sure(self) -> bool:
        return self.haste in (Haste.MORE, Haste.MOST)

    def behind(self, probe: str, seconds: float) -> float:
        """How long a probe has that was sent behind a message which had `seconds`."""
        if self.haste is Haste.MOST:
            return self.latency.deaf(probe)
        return self.latency.brief(probe) if self._is_sure else seconds

    def later(self, since: float, seconds: float, now: float) -> float:
        """When the wait of some seconds `since` then is over, as the machine lost some; 0 where it is by now."""
        if not self._adaptive or not seconds:
            return 0.0
        later = since + seconds + min(self._lost(since), _LONGEST_LOSS)
        return later if later > now + SHORTEST_QUIET else 0.0

    def learn(self, message: str, seconds: float, pace: float, *, expects: bool, answered: bool) -> None:
        """What an exchange took. Who waits for us tells by its patience how bad our answer was, not how fast it is."""
        if not self.telling or not self._adaptive:
            return
        if answered:
            self.latency.answered(message, seconds)
            self.latency.trickled(pace)
        elif expects:
            self.latency.unanswered(message)
        if not expects:
            self.latency.unasked(message, answered=answered)
