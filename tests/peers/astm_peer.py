"""One side of ASTM E1381 as the standard says it: `astm_peer.py {host | analyser} {PORT | TTY} [FAULT]`.

A host receives; an analyser receives as well, and sends a result for each query when the link is neutral again. PORT 0
is a free one, and is printed. FAULT `long_field` dies of a field of more than 200 characters, `deaf` never answers
again behind a frame whose number is no digit. Written from the standard; knows nothing of medfuzz.
"""

import contextlib
import os
import select
import socket
import sys
import termios
import time
import tty

STX, ETX, EOT, ENQ, ACK, LF, NAK, ETB = 0x02, 0x03, 0x04, 0x05, 0x06, 0x0A, 0x15, 0x17
LONGEST = 64_007
RECEIVER_SECONDS, SENDER_SECONDS, CONTENTION_SECONDS, RETRIES = 30.0, 15.0, 1.0, 6


def checksum(block):
    return b"%02X" % (sum(block) % 256)


class Line:
    """Bytes of a socket or a terminal, one at a time."""

    def __init__(self, fd):
        self.fd, self.buffer = fd, bytearray()

    def read(self, seconds):
        """A byte, or None after so long; EOFError at the end."""
        if not self.buffer:
            if not select.select([self.fd], [], [], seconds)[0]:
                return None
            self.buffer += os.read(self.fd, 4096)
            if not self.buffer:
                raise EOFError
        return self.buffer.pop(0)

    def write(self, data):
        os.write(self.fd, data)


class Device:
    """Neutral, receiving, or sending."""

    def __init__(self, line, sends, fault):
        self.line, self.sends, self.fault = line, sends, fault
        self.transferring = self.deaf = False
        self.number = 0
        self.frame = None
        self.record = b""
        self.queries = []

    def serve(self):
        while True:
            byte = self.line.read(RECEIVER_SECONDS)
            if byte is None:
                self.transferring, self.frame = False, None
            elif not self.deaf:
                self.take(byte)

    def take(self, byte):
        if self.frame is not None:
            self.frame.append(byte)
            if byte == LF or len(self.frame) > LONGEST:
                frame, self.frame = bytes(self.frame), None
                self.line.write(bytes([ACK if self.accepts(frame) else NAK]))
        elif not self.transferring:
            if byte == ENQ:
                self.transferring, self.number, self.record = True, 0, b""
                self.line.write(bytes([ACK]))
        elif byte == STX:
            self.frame = bytearray([STX])
        elif byte == EOT:
            self.transferring = False
            print("EOT", flush=True)
            while self.sends and self.queries:
                self.send([b"H|\\^&|||ANALYSER", b"P|1", b"O|1|" + self.queries.pop(0), b"R|1|^^^GLU|5.4", b"L|1|N"])

    def accepts(self, frame):
        if len(frame) < 7 or frame[-2:] != b"\r\n" or frame[-5] not in (ETX, ETB):
            return False
        if frame[-4:-2] != checksum(frame[1:-4]):
            return False
        if not 0x30 <= frame[1] <= 0x37:
            self.deaf = self.fault == "deaf"
            return False
        number = frame[1] - 0x30
        if number == self.number and self.number:
            return True
        if number != (self.number + 1) % 8:
            return False
        self.number = number
        self.record += frame[2:-5]
        if frame[-5] == ETX:
            self.finish(self.record)
            self.record = b""
        return True

    def finish(self, record):
        fields = record.rstrip(b"\r").split(b"|")
        print(record, flush=True)
        if self.fault == "long_field" and any(len(field) > 200 for field in fields):
            os.abort()
        if fields[0] == b"Q" and len(fields) > 2:
            self.queries.append(fields[2][:40])

    def send(self, records):
        """As a sender: True when all of it was acknowledged."""
        if not self.established():
            return False
        done = all(self.acknowledged(number % 8, record) for number, record in enumerate(records, 1))
        self.line.write(bytes([EOT]))
        print("sent" if done else "not sent", flush=True)
        return done

    def established(self):
        for _try in range(RETRIES):
            self.line.write(bytes([ENQ]))
            answer = self.line.read(SENDER_SECONDS)
            if answer == ACK:
                return True
            if answer is None:
                break
            time.sleep(CONTENTION_SECONDS)
            self.line.buffer.clear()
        self.line.write(bytes([EOT]))
        return False

    def acknowledged(self, number, record):
        block = b"%d" % number + record + b"\r" + bytes([ETX])
        for _try in range(RETRIES):
            self.line.write(bytes([STX]) + block + checksum(block) + b"\r\n")
            if (answer := self.line.read(SENDER_SECONDS)) == ACK:
                return True
            if answer in (None, EOT):
                return False
        return False


def serve_tcp(port, sends, fault):
    with socket.create_server(("127.0.0.1", port)) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            connection, _address = server.accept()
            with connection, contextlib.suppress(EOFError, ConnectionError):
                Device(Line(connection.fileno()), sends, fault).serve()


def serve_tty(path, sends, fault):
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(fd, termios.TCSANOW)
    Device(Line(fd), sends, fault).serve()


role, place, *rest = sys.argv[1:]
(serve_tcp if place.isdigit() else serve_tty)(
    int(place) if place.isdigit() else place, role == "analyser", rest[0] if rest else ""
)
