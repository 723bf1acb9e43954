"""A served port's client that reads late, too late or not at all."""

import os
import socket

import pytest

from targets.serving.outlet import Outlet


@pytest.fixture
def pair():
    """Our end, which does not block, and the client's."""
    ours, client = socket.socketpair()
    ours.setblocking(False)
    with ours, client:
        yield ours, client


def outlet(ours, gone, **options):
    taken = []
    return Outlet(ours.fileno(), taken.append, gone.append, **options), taken


def everything(client):
    client.setblocking(False)
    said = b""
    while True:
        try:
            said += client.recv(1 << 20)
        except BlockingIOError:
            return said


def test_what_a_client_reads_late_waits_for_it_in_order(pair):
    ours, client = pair
    one, _taken = outlet(ours, [], backlog=1 << 24, whole=True)
    said = b"".join(b"%d\n" % number for number in range(500_000))
    for start in range(0, len(said), 100_000):
        one.write(said[start : start + 100_000])
    heard = everything(client)
    while len(heard) < len(said):
        one.flush()
        heard += everything(client)
    assert heard == said


def test_a_serial_client_that_reads_too_late_gets_the_latest(pair):
    ours, client = pair
    gone = []
    one, _taken = outlet(ours, gone, backlog=1000)
    for number in range(100_000):
        one.write(b"%08d" % number)
    everything(client)
    one.flush()
    assert everything(client).endswith(b"00099999")
    assert gone == []


def test_a_client_that_may_miss_nothing_is_let_go_when_it_would(pair):
    ours, _client = pair
    gone = []
    one, taken = outlet(ours, gone, backlog=1000, whole=True)
    while not gone:
        one.write(b"x" * 1000)
    assert gone == [one]
    one.close()
    one.write(b"more")
    one.flush()
    one.readable()
    assert (gone, taken) == ([one], [])


def test_a_client_that_is_gone_is_told_once_and_nothing_is_blocked(pair):
    ours, client = pair
    gone = []
    one, taken = outlet(ours, gone, backlog=1000)
    one.readable()
    client.sendall(b"hello")
    one.readable()
    client.close()
    one.readable()
    one.write(b"x")
    assert (taken, gone) == ([b"hello"], [one])
    assert os.get_blocking(ours.fileno()) is False
