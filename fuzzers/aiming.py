"""Probes of messages and of what is kept; what comes of them: fields with the numbers they are compared with."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from fuzzers.chains import chains_after, is_natural
from fuzzers.operands import by_place, hits
from fuzzers.probes import Numbers, Painter, Place
from fuzzers.scales import Scale, is_free
from harness.case import Send, Step, TestCase
from harness.learned import Aim, Begun, Compared, Looked
from protocols.model import Message, Protocol
from protocols.render import Change

RUNS = 3
_SEEDLING = 64  # own cases for each probe of what was kept
_MOST_STEPS = 12
_MOST_AIMS = 64  # of one probe
_LOST = 0.08  # of the comparisons, where other numbers lead another way
_HOPELESS = 2  # messages in which a field led another way: it is not moved in others


@dataclass(slots=True)
class Probe:
    """A sequence in a state, with the fields of it that are looked into: the same run thrice, with other numbers."""

    state: str
    steps: tuple[Step, ...]
    scales: Mapping[Place, Scale]
    numbers: list[Numbers] = field(default_factory=list[Numbers])
    runs: list[tuple[Compared, ...]] = field(default_factory=list[tuple[Compared, ...]])

    def part(self, places: Sequence[Place]) -> Probe:
        """The same with fewer fields."""
        return Probe(self.state, self.steps, {place: self.scales[place] for place in places})


class Aimer:
    """Begins with each message where it can be accepted, and goes on with what showed new code.

    Where the fields of a probe lead the program another way, each half of them is looked into by itself.
    """

    def __init__(
        self, protocol: Protocol, states: Sequence[str], max_len: int, stimuli: Collection[str] | None
    ) -> None:
        self._protocol, self._states, self._stimuli = protocol, states, stimuli
        self._painter = Painter(protocol, max_len)
        self._next: deque[Probe | tuple[str, tuple[Step, ...], int, bool]] = deque(self._first())
        self._kept: deque[tuple[TestCase, int]] = deque()
        self._known: set[object] = set()
        self._probes: list[Probe] = []
        self._aims: deque[tuple[Probe, Aim]] = deque()
        self._late: deque[tuple[Probe, Aim]] = deque()
        self._tried: set[tuple[str, str, int]] = set()
        self._met: set[tuple[str, int]] = set()
        self._breaking: dict[str, set[str]] = {}
        self._later = 0
        self._begun: Begun | None = None

    def _first(self) -> Iterator[tuple[str, tuple[Step, ...], int, bool]]:
        """Each message with what may follow it, by its numbers, then its lengths, then those of its live texts."""
        whole = [(message, self._state_for(message)) for message in self._protocol.messages.values()]
        for message, state in whole:
            for lengths in (False, True):
                yield (*self._in_order(message, message.send(), state), lengths)
            for leaf in message.layout.leaves:
                if leaf.live and is_free(leaf):
                    said = message.mutated([Change(leaf.name, message.layout.usual(leaf))])
                    yield (*self._in_order(message, said, state), True)

    def _state_for(self, message: Message) -> str:
        fit = [state for state in self._states if state in message.accepted_in]
        natural = [state for state in self._states if is_natural(self._protocol, message, state)]
        return (fit or natural or list(self._states))[0]

    def _in_order(self, message: Message, send: Send, state: str) -> tuple[str, tuple[Step, ...], int]:
        chain = next(iter(chains_after(self._protocol, message.name, self._stimuli)), ())
        before = self._protocol.lead_in(message.name) if is_natural(self._protocol, message, state) else ()
        return state, (*before, self._protocol.in_place(send), *chain), len(before)

    # -- probes -----------------------------------------------------------------------------------------------------

    def offer(self, case: TestCase) -> None:
        """A case that showed new code: it is looked into in its turn, unless one like it was."""
        sends = [(index, step) for index, step in enumerate(case.steps) if isinstance(step, Send)]
        if not sends or len(case.steps) > _MOST_STEPS or any(send.replay_of >= 0 for _, send in sends):
            return
        unusual = [(index, [part.name for part in self._protocol.parts(send) or ()]) for index, send in sends]
        key = (case.state, tuple(send.message for _, send in sends), repr(unusual))
        if key not in self._known:
            self._known.add(key)
            self._kept.append((case, max((index for index, names in unusual if names), default=sends[-1][0])))

    def probe(self, dealt: int) -> tuple[int, Probe] | None:
        """The next to be looked into, when so many cases were dealt, and its number."""
        while self._next or (self._kept and self._later < dealt // _SEEDLING):
            if self._next:
                wanted = self._next.popleft()
                probe = wanted if isinstance(wanted, Probe) else self._made(*wanted)
            else:
                self._later += 1
                case, step = self._kept.popleft()
                probe = self._made(case.state, case.steps, step, lengths=False)
            if probe.scales:
                self._probes.append(probe)
                number = len(self._probes) - 1
                if self._begun is not None and self._begun.probe == number:
                    probe.runs = [tuple(Compared(*one) for one in run) for run in self._begun.runs]
                return number, probe
        return None

    def _made(self, state: str, steps: tuple[Step, ...], step: int, lengths: bool) -> Probe:
        found = self._painter.scales(steps, step, lengths=lengths)
        hopeless = {name for name, messages in self._breaking.items() if len(messages) >= _HOPELESS}
        return Probe(state, steps, {place: scale for place, scale in found.items() if place[1] not in hopeless})

    def runs(self, probe: Probe, random: Random) -> Iterator[tuple[Step, ...]]:
        """The steps of its runs, the first as it stands."""
        probe.numbers.append({place: scale.value for place, scale in probe.scales.items()})
        yield probe.steps
        for _ in range(RUNS - 1):
            numbers = self._painter.moved(probe.scales, random)
            probe.numbers.append(numbers)
            yield self._painter.given(probe.steps, probe.scales, numbers)

    def saw(self, number: int, compared: tuple[Compared, ...], dealt: int) -> Looked | None:
        """What was compared in one run; what comes of the probe once all have run."""
        probe = self._probes[number]
        probe.runs.append(compared)
        if len(probe.runs) < RUNS or len(probe.numbers) < RUNS:
            return None
        broken = _lost(probe.runs) > _LOST
        return Looked(number, dealt, broken, () if broken and len(probe.scales) > 1 else tuple(self._found(probe)))

    def _found(self, probe: Probe) -> list[Aim]:
        first, second, third = probe.numbers
        numbers = {place: (value, second[place], third[place]) for place, value in first.items()}
        lengths = {place: scale.kind == "length" for place, scale in probe.scales.items()}
        found = (Aim(*hit.key, hit.number, hit.against, hit.vague) for hit in hits(probe.runs, numbers, lengths))
        return [aim for aim in dict.fromkeys(found) if _is_sayable(probe, aim)][:_MOST_AIMS]

    def begun(self) -> Begun | None:
        """The probe that is under way."""
        number = len(self._probes) - 1
        runs = self._probes[number].runs if self._probes else []
        return Begun(number, tuple(runs)) if runs else None

    def go_on(self, begun: Begun | None) -> None:
        """Before any is dealt: what that probe had shown when they were dealt before."""
        self._begun = begun

    def take(self, looked: Looked) -> None:
        """What came of a probe: aims are dealt in their turn; where it broke, its halves are looked into."""
        probe = self._probes[looked.probe]
        for aim in looked.aims:
            if self._is_untried(probe, aim):
                (self._late if self._is_usual(probe, aim) else self._aims).append((probe, aim))
        places = list(probe.scales)
        if looked.broken and len(places) > 1:
            half = len(places) // 2
            self._next.extendleft(probe.part(some) for some in (places[half:], places[:half]))
        elif looked.broken:
            ((step, name),) = places
            self._breaking.setdefault(name, set()).add(_message(probe.steps[step]))
        probe.runs.clear()

    @property
    def has_work(self) -> bool:
        """True while there is something that nothing else tries."""
        return bool(self._aims or self._next)

    def aimed(self, *, late: bool) -> tuple[Probe, Aim, tuple[Step, ...]] | None:
        """The next case with an aim: the probe that it is from, and its steps."""
        waiting = self._late if late else self._aims
        if not waiting:
            return None
        probe, aim = waiting.popleft()
        return probe, aim, self._painter.given(probe.steps, probe.scales, {(aim.step, aim.field): aim.number})

    def _is_untried(self, probe: Probe, aim: Aim) -> bool:
        key = (_message(probe.steps[aim.step]), aim.field, aim.number)
        fresh = key not in self._tried
        self._tried.add(key)
        return fresh

    def _is_usual(self, probe: Probe, aim: Aim) -> bool:
        """True for what a definition tells anyone, and for what the same field of another message had."""
        known = (aim.field, aim.number) in self._met
        self._met.add((aim.field, aim.number))
        return known or aim.late or probe.scales[aim.step, aim.field].is_limit(aim.number)


def _is_sayable(probe: Probe, aim: Aim) -> bool:
    scale = probe.scales[aim.step, aim.field]
    return aim.number != scale.value and scale.written(aim.number) is not None


def _message(step: Step) -> str:
    return step.message if isinstance(step, Send) else ""


def _lost(runs: Sequence[Sequence[Compared]]) -> float:
    """Which share of what was compared at first, place by place, was not any more."""
    first, *others = (by_place(run).keys() for run in runs)
    return max(len(first - other) for other in others) / len(first) if first else 0.0
