"""`medfuzz front`: stand between a bench and any device, and do what dirty benches do."""

from __future__ import annotations

import collections
import signal
import threading
from typing import Annotated

import typer

from harness.cli.terminal import say
from harness.errors import UsageError
from harness.place import is_open
from targets.serving.bench_faults import for_link, kind_of
from targets.serving.dirty import Proxy
from targets.serving.dirty_process import Supervised


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(front)


def front(
    listen: Annotated[str, typer.Argument(help="Where the bench finds the device: tcp:HOST:PORT, pty:PATH.")],
    upstream: Annotated[str, typer.Argument(help="Where the device is: tcp:HOST:PORT, unix:PATH, serial:PATH.")],
    command: Annotated[list[str] | None, typer.Argument(help="Behind --: starts the device's process.")] = None,
    bench_faults: Annotated[
        str, typer.Option(help="What the bench does, by name, with commas: `medfuzz list bench-faults`.")
    ] = "",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    open_: Annotated[bool, typer.Option("--open", help="Other machines may reach a place on TCP, too.")] = False,
) -> None:
    """Stand in front of a device until Ctrl-C, with what dirty benches do; says at the end what was done."""
    if is_open(listen) and not open_:
        raise UsageError(f"{listen}: other machines could reach the device there; say --open if they may")
    for_link(bench_faults, kind_of(listen), process=bool(command))
    ending = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: ending.set())
    process = Supervised(command) if command else None
    with Proxy(upstream, listen, bench_faults, seed, process=process) as proxy:
        say(f"{proxy.moniker}: in front of {upstream}, with {bench_faults or 'nothing else'}")
        while not ending.wait(1.0) and proxy.serves:
            pass
    done = collections.Counter(name for _moment, name in proxy.events)
    say(", ".join(f"{name} {times}" for name, times in sorted(done.items())) or "nothing was done")
