"""The bridge between a device's HCI and a radio: whole packets, a fresh controller for each reset."""

import socket

import pytest

from targets.serving.h4 import HARDWARE_ERROR, RESET, Bridge

ENABLE = b"\x01\x0a\x20\x01\x01"
DATA = b"\x02\x40\x00\x03\x00abc"


@pytest.fixture
def radio():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(2.0)
        yield listener


@pytest.fixture
def bridge(radio):
    made = Bridge("tcp:{}:{}".format(*radio.getsockname()))
    fed = []
    made.feed = fed.append
    made.fed = fed
    yield made
    made.close()


def attached(radio):
    connection, _address = radio.accept()
    connection.settimeout(2.0)
    return connection


def test_packets_go_out_whole_and_in_order(radio, bridge):
    with attached(radio) as controller:
        for byte in RESET + ENABLE + DATA:
            bridge.heard(bytes([byte]))
        said = b""
        while len(said) < len(RESET + ENABLE + DATA):
            said += controller.recv(100)
        assert said == RESET + ENABLE + DATA


def test_a_reset_behind_anything_else_gets_a_fresh_controller(radio, bridge):
    with attached(radio) as first:
        bridge.heard(RESET + RESET + ENABLE + RESET + DATA)
        with attached(radio) as second:
            assert second.recv(100).startswith(RESET)
        assert first.recv(100).startswith(RESET)


def test_what_is_no_packet_is_for_the_controller_to_judge(radio, bridge):
    with attached(radio) as controller:
        bridge.heard(b"\x77\x01\x02")
        assert controller.recv(100) == b"\x77\x01\x02"


def test_what_the_controller_says_is_fed(radio, bridge):
    with attached(radio) as controller:
        assert not bridge.readable()
        controller.sendall(b"\x04\x0e\x04\x01\x03\x0c\x00")
        while not bridge.readable():
            pass
        assert bridge.fed == [b"\x04\x0e\x04\x01\x03\x0c\x00"]


def test_a_controller_that_went_away_is_a_hardware_error(radio, bridge):
    attached(radio).close()
    while not bridge.fed:
        bridge.readable()
    assert bridge.fed == [HARDWARE_ERROR]
    with attached(radio) as controller:
        bridge.heard(RESET)
        assert controller.recv(100) == RESET


def test_a_radio_that_is_gone_is_an_error(radio, bridge):
    attached(radio).close()
    radio.close()
    with pytest.raises(OSError, match="refused"):
        while True:
            bridge.readable()
