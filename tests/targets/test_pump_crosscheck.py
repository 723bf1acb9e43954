"""The pump with the byte-interrupt driver holds the same conversation on our board and in QEMU's netduinoplus2."""

import shutil
import socket
import subprocess
import time

import pytest
from pump_device import PUMP, Pump, whole

from targets.pump.crosscheck import requests

QEMU = shutil.which("qemu-system-arm")
QUIET = 0.03


def connect(path, seconds=5.0):
    deadline = time.monotonic() + seconds
    while True:
        stream = socket.socket(socket.AF_UNIX)
        try:
            stream.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            stream.close()
            assert time.monotonic() < deadline, "QEMU did not open its serial ports"
            time.sleep(0.05)
        else:
            return stream


def receive(stream):
    """A whole reply, and what follows it within QUIET seconds."""
    received = b""
    while True:
        stream.settimeout(QUIET if whole(received) else 2.0)
        try:
            received += stream.recv(4096)
        except TimeoutError:
            return received


def in_qemu(folder):
    ports = {"USART1": folder / "1", "USART2": folder / "2"}
    serial = [word for path in ports.values() for word in ("-serial", f"unix:{path},server=on,wait=off")]
    command = [QEMU, "-M", "netduinoplus2", "-nographic", "-monitor", "none", *serial, "-serial", "null"]
    process = subprocess.Popen([*command, "-kernel", str(PUMP / "pump-irq.elf")], stdin=subprocess.DEVNULL)
    try:
        streams = {port: connect(path) for port, path in ports.items()}
        time.sleep(0.3)
        for request in requests():
            streams[request.port].sendall(request.data)
            yield receive(streams[request.port])
        for stream in streams.values():
            stream.close()
    finally:
        process.kill()
        process.wait()


def on_board():
    pump = Pump(PUMP / "pump-irq.elf")
    for request in requests():
        link = pump.link if request.port == "USART1" else pump.network
        link.send(request.data, 0)
        deadline, received = pump.target.now() + 0.1, b""
        while more := link.receive(deadline):
            received += more
        yield received


@pytest.mark.skipif(QEMU is None, reason="qemu-system-arm is not installed")
def test_the_same_conversation_in_qemu_and_on_our_board(tmp_path):
    ours, theirs = list(on_board()), list(in_qemu(tmp_path))
    different = [r.data for r, a, b in zip(requests(), ours, theirs, strict=True) if a != b]
    assert different == []
    assert all(ours)
