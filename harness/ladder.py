"""From "no answer" to "it serves" or "it does not": one rung after another, and which of them it was."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace

from harness.errors import GuardRefused, LinkClosed, LinkError
from harness.executor import Executor
from harness.interfaces import Frame
from harness.transcript import Service, Way

_FILLINGS = (256, 1024)  # bytes; a serial line of 9600 baud takes a second for the second
_FILLING_SECONDS = 5.0
_LATE_FACTOR = 4.0  # reply timeouts that a silent connection is given before another one is tried
_ATTEMPTS = 3
_PROOF = 2.0  # reply timeouts
_LEARNED = 2
SHORTCUTS = (Way.FILLED, Way.RECONNECTED)


@dataclass(frozen=True, slots=True)
class Served:
    """The probe's proper answer, or None, and how the device came to give it."""

    answer: Frame | None
    service: Service


class Ladder:
    """One interface's way back to service. The rungs, each only where the one before did not do:

    the probe; the protocol's own resynchronization; the probe again, with patience (a device that is busy); filler, for
    a byte stream that waits for the bytes a wrong length announced; another connection, which is waited for; the probe
    on it, with patience. What comes then (reset, a person, giving up) is the runner's.

    Where nothing is due on a connection any more, the device is asked on another one at once, and serves there or not.
    A device whose old connections never served again is not waited for on them any more. One that is `trusted` to come
    back by filler, or on another connection only, is not waited for before it is given that. `presumed` ways stand for
    all that was learned; where `NEVER` is one of them, each rung is tried, and on none is it waited. `filler` is how
    many bytes it takes then, as far as is known: they are given at once. In a `hasty` climb the first probe is given no
    more than it takes where all is well; where ways are presumed and it is not, the device has been silent for two
    timeouts before any of them is tried.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._renewals = 0
        self.trusted = frozenset[Way]()
        self.presumed: frozenset[Way] | None = None
        self.filler = 0
        self.hasty = False

    def presume(self, ways: frozenset[Way] | None, *, filler: int = 0, hasty: bool = False) -> None:
        """Rely on these ways and bytes instead of what was learned, as a replay does; None: on what was learned."""
        self.presumed, self.filler, self.hasty = ways, filler, hasty

    def forget(self) -> None:
        """The device was made fresh: what was learned of its connections was another life's."""
        self._renewals = 0

    @property
    def known(self) -> frozenset[Way]:
        """The ways back on which it may be relied."""
        return self.trusted if self.presumed is None else self.presumed

    @property
    def _given_up(self) -> bool:
        """True where a silent connection is not waited for."""
        learned = self.presumed is None and self._renewals >= _LEARNED
        return learned or Way.RECONNECTED in self.known

    def climb(self, *, closed: bool, broken: bool, patience: float, since: float | None = None) -> Served:
        """Until the device serves. `broken`: the link is lost, `closed` by the device; `patience` in seconds.

        It has been sought in vain `since` then, which is not waited for again. Raises LinkError when no link opens any
        more.
        """
        began, waited = self._executor.now(), False
        if not broken:
            try:
                if not self._executor.over and (served := self._on_this_connection(began)) is not None:
                    return served
            except LinkClosed:
                closed = True
            except LinkError as error:
                since = error.since
            else:
                if self._executor.over:
                    return self._beside(patience, began)
                waited = True
        served = self._on_another(closed=closed, patience=patience, began=began, since=since)
        if closed and served.service.way is Way.RECONNECTED and not self._executor.connection.stream:
            served = replace(served, service=Service(Way.AT_ONCE, served.service.seconds))  # its carrier judges that
        self._renewals += waited and served.service.way is Way.RECONNECTED
        return served

    def _beside(self, patience: float, began: float) -> Served:
        """On another connection: on this one the device need not answer, as what was said on it stands."""
        closed = self._executor.ended
        served = self._on_another(closed=closed, patience=patience, began=began)
        if served.service.way is Way.RECONNECTED:
            return replace(served, service=Service(Way.AT_ONCE, served.service.seconds, closed=closed))
        return served

    def _on_this_connection(self, began: float) -> Served | None:
        executor, asked = self._executor, len(self._executor.frames)
        seconds = executor.briefest if self.hasty else 0.0
        if not self._asked_before and (answer := executor.probe(seconds)) is not None:
            return Served(answer, Service(Way.AT_ONCE))
        if executor.over:  # the end had come late, or instead of an answer
            return None
        return self._in_step(asked, began)

    @property
    def _asked_before(self) -> bool:
        """True where a probe went out behind the case in vain, for twice its time where that is to prove something."""
        enough = self.hasty or self.presumed is None or self._executor.silence >= _PROOF * self._executor.timeout
        return self._executor.overdue and enough

    def _in_step(self, asked: int, began: float) -> Served | None:
        """The second probe, with the protocol's own resynchronization before it; what was `asked` before is known."""
        executor, earlier, hungry = self._executor, self._executor.unanswered, Way.FILLED in self.known
        self._resynchronize()
        if hungry and (served := self._filled(began)) is not None:
            return served
        if (answer := executor.probe()) is not None:
            own = not any(executor.protocol.answers(sent, answer) for sent in earlier)  # the first one was lost
            return Served(answer, Service(Way.AT_ONCE if own else self._in_time(asked), executor.now() - began))
        if self._given_up:
            return None
        patient = not executor.connection.hurry
        if patient and (answer := executor.probe(_LATE_FACTOR * executor.timeout)) is not None:
            return Served(answer, Service(Way.LATE, executor.now() - began))
        return None if hungry else self._filled(began)

    def _in_time(self, asked: int) -> Way:
        """LATE where both probes were answered: the first one was not lost, but slower than the device may be."""
        executor = self._executor
        executor.listen(executor.protocol.resynchronization.seconds)
        answers = sum(executor.protocol.served(frame) for frame in executor.frames[asked:])
        return Way.LATE if answers > 1 else Way.AT_ONCE

    def _resynchronize(self) -> None:
        executor, own = self._executor, self._executor.protocol.resynchronization
        executor.listen(own.seconds)
        if own.filler:
            with suppress(GuardRefused):  # what may not leave does not
                executor.fill(own.filler, executor.timeout)
            executor.listen(own.seconds)

    def _filled(self, began: float) -> Served | None:
        """The bytes that a wrong length announced, as far as they can be given."""
        executor, given = self._executor, 0
        probe = executor.protocol.probe.data
        for size in self._fillings() if executor.connection.stream and probe else ():
            try:
                executor.fill(probe * (size // len(probe) + 1), _FILLING_SECONDS)
            except GuardRefused:
                return None
            given += size
            if (answer := executor.probe()) is not None and not _is_echo(answer.data, probe):
                return Served(answer, Service(Way.FILLED, executor.now() - began, given))
        return None

    def _fillings(self) -> tuple[int, ...]:
        """What it took before, and what is left of all that is given."""
        first = self.filler or _FILLINGS[0]
        left = sum(_FILLINGS) - first
        return (first, left) if left > 0 else (first,)

    def _on_another(self, *, closed: bool, patience: float, began: float, since: float | None = None) -> Served:
        executor, failed = self._executor, 0
        executor.renew(patience, since)
        gone = executor.connection.gone
        until = executor.now() + executor.connection.given(patience)
        while failed < _ATTEMPTS or executor.now() < until:
            asked_at = executor.now()
            try:
                if (answer := executor.probe()) is not None:
                    way = Way.RETURNED if gone else Way.RECONNECTED
                    return Served(answer, Service(way, gone or executor.now() - began, closed=closed))
                failed += 1
                if executor.over or executor.now() <= asked_at:  # where an emulator tells that at once, no time passes
                    executor.connection.rest()
                if executor.over or failed % _ATTEMPTS == 0:
                    executor.renew(patience)
            except LinkClosed:  # accepted and dropped: its program is going, or not back yet
                failed += 1
                executor.close()
                executor.connection.rest()
                executor.renew(patience)
                gone = max(gone, executor.connection.gone)
        return Served(None, Service(Way.NEVER, executor.now() - began, closed=closed))


def _is_echo(data: bytes, filler: bytes) -> bool:
    """True for any piece of what was filled in again and again."""
    return data in filler * (len(data) // len(filler) + 2)
