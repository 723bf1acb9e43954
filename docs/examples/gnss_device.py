"""Stands in for a GNSS receiver at 127.0.0.1:PORT; pyubx2 reads and writes its frames.

Usage: python gnss_device.py PORT
"""

import socket
import sys
import time
from collections.abc import Iterator
from typing import Any

from pyubx2 import GET, SETPOLL, UBXMessage, UBXReader

BEGAN = time.monotonic()
RATE = {"measRate": 1000, "navRate": 1, "timeRef": 0}


def position() -> dict[str, Any]:
    return {"iTOW": 345_600_000, "lat": 47.28, "lon": 8.56, "height": 408_000}


def status() -> dict[str, Any]:
    return {"gpsFix": 3, "ttff": 1200, "msss": int(1000 * (time.monotonic() - BEGAN))}


def version() -> dict[str, Any]:
    return {"swVersion": b"ROM SPG 5.10".ljust(30, b"\0"), "hwVersion": b"00190000".ljust(10, b"\0")}


ASKED = {
    "MON-VER": version,
    "NAV-POSLLH": position,
    "NAV-STATUS": status,
    "CFG-RATE": lambda: RATE,
    "CFG-PRT": lambda: {"portID": 1, "baudRate": 9600},
}


def answers(raw: bytes, message: UBXMessage) -> Iterator[UBXMessage]:
    """What the receiver says to one message: what was polled, and whether a setting was taken."""
    kind, code = message.identity, {"clsID": raw[2], "msgID": raw[3]}
    if kind == "CFG-RATE" and message.length == 6:
        RATE.update(measRate=message.measRate, navRate=message.navRate, timeRef=message.timeRef)
        yield UBXMessage("ACK", "ACK-ACK", GET, **code)
    elif kind in ASKED and message.length < 6:
        yield UBXMessage(kind[:3], kind, GET, **ASKED[kind]())
    elif kind != "CFG-RST":
        yield UBXMessage("ACK", "ACK-ACK" if kind.startswith("CFG") else "ACK-NAK", GET, **code)


def main() -> None:
    with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listening:
        while True:
            connection, _peer = listening.accept()
            with connection:
                for raw, message in UBXReader(connection, msgmode=SETPOLL):
                    if message is not None:
                        connection.sendall(b"".join(answer.serialize() for answer in answers(raw, message)))


if __name__ == "__main__":
    main()
