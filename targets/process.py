"""A device that is a process of the bench's own: started, watched, and ended with everything it started.

It also ends when we are killed: a shell of its own holds the other end of a pipe of ours, and outlives us.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import IO

from harness.errors import TargetError
from harness.load import is_held
from targets.meter import Meter
from targets.output import KEPT, Output

_STOP_SECONDS = 3.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_HERE, _SOURCES = Path(), Path(__file__).resolve().parents[1]
_SHOWN = 300
_NODE_ERROR = re.compile(r"(Uncaught )?\w*(Error|Exception)\b.*: ")
_LEASH = 'read -r _ || { kill -s TERM -- "-$0"; sleep 0.7; kill -s KILL -- "-$0"; }'


def runnable(command: Sequence[str]) -> list[str]:
    """The command; `medfuzz` itself is run by this interpreter where the shell would not find it.

    Without the folder it runs in on the path: a file there must not take a module's place.
    """
    if command[0] == "medfuzz" and shutil.which("medfuzz") is None:
        return [sys.executable, "-P", "-m", "harness.cli.main", *command[1:]]
    return list(command)


def environment_of(command: Sequence[str]) -> dict[str, str]:
    """Ours, and where this very program lies, for a `medfuzz` that is not installed, whatever folder it runs in."""
    if command[0] != "medfuzz":
        return dict(os.environ)
    paths = [str(_SOURCES), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def run_command(command: Sequence[str], timeout: float, folder: Path = _HERE) -> None:
    """Run a command of the bench in its folder to its end, at most `timeout` seconds; raises TargetError.

    What it leaves running may go on, and may keep its outputs open.
    """
    with tempfile.TemporaryFile() as errors:
        process = _started(command, folder, errors=errors.fileno())
        try:
            status = process.wait(timeout)
        except BaseException as error:
            _kill(process)
            if isinstance(error, subprocess.TimeoutExpired):
                words = f"{' '.join(command)}: did not end in {timeout:g} s. Run the command by hand"
                raise TargetError(words) from error
            raise
        if status:
            words = f"exit status {status}: {_last_line(_end_of(errors))}"
            raise TargetError(f"{' '.join(command)}: {words}. Run the command by hand")


def _started(
    command: Sequence[str],
    folder: Path,
    *,
    errors: int,
    output: int = subprocess.DEVNULL,
    more: Mapping[str, str] = MappingProxyType({}),
) -> subprocess.Popen[bytes]:
    """In a group of its own, that it cannot ask our terminal anything; raises TargetError."""
    try:
        return subprocess.Popen(
            runnable(command),
            cwd=folder,
            env={**environment_of(command), **more},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise TargetError(f"cannot start {command[0]}: {_why(error, folder)}") from error


def _why(error: Exception, folder: Path) -> str:
    """An operating system names the program also where it is the folder that is not there."""
    if isinstance(error, OSError) and not folder.is_dir():
        return f"there is no folder {folder}. Check cwd in [target]"
    return f"{error}. Check --cmd, or the commands in [target] and [stimuli]"


@contextlib.contextmanager
def _signals_wait() -> Generator[None]:
    """A signal that came in the middle of a start would leave a process that is nobody's; it is taken afterwards."""
    ours = threading.current_thread() is threading.main_thread()
    handlers = {number: handler for number in _SIGNALS if ours and callable(handler := signal.getsignal(number))}
    came: list[int] = []
    for number in handlers:
        signal.signal(number, lambda number, _frame: came.append(number))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for number in came:
            signal.raise_signal(number)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _end_of(errors: IO[bytes]) -> bytes:
    """Nothing is sought: the position is the process's as well."""
    return os.pread(errors.fileno(), KEPT, max(0, os.fstat(errors.fileno()).st_size - KEPT))


def _last_line(text: bytes) -> str:
    """The last line of an output, in characters that can be shown; Node's stands above its version and its stack."""
    lines = text.decode(errors="replace").strip().splitlines()
    errors = [line for line in lines if _NODE_ERROR.match(line)] if lines and lines[-1].startswith("Node.js v") else []
    return (errors or lines)[-1][:_SHOWN] if lines else "it said nothing"


class Leash:
    """Ends a process group when this process is gone without having let go; it outlives us, whatever ends us."""

    def __init__(self, group: int) -> None:
        self._holder = subprocess.Popen(
            ["/bin/sh", "-c", _LEASH, str(group)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def holds(self) -> bool:
        """True until it has let go."""
        return self._holder.returncode is None

    def let_go(self) -> None:
        """The group is no more, and its number may become somebody else's."""
        self._holder.communicate(b"\n")


class OwnProcess:
    """Runs `command` in `folder`, in a process group of its own, with `more` in its environment.

    Raises TargetError when it cannot be started. `put_down` is why it was ended at the bench's own wish, by its limit
    on memory: "" where that was not so.
    """

    def __init__(
        self, command: Sequence[str], folder: Path = _HERE, more: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self._errors, self._output = Output(), Output()
        self._meter: Meter | None = None
        self.put_down = ""
        leash: Leash | None = None
        try:
            with _signals_wait():
                errors, output = self._errors.descriptor, self._output.descriptor
                self._process = _started(command, folder, errors=errors, output=output, more=more)
                self._leash = leash = Leash(self._process.pid)
            self._errors.given()
            self._output.given()
        except BaseException:
            self._close()
            if leash is not None:
                _kill(self._process)
                leash.let_go()
            raise

    @property
    def pid(self) -> int:
        """Its process id, which is also its group's."""
        return self._process.pid

    def ended(self, wait: float = 0.0) -> str:
        """How it ended (`exit status 1`, `signal SIGSEGV`), waiting for that for `wait` seconds; "" while it runs.

        `put_down` where we ended it.
        """
        try:
            status = self._process.wait(wait)
        except subprocess.TimeoutExpired:
            return ""
        if self._leash.holds:
            self._end_the_others()
        if self.put_down:
            return self.put_down
        names = {number.value: number.name for number in signal.Signals}
        return f"exit status {status}" if status >= 0 else f"signal {names.get(-status, -status)}"

    def measure(self, limit: int = 0) -> Meter:
        """Begin to watch what it uses; where its resident memory exceeds `limit` bytes (0: no limit) it is put down."""
        self._meter = self._meter or Meter(self._process.pid, limit, lambda: self._exceeds(limit))
        return self._meter

    def _exceeds(self, limit: int) -> None:
        if self._process.returncode is None:
            self.put_down = f"the bench's own limit: it held more than [target] memory allows, {limit >> 20:,} MiB"
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    @property
    def stopped(self) -> bool:
        """True while a signal holds it (SIGSTOP, or a debugger); False where the system does not tell."""
        return is_held(self._process.pid)

    def _end_the_others(self) -> None:
        """What it started does not go on without it, or it would hold the ports of the next one."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._leash.let_go()

    def last_words(self) -> str:
        """The last line that it wrote to its error output, or else to its output."""
        return _last_line(self._errors.latest().strip() or self._output.latest())

    def take_output(self) -> tuple[bytes, bytes]:
        """What it wrote to its error output and its output since the last call: the last of it, where that is much."""
        return self._errors.take(), self._output.take()

    def _close(self) -> None:
        if self._meter is not None:
            self._meter.stop()
        self._errors.close()
        self._output.close()

    def stop(self) -> None:
        """End it, politely first; idempotent."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.ended():
                break
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            self.ended(_STOP_SECONDS)
        self._close()
