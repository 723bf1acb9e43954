"""The monitors of one campaign together: what they have learned, what they see, and whose fault it is if one fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.case import TestCase
from harness.errors import OwnError
from harness.interfaces import Measuring, Monitor
from harness.outcome import NOTHING_WATCHED
from harness.own import own_error
from harness.temporal import Watched
from harness.transcript import Transcript
from harness.verdict import Kind, Observation

Learned = tuple[object, ...]
_SEEN_ON_THE_WAY = frozenset({Kind.CRASH, Kind.HANG, Kind.EXIT, Kind.UNSAFE_STATE})


class Watch:
    """Asks every monitor about every transcript. `initial` is what they know before anything was seen."""

    def __init__(self, monitors: Sequence[Monitor]) -> None:
        self.monitors = tuple(monitors)
        self._measuring = [monitor for monitor in self.monitors if isinstance(monitor, Measuring)]
        self._on_the_way: list[Observation] = []
        self._trouble: OwnError | None = None
        self.initial = self.learned()

    def learned(self) -> Learned:
        """What the monitors know; passed back to `teach`."""
        return tuple(monitor.state() for monitor in self.monitors)

    def teach(self, learned: Learned) -> None:
        """Back to what they knew."""
        for monitor, state in zip(self.monitors, learned, strict=True):
            monitor.restore(state)

    def look(self, case: TestCase, transcript: Transcript) -> None:
        """What happens on the way to a state is told with the case that follows."""
        seen = self._seen(case, transcript)
        self._on_the_way += [observation for observation in seen if observation.kind in _SEEN_ON_THE_WAY]

    def observe(self, case: TestCase, transcript: Transcript) -> list[Observation]:
        """What was seen on the way and in the case; a lost link is one more."""
        seen = self._seen(case, transcript)
        found, self._on_the_way = self._on_the_way + seen, []
        if transcript.link_error:
            found.append(Observation(Kind.LINK_LOST, "link", transcript.link_error, transcript.ended))
        return found

    def _seen(self, case: TestCase, transcript: Transcript) -> list[Observation]:
        found: list[Observation] = []
        for monitor in self.monitors:
            try:
                found += monitor.observe(case, transcript)
            except OwnError as error:
                self._trouble = error
            except Exception as error:  # noqa: BLE001  a monitor may be a user's own, and what the others saw counts
                self._trouble = own_error(error, f"monitor '{monitor.name}' on case {case.id}")
        return found

    def take_trouble(self) -> OwnError | None:
        """Why a monitor failed since the last call: what it would have seen is not known."""
        trouble, self._trouble = self._trouble, None
        return trouble

    def never_told(self) -> Mapping[str, Sequence[str]]:
        """Requirements that read signals which never had a value, and the names of these."""
        return {name: names for monitor in self._measuring for name, names in monitor.never_told().items()}

    def forget(self) -> None:
        """What was measured and seen so far belongs to no case."""
        self._on_the_way, self._trouble = [], None
        self.take()

    def take(self) -> Watched:
        """What the monitors have measured since the last call."""
        for monitor in self._measuring:
            return monitor.take()
        return NOTHING_WATCHED
