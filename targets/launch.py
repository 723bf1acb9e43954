"""Starts the process that is a bench's device, and waits until it can be talked to."""

from __future__ import annotations

import re
import shutil
import socket
import tempfile
import time
import weakref
from collections.abc import Mapping
from functools import reduce

from harness.bench import Bench, is_program
from harness.errors import LinkError, TargetError, UsageError
from harness.load import run_delay
from harness.radio.process import Radio
from harness.tasks import tree_of
from harness.transports import transport
from targets.coverage.program import ProgramCoverage
from targets.proc import listening_of
from targets.process import OwnProcess, environment_of
from targets.terminal import Terminals

_LEAVING_SECONDS = 1.5
_OWN, _CALLS_US = "unix:", "listen:"
_POLL, _OPEN_SECONDS = 0.02, 4.0
_RADIO, _CHANNEL, _ELF = "{radio", "{channel}", "{elf}"
_PART = re.compile(r"\{radio\.\w+\}")


def launch(
    bench: Bench, target: object, radio: Radio, terminals: Terminals | None, coverage: ProgramCoverage
) -> OwnProcess:
    """The running process, all links that it offers open, its ports fresh ones; raises TargetError, UsageError."""
    monikers = [table.transport for table in bench.interfaces.values() if not table.transport.startswith(_CALLS_US)]
    _refuse_strangers([*monikers, *filter(None, [bench.served.channel])], target)
    ports = dict[str, str]() if terminals is None else terminals.renew()
    table = bench.process
    words = _words(bench, radio, ports)
    command = [_filled(part, words) for part in table.command]
    own = {name: _filled(value, words) for name, value in table.env.items()}
    environment = coverage.environment({**environment_of(command), **own})
    coverage.begin()
    process = OwnProcess(command, bench.path(table.cwd or "."), environment)
    if is_measured(bench) or table.memory_bytes:
        process.measure(table.memory_bytes)
    deadline = time.monotonic() + bench.served.ready
    try:
        for moniker in monikers:
            _await_link(process, moniker, target, deadline)
        _await_coverage(process, coverage, deadline)
    except BaseException:
        process.stop()
        raise
    return process


def is_measured(bench: Bench) -> bool:
    """True where the program that the bench starts is the device itself, and what it uses is to be watched."""
    return is_program(bench) and bench.monitors.resources


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


def _words(bench: Bench, radio: Radio, ports: Mapping[str, str]) -> dict[str, str]:
    """What the placeholders of the bench's command and environment stand for; raises UsageError.

    `{channel}` is a port or socket, `{elf}` the firmware, `{radio}` where a host stack attaches; `ports` are those of
    serial ports.
    """
    place = bench.served.channel
    channel = place if place.startswith(_OWN) else place.rpartition(":")[2]
    words = {_CHANNEL: channel, _ELF: str(bench.firmware), **ports}
    table = bench.process
    if any(_RADIO in part for part in (*table.command, *table.env.values())):
        if not radio.listening:
            raise UsageError('[target] has {radio}, but nothing can attach: give [radio] listen = ["unix:"]')
        words |= _attached(radio.listening[0])
    return words


def _attached(moniker: str) -> dict[str, str]:
    """A place to attach to, whole, and in the parts that programs take: a path, or host and port."""
    scheme, _colon, rest = moniker.partition(":")
    host, _colon, port = rest.rpartition(":")
    parts = {"{radio.host}": host, "{radio.port}": port} if scheme == "tcp" else {"{radio.path}": rest}
    return {"{radio}": moniker, **parts}


def _filled(text: str, words: Mapping[str, str]) -> str:
    """Raises UsageError for a part that this place does not have."""
    filled = reduce(lambda text, word: text.replace(word, words[word]), words, text)
    if left := _PART.search(filled):
        have = ", ".join(word for word in words if word.startswith(_RADIO))
        raise UsageError(f"[target] has {left[0]}, but the place that a host stack attaches to has only {have}")
    return filled


def _refuse_strangers(monikers: list[str], target: object) -> None:
    """What already listens where our process will be would be fuzzed in its place; one of a killed run leaves."""
    deadline = time.monotonic() + _LEAVING_SECONDS
    for moniker in monikers:
        while moniker.startswith(("tcp:", _OWN)) and _opens(moniker, target):
            if time.monotonic() > deadline:
                words = "End it, or choose another port; what runs there gets a bench by `medfuzz init`"
                raise TargetError(f"{moniker}: something listens there already. {words}")
            time.sleep(_POLL)


def _await_link(process: OwnProcess, moniker: str, target: object, deadline: float) -> None:
    """Until the link opens; raises TargetError when the process ends or the bench's `ready` seconds are over.

    Those in which the machine had no time for it do not count.
    """
    while not _opens(moniker, target, _OPEN_SECONDS):
        if words := process.ended():
            raise TargetError(f"the target's process ended at once with {words}: {process.last_words()}")
        if time.monotonic() > deadline + run_delay(process.pid):
            raise TargetError(f"the target did not come up in time: {moniker} does not open. {_remedy(process.pid)}")
        time.sleep(_POLL)


def _remedy(pid: int) -> str:
    ports = " and ".join(map(str, listening_of(tree_of(pid))))
    if ports:
        return f"It listens on port {ports}: name that in transport, or give the command the other one"
    return "It listens on no TCP port so far: raise [target] ready, or see what its command wants"


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
