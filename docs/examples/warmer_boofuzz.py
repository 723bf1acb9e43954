"""The fluid warmer in a script for boofuzz, which fuzzes it when run by itself; medfuzz takes the script as it is."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from boofuzz import (
    ProtocolSessionReference,
    Session,
    Target,
    TCPSocketConnection,
    s_block,
    s_byte,
    s_bytes,
    s_checksum,
    s_get,
    s_initialize,
    s_size,
    s_static,
    s_string,
)


def crc16(data: bytes) -> bytes:
    """CRC-16/MODBUS, low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0xA001 if crc & 1 else 0)
    return crc.to_bytes(2, "little")


@contextmanager
def framed(name: str, command: int) -> Generator[None]:
    """A message in its frame; the body goes inside."""
    s_initialize(name)
    s_static(b"\xaa")
    with s_block("covered"):
        s_size("content", length=1)
        with s_block("content"):
            s_byte(0, name="sequence")
            s_byte(command, name="command")
            yield
    s_checksum("covered", algorithm=crc16, length=2)


def take_token(*_: Any, session: Any, test_case_context: Any, **__: Any) -> None:
    """The token out of the reply to the login."""
    test_case_context.session_variables["token"] = session.last_recv[5:9]


def main() -> None:
    """Three messages and the way to them."""
    session = Session(target=Target(connection=TCPSocketConnection("127.0.0.1", 2600)))
    with framed("status", 1):
        pass
    with framed("login", 2):
        s_bytes(b"739184", name="pin", size=6)
    with framed("set_label", 5):
        s_static(ProtocolSessionReference("token", b"\0\0\0\0"), name="token")
        s_size("label", length=1)
        s_string("WARD 3", name="label", max_len=40)
    session.connect(s_get("status"))
    session.connect(s_get("login"))
    session.connect(s_get("login"), s_get("set_label"), callback=take_token)
    session.fuzz()


if __name__ == "__main__":
    main()
