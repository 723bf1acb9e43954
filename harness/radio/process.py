"""The radio that a bench uses: one that already runs, or one of its own, started and ended with the campaign."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

from harness.errors import BenchError, UsageError
from harness.interfaces import Identity
from harness.load import run_delay
from harness.radio.client import RadioClient
from harness.radio.peer import ANYBODY, Peer

BLEAK = "bleak"
_OWN = ("unix:", "pty:")
_READY_SECONDS = 15.0
_HELLO_SECONDS = 2.0
_STOP_SECONDS = 3.0
VIRTUAL = "virtual"
_POLL_SECONDS = 0.01
_CONTROL = re.compile(rb"^control: (\S+)$", re.MULTILINE)
_LONGEST_SAID = 1 << 16


def need_bumble() -> None:
    """Raises UsageError where the extra is not installed."""
    _need("bumble")


def need_bleak() -> None:
    """Raises UsageError where the extra is not installed."""
    _need(BLEAK)


def _need(library: str) -> None:
    if importlib.util.find_spec(library) is None:
        raise UsageError("Bluetooth LE needs the extra: pip install 'medfuzz[ble]'")


def command(adapter: str, control: str, listen: Sequence[str], *, reachable: bool = False) -> list[str]:
    """The radio's command line; raises UsageError where the extra is not installed."""
    _need(BLEAK if adapter == BLEAK else "bumble")
    options = [option for moniker in listen for option in ("--listen", moniker)] + ["--open"] * reachable
    return [sys.executable, "-m", "harness.radio", "--adapter", adapter, "--control", control, *options]


class Radio:
    """`control` names a radio that runs already; without it one is started with `adapter` and `listen`.

    Ours is spoken to in a folder that nobody else may enter, where hosts attach, too, that are told to `listen` at
    `unix:` or `pty:`. `reachable`: other places may be open to the network. `wanted` is what every peer must say it is.
    """

    def __init__(
        self,
        *,
        adapter: str = VIRTUAL,
        control: str = "",
        listen: Sequence[str] = (),
        wanted: Identity = ANYBODY,
        reachable: bool = False,
    ) -> None:
        self._reachable, self._folder = reachable, ""
        self._adapter, self._given, self._listen = adapter, control, tuple(listen)
        self._control = control
        self._process: subprocess.Popen[bytes] | None = None
        self._wanted, self._peers = wanted, dict[str, Peer]()
        self._clients: list[RadioClient] = []

    def choose(self, adapter: str) -> None:
        """Start on the adapter that a moniker names; raises UsageError where it cannot be that one."""
        if self._given:
            raise UsageError(f"adapter={adapter}: the radio at {self._given} runs already, on an adapter of its own")
        if self._adapter not in (VIRTUAL, adapter):
            raise UsageError(f"adapter={adapter}: all links share one radio, and it is on '{self._adapter}'")
        self._adapter = adapter

    @property
    def adapter(self) -> str:
        """What the radio is on; "" for one that should run already and does not answer."""
        if not self._given:
            return self._adapter
        with contextlib.suppress(BenchError), contextlib.closing(self.client(_HELLO_SECONDS)) as client:
            return client.adapter
        return ""

    @property
    def pid(self) -> int | None:
        """The process id of our own radio, while there is one."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start our own radio, if it has to be ours and does not run; raises BenchError, UsageError."""
        if self._given or (self._process is not None and self._process.poll() is None):
            return
        self._folder = tempfile.mkdtemp(prefix="medfuzz-")
        own = f"{self._folder}/h4"
        listen = [f"{place}{own}-{n}" if place in _OWN else place for n, place in enumerate(self._listen)]
        words = command(self._adapter, f"unix:{self._folder}/control", listen, reachable=self._reachable)
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  closed by `stop`
        self._process = subprocess.Popen(
            [*words, "--owned"],
            stdin=subprocess.PIPE,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._control = self._ready(self._process)

    def _ready(self, process: subprocess.Popen[bytes]) -> str:
        """The control moniker that the process prints when it is up."""
        deadline = time.monotonic() + _READY_SECONDS
        while (found := _CONTROL.search(self._said())) is None:
            if process.poll() is not None or time.monotonic() > deadline + run_delay(process.pid):
                said = self._said().decode(errors="replace").strip() or "it said nothing"
                words = said.splitlines()[-1].removeprefix("medfuzz radio: ")
                self.stop()
                raise BenchError(f"the radio did not start with adapter '{self._adapter}': {words}")
            time.sleep(_POLL_SECONDS)
        return found[1].decode()

    def _said(self) -> bytes:
        self._output.seek(0)
        return self._output.read(_LONGEST_SAID)

    @property
    def listening(self) -> Sequence[str]:
        """Where host stacks attach; the radio is started if need be."""
        client = self.client(_READY_SECONDS)
        client.close()
        return client.listening

    def peer(self, address: str) -> Peer:
        """The peripheral with an address: one object for all who speak to it."""
        return self._peers.setdefault(address, Peer(lambda: self.client(_READY_SECONDS), address, self._wanted))

    def client(self, timeout: float) -> RadioClient:
        """A new connection to the radio, which is started if need be; raises BenchError."""
        self.start()
        client = RadioClient(self._control, timeout)
        self._clients = [*(given for given in self._clients if not given.closed), client]
        return client

    def stop(self) -> None:
        """Let go of every peer and client, and end our own radio, politely first; idempotent."""
        for peer in self._peers.values():
            peer.release()
        for client in self._clients:
            client.close()
        process, self._process = self._process, None
        if process is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, number)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_STOP_SECONDS)
        if process.stdin is not None:
            process.stdin.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._output.close()
