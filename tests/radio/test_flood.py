"""A peripheral that says far too much: the radio neither grows by it nor outlives its end."""

import contextlib
import os
import signal
import struct
import time
from pathlib import Path

import pytest
from test_controller import Stack

ADDRESS = "F0:AA:00:00:00:01"
CONNECTION_COMPLETE = b"\x04\x3e\x13\x01\x00"
COUNT, MOST_MEGABYTES = 15_000, 24.0  # buffers that are bounded, and filled: four times as many take no more
FLOODS = {
    "parameter updates": (5, struct.pack("<BBHHHHH", 0x12, 1, 8, 6, 6, 0, 100)),
    "credit based connections": (5, struct.pack("<BBHHHHHH", 0x14, 1, 10, 0x80, 0x40, 64, 64, 1)),
    "unknown signalling": (5, bytes.fromhex("7f 01 00 00")),
    "security requests": (6, bytes.fromhex("0b 05")),
    "pairing requests": (6, bytes.fromhex("01 03 00 05 10 00 00")),
    "reads": (4, bytes.fromhex("0a 01 00")),
    "notifications that nobody reads": (4, bytes.fromhex("1b 03 00") + bytes(200)),
    "no channel": (0x99, bytes(20)),
}


@pytest.fixture
def stack(radio):
    with contextlib.closing(Stack(radio.listening[0])) as opened:
        opened.ask(0x2005, bytes.fromhex(ADDRESS.replace(":", ""))[::-1])
        opened.ask(0x2006, struct.pack("<HHBBB6sBB", 0x20, 0x20, 0, 1, 0, bytes(6), 7, 0))
        opened.ask(0x200A, b"\x01")
        yield opened


def megabytes(pid):
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def acl(handle, cid, pdu):
    return struct.pack("<BHHHH", 2, handle | 2 << 12, len(pdu) + 4, len(pdu), cid) + pdu


@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_is_borne_and_ended_while_it_goes_on(radio, stack, kind):
    cid, pdu = FLOODS[kind]
    client = radio.client(20.0)
    answer = client.ask("connect", 30.0, address=ADDRESS)
    client.ask(
        "tap", connection=answer["connection"], channels=[4] if "notifications" in kind else [], everything=False
    )
    stack.ask(0x1009)
    handle = next(event[5:7] for event in stack.events if event.startswith(CONNECTION_COMPLETE))
    packets = acl(int.from_bytes(handle, "little"), cid, pdu) * 100
    before, pid = megabytes(radio.pid), radio.pid
    for _ in range(COUNT // 100):
        stack.flood(packets)
    assert client.ask("hello")["version"] if "notifications" not in kind else True
    assert megabytes(pid) - before < MOST_MEGABYTES
    started = time.monotonic()
    os.kill(pid, signal.SIGTERM)
    with contextlib.suppress(OSError):  # it goes on until nobody is there
        while radio._process.poll() is None and time.monotonic() - started < 30.0:
            stack.flood(packets)
    radio._process.wait(0.1)
