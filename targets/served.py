"""A target outside this process: one that the bench starts (`process`) or one that is already there (`external`).

A channel (see `targets.channel`) carries signals, console text and events from an emulator or a bench adapter, and
takes resets and stimuli. Without one, these are external commands.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence

from harness.bench import Bench
from harness.bench_tables import ProcessTable
from harness.complaint import may_complain
from harness.errors import BenchError, LinkError, LinkGone, TargetError
from harness.interfaces import HearsEchoes, Identity, Link, Listens, Traits, Transport
from harness.radio.process import Radio
from harness.transcript import LIMIT, WORN, Sample, TargetEvent
from harness.usage import Usage, Wakefulness
from targets.channel import Channel, open_channel
from targets.channel_entry import ChannelEntry
from targets.channel_inbox import ChannelInbox
from targets.coverage.program import ProgramCoverage
from targets.launch import is_measured, launch, with_free_channel
from targets.process import OwnProcess, run_command
from targets.sensors import Sensors
from targets.terminal import Terminals
from targets.whereabouts import Whereabouts

_EXIT_SECONDS = 0.5
_POLL = 0.02
HELD_SECONDS = 30.0
_SAYS_SECONDS, _SAYS_PAUSE = 0.1, 0.003


class ServedTarget:
    """Time is the wall clock. Owns its process, if it started one, and its channel."""

    traits = Traits()

    def __init__(self, bench: Bench) -> None:
        self._bench = bench = with_free_channel(bench, self)
        self._table = bench.served
        self._starts = isinstance(bench.target, ProcessTable)
        self.name = bench.target.name
        self._process: OwnProcess | None = None
        monikers = [table.transport for table in bench.interfaces.values()]
        self.terminals = Terminals(monikers) if self._starts else None
        self._covered = ProgramCoverage(bench.process.coverage if self._starts else False)
        self._channel: Channel | None = None
        self._inbox = ChannelInbox(bench.measured)
        self._sensors = Sensors(bench)
        radio = bench.radio
        wanted = Identity(**bench.identity.model_dump())
        self.radio = Radio(
            adapter=radio.adapter, control=radio.control, listen=radio.listen, wanted=wanted, reachable=radio.open
        )
        self._whereabouts = Whereabouts(monikers, self.radio)
        self._exit_reported: OwnProcess | None = None
        self._worn: OwnProcess | None = None
        self._was_idle = False
        self._suspect = False
        self._anew = False

    @property
    def pid(self) -> int | None:
        """The process id of our own process, while there is one."""
        return self._process.pid if self._process is not None else None

    def pids(self) -> tuple[int, ...]:
        """The processes of the bench's own: how long one is held up is not the device's doing."""
        return () if self._process is None else (self._process.pid,)

    def device(self) -> tuple[int, ...] | None:
        """The processes of which the device is made; none where it is not on this machine, None where nobody knows."""
        return self._whereabouts.processes(self.pid)

    # -- life -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the process, if it is ours, open the channel, and begin from a cold start where the channel can."""
        self._anew = True
        self._begin()
        self._inbox.events()  # those of the time before are nobody's

    def _begin(self) -> None:
        try:
            if self._starts and (self._process is None or self._process.ended()):
                self._process = launch(self._bench, self, self.radio, self.terminals, self._covered)
            self._open_channel(self._table.ready if self._process is not None else 0.0)
            self._sensors.calm(self._channel)
            if self._channel is not None and not self._table.reset_command:
                self._restart_by(self._channel)
            else:
                self._set_baseline()
        except BenchError:
            self.stop()
            raise
        self._anew = False

    def calm(self) -> None:
        """Every stimulus at its initial value, as far as the bench can; the settings follow with the next reset.

        A baseline may restart the device. Set by itself it would look like the device's own doing to those who watch.
        """
        self._anew = True
        if self._process is not None and self._process.ended():
            return
        try:
            self._sensors.calm(self._channel)
        except LinkError:
            self._close_channel()

    def _set_baseline(self) -> None:
        """The settings as they were, where somebody wants to begin anew and the bench can."""
        if not self._anew:
            return
        if self._table.baseline_command:
            run_command(self._table.baseline_command, self._table.reset_timeout, self._bench.folder)
        elif self._channel is not None and "baseline" in self._channel.offers:
            self._ask(self._channel, "baseline")
            self._sensors.calm_over(self._channel)

    def _open_channel(self, patience: float = 0.0) -> None:
        """Open it anew where the bench has one; what does not open at once may do so within `patience` seconds."""
        if not self._table.channel:
            return
        self._close_channel()
        deadline = time.monotonic() + patience
        while self._channel is None:
            try:
                self._channel = open_channel(self._table.channel, self._table.ready)
            except LinkError:
                if time.monotonic() > deadline or (self._process is not None and self._process.ended()):
                    raise
                time.sleep(_POLL)
        self._inbox.connected()

    def _close_channel(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def stop(self) -> None:
        """Close the channel, end our own process, politely first, and the radio that was started for it."""
        self._end()
        self._covered.close()
        self.radio.stop()

    def _end(self) -> None:
        self._close_channel()
        self._overhear()
        self._was_idle = self.measured and self.was_idle
        process, self._process = self._process, None
        if process is not None:
            process.stop()
        if self.terminals is not None:
            self.terminals.close()

    def reset(self) -> None:
        """Cold start: by the bench's reset command, else over the channel, else our process ends and starts again.

        After `calm` the settings go back to the baseline first, and nothing that was told before counts any more.
        """
        try:
            self._reset()
        except LinkError as error:
            raise TargetError(f"the target cannot be reset: {error}") from error
        self._anew = False

    def _reset(self) -> None:
        if self._starts and (self._process is None or self._process.ended()):
            self._again()
        elif self._table.reset_command:
            self._reset_by_command()
        elif self._table.channel:
            self._reset_over_channel()
        elif self._starts:
            self._again()
        else:
            self._set_baseline()

    def can_reset(self) -> bool:
        """True with a process of our own, a reset command or a channel."""
        return bool(self._starts or self._table.reset_command or self._table.channel)

    def _again(self) -> None:
        self._end()
        self._begin()

    def _reset_by_command(self) -> None:
        """The channel may be the device's own and go down with it; it is opened again then."""
        self._set_baseline()
        run_command(self._table.reset_command, self._table.reset_timeout, self._bench.folder)
        time.sleep(self._table.settle)
        if self._channel is not None:
            try:
                self._hear(self._channel.caught_up())
            except LinkError:
                self._close_channel()
        if self._channel is None:
            self._open_channel(self._table.ready)
        if self._anew:
            self._inbox.begin_anew()
            self._sensors.calm_over(self._channel)
        self._inbox.power_cycled()

    def _reset_over_channel(self) -> None:
        try:
            if self._channel is None:
                self._open_channel(self._table.ready if self._inbox.troubled else 0.0)
                if self._anew:
                    self._sensors.calm_over(self._channel)
            if self._channel is not None:
                self._restart_by(self._channel)
        except BenchError:
            if not self._starts:
                raise
            self._again()

    def _restart_by(self, channel: Channel) -> None:
        self._set_baseline()
        self._ask(channel, "reset")

    def _ask(self, channel: Channel, words: str) -> None:
        """Have the device restarted, and wait until it is ready; raises TargetError.

        What was told before is heard first, so that no earlier `ready` is taken for this one.
        """
        self._hear(channel.caught_up())
        channel.say(words)
        deadline = channel.now + self._table.reset_timeout
        while channel.now < deadline and (entry := channel.entry(deadline)) is not None:
            if entry.event == "ready":
                self._ready(entry.time)
                return
            if entry.event != "reset":
                self._hear([entry])
        raise TargetError(
            f"the target did not come back in {self._table.reset_timeout:g} s after a {words}; see to the bench"
        )

    def _ready(self, device_time: float | None) -> None:
        if self._anew:
            self._inbox.begin_anew()
        self._inbox.restarted(device_time, time.monotonic())

    def watch(self, carrier: Transport) -> Transport:
        """The same transport; where it does not open any more, the end of our process is waited for."""
        if isinstance(carrier, Listens):
            carrier.give_up_when(self.epitaph)
            return carrier
        return _WatchedTransport(carrier, self)

    def suspect(self) -> bool:
        """A link does not open: true when our process has ended, else it may be about to."""
        self._suspect = True
        return self._process is not None and bool(self._process.ended())

    def epitaph(self) -> str:
        """How our process ended, and its last words; "" while it runs, or where none is ours."""
        if self._process is None or not (words := self._process.ended()):
            return ""
        return f"the target's process ended with {words}: {self._process.last_words()}"

    def last_words(self) -> str:
        """The last line that our process said so far; "" where none is ours."""
        return "" if self._process is None else self._process.last_words()

    def stimulate(self, stimulus: str, value: float) -> None:
        """Set it, and go on when the device's side has taken it, where it offers `sync`."""
        try:
            self._sensors.set(stimulus, value, self._channel)
            if self._channel is not None:
                self._hear(self._channel.caught_up())
        except LinkError as error:
            self._lost(error)

    def advance(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def let_pass(self, seconds: float) -> bool:
        """True where the device is an emulator whose channel offers it, and has let so much time pass at once."""
        if self._channel is None or not self._channel.lets_pass:
            return False
        try:
            self._hear(self._channel.let_pass(seconds))
        except LinkError as error:
            self._lost(error)
            return False
        return True

    def now(self) -> float:
        """The monotonic clock."""
        return time.monotonic()

    # -- what it tells --------------------------------------------------------------------------------------------

    def _hear(self, entries: Iterable[ChannelEntry]) -> None:
        for entry in entries:
            self._inbox.take(entry, time.monotonic())

    def _listen(self) -> None:
        """Take in what the channel told; a process that a signal holds is waited for."""
        self._await_going_on()
        try:
            if self._channel is not None:
                self._hear(self._channel.caught_up())
            elif self._table.channel:
                raise LinkError(f"{self._table.channel}: the channel is closed")
        except LinkError as error:
            self._lost(error)
        except TargetError:
            self._close_channel()
            raise

    def _lost(self, error: LinkError) -> None:
        """A fault of the bench, unless our process ended or the device told of trouble: then it is the device's."""
        if self._channel is not None:
            self._hear(self._channel.last_words())
            self._close_channel()
        ended = self._process is not None and self._process.ended(_EXIT_SECONDS)
        if not ended and not self._inbox.troubled:
            raise TargetError(f"signals and events are lost: {error}") from error

    def _await_going_on(self) -> None:
        """That a signal holds our process is not its own doing; for how long, `Load` knows. Raises TargetError."""
        deadline = time.monotonic() + HELD_SECONDS
        while (process := self._process) is not None and process.stopped:
            if time.monotonic() > deadline:
                raise TargetError(f"process {process.pid} is held by a signal: let it go on (kill -CONT {process.pid})")
            time.sleep(_POLL)

    def take_events(self) -> Sequence[TargetEvent]:
        """Events of the channel, and our process's end."""
        self._listen()
        wait, self._suspect = _EXIT_SECONDS if self._suspect else 0.0, False
        process = self._process
        if process is not None and process is not self._exit_reported and (words := process.ended(wait)):
            self._exit_reported = process
            self._inbox.note(TargetEvent(LIMIT if process.put_down else "exit", time.monotonic(), {"status": words}))
        elif process is not None and process is self._worn:
            self._inbox.note(TargetEvent(WORN, time.monotonic()))
        return self._inbox.events()

    def take_samples(self) -> Sequence[Sample]:
        """Samples of the channel since the last call; soon after a reset, what holds even though nothing changed."""
        self._listen()
        return self._inbox.samples(time.monotonic())

    def take_console(self) -> Sequence[tuple[float, bytes]]:
        """Console text since the last call: the channel's, else what our process writes to its outputs."""
        self._listen()
        self._overhear()
        return self._inbox.console()

    def _overhear(self) -> None:
        """What our process said; what it has begun to say on its error output, to the end."""
        if self._process is None or self._table.channel:
            return
        until, more, said = time.monotonic() + _SAYS_SECONDS, True, b""
        while more and time.monotonic() < until:
            texts = self._process.take_output()
            for text in texts:
                self._inbox.hear(text, time.monotonic())
            said += texts[0]
            if more := bool(texts[0]) and (not said.endswith(b"\n") or may_complain(said)):
                time.sleep(_SAYS_PAUSE)

    def facts(self) -> Mapping[str, str]:
        """How it is reached."""
        facts = {"kind": self._table.kind, "name": self.name}
        if self._starts:
            facts["command"] = " ".join(self._bench.process.command)
        return facts

    # -- what its program uses ------------------------------------------------------------------------------------

    @property
    def measured(self) -> bool:
        """True where its program is the device, and the bench has it watched."""
        return is_measured(self._bench)

    def usage(self, since: float) -> Sequence[Usage]:
        """What the program that runs now held at quiet moments since then."""
        return () if self._process is None else self._process.measure().samples(since)

    def busy(self, since: float) -> float | None:
        """Which share of a core the program that runs now has used since then."""
        return None if self._process is None else self._process.measure().busy(since)

    def awake(self, seconds: float) -> Wakefulness | None:
        """How awake the program is for so many seconds from now on."""
        return None if self._process is None else self._process.measure().awake(seconds)

    @property
    def was_idle(self) -> bool:
        """True once all threads of the program slept for half of a time, in any life."""
        self._was_idle = self._was_idle or (self._process is not None and self._process.measure().was_idle)
        return self._was_idle

    def begin_anew(self) -> None:
        """The program that runs now is worn: its end is told as an event, behind which it is started again."""
        self._worn = self._process

    # -- what of its program has run ------------------------------------------------------------------------------

    def coverage(self) -> int:
        """Distinct edges, each with the class of how often it was taken, that its program told of since the start."""
        self._covered.fold()
        return self._covered.count

    def edges(self) -> Collection[int]:
        """The edges themselves: eight times the place in the program's map, plus the class."""
        return self._covered.edges()

    def know(self, edges: Collection[int]) -> None:
        """Count these as seen."""
        self._covered.know(edges)


class _WatchedTransport:
    """A process closes its sockets some time before it has ended."""

    def __init__(self, carrier: Transport, target: ServedTarget) -> None:
        self.moniker, self.quiet_gap = carrier.moniker, carrier.quiet_gap
        self.byte_seconds = carrier.byte_seconds
        self._carrier, self._target = carrier, target

    @property
    def only_copies(self) -> bool:
        """As the transport itself says."""
        return isinstance(self._carrier, HearsEchoes) and self._carrier.only_copies

    def open(self, timeout: float) -> Link:
        """As the transport itself does; raises LinkGone where our process has ended."""
        try:
            return self._carrier.open(timeout)
        except LinkError as error:
            if self._target.suspect():
                raise LinkGone(str(error)) from error
            raise


def served_target(bench: Bench, _seed: int = 0) -> ServedTarget:
    """The target of a bench of kind `process` or `external`; nothing in it is random."""
    return ServedTarget(bench)
