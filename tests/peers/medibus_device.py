"""A ventilator that speaks MEDIBUS as its definition says it: `medibus_device.py {PORT | TTY} [FAULT]`.

Nothing but ICC is answered before ICC, or when no command came for 10 seconds; an own NOP goes out every second of
silence. Realtime data come in between, also in the midst of a response. PORT 0 is a free one, and is printed. FAULT
`argument` dies of an argument longer than 64 bytes, `multiplier` hangs at a realtime multiplier of 0. Written from
the definition; knows nothing of medfuzz.
"""

import contextlib
import os
import select
import socket
import sys
import termios
import time
import tty

ESC, SOH, CR, NAK, DC1, DC3 = 0x1B, 0x01, 0x0D, 0x15, 0x11, 0x13
DROPPED_SECONDS, NOP_SECONDS = 10.0, 1.0
LONGEST = 1024
VALUES = {"73": " 12 ", "78": "  5 ", "7D": " 22 ", "B9": " 7.2", "F0": "040 "}
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAI", "JUN", "JUL", "AUG", "SEP", "OKT", "NOV", "DEZ")


def checksum(data):
    return b"%02X" % (sum(data) % 256)


class Device:
    def __init__(self, fd, fault):
        self.fd, self.fault = fd, fault
        self.open = self.suspended = False
        self.heard = self.spoke = time.monotonic()
        self.command = None
        self.streams = []
        self.enabled = 0
        self.realtime = bytearray()
        self.wanted = None
        self.sample = 0

    def serve(self):
        while True:
            if select.select([self.fd], [], [], 0.05)[0]:
                if not (data := os.read(self.fd, 4096)):
                    return
                for byte in data:
                    self.take(byte)
            now = time.monotonic()
            if self.open and now - self.heard > DROPPED_SECONDS:
                self.close()
            if self.open and now - self.spoke > NOP_SECONDS:
                self.say(ESC, 0x30)
            if self.open and self.enabled and not self.suspended:
                os.write(self.fd, self.burst())

    def close(self):
        self.open, self.streams, self.enabled, self.wanted = False, [], 0, None

    def burst(self):
        """One sample of each stream that is enabled."""
        self.sample = (self.sample + 1) % 4096
        value = bytes([0x80 | self.sample >> 6, 0x80 | self.sample & 0x3F])
        return bytes([0xD0 | self.enabled]) + value * self.enabled.bit_count()

    def take(self, byte):
        if byte in (DC1, DC3):
            self.suspended = byte == DC3
        elif byte >= 0x80:
            self.take_realtime(byte)
        elif byte in (ESC, SOH):
            self.command = bytearray([byte])
        elif self.command is not None:
            self.command.append(byte)
            if byte == CR:
                command, self.command = bytes(self.command), None
                self.obey(command)
            elif len(self.command) > LONGEST:
                self.command = None

    def take_realtime(self, byte):
        self.realtime = bytearray() if 0xD0 <= byte < 0xE0 else self.realtime + bytes([byte])
        if len(self.realtime) == 2 and self.realtime[0] == 0xC1 and self.realtime[1] >= 0xC0:
            self.enabled = self.realtime[1] & 0x0F & ((1 << len(self.streams)) - 1)

    def say(self, start, code, data=b""):
        message = bytes([start, code]) + data
        message += checksum(message) + b"\r"
        if self.enabled:
            message = message[:2] + self.burst() + message[2:]
        os.write(self.fd, message)
        self.spoke = time.monotonic()

    def obey(self, command):
        if command[0] == SOH:
            self.heard = time.monotonic()
            if command[1] == 0x52:
                print("host", command[2:-3].decode("latin-1"), flush=True)
            return
        if len(command) < 5 or command[-3:-1] != checksum(command[:-3]):
            if self.open:
                self.say(SOH, NAK)
            return
        code, argument = command[1], command[2:-3]
        print(f"{code:02X} {argument!r}", flush=True)
        if code != 0x51 and not self.open:
            return
        self.heard = time.monotonic()
        if self.fault == "argument" and len(argument) > 64:
            os.abort()
        self.say(SOH, code, self.answer(code, argument))
        if code == 0x51 and not self.open:
            self.open = True
            self.say(ESC, 0x52)
        if code == 0x55:
            self.close()

    def answer(self, code, argument):
        if code == 0x4A:
            codes = argument[1:].decode("latin-1")
            self.wanted = {codes[at : at + 2] for at in range(0, len(codes), 2)}
        if code == 0x54:
            self.configure(argument)
        return {
            0x52: b"8210'Ventilator'01.00:06.00",
            0x28: time.strftime(f"%H:%M:%S%d-{MONTHS[time.localtime().tm_mon - 1]}-%y").encode(),
            0x24: self.values(),
            0x25: b"B9 3.0",
            0x26: b"7D 35 B915.0",
            0x27: b"?10PAW HIGH    ",
            0x29: b"01 040 040.450",
            0x2A: b"069Mode SIMV\x03",
            0x2B: b"21 450",
            0x53: b"0000010000  -10   60FFF" + b"0100010000  -60   60FFF",
        }.get(code, b"")

    def values(self):
        return "".join(c + v for c, v in VALUES.items() if self.wanted is None or c in self.wanted).encode()

    def configure(self, argument):
        pairs = [argument[at : at + 4] for at in range(0, len(argument), 4)]
        self.streams = [pair[:2] for pair in pairs if pair[:2] in (b"00", b"01", b"03")][:4]
        while self.fault == "multiplier" and any(pair[2:] == b"00" for pair in pairs):
            time.sleep(1)


def serve_tcp(port, fault):
    with socket.create_server(("127.0.0.1", port)) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            connection, _address = server.accept()
            with connection, contextlib.suppress(ConnectionError):
                Device(connection.fileno(), fault).serve()


def serve_tty(path, fault):
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(fd, termios.TCSANOW)
    Device(fd, fault).serve()


place, *rest = sys.argv[1:]
serve = serve_tcp if place.isdigit() else serve_tty
serve(int(place) if place.isdigit() else place, rest[0] if rest else "")
