"""A fluid warmer on a TCP port, to try warmer.py on: `python3 warmer_device.py PORT`. One fault is in it."""

from __future__ import annotations

import socket
import struct
import sys
import time

START = 0xAA
STATUS, LOGIN, SET_TARGET, HEAT, SET_LABEL, LOGOUT, ERASE, REPORT = 1, 2, 3, 4, 5, 6, 0x7E, 0x70
OK, REFUSED, NO_SESSION = 0, 1, 2
PIN = b"739184"
LABEL_SIZE = 16
PARTIAL_SECONDS = 0.1
REPORT_SECONDS = 0.5


def crc16(data: bytes) -> int:
    """CRC-16/MODBUS."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0xA001 if crc & 1 else 0)
    return crc


def frame(sequence: int, command: int, body: bytes) -> bytes:
    """Start, length, sequence, command, body, checksum."""
    covered = bytes([len(body) + 2, sequence, command]) + body
    return bytes([START]) + covered + crc16(covered).to_bytes(2, "little")


class Warmer:
    """What the device remembers; `answer` takes a command and gives the reply's body."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.heating, self.target, self.token, self.label = 0, 370, 0, b""

    def answer(self, command: int, body: bytes) -> bytes:
        """Status byte and what the command asks for."""
        if command == STATUS:
            return self.status()
        if command == LOGIN and body == PIN:
            self.token = 0x5EED0000 + int(time.monotonic()) % 1000
            return struct.pack(">BI", OK, self.token)
        if command == LOGIN:
            return bytes([REFUSED])
        if not self.token or body[:4] != self.token.to_bytes(4, "big"):
            return bytes([NO_SESSION])
        if command == SET_LABEL and len(body) > 4:
            return self.set_label(body[4], body[5:])
        return bytes([self.obey(command, body[4:])])

    def status(self) -> bytes:
        """Mode, session, target in tenths of a degree, uptime in ms, serial number, firmware."""
        uptime = int(1000 * (time.monotonic() - self.started))
        return struct.pack(">BBBHI8sH", OK, self.heating, int(self.token > 0), self.target, uptime, b"FW-00017", 0x0203)

    def obey(self, command: int, body: bytes) -> int:
        """A command of somebody who is logged in."""
        if command == SET_TARGET and len(body) == 2 and 300 <= int.from_bytes(body, "big") <= 410:
            self.target = int.from_bytes(body, "big")
        elif command == HEAT and body in (b"\0", b"\1"):
            self.heating = body[0]
        elif command == LOGOUT:
            self.token = 0
        elif command == ERASE:
            self.target = self.heating = 0
        else:
            return REFUSED
        return OK

    def set_label(self, size: int, text: bytes) -> bytes:
        """Gives the label back. The fault: as long as the length byte says, and the PIN lies behind it in memory."""
        self.label = text[:LABEL_SIZE]
        memory = self.label.ljust(LABEL_SIZE, b"\0") + PIN
        return bytes([OK]) + memory[:size]


class Receiver:
    """Frames out of a byte stream; what is left unfinished for `PARTIAL_SECONDS` is dropped."""

    def __init__(self) -> None:
        self.buffer, self.at = b"", 0.0

    def frames(self, data: bytes) -> list[bytes]:
        """Whole frames with a right checksum; everything else is skipped in silence."""
        now = time.monotonic()
        if now - self.at > PARTIAL_SECONDS:
            self.buffer = b""
        self.buffer, self.at = self.buffer + data, now
        found: list[bytes] = []
        while len(self.buffer) >= 2:
            size = self.buffer[1] + 4
            if self.buffer[0] == START and len(self.buffer) < size:
                break
            one = self.buffer[:size]
            right = one[0] == START and size >= 6 and crc16(one[1:-2]).to_bytes(2, "little") == one[-2:]
            found += [one] if right else []
            self.buffer = self.buffer[size if right else 1 :]
        return found


def serve(connection: socket.socket, warmer: Warmer) -> None:
    """One connection, until the other end closes it; a report goes out by itself while the warmer heats."""
    receiver = Receiver()
    connection.settimeout(REPORT_SECONDS)
    while True:
        try:
            data = connection.recv(4096)
        except TimeoutError:
            if warmer.heating:
                connection.sendall(frame(0, REPORT, warmer.target.to_bytes(2, "big")))
            continue
        if not data:
            return
        for one in receiver.frames(data):
            connection.sendall(frame(one[2], one[3] | 0x80, warmer.answer(one[3], one[4:-2])))


def main(port: int) -> None:
    """Serve one connection after the other."""
    warmer = Warmer()
    with socket.create_server(("127.0.0.1", port)) as listener:
        while True:
            connection, _address = listener.accept()
            with connection:
                try:
                    serve(connection, warmer)
                except ConnectionError:
                    continue


if __name__ == "__main__":
    main(int(sys.argv[1]))
