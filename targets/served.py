"""A target outside this process: one that the bench starts (`process`) or one that is already there (`external`).

A channel (see `targets.channel`) carries signals, console text and events from an emulator or a bench adapter, and
takes resets and stimuli. Without one, these are external commands.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping, Sequence
from typing import Any

from harness.bench import Bench
from harness.errors import BenchError, LinkError, TargetError, UsageError, did_you_mean
from harness.interfaces import Link, Transport
from harness.transcript import Sample, TargetEvent
from harness.transports import transport
from targets.channel import Channel, DeviceClock, number_in
from targets.process import OwnProcess

_EXIT_SECONDS = 0.5
_POLL = 0.02
_KINDS = frozenset({"fault", "hang", "reset", "exit"})
_RESTATEMENTS = 2


class ServedTarget:
    """Time is the wall clock. Owns its process, if it started one, and its channel."""

    def __init__(self, bench: Bench) -> None:
        self._bench, self._table = bench, bench.target
        self.name = bench.target.name
        self._process: OwnProcess | None = None
        self._channel: Channel | None = None
        self._events: list[TargetEvent] = []
        self._samples: list[Sample] = []
        self._console: list[tuple[float, bytes]] = []
        self._values: dict[str, float | None] = {}
        self._clock = DeviceClock()
        self._restatements = 0
        self._told: OwnProcess | None = None
        self._suspect = False

    @property
    def pid(self) -> int | None:
        """The process id of our own process, while there is one."""
        return self._process.pid if self._process is not None else None

    # -- life -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the process, if it is ours, open the channel, and begin from a cold start where the channel can."""
        try:
            self._begin()
        except BenchError:
            self.stop()
            raise

    def _begin(self) -> None:
        if self._table.kind == "process":
            self._start_process()
        self._open_channel()
        self.calm()
        if self._channel is not None and not self._table.reset_command:
            self._reset_by(self._channel)

    def calm(self) -> None:
        """Settings back to the baseline and every stimulus at its initial value, as far as the bench can."""
        if self._process is not None and self._process.ended():
            return
        self._clock.forget()
        if self._table.baseline_command:
            _run(self._table.baseline_command, self._table.reset_timeout)
        elif self._channel is not None and "baseline" in self._channel.offers:
            self._channel.say("baseline")
        for name, stimulus in self._bench.stimuli.items():
            if self._channel is not None or stimulus.command:
                self.stimulate(name, stimulus.initial)

    def _start_process(self) -> None:
        if self._process is not None and not self._process.ended():
            return
        self._refuse_strangers()
        self._process = OwnProcess(self._table.command)
        deadline = time.monotonic() + self._table.ready
        for moniker in self._monikers():
            self._await_link(self._process, moniker, deadline)

    def _monikers(self) -> list[str]:
        return [table.transport for table in self._bench.interfaces.values()]

    def _refuse_strangers(self) -> None:
        """What already listens where our process will be would be fuzzed in its place."""
        for moniker in filter(None, (*self._monikers(), self._table.channel)):
            if moniker.startswith("tcp:") and _opens(moniker, self):
                raise TargetError(f"{moniker}: something listens there already. End it, or choose another port")

    def _await_link(self, process: OwnProcess, moniker: str, deadline: float) -> None:
        """Until the link opens; raises TargetError when the process ends or the bench's `ready` seconds are over."""
        while not _opens(moniker, self):
            if words := process.ended():
                raise TargetError(f"the target's process ended at once with {words}: {process.last_words()}")
            if time.monotonic() > deadline:
                raise TargetError(f"the target did not come up in {self._table.ready:g} s: {moniker} does not open")
            time.sleep(_POLL)

    def _open_channel(self) -> None:
        if self._table.channel:
            self._close_channel()
            self._channel = Channel(self._table.channel, self._table.ready)

    def _close_channel(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def stop(self) -> None:
        """Close the channel and end our own process, politely first."""
        self._close_channel()
        process, self._process = self._process, None
        if process is not None:
            process.stop()

    def reset(self) -> None:
        """Cold start: by the bench's reset command, else over the channel, else our process ends and starts again."""
        if self._table.kind == "process" and (self._process is None or self._process.ended()):
            self._again()
        elif self._table.reset_command:
            _run(self._table.reset_command, self._table.reset_timeout)
            time.sleep(self._table.settle)
        elif self._table.channel:
            self._reset_over_channel()
        elif self._table.kind == "process":
            self._again()

    def can_reset(self) -> bool:
        """True with a process of our own, a reset command or a channel."""
        return bool(self._table.kind == "process" or self._table.reset_command or self._table.channel)

    def _again(self) -> None:
        self.stop()
        self.start()

    def _reset_over_channel(self) -> None:
        try:
            if self._channel is None:
                self._open_channel()
            if self._channel is not None:
                self._reset_by(self._channel)
        except BenchError:
            if self._table.kind != "process":
                raise
            self._again()

    def _reset_by(self, channel: Channel) -> None:
        self._restatements = 0
        channel.say("reset")
        deadline = time.monotonic() + self._table.reset_timeout
        while time.monotonic() < deadline:
            for entry in channel.lines(0.1):
                if entry.get("event") == "ready":
                    self._forget(number_in(entry.get("time")))
                else:
                    self._take(entry)
            if self._restatements:
                return
        raise TargetError(
            f"the target did not come back in {self._table.reset_timeout:g} s after a reset; see to the bench"
        )

    def _forget(self, device_time: float | None) -> None:
        """What was told of the time before a reset is past."""
        self._values.clear()
        self._samples.clear()
        self._clock.anchor(device_time, time.monotonic())
        self._restatements = _RESTATEMENTS

    def watch(self, carrier: Transport) -> Transport:
        """The same transport; where it does not open any more, the end of our process is waited for."""
        return _WatchedTransport(carrier, self)

    def suspect(self) -> None:
        """A link does not open: our process may be about to end."""
        self._suspect = True

    def stimulate(self, stimulus: str, value: float) -> None:
        """Over the channel, or by the stimulus's own command with `{value}` replaced."""
        table = self._bench.stimuli.get(stimulus)
        if table is None:
            raise UsageError(
                f"unknown stimulus '{stimulus}'.{did_you_mean(stimulus, self._bench.stimuli)} See [stimuli]"
            )
        if table.command:
            _run([part.replace("{value}", f"{value:g}") for part in table.command], self._table.reset_timeout)
        elif self._channel is not None:
            self._channel.say(f"stimulate {stimulus} {value:g}")
        else:
            raise UsageError(f'[stimuli.{stimulus}] needs command = ["PROGRAM", "{{value}}"] or [target] channel')

    def advance(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def now(self) -> float:
        """The monotonic clock."""
        return time.monotonic()

    # -- what it tells --------------------------------------------------------------------------------------------

    def _listen(self) -> None:
        """Take in what the channel told; one that broke because our process ended is told of by its exit."""
        if not self._table.channel or (self._process is not None and self._process.ended()):
            return
        try:
            if self._channel is None:
                raise LinkError(f"{self._table.channel}: the channel is closed")
            entries = self._channel.caught_up()
        except LinkError as error:
            self._close_channel()
            if self._process is None or not self._process.ended(_EXIT_SECONDS):
                raise TargetError(f"signals and events are lost: {error}") from error
            return
        for entry in entries:
            self._take(entry)

    def _take(self, entry: dict[str, Any]) -> None:
        moment = self._clock.link_time(number_in(entry.get("time")), time.monotonic())
        kind, signals, detail = entry.get("event"), entry.get("signals"), entry.get("detail")
        if isinstance(signals, dict):
            told: dict[str, object] = signals  # pyright: ignore[reportUnknownVariableType]
            self._values.update({name: number_in(value) for name, value in told.items()})
            self._samples.append(self._sample(moment))
        elif "console" in entry:
            self._console.append((moment, str(entry["console"]).encode("latin-1", "replace")))
        elif isinstance(kind, str) and kind in _KINDS:
            words: dict[str, object] = detail if isinstance(detail, dict) else {}  # pyright: ignore[reportUnknownVariableType]
            self._events.append(TargetEvent(kind, moment, {key: str(word) for key, word in words.items()}))

    def _sample(self, moment: float) -> Sample:
        return Sample(moment, tuple(self._values.get(name) for name in self._bench.signals))

    def take_events(self) -> Sequence[TargetEvent]:
        """Events of the channel, and our process's end."""
        self._listen()
        wait, self._suspect = _EXIT_SECONDS if self._suspect else 0.0, False
        if self._process is not None and self._process is not self._told and (words := self._process.ended(wait)):
            self._told = self._process
            self._events.append(TargetEvent("exit", time.monotonic(), {"status": words}))
        events, self._events = self._events, []
        return events

    def take_samples(self) -> Sequence[Sample]:
        """Samples of the channel since the last call; soon after a reset, what holds even though nothing changed."""
        self._listen()
        samples, self._samples = self._samples, []
        if self._restatements and self._values:
            self._restatements -= 1
            samples = samples or [self._sample(time.monotonic())]
        return samples

    def take_console(self) -> Sequence[tuple[float, bytes]]:
        """Console text of the channel since the last call."""
        self._listen()
        console, self._console = self._console, []
        return console

    def facts(self) -> Mapping[str, str]:
        """How it is reached."""
        facts = {"kind": self._table.kind, "name": self.name}
        if self._table.command:
            facts["command"] = " ".join(self._table.command)
        return facts


class _WatchedTransport:
    """A process closes its sockets some time before it has ended."""

    def __init__(self, carrier: Transport, target: ServedTarget) -> None:
        self.moniker, self._carrier, self._target = carrier.moniker, carrier, target

    def open(self, timeout: float) -> Link:
        """As the transport itself does."""
        try:
            return self._carrier.open(timeout)
        except LinkError:
            self._target.suspect()
            raise


def _opens(moniker: str, target: object) -> bool:
    try:
        transport(moniker, target).open(1.0).close()
    except LinkError:
        return False
    return True


def _run(command: list[str], timeout: float) -> None:
    try:
        done = subprocess.run(command, capture_output=True, timeout=timeout, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TargetError(f"{command[0]}: {error}. Run the command by hand") from error
    if done.returncode:
        raise TargetError(f"{' '.join(command)}: exit status {done.returncode}. Run the command by hand")


def served_target(bench: Bench) -> ServedTarget:
    """The target of a bench of kind `process` or `external`."""
    return ServedTarget(bench)
