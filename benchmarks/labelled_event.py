"""One labelled event: a bench, a device with its behaviour, a short campaign through the real engine, its verdict."""

from __future__ import annotations

import contextlib
import io
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import typer

from benchmarks.labels import EXTERNAL, PROCESS, Class, Group, Label
from fuzzers.enumerate import EnumerateFuzzer
from fuzzers.registry import FUZZERS
from harness.campaigns.options import Options
from harness.campaigns.session import run_campaign
from harness.case import TestCase
from harness.cli.replay import replay
from harness.errors import MedfuzzError
from harness.load import Load
from harness.summary import CampaignRecord
from targets.serving.dirty import Proxy

HERE = Path(__file__).resolve().parent
PORT = 4000
TRIGGERS = TEXT_TRIGGERS = ("name", "rate", "select")
UP_SECONDS = 20.0
REPLY_TIMEOUT = 0.25
ABSENT = "absent"
BUSY_SHARE = 0.2
_CODES = {0: Class.PASS, 1: Class.FINDING, 3: Class.BENCH, 4: Class.NOT_GREEN}
_REPLAYS = {0: Class.FIXED, 1: Class.REPRODUCED, 3: Class.BENCH, 4: Class.FLAKY}
REQUIREMENT = """[[requirement]]
id = "LB-01"
title = "The rate stays within its limit"
source = "the labelled device"
severity = "critical"
formula = "historically(rate <= 500)"
"""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one event. `fired`: the distinct faults that were set off; `words` say what was told.

    `lost` is the share of the time in which the machine had no time for it, 1 where the device was held.
    """

    label: Label
    seed: int
    verdict: Class
    fired: tuple[str, ...]
    kinds: tuple[str, ...]
    words: str
    seconds: float
    lost: float = 0.0

    @property
    def allowed(self) -> frozenset[Class]:
        """What is right: of a brief fault on a machine that is held up that long itself, nothing can be told."""
        more: set[Class] = set()
        if self.label.brief and self.lost > BUSY_SHARE:
            more |= {Class.PASS, Class.NOT_GREEN}
        if self.lost >= 1.0 and self.label.group is not Group.DEVICE and self.label.other is None:
            more |= {Class.NOT_GREEN, Class.BENCH}  # a device that is held is a fault of the bench itself
        return self.label.right | more

    @property
    def set_off(self) -> bool:
        """True unless a fault was planted and no case set it off."""
        planted = self.label.group is Group.DEVICE or self.label.other is not None
        return not planted or bool(self.fired)

    @property
    def right(self) -> bool:
        """True for a right verdict, of a right kind, and a finding for each fault that was set off."""
        if not self.set_off:
            return self.verdict in (Class.PASS, Class.NOT_GREEN, *([Class.BENCH] if self.lost >= 1.0 else []))
        if self.verdict is Class.FINDING and self.label.kinds:
            known = {kind.value for kind in self.label.kinds}
            return set(self.kinds) <= known and len(self.kinds) >= len(self.fired)
        return self.verdict in self.allowed


class _RaisingFuzzer(EnumerateFuzzer):
    """Ours, and broken: it fails over the fifth answer."""

    name = "raising"
    _heard = 0

    def learn(self, case: TestCase, outcome: object) -> None:
        """Raises from the fifth case on."""
        self._heard += 1
        if self._heard >= 5:
            raise ValueError("a fuzzer of ours fails")


def run_event(label: Label, seed: int, *, held: bool = False) -> Result:
    """Run it in a folder of its own; never raises."""
    if _RaisingFuzzer.name not in FUZZERS:  # in the process of the events only: a bench that names none gets them all
        FUZZERS.register(_RaisingFuzzer.name)(_RaisingFuzzer)
    began, load = time.monotonic(), Load()
    load.start()
    with tempfile.TemporaryDirectory(prefix="verdicts-") as name:
        event = _Event(label, seed, Path(name))
        try:
            with contextlib.ExitStack() as stack:
                stack.enter_context(event.numbers_kept())
                if held or label.held:
                    stack.enter_context(event.holding(again=held))
                verdict, kinds, words = event.campaign()
                if label.other is not None and verdict is Class.FINDING:
                    verdict, words = event.replay()
        except Exception:  # noqa: BLE001  whatever it is, it is a wrong verdict
            verdict, kinds, words = Class.ERROR, (), traceback.format_exc()
        seconds, lost = time.monotonic() - began, load.lost(began)
        load.stop()
        return Result(label, seed, verdict, event.fired(), kinds, words, seconds, 1.0 if held else lost / seconds)


class _Event:
    def __init__(self, label: Label, seed: int, folder: Path) -> None:
        self.label, self.seed, self.folder = label, seed, folder
        self.random = random.Random(seed)
        scheme = label.places[seed % len(label.places)]
        address = f"127.{1 + (os.getpid() >> 14) % 254}.{(os.getpid() >> 7) % 128}.{1 + os.getpid() % 128}"
        self.place = f"pty:{folder}/device.tty" if scheme == "pty" else f"tcp:{address}:{PORT}"
        self.front = f"pty:{folder}/front.tty" if scheme == "pty" else f"tcp:{address}:{PORT + 1}"
        self.options = label.device
        self.trigger = self.random.choice(TEXT_TRIGGERS if "--text" in label.device else TRIGGERS)
        self.bench, self.found = folder / "bench.toml", ""
        self.keeper = folder / "keeper"
        self._write_bench()

    def command(self) -> list[str]:
        files = {"memory": "boots", "pid": "pid", "fired": "fired"}
        places = [f"--{option}={self.folder / file}" for option, file in files.items()]
        places += [f"--channel={self.folder / 'channel'}"] if self.label.requirements else []
        places += [f"--keeper={self.keeper}"] if self.place.startswith("pty:") else []
        program = [sys.executable, "-S", "-E", str(HERE / "labelled_device.py"), self.place]
        return [*program, *self.options, f"--trigger={self.trigger}", f"--seed={self.seed}", *places]

    def _write_bench(self) -> None:
        label = self.label
        if label.requirements:
            (self.folder / "requirements.toml").write_text(REQUIREMENT)
        own = ["command = [" + ", ".join(f'"{word}"' for word in self.command()) + "]"] if label.life == PROCESS else []
        own += [f'channel = "unix:{self.folder}/channel"'] if label.requirements else []
        moniker = (self.front if label.adapter else self.place).replace("pty:", "serial:")
        protocol = f"{HERE}/labelled_protocol.py:{label.protocol}"
        if label.protocol == "boofuzz":
            protocol = f"boofuzz:{HERE}/labelled_script.py"
        fuzzers = ", ".join(f'"{name}"' for name in label.fuzzers)
        lines = [
            f'[target]\nkind = "{label.life}"\nname = "labelled device"\narmed = true',
            f"settle = 0.0\nready = {UP_SECONDS}",
            *own,
            label.target,
            f'[interfaces.main]\ntransport = "{moniker}"\nprotocol = "{protocol}"',
            f"reply_timeout = {REPLY_TIMEOUT}",
            f"fuzzers = [{fuzzers}]",
            label.interface,
            label.tables,
        ]
        self.bench.write_text("\n".join(lines) + "\n")

    @contextlib.contextmanager
    def bench_up(self) -> Generator[None]:
        """The device, where it is somebody else's, and the adapter in front of it."""
        with contextlib.ExitStack() as stack:
            if self.label.life == EXTERNAL and not self.label.absent and ABSENT not in self.options:
                stack.enter_context(self._device())
            if self.label.adapter:
                upstream = self.place.replace("pty:", "serial:")
                stack.enter_context(Proxy(upstream, self.front, self.label.adapter, self.seed))
            yield

    @contextlib.contextmanager
    def _device(self) -> Generator[None]:
        """Started by us, up when it has written its id."""
        (self.folder / "pid").unlink(missing_ok=True)
        process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + UP_SECONDS
            while not self._pid() and time.monotonic() < deadline:
                time.sleep(0.01)
            yield
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.5)
            process.kill()
            process.wait()

    def _pid(self) -> int:
        with contextlib.suppress(OSError, ValueError):
            return int((self.folder / "pid").read_text())
        return 0

    @contextlib.contextmanager
    def numbers_kept(self) -> Generator[None]:
        """The number of a dead device's pty goes to the next one, and another event's device would answer there.

        A device hands us the pty before anybody can reach it, and we hold it until the event is over.
        """
        with contextlib.ExitStack() as kept, socket.socket(socket.AF_UNIX) as keeper:
            keeper.bind(str(self.keeper))
            keeper.listen()
            with _beside(lambda ended: _keep(keeper, kept, ended)):
                yield

    @contextlib.contextmanager
    def holding(self, *, again: bool) -> Generator[None]:
        """The device's process is stopped for 0.2 to 10 s, once or again and again."""
        with _beside(lambda ended: self._hold(ended, again)):
            yield

    def _hold(self, ended: threading.Event, again: bool) -> None:
        chance = random.Random(self.seed + 1)
        while not ended.wait(chance.uniform(0.0, 3.0)):
            pid = self._pid()
            try:
                _signal(pid, signal.SIGSTOP)
                ended.wait(0.2 * 50 ** chance.random())
            finally:
                _signal(pid, signal.SIGCONT)
            if not again:
                return

    def fired(self) -> tuple[str, ...]:
        """The distinct faults that were set off."""
        with contextlib.suppress(OSError):
            return tuple(sorted(set((self.folder / "fired").read_text().split())))
        return ()

    def campaign(self) -> tuple[Class, tuple[str, ...], str]:
        """Its verdict, the kinds of its findings, and what was told."""
        options = Options(self.bench, "labelled", seed=self.seed, cases=self.label.cases, out=self.folder / "run")
        with self.bench_up(), _silent():
            record, _folder = run_campaign(options)
        self.found = record.confirmed[0].id if record.confirmed else ""
        verdict = _CODES.get(record.exit_code, Class.ERROR)
        return verdict, tuple(f.kind.value for f in record.confirmed), _words(record)

    def replay(self) -> tuple[Class, str]:
        """Of the campaign's first finding, on the other device."""
        self.options = self.label.other or ()
        self._write_bench()
        with self.bench_up(), _silent() as told:
            try:
                replay(self.found, times=3, run=self.folder / "run", bench=str(self.bench), elf=None, save=None)
                code = -1
            except typer.Exit as end:
                code = end.exit_code
            except MedfuzzError as error:
                code = error.exit_code
                print(error)
        return _REPLAYS.get(code, Class.ERROR), told.getvalue()


def _keep(keeper: socket.socket, kept: contextlib.ExitStack, ended: threading.Event) -> None:
    """Take a descriptor of whoever connects, and say so."""
    keeper.settimeout(0.2)
    while not ended.is_set():
        with contextlib.suppress(OSError):
            device, _address = keeper.accept()
            with device:
                device.settimeout(UP_SECONDS)
                _data, descriptors, _flags, _from = socket.recv_fds(device, 1, 1)
                for descriptor in descriptors:
                    kept.callback(os.close, descriptor)
                device.sendall(b"k")


@contextlib.contextmanager
def _beside(work: Callable[[threading.Event], None]) -> Generator[None]:
    """Does it in a thread, until the event that it is given is set."""
    ended = threading.Event()
    thread = threading.Thread(target=work, args=(ended,))
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextlib.contextmanager
def _silent() -> Generator[io.StringIO]:
    with contextlib.redirect_stdout(io.StringIO()) as told, contextlib.redirect_stderr(io.StringIO()):
        yield told


def _words(record: CampaignRecord) -> str:
    lines = [f"{record.cases} cases, {dict(record.verdicts)}, {record.reason}"]
    lines += [f"finding {f.kind.value} {f.replays} {f.observation.summary}" for f in record.findings]
    return "\n".join(
        [*lines, *(f"doubt: {d}" for d in record.doubts), *(f"bench fault: {b}" for b in record.bench_faults)]
    )


def _signal(pid: int, number: int) -> None:
    if pid:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
