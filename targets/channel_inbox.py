"""What the side channel has told and nobody has asked for yet: samples, console text and events, in link time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.transcript import Sample, TargetEvent
from targets.channel_entry import ChannelEntry
from targets.clock import DeviceClock

_RESTATEMENTS = 2


class ChannelInbox:
    """Takes entries, gives them back by kind. A signal is unknown until it is told; then it holds.

    `troubled` is true from an event on until the device restarts at our wish.
    """

    def __init__(self, signals: Iterable[str]) -> None:
        self._names = tuple(signals)
        self._values: dict[str, float | None] = {}
        self._clock = DeviceClock()
        self._restatements = 0
        self.troubled = False
        self._samples: list[Sample] = []
        self._console: list[tuple[float, bytes]] = []
        self._events: list[TargetEvent] = []

    def take(self, entry: ChannelEntry, now: float) -> None:
        """File one entry that came at link second `now`."""
        moment = self._clock.link_time(entry.time, now)
        if entry.signals is not None:
            self._values.update({name: entry.signals[name] for name in self._names if name in entry.signals})
            self._samples.append(self._sample(moment))
        if entry.console is not None:
            self._console.append((moment, entry.console.encode("latin-1", "replace")))
        if entry.event and entry.event != "ready":
            self.note(TargetEvent(entry.event, moment, entry.detail))

    def hear(self, text: bytes, now: float) -> None:
        """Console text that did not come over the channel."""
        if text:
            self._console.append((now, text))

    def note(self, event: TargetEvent) -> None:
        """An event that did not come over the channel."""
        self.troubled = True
        self._events.append(event)

    def _sample(self, moment: float) -> Sample:
        return Sample(moment, tuple(self._values.get(name) for name in self._names))

    def connected(self) -> None:
        """The channel is a new one: its signals are those that it tells from here on, its clock may be another."""
        self._values.clear()
        self._clock.restart()

    def restarted(self, device: float | None, now: float) -> None:
        """The device is ready after a restart: its signals are those that it tells from here on."""
        self._values.clear()
        self._clock.anchor(device, now)
        self._restatements, self.troubled = _RESTATEMENTS, False

    def power_cycled(self) -> None:
        """The device restarted, the channel perhaps not: what holds is told again, on a clock that may begin anew."""
        self._clock.restart()
        self._restatements, self.troubled = _RESTATEMENTS, False

    def begin_anew(self) -> None:
        """What was told so far is past for those who watch; events are not, somebody has to hear of them."""
        self._samples.clear()
        self._console.clear()
        self._clock.forget()

    def samples(self, now: float) -> Sequence[Sample]:
        """Those since the last call; soon after a restart, what holds even though nothing changed."""
        samples, self._samples = self._samples, []
        if self._restatements and self._values:
            self._restatements -= 1
            samples = samples or [self._sample(self._clock.link_time(None, now))]
        return samples

    def console(self) -> Sequence[tuple[float, bytes]]:
        """Console text since the last call."""
        console, self._console = self._console, []
        return console

    def events(self) -> Sequence[TargetEvent]:
        """Events since the last call."""
        events, self._events = self._events, []
        return events
