"""The glucose meter on the virtual air: found, read, paired with by Bumble's central, lost when it restarts."""

import re
import socket
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from glucometer_device import GLUCOMETER

from harness.errors import LinkClosed
from harness.transports import ble, transport
from targets.glucometer.front import ADDRESS

assert ble.CHANNELS  # its import registers the scheme
RACP_CCCD, RACP = b"\x18\x00", b"\x17\x00"


@pytest.fixture
def emulate(radio):
    """Start the meter with options; the process."""
    processes = []

    def started(elf="fixed", *options):
        command = [sys.executable, "-m", "targets.glucometer", "--radio", radio.listening[0], *options]
        command += ["--elf", str(GLUCOMETER / f"glucometer-{elf}.elf")]
        processes.append(subprocess.Popen(command, cwd=GLUCOMETER.parents[1], stderr=subprocess.PIPE))
        return processes[-1]

    yield started
    for process in processes:
        process.kill()
        process.wait()
        process.stderr.close()


def link(radio, query="?layer=att", address=ADDRESS):
    return transport(f"ble:{address}{query}", SimpleNamespace(radio=radio)).open(30.0)


def said(opened, *pdus, seconds=1.0):
    """Send PDUs at once; what is answered, up to the fence's answer."""
    opened.burst(pdus, opened.now() + 20.0)
    answers = []
    while answer := opened.receive(opened.now() + seconds):
        answers.append(answer)
    return answers


def test_its_name_is_read_over_the_radio(radio, emulate):
    emulate()
    client, found = radio.client(1.0), []
    while not found:
        found = client.ask("scan", seconds=0.2)["found"]
    assert [(one["name"], one["address"], one["type"]) for one in found] == [("GM-3", ADDRESS, "random")]
    opened = link(radio)
    assert said(opened, b"\x08\x01\x00\xff\xff\x00\x2a") == [b"\x09\x06\x03\x00GM-3"]
    opened.close()
    assert said(link(radio), b"\x0a\x03\x00") == [b"\x0bGM-3"]


def test_bumbles_central_discovers_its_services_and_who_it_is(radio, emulate):
    emulate()
    opened = transport(f"ble:{ADDRESS}?layer=gatt", SimpleNamespace(radio=radio))
    assert opened.open(30.0).handle("2a18") == 18
    assert (opened.identity().model, opened.identity().serial) == ("GM-3", "SN-0031209")


def test_bumbles_central_pairs_and_the_link_is_encrypted(radio, emulate):
    emulate()
    refused = link(radio)
    assert said(refused, b"\x12" + RACP + b"\x04\x01") == [b"\x01\x12" + RACP + b"\x0f"]
    refused.close()
    for _ in range(2):  # the second time with the long-term key of the first
        opened = link(radio, "?layer=att&pair=on&fence=off")
        opened.send(b"\x12" + RACP_CCCD + b"\x02\x00", opened.now() + 20.0)
        assert opened.receive(opened.now() + 20.0) == b"\x13"
        opened.send(b"\x12" + RACP + b"\x04\x01", opened.now() + 20.0)
        assert opened.receive(opened.now() + 20.0) == b"\x13"
        assert opened.receive(opened.now() + 20.0) == b"\x1d" + RACP + b"\x05\x00\x0c\x00"
        opened.close()


def test_a_firmware_that_restarts_loses_its_connection_and_comes_back(radio, emulate):
    process = emulate("vulnerable")
    for layer, pdu in (("smp", b"\x0c" + bytes(64)), ("signalling", b"\x01\x01\x00\x00"), ("att", b"\x02\x16\x00")):
        with pytest.raises(LinkClosed, match="0x08"):
            said(link(radio, f"?layer={layer}"), pdu)
    assert said(link(radio), b"\x02\x17\x00") == [b"\x03\x68\x00"]
    assert process.poll() is None


def test_two_requests_without_waiting_end_in_the_watchdog(radio, emulate):
    emulate("vulnerable")
    read_of_handle_0 = b"\x03\x00\x04\x00\x0a\x00\x00"
    with pytest.raises(LinkClosed, match="0x08"):
        for _ in range(20):  # whether the second one comes in time is for the wire to say
            said(link(radio, "?layer=l2cap"), read_of_handle_0, read_of_handle_0)


def test_another_address_is_written_into_its_flash(radio, emulate):
    emulate("fixed", "--address", "C1:02:03:04:05:06")
    assert said(link(radio, address="C1:02:03:04:05:06"), b"\x0a\x03\x00") == [b"\x0bGM-3"]


def test_a_public_address_is_the_controllers(radio, emulate):
    emulate("fixed", "--public")
    found = []
    client = radio.client(1.0)
    while not found:
        found = client.ask("scan", seconds=0.2)["found"]
    assert found[0]["type"] == "public"
    assert said(link(radio, "?layer=att&pair=on", found[0]["address"]), b"\x0a\x03\x00") == [b"\x0bGM-3"]


def test_it_ends_with_the_radio_and_says_why(radio, emulate):
    process = emulate()
    link(radio).close()
    radio.stop()
    assert process.wait(60) == 3
    assert re.match(b"medfuzz emulate: nothing listens at tcp:", process.stderr.read())


def restarted(port, word=b"reset"):
    with socket.create_connection(("127.0.0.1", port), 5.0) as channel, channel.makefile("rwb") as lines:
        lines.write(word + b"\n")
        lines.flush()
        assert any(b'"ready"' in line for line in lines)


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_a_reset_on_the_side_channel_begins_anew(radio, emulate, port):
    emulate("fixed", "--channel", str(port))
    opened = link(radio)
    for word in (b"reset", b"baseline"):
        assert said(opened, b"\x12\x03\x00Ward") == [b"\x13"]
        restarted(port, word)
        with pytest.raises(LinkClosed, match="0x08"):
            said(opened, b"\x0a\x03\x00", seconds=10.0)
        opened = link(radio)
        assert said(opened, b"\x0a\x03\x00") == [b"\x0bGM-3"]


def test_a_loss_that_is_told_while_a_case_is_sent_is_heard_and_not_mended(radio, emulate, port, monkeypatch):
    emulate("fixed", "--channel", str(port))
    opened = link(radio)
    assert said(opened, b"\x0a\x03\x00") == [b"\x0bGM-3"]

    def meanwhile():
        restarted(port)
        time.sleep(0.3)  # the radio has told it

    monkeypatch.setattr(opened, "_left_alone", meanwhile)
    with pytest.raises(LinkClosed, match="0x08"):
        said(opened, b"\x0a\x03\x00")
