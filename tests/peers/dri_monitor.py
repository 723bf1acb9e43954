"""A patient monitor that speaks DRI as its specification says it: `dri_monitor.py {PORT | TTY} [FAULT]`.

A request whose checksum, length or subrecords are wrong is passed over. Displayed values and waveforms come by
themselves from a request that starts them to one that stops them (a second of the interval is a hundredth). PORT 0 is
a free one, and is printed. FAULT `offset` dies of a subrecord that begins outside of the record, `list` of eight
waveforms. Written from the specification; knows nothing of medfuzz.
"""

import contextlib
import os
import select
import socket
import struct
import sys
import termios
import time
import tty

FLAG, ESCAPE, END_OF_LIST = 0x7E, 0x7D, 0xFF
PHDB, WAVE, ALARM = 0, 1, 4
LONGEST = 1490
PLUG = 65000
SECOND = 0.01


def stuffed(data):
    out = bytearray()
    for byte in data:
        out += bytes([ESCAPE, byte & 0x5F]) if byte in (FLAG, ESCAPE) else bytes([byte])
    return bytes(out)


def unstuffed(data):
    out, escaped = bytearray(), False
    for byte in data:
        if not escaped and byte == ESCAPE:
            escaped = True
        else:
            out.append(byte | 0x7C if escaped else byte)
            escaped = False
    return None if escaped else bytes(out)


def record(main, kind, data):
    """A record with one subrecord, between flags."""
    described = struct.pack("<hB", 0, kind) + struct.pack("<hB", 0, END_OF_LIST) + bytes(18)
    now = int(time.time()) & 0xFFFFFFFF
    body = struct.pack("<HBBHIBBHH", 40 + len(data), 0, 7, PLUG, now, 0, 0, 0, main) + described + data
    return bytes([FLAG]) + stuffed(body + bytes([sum(body) % 256])) + bytes([FLAG])


def physiological(kind, number):
    """1 s of the basic class: heart rate 70, a sawtooth, no other parameters."""
    basic = struct.pack("<IHh", 3, 0, 70) + bytes(262)
    return struct.pack("<I", int(time.time())) + basic[:270] + struct.pack("<BBH", number % 256, 0, 7 << 8 | kind)


def alarms(text):
    shown = [text] + [b""] * 4
    return bytes(10) + b"".join(one.ljust(80, b"\0") + bytes(18) for one in shown) + bytes(10)


class Monitor:
    def __init__(self, fd, fault):
        self.fd, self.fault = fd, fault
        self.frame = None
        self.every, self.due = {}, {}
        self.waves = []
        self.number = 0
        self.sampled = 0.0

    def serve(self):
        while True:
            if select.select([self.fd], [], [], 0.01)[0]:
                if not (data := os.read(self.fd, 4096)):
                    return
                for byte in data:
                    self.take(byte)
            now = time.monotonic()
            for kind, seconds in self.every.items():
                if now >= self.due[kind]:
                    self.due[kind] = now + seconds * SECOND
                    self.give(kind)
            if now < self.sampled + 0.1:
                continue
            self.sampled = now
            for wave in self.waves:
                samples = struct.pack("<hHH4h", 4, 0, 0, 0, 100, 0, -100)
                os.write(self.fd, record(WAVE, wave, samples))

    def give(self, kind):
        self.number += 1
        os.write(self.fd, record(PHDB, kind, physiological(kind, self.number)))

    def take(self, byte):
        if byte == FLAG:
            if self.frame:
                self.obey(unstuffed(self.frame))
                self.frame = None
            else:
                self.frame = bytearray()
        elif self.frame is not None:
            self.frame.append(byte)
            if len(self.frame) > 2 * LONGEST:
                self.frame = None

    def obey(self, body):
        if not body or len(body) < 41 or body[-1] != sum(body[:-1]) % 256:
            return
        length, main = struct.unpack_from("<H", body)[0], struct.unpack_from("<H", body, 14)[0]
        data = body[40:-1]
        print(f"{main} {data.hex()}", flush=True)
        for place in range(8):
            offset, kind = struct.unpack_from("<hB", body, 16 + 3 * place)
            if kind == END_OF_LIST:
                break
            if self.fault == "offset" and offset > len(data):
                os.abort()
            if length != 40 + len(data) or not 0 <= offset < len(data):
                return
            self.request(main, kind, data[offset:])

    def request(self, main, kind, data):
        if kind != 0:
            return
        if main == PHDB and len(data) >= 9:
            self.physiological(data[0], struct.unpack_from("<h", data, 1)[0])
        elif main == WAVE and len(data) >= 12:
            wanted = data[4:12].split(b"\xff")[0]
            if self.fault == "list" and len(wanted) == 8:
                os.abort()
            self.waves = [] if data[:2] == b"\1\0" else [wave for wave in wanted if 0 < wave < 24][:8]
        elif main == ALARM and len(data) >= 12 and data[0] in (0, 2):
            os.write(self.fd, record(ALARM, 1, alarms(b"ECG LEADS OFF")))

    def physiological(self, kind, interval):
        if not 1 <= kind <= 4:
            return
        self.every.pop(kind, None)
        if interval == -1:
            self.give(kind)
        elif interval >= 5:
            self.every[kind], self.due[kind] = interval, time.monotonic()


def serve_tcp(port, fault):
    with socket.create_server(("127.0.0.1", port)) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            connection, _address = server.accept()
            with connection, contextlib.suppress(ConnectionError):
                Monitor(connection.fileno(), fault).serve()


def serve_tty(path, fault):
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(fd, termios.TCSANOW)
    Monitor(fd, fault).serve()


place, *rest = sys.argv[1:]
serve = serve_tcp if place.isdigit() else serve_tty
serve(int(place) if place.isdigit() else place, rest[0] if rest else "")
