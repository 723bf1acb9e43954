"""The serial port that a program of the bench's own is given."""

import os
import sys
import time
from types import SimpleNamespace

import pytest

from harness.errors import LinkClosed, LinkError, UsageError
from harness.transports import transport
from targets.process import OwnProcess
from targets.terminal import Terminals

ECHO = (
    "import os, sys; port = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)\n"
    "while (data := os.read(port, 100)) != b'end': os.write(port, data.upper())\n"
)


@pytest.fixture
def terminals():
    made = Terminals(["pty:line", "tcp:127.0.0.1:1"])
    yield made
    made.close()


@pytest.fixture
def program(terminals):
    """Started on the port, and a link to it."""
    process = OwnProcess([sys.executable, "-c", ECHO, terminals.renew()["{pty}"]])
    yield process
    process.stop()


def opened(terminals, moniker="pty:line", seconds=60.0):
    carrier, deadline = transport(moniker, SimpleNamespace(terminals=terminals)), time.monotonic() + seconds
    while True:
        try:
            return carrier.open(1.0)
        except LinkError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def test_a_program_on_its_port_is_talked_to_in_raw_bytes(terminals, program):
    link = opened(terminals)
    for data in (b"a\x04\x03\r\n\x7f", bytes(range(90))):
        link.send(data, link.now() + 1.0)
        assert link.receive(link.now() + 5.0) == data.upper()
    began = link.now()
    assert link.receive(began + 0.1) == b""
    assert 0.1 <= link.now() - began < 5.0


def test_what_was_said_before_the_link_is_opened_is_dropped(terminals, program):
    first = opened(terminals)
    first.send(b"a", first.now() + 1.0)
    time.sleep(0.2)
    first.close()
    link = opened(terminals)
    link.send(b"b", link.now() + 1.0)
    assert link.receive(link.now() + 5.0) == b"B"


def test_a_program_that_closes_its_port_closes_the_link(terminals, program):
    link = opened(terminals)
    link.send(b"end", link.now() + 1.0)
    with pytest.raises(LinkClosed, match="pty:line: the program has closed its port"):
        link.receive(link.now() + 5.0)
    with pytest.raises(LinkError, match="has not opened its port"):
        opened(terminals, seconds=0.1)


def test_a_port_that_nobody_opens_or_reads_is_told(terminals):
    with pytest.raises(LinkError, match="no program runs"):
        opened(terminals, seconds=0.0)
    path = terminals.renew()["{pty:line}"]
    with pytest.raises(LinkError, match=r"Does it take \{pty\}"):
        opened(terminals, seconds=0.0)
    asleep = OwnProcess(["/bin/sh", "-c", f"exec 3<>{path}; exec sleep 30"])
    try:
        link = opened(terminals)
        with pytest.raises(LinkError, match="does not read its port"):
            link.send(bytes(1 << 20), link.now() + 0.1)
    finally:
        asleep.stop()


def test_each_start_has_a_fresh_port(terminals):
    first = terminals.renew()["{pty}"]
    held = os.open(first, os.O_RDWR | os.O_NOCTTY)
    try:
        assert terminals.renew()["{pty}"] != first
    finally:
        os.close(held)


def test_several_ports_have_names():
    made = Terminals(["pty:line", "pty:console"])
    try:
        assert sorted(made.renew()) == ["{pty:console}", "{pty:line}"]
    finally:
        made.close()


@pytest.mark.parametrize(
    ("target", "moniker", "words"),
    [
        (SimpleNamespace(), "pty:line", "only a target of kind 'process' has such ports"),
        (SimpleNamespace(terminals=Terminals(["pty:line"])), "pty:lime", "Did you mean 'line'"),
        (SimpleNamespace(terminals=Terminals(["pty:line"])), "pty:line?baudrate=9600", "unknown option 'baudrate'"),
    ],
)
def test_what_is_no_such_port_is_refused(target, moniker, words):
    with pytest.raises(UsageError, match=words):
        transport(moniker, target)


def test_a_program_that_talks_without_end_is_opened_in_time(terminals):
    path = terminals.renew()["{pty}"]
    talker = OwnProcess(["/bin/sh", "-c", f"exec 3<>{path}; exec yes >&3"])
    try:
        link = opened(terminals)
        began = link.now()
        assert link.receive(began + 60.0)
        assert link.now() - began < 30.0
    finally:
        talker.stop()
