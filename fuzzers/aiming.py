"""Probes of messages and of what is kept; what comes of them: fields with the numbers they are compared with."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from heapq import heappop, heappush
from itertools import islice
from random import Random
from typing import NamedTuple

from fuzzers.chains import chains_after, is_natural
from fuzzers.inquiry import Inquiry, Part, Trial
from fuzzers.operands import Three, by_place, hits
from fuzzers.probes import Numbers, Painter, Place
from fuzzers.repairs import counts_in, repairs_in
from fuzzers.scales import Scale, is_free
from fuzzers.windows import Window, moved_in, three_of, window_of, windows
from harness.case import Send, Step, TestCase
from harness.learned import Aim, Begun, Compared, Counted, Looked, Repair
from protocols.model import Message, Protocol
from protocols.render import Change

RUNS = 3
AIMED = "aimed"  # what is said of such a case begins so
_SEEDLING, _BLIND_SEEDLING = 64, 16  # own cases for each probe of what was kept; where nobody knows fields
_MOST_STEPS = 12
_MOST_AIMS, _MOST_REPAIRS = 64, 4  # of one probe
_LONGER, _MOST_LONGER = 64, 32  # bytes that a message becomes longer with its length; cases of that
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
    sent: list[tuple[Step, ...]] = field(default_factory=list[tuple[Step, ...]])

    def part(self, places: Sequence[Place]) -> Probe:
        """The same with fewer fields."""
        return Probe(self.state, self.steps, {place: self.scales[place] for place in places})


class _Offered(NamedTuple):
    """A case that showed new code, and the message of it that is to be looked into; `fresh`: nothing was asked yet."""

    case: TestCase
    step: int
    lengths: bool
    fresh: bool = False


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
        self._met_aims: deque[_Offered] = deque()
        self._kept: list[tuple[int, int, _Offered]] = []
        self._known: set[object] = set()
        self._probes: list[Probe | Trial] = []
        self._places: set[int] = set()
        self._inquiry: tuple[Inquiry, _Offered] | None = None
        self._waits = False
        self._aims: deque[tuple[Probe, Aim]] = deque()
        self._late: deque[tuple[Probe, Aim]] = deque()
        self._tried: set[tuple[str, str, int, bytes]] = set()
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
        if not sends or (not self._protocol.blind and _is_long(case)):
            return
        unusual = [(index, [part.name for part in self._protocol.parts(send) or ()]) for index, send in sends]
        texts = [self._looked_into(send) for _, send in sends]
        key = (case.state, tuple(send.message for _, send in sends), repr(unusual), repr(texts))
        if key not in self._known:
            self._known.add(key)
            step = max((index for index, names in unusual if names), default=sends[-1][0])
            size = sum(len(send.data) for _, send in sends)
            if any(texts) and self._protocol.blind:
                self._wait(_Offered(case, step, lengths=False, fresh=True), size)
                return
            for lengths in (False, True) if any(texts) else (False,):
                self._wait(_Offered(case, step, lengths), size)

    def _wait(self, offered: _Offered, size: int) -> None:
        """What an aim has led to comes next, of the others the shortest."""
        if offered.case.origin.mutation.startswith(AIMED):
            self._met_aims.append(offered)
        else:
            heappush(self._kept, (size, len(self._known), offered))

    def _due(self, dealt: int) -> _Offered | None:
        if self._met_aims:
            return self._met_aims.popleft()
        if self._kept and self._later < dealt // (_BLIND_SEEDLING if self._protocol.blind else _SEEDLING):
            self._later += 1
            return heappop(self._kept)[-1]
        return None

    def _looked_into(self, send: Send) -> list[bytes]:
        """What stands in the fields that are looked into byte by byte."""
        return [data for leaf, data in self._painter.fields(send) if self._painter.windows(send, leaf, data)]

    # -- inquiries --------------------------------------------------------------------------------------------------

    def _inquire(self, offered: _Offered) -> None:
        """Ask what of the message matters, and which checksum it carries."""
        case = offered.case
        if (part := self._part(case.steps, offered.step)) is None:
            self._asked_enough(offered)
            return
        alone = (self._part((step,), 0) for step in case.steps)
        inquiry = Inquiry(case.state, part, [one for one in alone if one is not None], knows=self._knows)
        self._inquiry, self._waits = (inquiry, offered), False

    def _knows(self, part: Part, data: bytes) -> bool:
        return self._painter.repairs.place(part.message, part.field, data) is not None

    def _part(self, steps: tuple[Step, ...], index: int) -> Part | None:
        """A message's first field that is looked into byte by byte."""
        step = steps[index]
        if not isinstance(step, Send) or step.replay_of >= 0 or (found := self._painter.opaque(step)) is None:
            return None
        leaf, data = found
        return Part(step.message, leaf.name, data, partial(self._painter.replaced, steps, index, leaf.name))

    def _asked_enough(self, offered: _Offered) -> None:
        """Its bytes are looked into next, unless it is too long for that."""
        if _is_long(offered.case):
            return
        self._met_aims.extendleft(offered._replace(lengths=lengths, fresh=False) for lengths in (True, False))

    def _trial(self) -> Trial | None:
        """The next of the inquiry that is under way, once the last was answered."""
        if self._inquiry is None or self._waits:
            return None
        inquiry, offered = self._inquiry
        if (trial := inquiry.trial()) is not None:
            self._waits = True
            return trial
        self._inquiry = None
        if inquiry.found is not None:
            self._painter.repairs.add(inquiry.found)
        case = replace(offered.case, steps=inquiry.steps)
        self._asked_enough(offered._replace(case=case, step=0 if inquiry.alone else offered.step))
        return None

    # -- what is looked into ----------------------------------------------------------------------------------------

    def _numbered(self, probe: Probe | Trial) -> int:
        self._probes.append(probe)
        number = len(self._probes) - 1
        if self._begun is not None and self._begun.probe == number:
            probe.runs = [tuple(Compared(*one) for one in run) for run in self._begun.runs]
        return number

    def probe(self, dealt: int) -> tuple[int, Probe | Trial] | None:
        """The next to be looked into, when so many cases were dealt, and its number."""
        if (trial := self._trial()) is not None:
            return self._numbered(trial), trial
        while self._next or self._met_aims or self._kept:
            turn = isinstance(self._next[0], Probe) or len(self._probes) % 2 if self._next else False
            if self._next and (turn or not self._met_aims):
                wanted = self._next.popleft()
                probe = wanted if isinstance(wanted, Probe) else self._made(*wanted)
            elif (offered := self._due(dealt)) is not None:
                if offered.fresh:
                    self._inquire(offered) if self._inquiry is None else self._asked_enough(offered)
                    if (trial := self._trial()) is not None:
                        return self._numbered(trial), trial
                    continue
                probe = self._made(offered.case.state, offered.case.steps, offered.step, lengths=offered.lengths)
            else:
                return None
            if probe.scales:
                return self._numbered(probe), probe
        return None

    def _made(self, state: str, steps: tuple[Step, ...], step: int, lengths: bool) -> Probe:
        found = self._painter.scales(steps, step, lengths=lengths)
        hopeless = {name for name, messages in self._breaking.items() if len(messages) >= _HOPELESS}
        return Probe(state, steps, {place: scale for place, scale in found.items() if place[1] not in hopeless})

    def runs(self, probe: Probe | Trial, random: Random) -> Iterator[tuple[Step, ...]]:
        """The steps of its runs, the first as it stands."""
        if isinstance(probe, Trial):
            yield from probe.variants
            return
        probe.numbers.append({place: scale.value for place, scale in probe.scales.items()})
        probe.sent.append(probe.steps)
        yield probe.steps
        for _ in range(RUNS - 1):
            numbers = self._painter.moved(probe.scales, random)
            probe.numbers.append(numbers)
            probe.sent.append(self._painter.given(probe.steps, probe.scales, numbers))
            yield probe.sent[-1]

    def saw(self, number: int, compared: tuple[Compared, ...], dealt: int) -> Looked | None:
        """What was compared in one run; what comes of the probe once all have run."""
        probe = self._probes[number]
        probe.runs.append(compared)
        if isinstance(probe, Trial):
            if len(probe.runs) < len(probe.variants):
                return None
            held, places = probe.held(self._places)
            return Looked(number, dealt, held=held, places=places)
        if len(probe.runs) < RUNS or len(probe.numbers) < RUNS:
            return None
        lost = _lost(probe.runs)
        aims = () if lost > _LOST and len(probe.scales) > 1 else tuple(self._found(probe))
        broken = lost > (0 if any(_windows(probe)) else _LOST)
        places = tuple(sorted({one.place for one in probe.runs[0]} - self._places))
        repairs, counts = tuple(self._repairs(probe)), tuple(self._counts(probe))
        return Looked(number, dealt, broken, aims, repairs, counts, places=places)

    def _repairs(self, probe: Probe) -> Iterator[Repair]:
        """Checksums of the fields of bytes that were moved."""
        for (step, name), datas in self._moved(probe):
            for repair, _at in islice(repairs_in(probe.runs, datas), _MOST_REPAIRS):
                yield replace(repair, message=_message(probe.steps[step]), field=name)

    def _counts(self, probe: Probe) -> Iterator[Counted]:
        """Numbers in the fields of bytes that may be how long these are."""
        for (step, name), datas in self._moved(probe):
            for counted in islice(dict.fromkeys(counts_in(probe.runs, datas)), _MOST_REPAIRS):
                yield replace(counted, message=_message(probe.steps[step]), field=name)

    def _moved(self, probe: Probe) -> Iterator[tuple[Place, list[bytes]]]:
        """The fields of bytes that were moved, and what stood there in each run."""
        for step, name in dict.fromkeys((step, window.field) for step, window in _windows(probe)):
            sends = [send for steps in probe.sent if isinstance(send := steps[step], Send)]
            yield (step, name), [self._painter.data(send, name) for send in sends]

    def _found(self, probe: Probe) -> list[Aim]:
        first, second, third = probe.numbers
        numbers = {place: (value, second[place], third[place]) for place, value in first.items()}
        numbers |= self._side_by_side(probe)
        lengths = {place: place in probe.scales and probe.scales[place].kind == "length" for place in numbers}
        room = {(step, name): window.most for step, name in numbers if (window := window_of(name))}
        found = (Aim(*hit.key, hit.number, hit.against, hit.vague) for hit in hits(probe.runs, numbers, lengths, room))
        aims = list(islice((aim for aim in dict.fromkeys(found) if self._is_sayable(probe, aim)), _MOST_AIMS))
        grown = (replace(aim, late=True, longer=more) for aim in aims if (more := self._more(probe, aim)))
        return [*aims, *islice(grown, _MOST_LONGER)]

    def _more(self, probe: Probe, aim: Aim) -> int:
        """By how much a byte would become larger, where it may be a length; 0 for other fields."""
        window = window_of(aim.field)
        more = aim.number - self.scale(probe, (aim.step, aim.field)).value if window and not aim.late else 0
        return more if window and window.stop - window.start == 1 and 0 < more <= _LONGER else 0

    def _side_by_side(self, probe: Probe) -> dict[Place, Three]:
        """The numbers of all windows of fields of bytes that were moved, those of one byte first."""
        found: dict[Place, Three] = {}
        for (step, name), datas in self._moved(probe):
            for window in windows(name, min(map(len, datas))):
                if moved_in(window, datas):
                    found[step, window.name] = three_of(window, datas)
        return found

    def scale(self, probe: Probe, place: Place) -> Scale:
        """How a field, or a window of one, is a number in the probe's case."""
        window = window_of(place[1])
        if place in probe.scales or window is None:
            return probe.scales[place]
        step = probe.steps[place[0]]
        assert isinstance(step, Send)
        return window.scale(self._painter.data(step, window.field))

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
        self._places.update(looked.places)
        if isinstance(probe, Trial):
            probe.inquiry.told(looked)
            probe.runs.clear()
            self._waits = False
            return
        for repair in looked.repairs:
            self._painter.repairs.add(repair)
        for counted in looked.counts:
            self._painter.repairs.count(counted)
        for aim in looked.aims:
            if self._is_untried(probe, aim):
                (self._late if self._is_usual(probe, aim) else self._aims).append((probe, aim))
        places = list(probe.scales)
        if looked.broken and len(places) > 1:
            half = len(places) // 2
            self._next.extendleft(probe.part(some) for some in (places[half:], places[:half]))
        elif looked.broken:
            ((step, name),) = places
            if window_of(name) is None:  # which byte does what is another matter in each message
                self._breaking.setdefault(name, set()).add(_message(probe.steps[step]))
        probe.runs.clear()
        probe.sent.clear()

    @property
    def has_work(self) -> bool:
        """True while there is something that nothing else tries."""
        return bool(self._aims or self._next or self._inquiry)

    def aimed(self, *, late: bool) -> tuple[Probe, Aim, tuple[Step, ...]] | None:
        """The next case with an aim: the probe that it is from, and its steps."""
        waiting = self._late if late else self._aims
        if not waiting:
            return None
        probe, aim = waiting.popleft()
        return probe, aim, self._steps(probe, aim)

    def _steps(self, probe: Probe, aim: Aim) -> tuple[Step, ...]:
        place = aim.step, aim.field
        steps = self._painter.given(probe.steps, {place: self.scale(probe, place)}, {place: aim.number})
        if (window := window_of(aim.field)) is None or not aim.longer:
            return steps
        return self._painter.longer(steps, aim.step, window, aim.longer)

    def repaired(self, steps: Sequence[Step], random: Random) -> tuple[Step, ...]:
        """Bent steps, with the checksums that are known right most often."""
        return self._painter.repaired(steps, random)

    def _is_untried(self, probe: Probe, aim: Aim) -> bool:
        """A field of a message is given each number once; what is tried in bytes depends on the others."""
        step = probe.steps[aim.step]
        data = step.data if isinstance(step, Send) and window_of(aim.field) else b""
        key = (_message(step), f"{aim.field} {aim.longer}", aim.number, data)
        fresh = key not in self._tried
        self._tried.add(key)
        return fresh

    def _is_usual(self, probe: Probe, aim: Aim) -> bool:
        """True for what a definition tells anyone, and for what the same field of another message had."""
        known = (aim.field, aim.number) in self._met
        self._met.add((aim.field, aim.number))
        return known or aim.late or self.scale(probe, (aim.step, aim.field)).is_limit(aim.number)

    def _is_sayable(self, probe: Probe, aim: Aim) -> bool:
        scale = self.scale(probe, (aim.step, aim.field))
        return aim.number != scale.value and scale.written(aim.number) is not None


def _is_long(case: TestCase) -> bool:
    """True where runs would take long, or send again what was sent before."""
    return len(case.steps) > _MOST_STEPS or any(isinstance(step, Send) and step.replay_of >= 0 for step in case.steps)


def _windows(probe: Probe) -> Iterator[tuple[int, Window]]:
    return ((step, window) for step, name in probe.scales if (window := window_of(name)))


def _message(step: Step) -> str:
    return step.message if isinstance(step, Send) else ""


def _lost(runs: Sequence[Sequence[Compared]]) -> float:
    """Which share of what was compared at first, place by place, was not any more."""
    first, *others = (by_place(run).keys() for run in runs)
    return max(len(first - other) for other in others) / len(first) if first else 0.0
