"""Programs of the tests as forks of one process that has loaded what they need: Bumble alone takes a second each time.

`hatchery.py DESCRIPTOR MODULE…` is that process: it loads the modules, and forks for each command that it is told.
"""

import contextlib
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

_MOST = 1 << 16  # bytes of a message
_LOOK_SECONDS = 0.005


class Hatchery:
    """Starts `python PATH …` and `python -m MODULE …` as `subprocess.Popen` does."""

    def __init__(self, *modules):
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, __file__, str(theirs.fileno()), *modules]
        self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], start_new_session=True)
        theirs.close()
        self._ended, self._lock = {}, threading.Lock()

    def popen(self, words, *, stdin=None, stdout=None, stderr=None, start_new_session=False, text=False):
        """A program that is born already, with ends of pipes as files."""
        with contextlib.ExitStack() as given:
            ends = [self._end(number, wish, given) for number, wish in enumerate((stdin, stdout))]
            ends.append(ends[1] if stderr == subprocess.STDOUT else self._end(2, stderr, given))
            told = {"words": words[1:], "session": start_new_session, "at": str(Path.cwd())}
            pid = self._born({**told, "environment": {**os.environ}}, [theirs for _ours, theirs in ends])
        kinds = ("wb", *["r" if text else "rb"] * (1 if stderr == subprocess.STDOUT else 2))
        files = (ours if ours is None else os.fdopen(ours, kind) for (ours, _theirs), kind in zip(ends, kinds))  # noqa: B905
        return Hatched(self, pid, *files)

    def _born(self, told, ends):
        with self._lock:
            socket.send_fds(self._channel, [json.dumps(told).encode()], ends)
            while "born" not in (said := json.loads(self._channel.recv(_MOST))):
                self._ended[said["pid"]] = said["status"]
        return said["born"]

    def _end(self, number, wish, given):
        """(our end of a pipe or None, theirs), of which theirs is closed when it was handed over."""
        if wish == subprocess.PIPE:
            ours, theirs = os.pipe()[:: -1 if number == 0 else 1]
            given.callback(os.close, theirs)
            return ours, theirs
        return None, number if wish is None else wish.fileno()

    def status(self, pid):
        """The exit status of a program, None while it runs."""
        with self._lock, contextlib.suppress(BlockingIOError):
            while pid not in self._ended:
                said = json.loads(self._channel.recv(_MOST, socket.MSG_DONTWAIT))
                self._ended[said["pid"]] = said["status"]
        return self._ended.get(pid)

    def close(self):
        self._channel.close()
        self._process.wait(10.0)


class Hatched:
    """A program of a hatchery, with what the tests and the harness use of `subprocess.Popen`."""

    def __init__(self, hatchery, pid, stdin=None, stdout=None, stderr=None):
        self._hatchery, self.pid = hatchery, pid
        self.stdin, self.stdout, self.stderr = stdin, stdout, stderr

    def poll(self):
        return self._hatchery.status(self.pid)

    def wait(self, timeout=None):
        until = time.monotonic() + (float("inf") if timeout is None else timeout)
        while (status := self.poll()) is None:
            if time.monotonic() > until:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(_LOOK_SECONDS)
        return status

    def send_signal(self, number):
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it has ended, and the hatchery tells it in a moment
                os.kill(self.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)


def main(descriptor, *modules):
    channel = socket.socket(fileno=int(descriptor))
    for name in modules:
        importlib.import_module(name)
    with selectors.DefaultSelector() as selector:
        selector.register(channel, selectors.EVENT_READ)
        while True:
            for key, _mask in selector.select():
                if key.fileobj is not channel:
                    selector.unregister(key.fileobj)
                    os.close(key.fileobj)
                    status = os.waitstatus_to_exitcode(os.waitpid(key.data, 0)[1])
                    channel.send(json.dumps({"pid": key.data, "status": status}).encode())
                    continue
                told, ends, _flags, _address = socket.recv_fds(channel, _MOST, 3)
                if not told:
                    return
                pid = born(json.loads(told), ends)
                selector.register(os.pidfd_open(pid), selectors.EVENT_READ, pid)
                channel.send(json.dumps({"born": pid}).encode())


def born(told, ends):
    """The process id of a fork, which has its ends, and its session where that was wished."""
    reader, writer = os.pipe()
    if (pid := os.fork()) == 0:
        live(told, ends)
    os.close(writer)
    os.read(reader, 1)
    for end in (reader, *ends):
        os.close(end)
    return pid


def live(told, ends):
    """Be the program. Never returns."""
    code = 1
    try:
        for number, end in enumerate(ends):
            os.dup2(end, number)
        if told["session"]:
            os.setsid()
        os.closerange(3, 4096)
        os.environ.clear()
        os.environ.update(told["environment"])
        os.chdir(told["at"])
        run(*told["words"])
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else end.code is not None
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def run(first, *words):
    if first == "-m":
        sys.argv = list(words)
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = [first, *words]
        sys.path.insert(0, str(Path(first).parent))
        runpy.run_path(first, run_name="__main__")


if __name__ == "__main__":
    main(*sys.argv[1:])
