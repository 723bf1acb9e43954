"""The workers of one run: started, heard, started again where one died, and ended together."""

from __future__ import annotations

import contextlib
import math
import os
import selectors
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from harness.campaigns.files import make_folder
from harness.campaigns.lines import event_in
from harness.campaigns.worker import ENOUGH, SMALL, place_of
from harness.errors import BenchError
from harness.events import BenchFault, CampaignEnded, CasesRun, Event
from harness.files import PRIVATE_FILE
from harness.share import Share

LOG = "log.txt"
_ROOT = Path(__file__).resolve().parents[2]
_LOOK, _LEAVING = 0.25, 30.0  # seconds
_DEATHS = 5  # in a row without a case in between
_CHUNK = 1 << 16

Command = Callable[..., list[str]]
Heard = Callable[["Worker", Event], None]


class Worker:
    """One process at a time, and how far it has come."""

    def __init__(self, run: Path, share: Share, command: Command) -> None:
        self.share, self.run, self._command = share, run, command
        self.progress = CasesRun(0, 0.0, 0)
        self.ended: CampaignEnded | None = None
        self.refused = self.is_over = False
        self.deaths = Counter[int]()
        self._rest = b""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def passed(self) -> float:
        """The number, in the whole, up to which it has no case left to tell of."""
        return math.inf if self.is_over else self.share.number(self.progress.number + 1) - 1

    def start(self) -> IO[bytes]:
        """A process that begins, or goes on where the last one stood; its lines. Raises BenchError."""
        place = place_of(self.run, self.share)
        make_folder(place)
        words = ("work", str(self.run), str(self.share.index), str(self.share.of))
        self._rest, self.ended, self.refused = b"", None, False
        with _log(place / LOG) as errors:
            self._process = subprocess.Popen(
                self._command(*words),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=_environment(),
                start_new_session=True,
                bufsize=0,
            )
        assert self._process.stdout is not None
        return self._process.stdout

    def read(self, pipe: int) -> tuple[bool, Sequence[Event]]:
        """Whether it is still there, and what it has told since."""
        data = os.read(pipe, _CHUNK)
        *lines, self._rest = (self._rest + data).split(b"\n")
        events = [event_in(line) for line in lines]
        for event in events:
            self._note(event)
        return bool(data), events

    def _note(self, event: Event) -> None:
        if isinstance(event, CasesRun):
            self.progress = event
        elif isinstance(event, CampaignEnded):
            self.ended = event

    def left(self) -> str:
        """How its process ended, in words, where that was no end of its campaign; "" where it was."""
        assert self._process is not None
        for pipe in filter(None, (self._process.stdin, self._process.stdout)):
            pipe.close()
        try:
            code = self._process.wait(_LEAVING)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self.refused = self.ended is None and code > 0
        if self.ended is not None and self.ended.reason != "interrupted":
            return ""
        return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"

    def say(self, line: bytes) -> None:
        """`ENOUGH` or `SMALL` with a bucket, while there is a process."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(OSError, ValueError):
                self._process.stdin.write(line)

    def send(self, number: int) -> None:
        """A signal, while there is a process."""
        if self._process is not None:
            self._process.send_signal(number)


class Crew:
    """All workers of a run. `heard` is told each event with its worker, `ran` how far all are together."""

    def __init__(self, workers: Sequence[Worker], heard: Heard, ran: Callable[[], None]) -> None:
        self.workers, self._heard, self._ran = workers, heard, ran
        self._selector = selectors.DefaultSelector()
        self._ending = False

    def run(self) -> None:
        """Until each has ended, or cannot go on; raises BenchError where none can be started."""
        try:
            for worker in self.workers:
                self._start(worker)
            while self._selector.get_map():
                self._turn()
        finally:
            self._close()

    def interrupt(self) -> None:
        """A signal that came to us goes to all of them, each time."""
        self._ending = True
        for worker in self.workers:
            worker.send(signal.SIGINT)

    def enough(self) -> None:
        """End in good order: no more cases."""
        self._ending = True
        for worker in self.workers:
            worker.say(ENOUGH)

    def is_small(self, bucket: str, by: Worker) -> None:
        """The others need not make this finding small, too."""
        for worker in (worker for worker in self.workers if worker is not by):
            worker.say(SMALL + bucket.encode() + b"\n")

    def _start(self, worker: Worker) -> None:
        try:
            self._selector.register(worker.start(), selectors.EVENT_READ, worker)
        except OSError as error:
            raise BenchError(f"cannot start {worker.share.name}: {error}. Try with fewer --workers") from error
        if self._ending:
            worker.send(signal.SIGINT)

    def _turn(self) -> None:
        for key, _mask in self._selector.select(_LOOK):
            worker: Worker = key.data
            there, events = worker.read(key.fd)
            for event in events:
                self._heard(worker, event)
            if not there:
                self._selector.unregister(key.fileobj)
                self._gone(worker)
        self._ran()

    def _gone(self, worker: Worker) -> None:
        """One that died goes on, unless it dies again and again before its next case."""
        how = worker.left()
        if not how or worker.refused or self._ending:
            worker.is_over = True
            return
        at = worker.progress.number
        worker.deaths[at] += 1
        words = f"{worker.share.name} {how} behind its case {at:,}"
        if worker.deaths[at] >= _DEATHS:
            log = place_of(worker.run, worker.share) / LOG
            worker.is_over = True
            self._heard(worker, BenchFault(f"{words}, {_DEATHS} times: it is given up. See {log}", fatal=True))
            return
        self._heard(worker, BenchFault(f"{words}, and goes on from there", fatal=False))
        self._start(worker)

    def _close(self) -> None:
        """Whatever ends us: none outlives it by more than its case."""
        for key in list(self._selector.get_map().values()):
            key.data.send(signal.SIGTERM)
            key.data.left()
        self._selector.close()


def _log(path: Path) -> IO[bytes]:
    return open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, PRIVATE_FILE), "wb")  # noqa: PTH123


def _environment() -> dict[str, str]:
    """Ours, and where this very program lies; the folder that it runs in is not on the path."""
    paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"}
