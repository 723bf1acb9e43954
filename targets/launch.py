"""Starts the process that is a bench's device, and waits until it can be talked to."""

from __future__ import annotations

import shutil
import socket
import tempfile
import time
import weakref
from collections.abc import Mapping
from functools import reduce

from harness.bench import Bench
from harness.errors import LinkError, TargetError, UsageError
from harness.load import run_delay
from harness.radio.process import Radio
from harness.transports import transport
from targets.coverage.program import ProgramCoverage
from targets.process import OwnProcess, environment_of
from targets.terminal import Terminals

_LEAVING_SECONDS = 1.5
_OWN, _CALLS_US = "unix:", "listen:"
_POLL, _OPEN_SECONDS = 0.02, 4.0
_RADIO, _CHANNEL, _ELF = "{radio}", "{channel}", "{elf}"


def launch(
    bench: Bench, target: object, radio: Radio, terminals: Terminals | None, coverage: ProgramCoverage
) -> OwnProcess:
    """The running process, all links that it offers open, its ports fresh ones; raises TargetError, UsageError."""
    monikers = [table.transport for table in bench.interfaces.values() if not table.transport.startswith(_CALLS_US)]
    _refuse_strangers([*monikers, *filter(None, [bench.served.channel])], target)
    ports = dict[str, str]() if terminals is None else terminals.renew()
    table = bench.process
    command = _command(bench, radio, ports)
    environment = coverage.environment({**environment_of(command), **table.env})
    coverage.begin()
    process = OwnProcess(command, bench.path(table.cwd or "."), environment)
    deadline = time.monotonic() + bench.served.ready
    try:
        for moniker in monikers:
            _await_link(process, moniker, target, deadline)
        _await_coverage(process, coverage, deadline)
    except BaseException:
        process.stop()
        raise
    return process


def with_free_channel(bench: Bench, owner: object) -> Bench:
    """The bench with a channel of its own for `unix:` and for port 0, so that several runs do not meet.

    `unix:` is a socket in a folder that nobody else may enter, and that goes with its owner.
    """
    if bench.served.channel == _OWN:
        folder = tempfile.mkdtemp(prefix="medfuzz-")
        weakref.finalize(owner, shutil.rmtree, folder, ignore_errors=True)
        return bench.with_target(channel=f"{_OWN}{folder}/channel")
    host, _colon, port = bench.served.channel.rpartition(":")
    if port != "0":
        return bench
    with socket.create_server((host.removeprefix("tcp:"), 0)) as listener:
        return bench.with_target(channel=f"{host}:{listener.getsockname()[1]}")


def _command(bench: Bench, radio: Radio, ports: Mapping[str, str]) -> list[str]:
    """The bench's command: `{radio}` is where a host stack attaches, `{channel}` a port or socket, `{elf}` firmware.

    `ports` are the placeholders of serial ports. Raises UsageError.
    """
    place = bench.served.channel
    channel = place if place.startswith(_OWN) else place.rpartition(":")[2]
    words = {_CHANNEL: channel, _ELF: str(bench.firmware), **ports}
    if any(_RADIO in part for part in bench.process.command):
        if not radio.listening:
            raise UsageError(f'[target] command has {_RADIO}, but nothing can attach: give [radio] listen = ["unix:"]')
        words[_RADIO] = radio.listening[0]
    return [reduce(lambda text, word: text.replace(word, words[word]), words, part) for part in bench.process.command]


def _refuse_strangers(monikers: list[str], target: object) -> None:
    """What already listens where our process will be would be fuzzed in its place; one of a killed run leaves."""
    deadline = time.monotonic() + _LEAVING_SECONDS
    for moniker in monikers:
        while moniker.startswith(("tcp:", _OWN)) and _opens(moniker, target):
            if time.monotonic() > deadline:
                raise TargetError(f"{moniker}: something listens there already. End it, or choose another port")
            time.sleep(_POLL)


def _await_link(process: OwnProcess, moniker: str, target: object, deadline: float) -> None:
    """Until the link opens; raises TargetError when the process ends or the bench's `ready` seconds are over.

    Those in which the machine had no time for it do not count.
    """
    while not _opens(moniker, target, _OPEN_SECONDS):
        if words := process.ended():
            raise TargetError(f"the target's process ended at once with {words}: {process.last_words()}")
        if time.monotonic() > deadline + run_delay(process.pid):
            raise TargetError(f"the target did not come up in time: {moniker} does not open. Raise [target] ready")
        time.sleep(_POLL)


def _await_coverage(process: OwnProcess, coverage: ProgramCoverage, deadline: float) -> None:
    """Until the program shares what the bench wants of it; raises TargetError like `_await_link`."""
    while remedy := coverage.missing:
        words = f'[target] coverage = "{coverage.wish}", but the program never wrote to the map: {remedy}'
        if ended := process.ended():
            raise TargetError(f"the target's process ended at once with {ended}: {process.last_words()}. {words}")
        if time.monotonic() > deadline + run_delay(process.pid):
            raise TargetError(f"{words}. Or set coverage = false to run without")
        time.sleep(_POLL)


def _opens(moniker: str, target: object, timeout: float = 1.0) -> bool:
    try:
        transport(moniker, target).open(timeout).close()
    except LinkError:
        return False
    return True
