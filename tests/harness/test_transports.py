"""Real sockets and real ptys: deadlines, partial writes, ends that vanish, monikers."""

import errno
import fcntl
import os
import socket
import sys
import termios
import threading
import time
import tty

import pytest
import serial

import harness.transports.serial
import harness.transports.tcp  # noqa: F401
from harness.errors import LinkClosed, LinkError, UsageError
from harness.place import listening, vacate
from harness.transports import transport


@pytest.fixture
def peer():
    """A listening socket; call it for the accepted connection."""
    listener = socket.create_server(("127.0.0.1", 0))
    accepted = []

    def accept():
        accepted.append(listener.accept()[0])
        return accepted[-1]

    accept.moniker = f"tcp:127.0.0.1:{listener.getsockname()[1]}"
    yield accept
    for connection in (*accepted, listener):
        connection.close()


@pytest.fixture
def pty():
    """(descriptor of the device's end, path of ours)."""
    controller, device = os.openpty()
    tty.setraw(device)
    ends = {"controller": controller, "device": device}
    yield ends, os.ttyname(device)
    for descriptor in ends.values():
        os.close(descriptor)


def test_tcp_receives_at_once_and_gives_up_at_the_deadline(peer):
    link = transport(peer.moniker, None).open(1.0)
    other = peer()
    other.sendall(b"hello")
    assert link.receive(link.now() + 5.0) == b"hello"
    started = time.monotonic()
    assert link.receive(link.now() + 0.1) == b""
    assert 0.08 < time.monotonic() - started < 5.0
    link.close()
    link.close()


def test_a_socket_in_the_file_system_is_a_link_like_any_other(tmp_path):
    listener, place = listening(f"unix:{tmp_path}/channel")
    link = transport(place, None).open(1.0)
    with listener, listener.accept()[0] as other:
        other.sendall(b"hello")
        assert link.receive(link.now() + 5.0) == b"hello"
        link.send(b"bye", link.now() + 20.0)
        assert other.recv(10) == b"bye"
    with pytest.raises(LinkClosed):
        link.receive(link.now() + 20.0)
    link.close()
    vacate(place)
    with pytest.raises(LinkError, match="Is the device on"):
        transport(place, None).open(1.0)


def test_tcp_sends_everything_to_a_slow_reader(peer):
    link = transport(peer.moniker, None).open(1.0)
    other, got = peer(), bytearray()
    size = 3_000_000

    def read():
        while len(got) < size:
            got.extend(other.recv(65536))
            time.sleep(0.0005)

    reader = threading.Thread(target=read)
    reader.start()
    link.send(bytes(size), link.now() + 20.0)
    reader.join(20.0)
    assert len(got) == size
    link.close()


def test_tcp_says_when_the_peer_does_not_read(peer):
    link = transport(peer.moniker, None).open(1.0)
    peer()
    with pytest.raises(LinkError, match="did not take"):
        link.send(bytes(50_000_000), link.now() + 0.2)
    link.close()


def test_tcp_tells_a_closed_peer_from_a_silent_one(peer):
    link = transport(peer.moniker, None).open(1.0)
    peer().close()
    with pytest.raises(LinkClosed):
        link.receive(link.now() + 20.0)
    link.close()


def test_nothing_listening_is_told_at_once_with_what_to_do():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    started = time.monotonic()
    with pytest.raises(LinkError, match="Is the device on"):
        transport(f"tcp:127.0.0.1:{port}", None).open(60.0)
    assert time.monotonic() - started < 30.0


def test_serial_talks_over_a_pty(pty):
    ends, path = pty
    link = transport(f"serial:{path}?baudrate=9600", None).open(1.0)
    link.send(b"ping", link.now() + 20.0)
    assert os.read(ends["controller"], 100) == b"ping"
    os.write(ends["controller"], b"pong!")
    got = link.receive(link.now() + 20.0)
    while len(got) < 5:
        got += link.receive(link.now() + 20.0)
    assert got == b"pong!"
    assert link.receive(link.now() + 0.05) == b""
    link.close()


def waiting(descriptor):
    """How many bytes have come through a pty."""
    return int.from_bytes(fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)), sys.byteorder)


def test_serial_drops_what_an_earlier_user_left(pty):
    ends, path = pty
    os.write(ends["controller"], b"leftover")
    while waiting(ends["device"]) < len(b"leftover"):
        time.sleep(0.001)
    link = transport(f"serial:{path}", None).open(1.0)
    assert link.receive(link.now() + 0.05) == b""
    link.close()


def test_a_pulled_serial_cable_is_seen_at_once(pty):
    ends, path = pty
    link = transport(f"serial:{path}", None).open(1.0)
    os.close(ends.pop("controller"))
    started = time.monotonic()
    with pytest.raises(LinkClosed, match="cable"):
        link.receive(link.now() + 60.0)
    assert time.monotonic() - started < 30.0
    link.close()


def test_a_serial_path_that_is_not_there_says_what_to_check():
    with pytest.raises(LinkError, match="Is the cable plugged in"):
        transport("serial:/dev/ttyNOWHERE9", None).open(0.5)


def test_a_serial_port_that_the_user_may_not_open_says_how_to_be_allowed(monkeypatch):
    def refuse(*_args, **_settings):
        raise serial.SerialException(errno.EACCES, "could not open port /dev/ttyUSB0: Permission denied")

    monkeypatch.setattr(serial, "serial_for_url", refuse)
    with pytest.raises(LinkError, match="usermod -aG dialout"):
        transport("serial:/dev/ttyUSB0", None).open(0.5)


@pytest.mark.parametrize(
    ("moniker", "words"),
    [
        ("tpc:127.0.0.1:1", "Did you mean 'tcp'"),
        ("127.0.0.1", "SCHEME:ADDRESS"),
        ("127.0.0.1:2575", "Did you mean 'tcp:127.0.0.1:2575'"),
        ("tcp:localhost", "tcp:HOST:PORT"),
        ("tcp:localhost:99999", "1 to 65535"),
        ("serial:/dev/ttyS0?baudrat=9600", "Did you mean 'baudrate'"),
        ("serial:/dev/ttyS0?baudrate=fast", "whole number"),
        ("serial:/dev/ttyS0?parity=X", "parity"),
    ],
)
def test_a_wrong_moniker_is_a_usage_error(moniker, words):
    with pytest.raises(UsageError, match=words):
        transport(moniker, None)
