"""Cases a second over TCP: boofuzz, medfuzz and a raw socket loop, same bytes, same round trips, same other end."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from functools import partial

from benchmarks.boofuzz_worker import Boofuzz, boofuzz_worker
from benchmarks.measure import Rates, interleaved, ratio, table, wanted
from benchmarks.recording import Recorded, messages
from benchmarks.responder import HOST, responder, served_pump
from harness.bench import Bench
from harness.bench_tables import ExternalTable
from harness.case import Reconnect, Send, Step
from harness.executor import Executor
from harness.guard import Guard
from harness.transports import transport
from protocols.hl7_wire import END, START
from targets.pump.protocol.hl7 import PROTOCOL
from targets.served import served_target

DEFAULTS, TUNED, OURS, RAW = "boofuzz, defaults", "boofuzz, tuned", "medfuzz", "raw socket loop"
_SECONDS = 5.0
_CHUNK = 65536
_SLOW_SHARE = 4
_FORBIDDEN = ("admit",)
_BENCH = Bench(target=ExternalTable(kind="external", name="responder"), interfaces={})
_COUNTS = {"instant responder": 800, "served pump": 200}
_GOALS = {"reconnect for each case": 0.7, "one connection": 0.4}


def recorded_bytes(recorded: Sequence[Recorded], count: int) -> list[bytes]:
    """Distinct answered HL7 messages that are one block each and that the guard lets out."""
    forbidden = PROTOCOL.forbidden(_FORBIDDEN)
    sent = [step.data for case in messages(recorded) if case.interface == "network" for step in case.steps]
    single = [data for data in sent if data.startswith(START) and data.find(END) == len(data) - len(END)]
    return [data for data in dict.fromkeys(single) if not forbidden.search(data)][:count]


def raw_rate(port: int, data: Sequence[bytes], *, reuse: bool) -> float:
    """A loop over a socket with a timeout, and nothing else."""
    started = time.perf_counter()
    connection = _connected(port)
    for number, message in enumerate(data):
        if number and not reuse:
            connection.close()
            connection = _connected(port)
        connection.sendall(message)
        reply = b""
        while not reply.endswith(END):
            reply += connection.recv(_CHUNK)
    connection.close()
    return len(data) / (time.perf_counter() - started)


def _connected(port: int) -> socket.socket:
    connection = socket.create_connection((HOST, port), _SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def executor_for(port: int, forbidden: Sequence[str] = _FORBIDDEN) -> Executor:
    """The executor as a campaign has it for a TCP interface, with or without a forbidden message."""
    pattern = PROTOCOL.forbidden(forbidden) if forbidden else None
    return Executor(
        PROTOCOL,
        transport(f"tcp:{HOST}:{port}", None),
        served_target(_BENCH),
        Guard(pattern, tuple(forbidden)),
        reply_timeout=_SECONDS,
        open_timeout=_SECONDS,
        adaptive=True,
    )


def our_rate(port: int, data: Sequence[bytes], *, reuse: bool, forbidden: Sequence[str] = _FORBIDDEN) -> float:
    """One case a message through the executor; raises RuntimeError when one was not answered."""
    head: tuple[Step, ...] = () if reuse else (Reconnect(),)
    cases = [(*head, Send("recorded", message)) for message in data]
    executor, answered = executor_for(port, forbidden), 0
    started = time.perf_counter()
    for steps in cases:
        executor.begin()
        executor.run(steps)
        answered += executor.exchanges[0].answered
    executor.close()
    if answered < len(data):
        raise RuntimeError(f"medfuzz: {answered} of {len(data)} cases were answered")
    return len(data) / (time.perf_counter() - started)


def contenders(port: int, data: Sequence[bytes], boofuzz: Boofuzz, *, reuse: bool) -> dict[str, Callable[[], float]]:
    """Who is measured; boofuzz with its defaults is so slow that it gets a share of the bytes."""
    few = data[: len(data) // _SLOW_SHARE]
    return {
        DEFAULTS: partial(boofuzz.rate, port, few, tuned=False, reuse=reuse),
        TUNED: partial(boofuzz.rate, port, data, tuned=True, reuse=reuse),
        OURS: partial(our_rate, port, data, reuse=reuse),
        RAW: partial(raw_rate, port, data, reuse=reuse),
    }


def report(recorded: Sequence[Recorded]) -> None:
    """Print the four tables."""
    with boofuzz_worker() as boofuzz, responder() as instant, served_pump("pump-fixed") as pump:
        for other_end, port in (("instant responder", instant), ("served pump", pump)):
            data = recorded_bytes(recorded, _COUNTS[other_end])
            for mode, goal in _GOALS.items():
                reuse = mode == "one connection"
                rates = interleaved(contenders(port, data, boofuzz, reuse=reuse))
                ours, raw = rates[2], rates[3]
                print(table(f"\n{other_end}, {mode} ({len(data)} recorded HL7 messages)", "cases/s", rates, raw))
                _judge(other_end, ours, raw, goal)


def _judge(other_end: str, ours: Rates, raw: Rates, goal: float) -> None:
    if other_end == "instant responder":
        print(wanted("medfuzz to raw loop", ratio(ours, raw), goal))
