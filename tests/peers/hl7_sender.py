"""A device that sends HL7 v2 over MLLP: `hl7_sender.py {HOST:PORT | PATH} [--interval S] [--patience S] [--once]`.

It connects, sends an ORU, waits for the acknowledgement, and goes on with the next; without one in `patience` seconds
it sends the same again, and connects anew when the connection is lost. With --once each message has a connection of its
own. `--fault long_id` dies of an MSA-2 of more than 40 characters, `--fault no_text` never goes on behind a NAK whose
MSA has no text (MSA-3). Knows nothing of medfuzz.
"""

import argparse
import contextlib
import os
import re
import socket
import time

START, END = b"\x0b", b"\x1c\r"
LONGEST = 1 << 16
ORU = (
    "MSH|^~\\&|ANALYSER|LAB|LIS|HOSPITAL|20260101120000||ORU^R01|{id}|P|2.5\rPID|1||PAT-0001\r"
    "OBR|1||R17|718-7\rOBX|1|NM|718-7^Hemoglobin||13.2|g/dL|||||F\r"
)


def connected(place):
    if "/" in place:
        line = socket.socket(socket.AF_UNIX)
        line.connect(place)
        return line
    host, _, port = place.rpartition(":")
    return socket.create_connection((host, int(port)))


class Sender:
    def __init__(self, place, interval, patience, fault):
        self.place, self.interval, self.patience, self.fault = place, interval, patience, fault
        self.number = 1

    def serve(self, once):
        while True:
            with contextlib.suppress(OSError), connected(self.place) as line:
                while self.sent(line) and not once:
                    time.sleep(self.interval)
            time.sleep(self.interval)

    def sent(self, line):
        """Send one until it is acknowledged; False where the connection is lost."""
        told = f"{os.getpid()}-{self.number}"
        while True:
            line.sendall(START + ORU.format(id=told).encode() + END)
            code = self.heard(line, told.encode())
            if code == b"closed":
                return False
            if code in (b"AA", b"CA", b"AR", b"CR"):
                self.number += 1
                return True

    def heard(self, line, told):
        """The code of the acknowledgement to our message, b"" where none comes in time."""
        buffer, until = b"", time.monotonic() + self.patience
        while (left := until - time.monotonic()) > 0:
            line.settimeout(left)
            try:
                data = line.recv(4096)
            except TimeoutError:
                return b""
            if not data:
                return b"closed"
            buffer = (buffer + data)[-LONGEST:]
            while END in buffer:
                block, _, buffer = buffer.partition(END)
                code, answered = self.read(block.rpartition(START)[2])
                if code and answered == told:
                    return code
        return b""

    def read(self, block):
        msa = next((s.split(b"|") for s in re.split(rb"[\r\n]", block) if s.startswith(b"MSA|")), [])
        code, answered, text = (*msa[1:4], b"", b"", b"")[:3]
        if self.fault == "long_id" and len(answered) > 40:
            os.abort()
        while self.fault == "no_text" and code in (b"AE", b"AR") and not text:
            time.sleep(1)
        return code, answered


def main():
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("place")
    words.add_argument("--fault", default="")
    words.add_argument("--interval", type=float, default=0.2)
    words.add_argument("--patience", type=float, default=1.0)
    words.add_argument("--once", action="store_true")
    given = words.parse_args()
    Sender(given.place, given.interval, given.patience, given.fault).serve(given.once)


main()
