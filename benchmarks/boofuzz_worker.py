"""boofuzz in a process of its own: fuzzes a loopback port with given bytes and says how long `fuzz()` took."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import math
import os
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random

HOST = "127.0.0.1"
_TUNED = {"web_port": None, "fuzz_loggers": [], "fuzz_db_keep_only_n_pass_cases": 1}
_SHORT, _NEVER = 0.1, 1_000_000


class Boofuzz:
    """The worker, seen from outside. boofuzz writes its files into a folder that is removed afterwards."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def rate(self, port: int, data: Sequence[bytes], *, tuned: bool, reuse: bool) -> float:
        """Cases a second of one `fuzz()`; raises RuntimeError when not every case was sent and answered."""
        values = [base64.b64encode(value).decode() for value in data]
        answer = self._asked({"port": port, "tuned": tuned, "reuse": reuse, "values": values})
        if answer["answered"] < len(data):
            raise RuntimeError(f"boofuzz: {answer['answered']} of {len(data)} cases were answered")
        return answer["answered"] / answer["seconds"]

    def protocol_rate(
        self, protocol: str, port: int, device: str, seconds: float, *, reuse: bool, tuned: bool = True
    ) -> float:
        """Cases a second of its own cases from a protocol's Requests, over TCP or a serial `device`."""
        words = {"protocol": protocol, "port": port, "device": device, "seconds": seconds, "reuse": reuse}
        words["tuned"] = tuned
        answer = self._asked(words)
        return answer["answered"] / answer["seconds"]

    def until_ended(self, protocol: str, port: int, pid: int, seconds: float, order: int) -> float:
        """Seconds until a server's process has ended under its own cases, NaN where it has not; `order` of messages."""
        words = {"protocol": protocol, "port": port, "device": "", "seconds": seconds, "reuse": False}
        answer = self._asked({**words, "pid": pid, "order": order})
        return answer["seconds"] if answer["ended"] else math.nan

    def _asked(self, request: dict[str, object]) -> dict[str, float]:
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


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
        if "protocol" in request:
            answered, seconds, ended = _fuzz_protocol(**request)
        else:
            values = [base64.b64decode(value) for value in request["values"]]
            answered, seconds = _fuzz(request["port"], values, tuned=request["tuned"], reuse=request["reuse"])
            ended = False
        answers.write(json.dumps({"answered": answered, "seconds": seconds, "ended": ended}) + "\n")
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

    options = dict(_TUNED) if tuned else {}
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


class _TimeIsUp(BaseException):
    """Ends `fuzz()`, which catches every Exception."""


def _has_ended(pid: int) -> bool:
    """Also one whose parent has not taken notice yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2][:1] == b"Z"
    except OSError:
        return True


def _fuzz_protocol(
    protocol: str,
    port: int,
    device: str,
    seconds: float,
    *,
    reuse: bool,
    tuned: bool = True,
    pid: int = 0,
    order: int = -1,
) -> tuple[int, float, bool]:
    """Cases in the order that boofuzz has them in, each message behind the preamble of the state that takes it.

    `order` shuffles the messages (-1: as they stand in the definition). With `pid` it ends when that process has.
    """
    import boofuzz

    from harness.case import Send
    from protocols.load import load_protocol

    cases, started = 0, time.perf_counter()

    def counted(*_words: object, **_more: object) -> None:
        nonlocal cases
        cases += 1
        if pid and _has_ended(pid):
            raise _TimeIsUp
        if time.perf_counter() - started > seconds:
            raise _TimeIsUp

    if device:
        line = boofuzz.SerialConnection(device, 115200, timeout=_SHORT, message_separator_time=_SHORT / 5)
    else:
        line = boofuzz.TCPSocketConnection(HOST, port, recv_timeout=_SHORT)
    session = boofuzz.Session(
        target=boofuzz.Target(connection=line),
        receive_data_after_fuzz=True,
        reuse_target_connection=reuse,
        post_test_case_callbacks=[counted],
        crash_threshold_request=_NEVER,
        crash_threshold_element=_NEVER,
        db_filename=f"{time.monotonic_ns()}.db",
        **(_TUNED if tuned else {"web_port": _free_port(), "keep_web_open": False}),
    )
    spoken = load_protocol(protocol)
    messages = list(spoken.messages.values())
    if order >= 0:
        Random(order).shuffle(messages)
    for message in messages:
        steps = [step for state in message.accepted_in[:1] for step in spoken.states[state].preamble]
        before = [spoken.message(step.message).request for step in steps if isinstance(step, Send)]
        for pair in itertools.pairwise([None, *before, message.request]):
            _connect(session, *pair)
    with contextlib.suppress(_TimeIsUp):
        session.fuzz(max_depth=1)
    return cases, time.perf_counter() - started, bool(pid) and _has_ended(pid)


def _connect(session, source, target) -> None:
    """An edge of the graph, once."""
    begins = session.root if source is None else source
    known = [(session.nodes[edge.src], session.nodes[edge.dst]) for edge in session.edges.values()]
    if (begins, target) not in known:
        session.connect(*([target] if source is None else [source, target]))


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        return listener.getsockname()[1]


if __name__ == "__main__":
    work()
