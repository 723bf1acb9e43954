"""Whether several workers can each have the device of a bench to themselves, and why not."""

from __future__ import annotations

import os
from collections.abc import Iterator

from harness.assembly.ports import has_free_port
from harness.bench import Bench
from harness.bench_tables import EmulatorTable, ProcessTable
from harness.errors import UsageError

_EACH_CORE, _LEAST = 4, 16
_OWN_PLACES = ("unix:", "pty:")  # as they stand: one of the campaign's own
_VIRTUAL = "virtual"
_ALONE = "Run it without --workers"


def require_count(workers: int) -> None:
    """Raises UsageError for more than the machine has any use for."""
    cores = os.cpu_count() or 1
    if workers > (most := max(_LEAST, _EACH_CORE * cores)):
        raise UsageError(f"--workers {workers}: this machine has {cores} cores; {most} workers are the most")


def require_shareable(bench: Bench) -> None:
    """Raises UsageError for a device of which there is one."""
    for reason in _reasons(bench):
        raise UsageError(f"--workers: {reason}. {_ALONE}")


def _reasons(bench: Bench) -> Iterator[str]:
    target = bench.target
    if isinstance(target, EmulatorTable):
        return
    if not isinstance(target, ProcessTable):
        yield f'the device is there once, and not started by the bench ([target] kind = "{target.kind}")'
        return
    commands = {"reset_command": target.reset_command, "baseline_command": target.baseline_command}
    for key in (key for key, command in commands.items() if command):
        yield f"[target] {key} does not say which of several processes it is for"
    for name in (name for name, stimulus in bench.stimuli.items() if stimulus.command):
        yield f"[stimuli.{name}] command does not say which of several processes it is for"
    if not _is_own(target.channel):
        yield f'[target] channel = "{target.channel}" is one place: write "unix:", and {{channel}} in the command'
    yield from _of_radio(bench)
    for name, table in bench.interfaces.items():
        if not table.transport.startswith(("pty:", "ble:")) and not has_free_port(table.transport):
            yield (
                f'[interfaces.{name}] transport = "{table.transport}" is one place, at which one program can be; '
                "port 0, and {port} in the command, gives each its own, pty: a serial port of its own"
            )


def _is_own(place: str) -> bool:
    return place in ("", *_OWN_PLACES) or (place.startswith("tcp:") and place.endswith(":0"))


def _of_radio(bench: Bench) -> Iterator[str]:
    radio = bench.radio
    if radio.control:
        yield f'[radio] control = "{radio.control}" is one radio, which runs already'
    if radio.adapter != _VIRTUAL or any("adapter=" in table.transport for table in bench.interfaces.values()):
        yield "a Bluetooth adapter is there once"
    for place in (place for place in radio.listen if not _is_own(place)):
        yield f'[radio] listen: {place} is one place; write "unix:" or "pty:", and {{radio}} in the command'
