"""Makes a reproducer smaller, the largest pieces first: cases, steps, states, fields, and what is in a field.

It asks by yielding a window and is sent whether that still shows the fault; nothing here talks to a device. Fields go
back to their usual values, so that lengths and checksums stay right unless being wrong is the fault.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from harness.case import Send, Step, TestCase, Wait
from harness.finding import Size
from harness.interfaces import Dissects, Part, State, WireProtocol
from harness.triage.reduce import Asks, fewest, mapped, nearest

Window = tuple[TestCase, ...]
Place = tuple[int, int]  # of a step: number of the case, number of the step
_TENTHS = 10


class Shrinker:
    """`protocols` by interface: their states, and their messages taken apart."""

    def __init__(self, protocols: Mapping[str, WireProtocol]) -> None:
        self._protocols = protocols

    def shrink(self, window: Window) -> Asks[Window]:
        """Ends with a window of which none of these passes makes anything smaller."""
        pieces = (self._cases, self._steps, self._states, self._steps)
        while True:
            before = window
            for smaller in (*pieces, self._waits, self._fields, self._values):
                window = yield from smaller(window)
            if window == before:
                return window

    def protocol(self, interface: str) -> WireProtocol:
        """What is spoken there."""
        return self._protocols[interface]

    def size(self, window: Window) -> Size:
        """What the window puts on the wire, the ways to its states included."""
        sends = [step for case in window for step in (*self._way(case), *case.steps) if isinstance(step, Send)]
        return Size(len(sends), sum(len(send.data) for send in sends))

    def weight(self, window: Window) -> tuple[int, int, int]:
        """What is smaller comes first: messages and bytes on the wire, then steps, all with the ways to the states."""
        size = self.size(window)
        return size.messages, size.octets, sum(len(self._way(case)) + len(case.steps) for case in window)

    def _way(self, case: TestCase) -> tuple[Step, ...]:
        state = self._protocols[case.interface].states.get(case.state)
        return () if state is None else state.preamble

    def emptied(self, window: Window) -> Asks[Window]:
        """At last: texts that are as usual are emptied where that does, else cut short. Fewer bytes, more unusual."""
        for place in reversed(places_of(window, Send)):
            window = yield from self._emptied_at(window, place)
        return window

    # -- cases, steps, states -----------------------------------------------------------------------------------------

    def _cases(self, window: Window) -> Asks[Window]:
        def built(leaders: Sequence[TestCase]) -> Window:
            return (*leaders, window[-1])

        return built((yield from mapped(fewest(window[:-1]), built)))

    def _steps(self, window: Window) -> Asks[Window]:
        places = [(number, step) for number, case in enumerate(window) for step in range(len(case.steps))]

        def built(kept: Sequence[Place]) -> Window:
            cases = [_with_steps(case, [s for n, s in kept if n == number]) for number, case in enumerate(window)]
            return tuple(case for case in cases if case.steps)

        return built((yield from mapped(fewest(places, least=1), built)))

    def _states(self, window: Window) -> Asks[Window]:
        """The simplest state; else the way to the state as steps, some of which can be left out."""
        for number, case in enumerate(window):
            nearer = self._nearer(case)
            for state in nearer:
                candidate = _in_place(window, number, replace(case, state=state.name))
                if (yield candidate):
                    window = candidate
                    break
            else:
                if nearer:
                    window = yield from self._unrolled(window, number, nearer[0])
        return window

    def _nearer(self, case: TestCase) -> list[State]:
        states = self._protocols[case.interface].states
        here = states.get(case.state)
        return [] if here is None else sorted((s for s in states.values() if _way(s) < _way(here)), key=_way)

    def _unrolled(self, window: Window, number: int, nearest: State) -> Asks[Window]:
        """The way as steps from the nearest state, without those that are not needed, where that is no larger."""
        case = window[number]
        whole = replace(case, state=nearest.name, steps=_behind(self._way(case), case.steps))

        def built(kept: Sequence[int]) -> Window:
            return _in_place(window, number, _with_steps(whole, kept))

        if not (yield _in_place(window, number, whole)):
            return window
        smaller = built((yield from mapped(fewest(range(len(whole.steps)), least=1), built)))
        return smaller if self.weight(smaller) <= self.weight(window) else window

    def _waits(self, window: Window) -> Asks[Window]:
        for place in places_of(window, Wait):
            if isinstance(wait := _step(window, place), Wait) and wait.seconds > 1 / _TENTHS:
                window = yield from _shorter(window, place, wait.seconds)
        return window

    # -- fields -------------------------------------------------------------------------------------------------------

    def _fields(self, window: Window) -> Asks[Window]:
        """Fewer fields that are unusual, over all messages at once."""
        unusual = [(place, part) for place in places_of(window, Send) for part in self.parts(window, place) or ()]

        def built(kept: Sequence[tuple[Place, Part]]) -> Window:
            smaller = window
            for place in places_of(window, Send):
                if self.parts(window, place) is not None:
                    smaller = self._recomposed(smaller, place, [part for at, part in kept if at == place])
            return smaller

        return built((yield from mapped(fewest(unusual), built))) if unusual else window

    def _emptied_at(self, window: Window, place: Place) -> Asks[Window]:
        parts, texts = self.parts(window, place), self._texts(window, place)
        if parts is None or not texts:
            return window

        def built(kept: Sequence[Part]) -> Window:
            empty = [replace(text, data=b"") for text in texts if text not in kept]
            return self._recomposed(window, place, [*parts, *empty])

        kept = yield from mapped(fewest(texts), built)
        window = built(kept)
        for text in kept:
            window = yield from self._cut(window, place, text)
        return window

    def _texts(self, window: Window, place: Place) -> tuple[Part, ...]:
        protocol, send = self._protocols[window[place[0]].interface], _step(window, place)
        return protocol.texts(send) if isinstance(protocol, Dissects) and isinstance(send, Send) else ()

    def _cut(self, window: Window, place: Place, text: Part) -> Asks[Window]:
        """A text that has to hold something, as short as does."""
        parts, size = self.parts(window, place) or (), len(text.data)

        def built(length: int) -> Window:
            return self._recomposed(window, place, [*parts, replace(text, data=text.data[:length])])

        length = yield from mapped(nearest(0, size), built)
        return built(length) if length < size else window

    def _values(self, window: Window) -> Asks[Window]:
        """Numbers next to the boundary, texts as short and as plain as may be."""
        for place in places_of(window, Send):
            for number in range(len(self.parts(window, place) or ())):
                for smaller in (_width, _number, _length, _content):
                    window = yield from self._valued(window, place, number, smaller)
        return window

    def _valued(
        self, window: Window, place: Place, number: int, smaller: Callable[[Part], Asks[bytes]]
    ) -> Asks[Window]:
        parts = self.parts(window, place) or ()
        if number >= len(parts):
            return window

        def built(data: bytes) -> Window:
            return self.changed(window, place, number, data)

        data = yield from mapped(smaller(parts[number]), built)
        return window if data == parts[number].data else built(data)

    def parts(self, window: Window, place: Place) -> tuple[Part, ...] | None:
        """The unusual fields of a message; None for bytes that its protocol does not know."""
        protocol, send = self._protocols[window[place[0]].interface], _step(window, place)
        return protocol.parts(send) if isinstance(protocol, Dissects) and isinstance(send, Send) else None

    def changed(self, window: Window, place: Place, number: int, data: bytes) -> Window:
        """The window with other bytes in one of the unusual fields of a message."""
        parts = self.parts(window, place) or ()
        changed = [*parts[:number], replace(parts[number], data=data), *parts[number + 1 :]]
        return self._recomposed(window, place, changed)

    def _recomposed(self, window: Window, place: Place, parts: Sequence[Part]) -> Window:
        protocol, send = self._protocols[window[place[0]].interface], _step(window, place)
        if not (isinstance(protocol, Dissects) and isinstance(send, Send)):
            return window
        smaller = protocol.composed(send, parts)
        as_it_was = not send.mutated and set(parts) <= set(protocol.parts(send) or ())
        return _put(window, place, replace(smaller, mutated=False) if as_it_was else smaller)


# -- values -----------------------------------------------------------------------------------------------------------


def _width(part: Part) -> Asks[bytes]:
    """A number of as many bytes as usual, the greatest or the least, where that does."""
    if part.number not in ("big", "little") or len(part.data) == len(part.usual):
        return part.data
    for data in (b"\xff" * len(part.usual), bytes(len(part.usual))):
        if (yield data):
            return data
    return part.data


def _number(part: Part) -> Asks[bytes]:
    """On the way from the usual number to this one, the first that shows it."""
    order, size = part.number, len(part.data)
    if order not in ("big", "little") or not part.data or not part.usual:
        return part.data

    def data(value: int) -> bytes:
        return value.to_bytes(size, order)

    good, bad = int.from_bytes(part.usual, order), int.from_bytes(part.data, order)
    return data((yield from mapped(nearest(good, bad), data)))


def _length(part: Part) -> Asks[bytes]:
    """As few bytes as show it, cut at the end; as many as usual where that will do."""
    size, usual = len(part.data), len(part.usual)
    if part.number or size <= 1:
        return part.data

    def data(length: int) -> bytes:
        return part.data[:length]

    if size > usual > 0:
        if not (yield data(usual)):
            return data((yield from mapped(nearest(usual, size), data)))
        size = usual
    return data((yield from mapped(nearest(0, size), data)))


def _content(part: Part) -> Asks[bytes]:
    """Plain bytes where they do, else as few as may be that are not."""
    size = len(part.data)
    if part.number or not size:
        return part.data
    plain = [data for data in ((part.usual * size)[:size], b"A" * size, bytes(size)) if len(data) == size]
    for data in plain:
        if data == part.data or (yield data):
            return data

    def mixed(kept: Sequence[int]) -> bytes:
        return bytes(part.data[n] if n in kept else plain[0][n] for n in range(size))

    special = [n for n in range(size) if part.data[n] != plain[0][n]]
    return mixed((yield from mapped(fewest(special, least=1), mixed)))


# -- windows ----------------------------------------------------------------------------------------------------------


def places_of(window: Window, kind: type[Step]) -> list[Place]:
    """Where steps of a kind stand."""
    return [(n, s) for n, case in enumerate(window) for s, step in enumerate(case.steps) if isinstance(step, kind)]


def _shorter(window: Window, place: Place, seconds: float) -> Asks[Window]:
    tenths = round(seconds * _TENTHS)

    def built(tenths: int) -> Window:
        return _put(window, place, Wait(tenths / _TENTHS))

    found = yield from mapped(nearest(0, tenths), built)
    return built(found) if found < tenths else window


def _step(window: Window, place: Place) -> Step:
    return window[place[0]].steps[place[1]]


def _in_place(window: Window, number: int, case: TestCase) -> Window:
    return (*window[:number], case, *window[number + 1 :])


def _put(window: Window, place: Place, step: Step) -> Window:
    number, at = place
    case = window[number]
    return _in_place(window, number, replace(case, steps=(*case.steps[:at], step, *case.steps[at + 1 :])))


def _with_steps(case: TestCase, kept: Sequence[int]) -> TestCase:
    """Only these steps; one that repeats an earlier one still finds it, or stands for itself."""
    if len(kept) == len(case.steps):
        return case
    now_at = {old: new for new, old in enumerate(kept)}
    steps = [case.steps[number] for number in kept]
    return replace(case, steps=tuple(_repointed(step, now_at) for step in steps))


def _repointed(step: Step, now_at: Mapping[int, int]) -> Step:
    if isinstance(step, Send) and step.replay_of >= 0:
        return replace(step, replay_of=now_at.get(step.replay_of, -1))
    return step


def _behind(preamble: Sequence[Step], steps: Sequence[Step]) -> tuple[Step, ...]:
    first = len(preamble)
    moved = (_repointed(step, {n: n + first for n in range(len(steps))}) for step in steps)
    return (*preamble, *moved)


def _way(state: State) -> int:
    return len(state.preamble)
