"""A pump served by another process, and benches that reach it: what the tests of served devices share."""

import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
PUMP = ROOT / "targets" / "pump"
MEDFUZZ = [sys.executable, "-m", "harness.cli.main"]
PROGRESS = re.compile(r"campaign |finding |not reproduced |bench fault |[\d,]+ cases? ")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


class Program:
    """A medfuzz command in a process of its own; its lines, errors too, arrive in a queue. Ended by its own id."""

    def __init__(self, folder, *arguments):
        self.process = subprocess.Popen(
            [*MEDFUZZ, *map(str, arguments)],
            cwd=folder,
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines, self.errors = queue.Queue(), []
        self._readers = [threading.Thread(target=self._read), threading.Thread(target=self._read_errors)]
        for reader in self._readers:
            reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))

    def _read_errors(self):
        for line in self.process.stderr:
            self.errors.append(line.rstrip("\n"))
            self.lines.put(self.errors[-1])

    def line(self, beginning, seconds=30.0):
        """The next line that begins so, and the moment at which it came."""
        deadline = time.monotonic() + seconds
        while True:
            line = self.lines.get(timeout=max(0.01, deadline - time.monotonic()))
            if line.startswith(beginning):
                return line, time.monotonic()

    def complaints(self):
        """What it said on standard error besides a campaign's progress."""
        return [line for line in self.errors if not PROGRESS.match(line)]

    def signal(self, number):
        self.process.send_signal(number)
        return time.monotonic()

    def wait(self, seconds=60.0):
        status = self.process.wait(seconds)
        for reader in self._readers:
            reader.join(5.0)
        return status

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.wait(5.0)
        self.process.stdout.close()
        self.process.stderr.close()


class Served(Program):
    """`medfuzz emulate` with both links and the channel; ports as it printed them."""

    def __init__(self, folder, elf, *, paced=False, channel=0):
        self.link = folder / "pump.tty"
        options = ["--tcp", 0, "--serial", self.link, "--channel", channel]
        super().__init__(folder, "emulate", "pump", "--elf", elf, *options, *([] if paced else ["--unpaced"]))
        self.network = self.line("network: ")[0].removeprefix("network: ")
        self.channel = self.line("channel: ")[0].removeprefix("channel: ")
        self.line("serving")

    def kill(self):
        return self.signal(signal.SIGKILL)


def write_bench(path, served, *, maintenance="", network=""):
    """A bench of kind `external` for a served pump."""
    path.write_text(
        f"""
include = "{PUMP}/bench.toml"
[target]
kind = "external"
armed = true
channel = "{served.channel}"
[interfaces.maintenance]
transport = "serial:{served.link}"
{maintenance}
[interfaces.network]
transport = "{served.network}"
{network}
"""
    )
    return path


def write_process_bench(path, ports, elf, *, paced=False):
    """A bench of kind `process` that starts the pump itself, on two free ports."""
    tcp, channel = ports
    options = ["--tcp", tcp, "--serial", path.parent / "own.tty", "--channel", channel]
    command = [*MEDFUZZ, "emulate", "pump", "--elf", elf, *options, *([] if paced else ["--unpaced"])]
    words = ", ".join(f'"{word}"' for word in command)
    path.write_text(
        f"""
include = "{PUMP}/bench.toml"
[target]
kind = "process"
command = [{words}]
channel = "tcp:127.0.0.1:{channel}"
[interfaces.maintenance]
transport = "serial:{path.parent / "own.tty"}"
[interfaces.network]
transport = "tcp:127.0.0.1:{tcp}"
"""
    )
    return path
