"""A small device with one labelled behaviour: `labelled_device.py tcp:127.0.0.1:4000 --fault exit`, or `pty:PATH`.

Plain sockets and nothing of medfuzz's. It ends by itself after `LIFETIME` seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pty
import random
import resource
import selectors
import signal
import socket
import struct
import sys
import time
import tty
from collections.abc import Callable
from pathlib import Path

LIFETIME = 1000
STATUS, NAME, RATE, SELECT, LIMIT, REPORT, REPLY = 1, 2, 3, 4, 5, 0x70, 0x80
OK, REFUSED = 0, 1
SERIAL, CANARY = "LB-00042", b"Jane Roe 1961-04-12"
PARTIAL_SECONDS = 0.1
MAX_RATE = 500
UNSAFE_RATE = 900
VALID_NAME, VALID_RATE = b"ward 3", 120
BUSY_SECONDS = 0.5
PUSH_SECONDS = 0.03

Request = tuple[int, int, bytes]  # sequence, command, body


# -- what goes over the line -------------------------------------------------------------------------------------------


def crc16(data: bytes) -> int:
    """CRC-16/MODBUS."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0xA001 if crc & 1 else 0)
    return crc


class Framed:
    """7E, length (two bytes, of what follows up to the CRC), sequence, command, body, CRC-16."""

    HEAD, TAIL, LEAST = 3, 2, 2

    def requests(self, buffer: bytes) -> tuple[list[Request], bytes]:
        """Whole frames with a right checksum, and the rest; anything else is skipped."""
        found: list[Request] = []
        while len(buffer) >= self.HEAD:
            size = int.from_bytes(buffer[1:3], "big") + self.HEAD + self.TAIL
            if buffer[:1] == b"\x7e" and len(buffer) < size:
                break
            one = buffer[:size]
            right = one[:1] == b"\x7e" and size >= self.HEAD + self.TAIL + self.LEAST
            right = right and crc16(one[1:-2]).to_bytes(2, "little") == one[-2:]
            found += [(one[3], one[4], one[5:-2])] if right else []
            buffer = buffer[size if right else 1 :]
        return found, buffer

    def frame(self, sequence: int, command: int, body: bytes) -> bytes:
        """One frame."""
        covered = struct.pack(">HBB", len(body) + 2, sequence, command) + body
        return b"\x7e" + covered + crc16(covered).to_bytes(2, "little")


LETTERS = {STATUS: b"S", NAME: b"N", RATE: b"R", SELECT: b"C", LIMIT: b"L", REPORT: b"!"}


class Text:
    """A line for a request (`N ward 3`), a line for an answer (`N 0 …`)."""

    def requests(self, buffer: bytes) -> tuple[list[Request], bytes]:
        """Whole lines that begin with a letter it knows, and the rest."""
        *lines, rest = buffer.split(b"\n")
        codes = {letter: code for code, letter in LETTERS.items()}
        words = [line.rstrip(b"\r").partition(b" ") for line in lines]
        return [
            (0, codes[letter], self._body(codes[letter], text)) for letter, _, text in words if letter in codes
        ], rest

    def _body(self, command: int, text: bytes) -> bytes:
        if command not in (RATE, SELECT, LIMIT):
            return text
        value = int(text) if text.isdigit() and len(text) < 10 else 0xFFFF
        return min(value, 0xFFFF).to_bytes(2, "big") if command != SELECT else bytes([min(value, 0xFF)])

    def frame(self, _sequence: int, command: int, body: bytes) -> bytes:
        """The answer's letter, its status and what it holds."""
        letter = LETTERS.get(command & ~REPLY, b"?")
        if command == STATUS | REPLY:
            serial, boots, uptime, limit, writes = struct.unpack(">8sHIHH", body[1:19])
            return b"S %d %s %d %d %d %d\r\n" % (body[0], serial, boots, uptime, limit, writes)
        return b"%s %d %s\r\n" % (letter, body[0] if body else 0, body[1:])


class Port:
    """One connection, or the pty: what came in and is not a whole request yet."""

    def __init__(self, fd: int, owner: socket.socket | None) -> None:
        self.fd, self.owner = fd, owner
        self.buffer, self.at = b"", 0.0
        self.swallow, self.dead, self.deadly = 0, False, False

    def fileno(self) -> int:
        """For the selector."""
        return self.fd

    def send(self, data: bytes) -> None:
        """All of it, or none where nobody is there any more."""
        with contextlib.suppress(OSError):
            while data:
                data = data[os.write(self.fd, data) :]

    def close(self) -> None:
        """Close the connection; a pty stays."""
        if self.owner is not None:
            self.owner.close()


# -- the device --------------------------------------------------------------------------------------------------------


class Device:
    """What it remembers and how it answers; `options.fault` says what a triggering request does."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.codec = Text() if options.text else Framed()
        self.selector = selectors.DefaultSelector()
        self.ports: set[Port] = set()
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.channel: socket.socket | None = None
        self.slot_free_at = 0.0
        self.boots = 0
        self.boot()

    def boot(self) -> None:
        """A new life: volatile settings are gone, the boot counter is one more."""
        memory = Path(self.options.memory) if self.options.memory else None
        self.boots = (int(memory.read_text()) if memory and memory.exists() else self.boots) + 1
        if memory:
            memory.write_text(str(self.boots))
        self.random = random.Random(self.options.seed * 1000 + self.boots)
        self.started = time.monotonic()
        self.name, self.rate, self.selected, self.limit, self.writes = VALID_NAME, 0, 0, 300, 0

    def answer(self, port: Port, command: int, body: bytes) -> bytes | None:
        """The reply's body, None where there is no answer."""
        if command == STATUS:
            uptime = int(1000 * (time.monotonic() - self.started))
            return bytes([self.options.status]) + struct.pack(
                ">8sHIHH", self.options.serial.encode(), self.boots, uptime, self.limit, self.writes
            )
        if self.options.only_probe:
            return None
        if fault := self.planted(command, body):
            self.note(fault)
            return FAULTS[fault](self, port)
        return bytes([self.obey(command, body)])

    def planted(self, command: int, body: bytes) -> str:
        """The name of the fault that this request sets off, "" for none."""
        fault = self.options.fault
        if fault == "two":
            return "exit" if TRIGGERS["name"](command, body) else "hang" if _fast(command, body) else ""
        if fault == "later":
            return "exit" if self.selected > 1 and command == NAME and body != VALID_NAME else ""
        if not fault or not TRIGGERS[self.options.trigger](command, body):
            return ""
        return fault if self.random.random() < self.options.probability else ""

    def note(self, fault: str) -> None:
        """On the disk before it happens: an event whose fault was never set off is none of a device fault."""
        if self.options.fired:
            with Path(self.options.fired).open("a") as file:
                file.write(fault + "\n")

    def obey(self, command: int, body: bytes) -> int:
        """A request that sets nothing off; returns its status."""
        if command == NAME and len(body) <= 16:
            self.name = body
        elif command == RATE and len(body) == 2 and int.from_bytes(body, "big") <= MAX_RATE:
            self.rate = int.from_bytes(body, "big")
            self.tell({"signals": {"rate": self.rate}})
        elif command == SELECT and len(body) == 1:
            self.selected = body[0]
        elif command == LIMIT and len(body) == 2:
            self.limit, self.writes = int.from_bytes(body, "big"), self.writes + 1
        else:
            return REFUSED
        return OK

    def take(self, port: Port, data: bytes) -> None:
        """Bytes from one connection."""
        if self.options.echo:
            port.send(data)
        if port.dead or self.options.echo == "dead":
            return
        now = time.monotonic()
        if now - port.at > PARTIAL_SECONDS:
            port.buffer = b""
        lost = min(port.swallow, len(data))
        port.swallow, port.at = port.swallow - lost, now
        requests, port.buffer = self.codec.requests(port.buffer + data[lost:])
        for sequence, command, body in requests:
            if port in self.ports and not port.dead and (told := self.answer(port, command, body)) is not None:
                time.sleep(self.options.slow)
                port.send(self.codec.frame(sequence, command | REPLY, told) * self.options.answers)

    # -- the loop -------------------------------------------------------------------------------------------------

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Do it then."""
        self.timers.append((time.monotonic() + seconds, act))

    def drop(self, port: Port) -> None:
        """The connection is over."""
        if port not in self.ports:
            return
        if port.owner is not None:
            self.selector.unregister(port)
            self.ports.discard(port)
            self.slot_free_at = time.monotonic() + BUSY_SECONDS
        port.close()
        if port.deadly:
            os._exit(3)

    def greet(self, port: Port) -> None:
        """A connection begins."""
        self.ports.add(port)
        self.selector.register(port, selectors.EVENT_READ, port)
        if self.options.greeting:
            port.send(b"LB-7 ready\r\n" if self.options.greeting == "text" else self.codec.frame(0, REPORT, b"ready"))

    def accept(self, listener: socket.socket) -> None:
        """Take a connection, or refuse it where the one slot is taken."""
        connection, _address = listener.accept()
        taken = bool(self.ports) or time.monotonic() < self.slot_free_at
        if self.options.one_slot and taken:
            connection.close()
        else:
            self.greet(Port(connection.fileno(), connection))

    def push(self) -> None:
        """Reports that nobody asked for."""
        for port in self.ports:
            port.send(self.codec.frame(0, REPORT, self.rate.to_bytes(2, "big")))
        self.after(PUSH_SECONDS, self.push)

    def serve(self) -> None:
        """Until the end of the process."""
        while True:
            wait = min((at for at, _act in self.timers), default=time.monotonic() + 60) - time.monotonic()
            for key, _events in self.selector.select(max(0.0, wait)):
                self._ready(key.data)
            due = [timer for timer in self.timers if timer[0] <= time.monotonic()]
            for timer in due:
                self.timers.remove(timer)
                timer[1]()

    def _ready(self, what: Port | Callable[[], None]) -> None:
        if not isinstance(what, Port):
            what()
            return
        try:
            data = os.read(what.fd, 4096)
        except OSError:
            data = b""
        self.take(what, data) if data else self.drop(what)

    # -- the side channel -----------------------------------------------------------------------------------------

    def tell(self, entry: dict[str, object]) -> None:
        """One line over the channel."""
        if self.channel is not None and not (self.options.silent_channel and "signals" in entry):
            with contextlib.suppress(OSError):
                self.channel.sendall(json.dumps(entry).encode() + b"\n")

    def attach(self, listener: socket.socket) -> None:
        """Somebody opens the channel."""
        if self.channel is not None:
            self.selector.unregister(self.channel)
            self.channel.close()
        self.channel, _address = listener.accept()
        self.selector.register(self.channel, selectors.EVENT_READ, self.hear)
        self.tell({"offers": ["sync"]})
        self.tell({"signals": {"rate": self.rate}})

    def hear(self) -> None:
        """`reset` and `sync N`."""
        data = self.channel.recv(4096) if self.channel else b""
        if not data and self.channel:
            self.selector.unregister(self.channel)
            self.channel = None
        for line in data.split(b"\n"):
            if line == b"reset":
                self.boot()
                for port in list(self.ports):
                    self.drop(port)
                self.tell({"event": "ready"})
                self.tell({"signals": {"rate": self.rate}})
            elif line.startswith(b"sync "):
                self.tell({"sync": int(line[5:])})


# -- what sets a fault off, and the faults -----------------------------------------------------------------------------


def _fast(command: int, body: bytes) -> bool:
    return command == RATE and len(body) == 2 and int.from_bytes(body, "big") > MAX_RATE


TRIGGERS: dict[str, Callable[[int, bytes], bool]] = {
    "name": lambda command, body: command == NAME and body != VALID_NAME,
    "rate": lambda command, body: command == RATE and body != VALID_RATE.to_bytes(2, "big"),
    "select": lambda command, body: command == SELECT and body != b"\x01",
}


def _later(device: Device, _port: Port) -> bytes:
    device.after(0.2, lambda: os._exit(1))
    return bytes([OK])


def _at_close(_device: Device, port: Port) -> bytes:
    port.deadly = True
    return bytes([OK])


def _for_ever(_device: Device, _port: Port) -> None:
    while True:
        time.sleep(60)


def _for_a_while(device: Device, _port: Port) -> bytes:
    time.sleep(device.options.seconds)
    return bytes([OK])


def _swallows(device: Device, port: Port) -> None:
    port.swallow = int(device.options.seconds)


def _dead_connection(_device: Device, port: Port) -> bytes:
    port.dead = True
    return bytes([REFUSED])


def _mute_connection(_device: Device, port: Port) -> None:
    port.dead = True


def _traceback(device: Device, port: Port) -> None:
    sys.stderr.write("Traceback (most recent call last):\nIndexError: list index out of range\n")
    device.drop(port)


def _restarts(device: Device, _port: Port) -> bytes:
    device.boot()
    return bytes([REFUSED])


def _alarms(_device: Device, port: Port) -> bytes:
    port.send(b"PANIC: assertion failed at 0x08001234\r\n")
    return bytes([OK])


def _drifts(device: Device, _port: Port) -> bytes:
    device.limit = (device.limit + 1) % 0x10000
    return bytes([OK])


def _unsafe(device: Device, _port: Port) -> bytes:
    device.rate = UNSAFE_RATE
    device.tell({"signals": {"rate": device.rate}})
    return bytes([OK])


FAULTS: dict[str, Callable[[Device, Port], bytes | None]] = {
    "exit": lambda _device, _port: os._exit(139),
    "signal": lambda _device, _port: os.kill(os.getpid(), signal.SIGSEGV),
    "slow_death": _later,
    "at_close": _at_close,
    "hang": _for_ever,
    "hang_seconds": _for_a_while,
    "hang_bytes": _swallows,
    "dead_connection": _dead_connection,
    "mute_connection": _mute_connection,
    "close": lambda device, port: device.drop(port),
    "traceback": _traceback,
    "restart": _restarts,
    "alarm": _alarms,
    "leak": lambda _device, _port: bytes([OK]) + CANARY,
    "drift": _drifts,
    "unsafe": _unsafe,
    "wrong_answer": lambda device, _port: bytes([device.random.randrange(2, 255)]),
}


# -- the program -------------------------------------------------------------------------------------------------------


def listen(device: Device, place: str) -> None:
    """Offer the link; what holds it lives as long as the process."""
    scheme, _colon, rest = place.partition(":")
    if scheme == "pty":
        master, slave = pty.openpty()
        tty.setraw(slave)
        _hand_over(slave, device.options.keeper)
        link = Path(rest)
        link.unlink(missing_ok=True)
        link.symlink_to(os.ttyname(slave))
        device.greet(Port(master, None))
        return
    host, _colon, port = rest.rpartition(":")
    listener = socket.create_server((host, int(port)), backlog=16)
    device.selector.register(listener, selectors.EVENT_READ, lambda: device.accept(listener))


def _hand_over(descriptor: int, keeper: str) -> None:
    """Somebody holds our pty when we are dead, so that its number goes to nobody else."""
    if keeper:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(keeper)
            socket.send_fds(connection, [b"p"], [descriptor])
            connection.recv(1)


def listen_to_channel(device: Device, path: str) -> None:
    """Offer the side channel on a socket in the file system."""
    Path(path).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    device.selector.register(listener, selectors.EVENT_READ, lambda: device.attach(listener))


def supervise(seconds: float) -> None:
    """Returns in a child; the parent starts another one `seconds` after each that ended."""
    children: list[int] = []

    def end(_number: int, _frame: object) -> None:
        for child in children:
            os.kill(child, signal.SIGKILL)
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGALRM, end)
    while True:
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(LIFETIME)
            return
        children[:] = [child]
        os.waitpid(child, 0)
        children.clear()
        time.sleep(seconds)


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("place")
    parser.add_argument("--fault", default="", choices=["", "two", "later", *FAULTS])
    parser.add_argument("--trigger", default="name", choices=[*TRIGGERS])
    parser.add_argument("--seconds", type=float, default=1.0, help="of a hang, or bytes of a hang that waits for bytes")
    parser.add_argument("--probability", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--slow", type=float, default=0.0)
    parser.add_argument("--answers", type=int, default=1)
    parser.add_argument("--greeting", default="", choices=["", "text", "frame"])
    parser.add_argument("--echo", default="", choices=["", "live", "dead"])
    parser.add_argument("--supervise", type=float, default=-1.0)
    parser.add_argument("--serial", default=SERIAL)
    parser.add_argument("--status", type=int, default=OK, help="what it says of itself")
    parser.add_argument("--memory", default="")
    parser.add_argument("--channel", default="")
    parser.add_argument("--keeper", default="", help="a socket of who keeps the pty when this process is dead")
    parser.add_argument("--pid", default="", help="a file for its process id")
    parser.add_argument("--fired", default="", help="a file for a line each time that the fault is set off")
    for flag in ("--text", "--pushes", "--one-slot", "--only-probe", "--silent-channel"):
        parser.add_argument(flag, action="store_true")
    return parser.parse_args()


def main() -> None:
    """Serve until ended."""
    options = parsed()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(LIFETIME)
    if options.supervise >= 0:
        supervise(options.supervise)
    device = Device(options)
    listen(device, options.place)
    if options.channel:
        listen_to_channel(device, options.channel)
    if options.pushes:
        device.push()
    if options.pid:
        Path(options.pid).write_text(str(os.getpid()))
    device.serve()


if __name__ == "__main__":
    main()
