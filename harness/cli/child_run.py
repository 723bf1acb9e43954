"""A campaign in a child process, while another one runs in ours."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager

from harness.cli.program import arguments
from harness.errors import BenchError

_END_SECONDS = 30.0


class ChildRun:
    """`medfuzz` with other words. In a session of its own, so that a signal reaches it only through us."""

    def __init__(self, *words: str) -> None:
        self._process = subprocess.Popen(
            arguments(*words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )

    def outcome(self, timeout: float) -> tuple[int, str]:
        """Its exit code and all that it printed, when it has ended; raises BenchError after `timeout` seconds."""
        try:
            text, _ = self._process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as error:
            raise BenchError(f"the campaign beside did not end within {timeout:g} s; try it alone") from error
        return self._process.returncode, text

    def interrupt(self) -> None:
        """End it politely: with its reports, after the case that runs."""
        self._process.send_signal(signal.SIGINT)

    def close(self) -> None:
        """Make sure that it ends; idempotent."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.communicate(timeout=_END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.communicate()


@contextmanager
def child_run(*words: str) -> Generator[ChildRun]:
    """It runs meanwhile, and has ended afterwards."""
    other = ChildRun(*words)
    try:
        yield other
    finally:
        other.close()
