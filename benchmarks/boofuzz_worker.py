"""boofuzz in a process of its own: fuzzes a loopback port with given bytes and says how long `fuzz()` took."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

HOST = "127.0.0.1"


class Boofuzz:
    """The worker, seen from outside. boofuzz writes its files into a folder that is removed afterwards."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def rate(self, port: int, data: Sequence[bytes], *, tuned: bool, reuse: bool) -> float:
        """Cases a second of one `fuzz()`; raises RuntimeError when not every case was sent and answered."""
        values = [base64.b64encode(value).decode() for value in data]
        request = {"port": port, "tuned": tuned, "reuse": reuse, "values": values}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if answer["answered"] < len(data):
            raise RuntimeError(f"boofuzz: {answer['answered']} of {len(data)} cases were answered")
        return answer["answered"] / answer["seconds"]


@contextmanager
def boofuzz_worker() -> Iterator[Boofuzz]:
    """Start the worker in a temporary folder."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.boofuzz_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": root},
        )
        try:
            yield Boofuzz(process)
        finally:
            process.kill()
            process.communicate()


def work() -> None:
    """One request a line on stdin, one answer a line on what was stdout; boofuzz's own output is thrown away."""
    answers = os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        request = json.loads(line)
        values = [base64.b64decode(value) for value in request["values"]]
        answered, seconds = _fuzz(request["port"], values, tuned=request["tuned"], reuse=request["reuse"])
        answers.write(json.dumps({"answered": answered, "seconds": seconds}) + "\n")
        answers.flush()


def _fuzz(port: int, values: list[bytes], *, tuned: bool, reuse: bool) -> tuple[int, float]:
    import boofuzz

    received = 0

    class Counting(boofuzz.TCPSocketConnection):
        def recv(self, max_bytes: int) -> bytes:
            nonlocal received
            data = super().recv(max_bytes)
            received += bool(data)
            return data

    options = {"web_port": None, "fuzz_loggers": [], "fuzz_db_keep_only_n_pass_cases": 1} if tuned else {}
    options.setdefault("web_port", _free_port())
    session = boofuzz.Session(
        target=boofuzz.Target(connection=Counting(HOST, port)),
        keep_web_open=False,
        receive_data_after_fuzz=True,
        reuse_target_connection=reuse,
        db_filename=f"{time.monotonic_ns()}.db",
        **options,
    )
    group = boofuzz.Group("recorded", values=[b"", *values], default_value=b"")
    session.connect(boofuzz.Request("message", children=(group,)))
    started = time.perf_counter()
    session.fuzz(max_depth=1)
    return received, time.perf_counter() - started


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        return listener.getsockname()[1]


if __name__ == "__main__":
    work()
