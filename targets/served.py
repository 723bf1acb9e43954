"""A target outside this process: one that the bench starts (`process`) or one that is already there (`external`).

A channel (`tcp:HOST:PORT`) carries signals, console text and events from an emulator or a bench adapter as JSON
lines, and takes `reset`, `stimulate NAME VALUE` back. Without one, resets and stimuli are external commands.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import IO, Any

from harness.bench import Bench
from harness.errors import LinkError, TargetError, UsageError, did_you_mean
from harness.transcript import Sample, TargetEvent
from harness.transports import transport

_STOP_SECONDS = 3.0
_LINE_LIMIT = 1 << 20
_POLL = 0.02


class Channel:
    """The line-wise side channel; reads never block longer than asked. Raises LinkError."""

    def __init__(self, moniker: str, timeout: float) -> None:
        self._link = transport(moniker, None).open(timeout)
        self._buffer = b""

    def lines(self, wait: float = 0.0) -> list[dict[str, Any]]:
        """The complete lines that have come; what is not JSON is ignored."""
        self._buffer += self._link.receive(self._link.now() + wait)
        *whole, self._buffer = self._buffer.split(b"\n")
        self._buffer = self._buffer[-_LINE_LIMIT:]
        return [entry for entry in map(_parsed, whole) if entry]

    def say(self, words: str) -> None:
        """Send one line."""
        self._link.send(words.encode() + b"\n", self._link.now() + 1.0)

    def close(self) -> None:
        """Idempotent."""
        self._link.close()


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        entry: Any = json.loads(line)
    except ValueError:
        return {}
    return dict(entry) if isinstance(entry, dict) else {}  # pyright: ignore[reportUnknownArgumentType]


class ServedTarget:
    """Time is the wall clock. Owns its process, if it started one, and its channel."""

    def __init__(self, bench: Bench) -> None:
        self._bench, self._table = bench, bench.target
        self.name = bench.target.name
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None
        self._channel: Channel | None = None
        self._events: list[TargetEvent] = []
        self._samples: list[Sample] = []
        self._console: list[tuple[float, bytes]] = []
        self._values: dict[str, float] = {}
        self._exit_told = False

    # -- life -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the process, if it is ours, and open the channel."""
        if self._table.kind == "process":
            self._start_process()
        if self._table.channel:
            self._open_channel()
        self.calm()

    def calm(self) -> None:
        """Every stimulus that the bench can set at its initial value."""
        for name, stimulus in self._bench.stimuli.items():
            if self._channel is not None or stimulus.command:
                self.stimulate(name, stimulus.initial)

    def _start_process(self) -> None:
        if self._process is not None and self._process.poll() is None:
            return
        self._exit_told = False
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  closed with the process
        try:
            self._process = subprocess.Popen(
                self._table.command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                start_new_session=True,
            )
        except OSError as error:
            raise TargetError(
                f"cannot start {self._table.command[0]}: {error.strerror}. Check [target] command"
            ) from error
        self._await_ready()

    def _await_ready(self) -> None:
        """Until every interface's link opens, or the bench's `ready` seconds are over."""
        deadline = time.monotonic() + self._table.ready
        monikers = [table.transport for table in self._bench.interfaces.values()]
        while monikers:
            if self._process is not None and self._process.poll() is not None:
                raise TargetError(
                    f"the target's process ended at once with status {self._process.returncode}: {self._last_words()}"
                )
            try:
                transport(monikers[0], self).open(1.0).close()
                monikers.pop(0)
            except LinkError as error:
                if time.monotonic() > deadline:
                    raise TargetError(f"the target did not come up in {self._table.ready:g} s: {error}") from error
                time.sleep(_POLL)

    def _last_words(self) -> str:
        """The last line that our process wrote to its error output."""
        if self._errors is None:
            return "it said nothing"
        self._errors.seek(0)
        lines = self._errors.read(_LINE_LIMIT).decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def _open_channel(self) -> None:
        if self._channel is not None:
            self._channel.close()
        self._channel = Channel(self._table.channel, self._table.ready)

    def stop(self) -> None:
        """Close the channel and end our own process, politely first."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._errors is not None:
            self._errors.close()
            self._errors = None
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            os.killpg(process.pid, number)
            try:
                process.wait(_STOP_SECONDS)
                return
            except subprocess.TimeoutExpired:
                continue

    def reset(self) -> None:
        """Cold start: our process again, else over the channel, else by the bench's reset command."""
        if self._process is not None and self._process.poll() is not None:
            self.stop()
            self.start()
        elif self._channel is not None:
            self._channel.say("reset")
            self._await_reset()
        elif self._table.reset_command:
            _run(self._table.reset_command, self._table.reset_timeout)
            time.sleep(self._table.settle)
        elif self._table.kind == "process":
            self.stop()
            self.start()

    def _await_reset(self) -> None:
        deadline = time.monotonic() + self._table.reset_timeout
        while time.monotonic() < deadline:
            for entry in self._channel.lines(0.1) if self._channel else ():
                if entry.get("event") == "ready":
                    self._values.clear()
                    self._samples.clear()
                    return
                self._take(entry)
        raise TargetError(
            f"the target did not come back in {self._table.reset_timeout:g} s after a reset; see to the bench"
        )

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
        if self._channel is None:
            return
        try:
            for entry in self._channel.lines():
                self._take(entry)
        except LinkError:
            self._channel = None

    def _take(self, entry: dict[str, Any]) -> None:
        now = time.monotonic()
        if "signals" in entry:
            self._values.update({str(k): float(v) for k, v in entry["signals"].items()})
            self._samples.append(Sample(now, tuple(self._values.get(name) for name in self._bench.signals)))
        elif "console" in entry:
            self._console.append((now, str(entry["console"]).encode("latin-1", "replace")))
        elif "event" in entry and entry["event"] != "ready":
            detail = {str(k): str(v) for k, v in entry.get("detail", {}).items()}
            self._events.append(TargetEvent(str(entry["event"]), now, detail))

    def take_events(self) -> Sequence[TargetEvent]:
        """Events of the channel, and our process's end."""
        self._listen()
        if self._process is not None and not self._exit_told and (status := self._process.poll()) is not None:
            self._exit_told = True
            words = f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
            self._events.append(TargetEvent("exit", time.monotonic(), {"status": words}))
        events, self._events = self._events, []
        return events

    def take_samples(self) -> Sequence[Sample]:
        """Samples of the channel since the last call."""
        self._listen()
        samples, self._samples = self._samples, []
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
