"""The servers that others wrote, as `examples/` has them: what each needs, how it is started, what drops frames."""

from __future__ import annotations

import importlib.util
import os
import pty
import selectors
import shutil
import socket
import subprocess
import sys
import threading
import time
import tomllib
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.traffic import Line, PtyLine, SocketLine

EXAMPLES = Path(__file__).parent.parent / "examples"
_READY = 10.0


@dataclass(frozen=True, slots=True)
class Other:
    """A server. `bench` is in `examples/`; it needs a Python package, a program, one of npm, or a C file's library.

    `drops`: it says nothing to frames that it cannot read. `closes`: its connections end with a case.
    """

    name: str
    bench: str
    package: str = ""
    program: str = ""
    npm: str = ""
    library: str = ""
    drops: bool = False
    closes: bool = False

    @property
    def path(self) -> Path:
        """The bench file."""
        return EXAMPLES / self.bench

    @property
    def tables(self) -> dict[str, Any]:
        """What is in the bench file."""
        return tomllib.loads(self.path.read_text())

    @property
    def protocol(self) -> str:
        """What it speaks."""
        return self.tables["interfaces"]["main"]["protocol"]

    @property
    def port(self) -> int:
        """Where it listens; 0 on a pty."""
        scheme, _, place = self.tables["interfaces"]["main"]["transport"].partition(":")
        return int(place.rpartition(":")[2]) if scheme == "tcp" else 0

    def command(self, folder: Path) -> list[str]:
        """How it is started from anywhere; what was built is in `folder`."""
        first, *rest = self.tables["target"]["command"]
        here = self.path.parent
        rest = [str(here / word) if (here / word).is_file() else word for word in rest]
        return [str(folder / "server") if self.library else first, *rest]

    def missing(self, folder: Path) -> str:
        """What is not there, with how to get it, or "". A C file is built into `folder`."""
        if self.package and importlib.util.find_spec(self.package) is None:
            return f"no {self.package}: pip install {self.package}"
        if self.program and shutil.which(self.program) is None:
            return f"no {self.program}: apt-get install dcmtk"
        if self.npm and (shutil.which("node") is None or not (EXAMPLES.parent / "node_modules" / self.npm).is_dir()):
            return f"no {self.npm}: make tools"
        return _unbuilt(self.path.parent / "server.c", self.library, folder) if self.library else ""


def _unbuilt(source: Path, library: str, folder: Path) -> str:
    if shutil.which("gcc") is None:
        return "no gcc: apt-get install gcc libc6-dev"
    words = ["gcc", str(source), "-o", str(folder / "server"), f"-l{library}"]
    built = subprocess.run(words, capture_output=True, check=False).returncode == 0
    return "" if built else f"no lib{library}: apt-get install lib{library}-dev"


OTHERS = (
    Other("pymodbus, TCP", "pymodbus/tcp.toml", package="pymodbus"),
    Other("pymodbus, RTU on a pty", "pymodbus/rtu.toml", package="pymodbus", drops=True),
    Other("libmodbus", "libmodbus/libmodbus.toml", library="modbus"),
    Other("python-hl7", "python-hl7/python-hl7.toml", package="hl7", drops=True),
    Other("hl7apy", "hl7apy/hl7apy.toml", package="hl7apy", closes=True),
    Other("simple-hl7", "simple-hl7/simple-hl7.toml", npm="simple-hl7"),
    Other("modbus-serial", "modbus-serial/modbus-serial.toml", npm="modbus-serial"),
    Other("pynetdicom", "dicom/pynetdicom.toml", package="pynetdicom", closes=True),
    Other("storescp", "dicom/storescp.toml", program="/usr/bin/storescp", closes=True),
)


def environment(tree: Path) -> dict[str, str]:
    """Ours, with the code of `tree` first, and this Python for what is called `python3`."""
    given = [one for one in os.environ.get("PYTHONPATH", "").split(os.pathsep) if one and Path(one) != EXAMPLES.parent]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(tree), *given]), "PATH": path}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a started server is reached: by the raw loop, and by boofuzz (a port, or the path of a serial port)."""

    line: Callable[[], Line]
    port: int
    device: Callable[[], str]


@contextmanager
def serving(other: Other, folder: Path) -> Iterator[Place]:
    """The server in a process of its own; raises RuntimeError where it does not serve."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    words = [word.replace("{pty}", os.ttyname(theirs)) for word in other.command(folder)]
    env = environment(EXAMPLES.parent) | other.tables["target"].get("env", {})
    quiet = subprocess.DEVNULL
    with subprocess.Popen(words, cwd=other.path.parent, env=env, stdout=quiet, stderr=quiet) as process:
        try:
            if other.port:
                wait_for(other.port, other.name)
                yield Place(lambda: SocketLine(other.port), other.port, str)
            else:
                time.sleep(1.0)  # nothing says when a serial port is served
                yield Place(lambda: PtyLine(ours), 0, lambda: _second_port(ours))
        finally:
            process.kill()
            os.close(ours)
            os.close(theirs)


def wait_for(port: int, name: str) -> None:
    """Until something on this machine takes connections; raises RuntimeError."""
    until = time.monotonic() + _READY
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
            return
        except OSError as error:
            if time.monotonic() > until:
                raise RuntimeError(f"{name} does not listen on port {port}") from error
            time.sleep(0.05)


def _second_port(ours: int) -> str:
    """The path of a serial port whose bytes go to `ours` and back."""
    one, client = pty.openpty()
    tty.setraw(client)
    threading.Thread(target=_carry, args=(one, ours), daemon=True).start()
    return os.ttyname(client)


def _carry(one: int, other: int) -> None:
    chooser = selectors.DefaultSelector()
    chooser.register(one, selectors.EVENT_READ, other)
    chooser.register(other, selectors.EVENT_READ, one)
    try:
        while True:
            for key, _events in chooser.select():
                os.write(key.data, os.read(key.fd, 4096))
    except OSError:  # the server is gone
        os.close(one)
