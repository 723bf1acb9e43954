"""What a program keeps: descriptors, processes, threads or memory that grow with each repetition within one case."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.case import Reconnect, Send, TestCase
from harness.errors import OwnError
from harness.interfaces import Meters
from harness.monitors.growth import Growth, Point, growth_in
from harness.transcript import LIMIT, Transcript
from harness.usage import Resource, Usage
from harness.verdict import Kind, Observation

FEWEST = 64
LEAST: Mapping[Resource, int] = {
    Resource.DESCRIPTORS: 256,
    Resource.PROCESSES: 256,
    Resource.THREADS: 256,
    Resource.MEMORY: 4 << 20,
}
"""What a pool, a cache or a log of fixed size may come to is no leak: it takes more than that."""
_WEAKNESS = {Resource.DESCRIPTORS: "CWE-775", Resource.MEMORY: "CWE-401"}
_OTHERS = "CWE-772"
_CONNECTION = "connection"
_SETTLED, _POLL, _PATIENCE = 1.0, 0.25, 2.0
_KEPT = 0.5  # of what grew: where less is left behind a while, it was given back
_BY_ITSELF = 0.25
_WAYS, _SAME, _LATE, _UNSTEADY = 3, 0.1, 2, 16


@dataclass(frozen=True, slots=True)
class Repetition:
    """What a case repeats: `message` is the one that is told, `counted` the one by which repetitions are counted.

    `in_each`: how often that one is sent, and on how many `connections`. `bent`: the message is not as it usually is.
    """

    message: str
    counted: str
    times: int
    in_each: int
    connections: int
    bent: bool

    @property
    def words(self) -> str:
        """What is done each time: `each read_coils`, `each connection`, `each bent read_coils`."""
        if self.bent or not self.connections:
            return f"each {'bent ' if self.bent else ''}{self.message}"
        return "each connection" if self.connections == 1 else f"each {self.connections} connections"


def repetition_of(case: TestCase) -> Repetition | None:
    """None for a case that does nothing often enough."""
    if len(case.steps) < FEWEST:
        return None
    sends = [step for step in case.steps if isinstance(step, Send)]
    often = Counter((step.message, step.mutated) for step in sends)
    times = max(often.values(), default=0)
    if times < FEWEST:
        return None
    counted = next(step.message for step in reversed(sends) if often[step.message, step.mutated] == times)
    bent = next((step.message for step in sends if step.mutated), "")
    in_each = sum(step.message == counted for step in sends) // times
    connections = sum(isinstance(step, Reconnect) for step in case.steps) // times
    return Repetition(bent or counted, counted, times, in_each, connections, bool(bent))


class ResourceMonitor:
    """Compares what a target held at quiet moments of a case that repeats something.

    What grew in a straight line is looked at again behind the case: `given_back` seconds later, or one second where
    that leak was told before. Where it was given back, or grows by itself, nothing is told; when that was so twice, of
    that resource nothing any more. One that is not `measured` only knows of the bench's own limit.
    """

    name = "resources"

    def __init__(self, target: Meters, given_back: float, *, measured: bool = True) -> None:
        self._target, self._given_back, self._measured = target, given_back, measured
        self._late: Counter[Resource] = Counter()
        self._told: dict[tuple[Resource, str], float] = {}

    def observe(self, case: TestCase, transcript: Transcript) -> Sequence[Observation]:
        """At most one leak. Raises OwnError where the bench's own limit has ended the program."""
        if transcript.events:
            _raise_at_limit(transcript)
            return ()
        repeated = repetition_of(case) if self._measured else None
        if repeated is None or not transcript.probe_served:
            return ()
        samples = self._target.usage(transcript.started)
        for resource in Resource:
            grown = growth_in(_points(samples, transcript, repeated, resource), LEAST[resource])
            if grown is not None:
                judged = self._late[resource] < _LATE and (resource is not Resource.MEMORY or _are_steady(samples))
                return self._judged(resource, grown, repeated, transcript) if judged else ()
        return ()

    def _judged(
        self, resource: Resource, grown: Growth, repeated: Repetition, transcript: Transcript
    ) -> Sequence[Observation]:
        sign = self._sign(resource, grown.each, repeated)
        waited = self._waited(resource, sign)
        if not self._is_kept(resource, grown, waited, transcript.ended - transcript.started):
            self._late[resource] += 1
            return ()
        self._target.begin_anew()
        own = repeated.connections if sign == _CONNECTION else 1
        self._told.setdefault((resource, sign), grown.each / max(1, own))
        return (_observation(resource, grown, repeated, sign, waited, transcript),)

    def _waited(self, resource: Resource, sign: str) -> float:
        """Seconds that the target is given to give back what it holds."""
        return _SETTLED if (resource, sign) in self._told else self._given_back

    def _is_kept(self, resource: Resource, grown: Growth, seconds: float, took: float) -> bool:
        """True where most of it is still there behind that time, and little was added while nothing was done."""
        left, until = grown.last[1] - (1 - _KEPT) * grown.total, self._target.now() + seconds
        latest: int | None = None
        while (since := self._target.now()) < (until if latest is not None else until + _PATIENCE):
            self._target.advance(_POLL)
            found = _latest(self._target.usage(since), resource)
            latest = latest if found is None else found
            if latest is not None and latest < left:
                return False
        most = grown.total * max(1.0, seconds / max(took, _POLL)) * _BY_ITSELF
        return latest is not None and latest - grown.last[1] <= most

    def _sign(self, resource: Resource, each: float, repeated: Repetition) -> str:
        """The message that is told, or the connection; what was told before where this is no more of it.

        A connection is part of what bent messages do. Where three messages keep as much, it is in what they share.
        """
        name = repeated.message if repeated.bent or not repeated.connections else _CONNECTION
        known = self._told.get((resource, _CONNECTION))
        if known is not None and repeated.connections and each <= (1 + _SAME) * known * repeated.connections:
            return _CONNECTION
        alike = [n for (r, n), e in self._told.items() if r is resource and abs(e - each) <= _SAME * each]
        return alike[0] if name not in alike and len(alike) >= _WAYS else name

    def state(self) -> object:
        """Nothing that a replay must not know."""
        return None

    def restore(self, state: Any) -> None:
        """Nothing to restore."""


def _are_steady(samples: Sequence[Usage]) -> bool:
    """True where it holds no more but memory: of what is not given back yet, that is a part."""
    others = [
        [amount for one in samples if (amount := one.of(r)) is not None] for r in Resource if r is not Resource.MEMORY
    ]
    return all(max(amounts) - min(amounts) <= _UNSTEADY for amounts in others)


def _raise_at_limit(transcript: Transcript) -> None:
    """Whatever the program was about to do, it was the bench that ended it."""
    for event in transcript.events:
        if event.kind == LIMIT:
            raise OwnError(f"the target's process was ended by {event.detail['status']}. Give it more.")


def _points(samples: Sequence[Usage], transcript: Transcript, repeated: Repetition, resource: Resource) -> list[Point]:
    """How much there was after so many repetitions."""
    ends = [exchange.ended_at for exchange in transcript.exchanges if exchange.message == repeated.counted]
    ends = sorted(ends[: repeated.times * repeated.in_each])
    told = [(sample.time, sample.of(resource)) for sample in samples if sample.time <= transcript.ended]
    return [(bisect_right(ends, time) // repeated.in_each, amount) for time, amount in told if amount is not None]


def _latest(samples: Sequence[Usage], resource: Resource) -> int | None:
    return next((amount for one in reversed(samples) if (amount := one.of(resource)) is not None), None)


def _observation(
    resource: Resource, grown: Growth, repeated: Repetition, sign: str, waited: float, transcript: Transcript
) -> Observation:
    (first, before), (last, after) = grown.first, grown.last
    detail = {
        "resource": resource.value,
        "for each": f"{grown.each:,.2f}" if grown.each < _FEW else f"{grown.each:,.0f}",
        "held": f"{before:,} after {first:,} times, {after:,} after {last:,}, and still {waited:g} s later",
        "weakness": _WEAKNESS.get(resource, _OTHERS),
    }
    what = _amount(resource, grown.each)
    summary = f"the program keeps {what} with {repeated.words}: {after - before:,} in {last - first:,}"
    return Observation(
        Kind.RESOURCE_LEAK, "resources", summary, transcript.ended, (resource.value, sign), detail=detail
    )


_FEW = 10


def _amount(resource: Resource, each: float) -> str:
    """`4,112 bytes of memory`, `1 descriptor`, `0.5 threads`."""
    if resource is Resource.MEMORY:
        return f"{each:,.0f} bytes of memory"
    number = f"{each:,.1f}".removesuffix(".0")
    one = resource.value.removesuffix("s") if resource is not Resource.PROCESSES else "process"
    return f"{number} {one if number == '1' else resource.value}"
