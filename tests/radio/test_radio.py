"""The radio process: who attaches, connects, speaks, leaves, and what happens when the radio itself is gone."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.errors import BenchError, LinkClosed, LinkError, UsageError
from harness.place import connected
from harness.radio.client import RadioLost
from harness.radio.perform import survey
from harness.radio.process import Radio
from harness.radio.wire import Kind, Unpacker, packed, spoken
from harness.transports import ble, transport

ADDRESS = "F0:F1:F2:F3:F4:F5"
VALUE, NOTIFIED, COMMAND, SECRET, ALARM = (f"a000000{n}-0000-4000-8000-000000000000" for n in (2, 3, 4, 5, 8))


assert ble.CHANNELS  # its import registers the scheme


def link(radio, address, query="", timeout=30.0):
    return transport(f"ble:{address}{query}", SimpleNamespace(radio=radio)).open(timeout)


def reply(opened, seconds=20.0):
    return opened.receive(opened.now() + seconds)


def send(opened, data):
    opened.send(data, opened.now() + 20.0)


def say(opened, words):
    """Write to the peripheral's command characteristic."""
    send(opened, b"\x12" + opened.handle(COMMAND).to_bytes(2, "little") + words)


@pytest.mark.parametrize("kind", ["public", "random"])
def test_the_advertised_address_just_works(radio, attach, kind):
    _process, address = attach(radio.listening[0], kind=kind)
    (found,) = radio.client(1.0).ask("scan", seconds=0.1)["found"]
    assert (found["address"], found["type"], found["name"]) == (address, kind, "bench dummy")
    opened = link(radio, address, "?layer=att")
    send(opened, b"\x0a" + opened.handle(VALUE).to_bytes(2, "little"))
    assert reply(opened) == b"\x0bhello"


@pytest.mark.parametrize("moniker", ["unix:{}/ear", "pty:{}/ear"])
def test_a_host_stack_attaches_by_other_wires(tmp_path, attach, moniker):
    radio = Radio(listen=[moniker.format(tmp_path)])
    try:
        radio.start()
        for _ in range(2):
            process, address = attach(radio.listening[0])
            opened = link(radio, address, "?layer=att")
            send(opened, b"\x0a" + opened.handle(VALUE).to_bytes(2, "little"))
            assert reply(opened) == b"\x0bhello"
            process.kill()
            with pytest.raises(LinkClosed, match="0x08"):
                while True:
                    reply(opened)
    finally:
        radio.stop()
    assert not (tmp_path / "ear").exists()


def test_a_dropped_pdu_costs_a_round_trip_and_not_a_timeout(radio, attach):
    _process, address = attach(radio.listening[0])
    opened = link(radio, address, "?layer=att")
    started = time.monotonic()
    for _ in range(50):
        send(opened, b"\x1e")
        assert reply(opened, 60.0) == b""
    assert time.monotonic() - started < 60.0


@pytest.mark.parametrize("layer", ["att", "l2cap"])
@pytest.mark.parametrize("request_", [b"\x0a\x00\x00", b"\x0c\x00\x00\x00\x00", b"\x04\x00\x00\x00\x00"])
def test_a_refusal_that_looks_like_a_fences_is_the_requests_own(radio, attach, layer, request_):
    _process, address = attach(radio.listening[0])
    opened = link(radio, address, f"?layer={layer}")
    head = len(request_).to_bytes(2, "little") + b"\x04\x00" if layer == "l2cap" else b""
    for _ in range(3):
        send(opened, head + request_)
        assert reply(opened)[len(head) :][:4] == bytes([0x01, request_[0], 0, 0])
        assert reply(opened) == b""


def test_without_a_fence_the_timeout_is_waited_for_and_the_next_connection_is_fresh(radio, attach):
    _process, address = attach(radio.listening[0])
    opened = link(radio, address, "?layer=att&fence=off", 3.0)
    handle = opened.handle(COMMAND).to_bytes(2, "little")
    send(opened, b"\x12" + handle + b"mute")
    assert reply(opened) == b"\x13"
    send(opened, b"\x0a\x03\x00")
    assert reply(opened, 0.2) == b""
    connection = opened._peer._connection
    send(opened, b"\x0a\x03\x00")
    assert opened._peer._connection != connection


def test_a_characteristic_is_written_and_notifies(radio, attach):
    _process, address = attach(radio.listening[0])
    opened = link(radio, address, f"?char={VALUE.upper()}")
    send(opened, b"ping")
    told = {reply(opened), reply(opened)}
    assert told == {b"\x13", b"\x1b" + opened.handle(NOTIFIED).to_bytes(2, "little") + b"ping"}


def test_an_indication_that_greets_the_subscriber_does_not_keep_the_next_one_back(radio, attach):
    _process, address = attach(radio.listening[0])
    opened = link(radio, address, "?layer=att")
    say(opened, b"greet")
    assert reply(opened) == b"\x13"
    opened = link(radio, address, f"?char={ALARM}")
    send(opened, b"ping")
    told = {reply(opened), reply(opened)}
    assert told == {b"\x13", b"\x1d" + opened.handle(ALARM).to_bytes(2, "little") + b"ping"}


def test_a_pairing_lasts_until_the_device_has_lost_its_keys(radio, attach):
    process, address = attach(radio.listening[0])
    secret = b"\x0a" + link(radio, address, "?layer=att").handle(SECRET).to_bytes(2, "little")
    opened = link(radio, address, "?layer=att")
    send(opened, secret)
    assert reply(opened)[:2] == b"\x01\x0a"
    for _ in range(2):
        opened.close()
        opened = link(radio, address, "?layer=att&pair=on")
        send(opened, secret)
        assert reply(opened) == b"\x0bsecret"
    process.kill()
    process.wait()
    attach(radio.listening[0])
    opened = link(radio, address, "?layer=att&pair=on")
    send(opened, secret)
    assert reply(opened) == b"\x0bsecret"


def test_a_length_that_is_wrong_reaches_the_device_as_it_is(radio, attach):
    _process, address = attach(radio.listening[0])
    opened = link(radio, address, "?layer=l2cap")
    send(opened, bytes.fromhex("0300 0400 0a0300"))
    assert reply(opened)[2:4] == b"\x04\x00"
    send(opened, bytes.fromhex("4000 0400 0a0300"))
    assert reply(opened, 0.3) == b""


@pytest.mark.parametrize(("words", "reason"), [(b"die", "0x08"), (b"exit", "0x08"), (b"bye", "0x13")])
def test_how_a_connection_ended_is_told_apart_at_once(radio, attach, words, reason):
    _process, address = attach(radio.listening[0])
    opened = link(radio, address, "?layer=att")
    say(opened, words)
    started = time.monotonic()
    with pytest.raises(LinkClosed, match=reason):
        while True:
            assert reply(opened) or time.monotonic() - started < 20.0  # b"" as well, behind what was answered


def test_a_device_that_stopped_is_silent(radio, attach):
    process, address = attach(radio.listening[0])
    opened = link(radio, address, "?layer=att")
    process.send_signal(signal.SIGSTOP)
    send(opened, b"\x0a\x03\x00")
    assert reply(opened, 0.3) == b""
    process.send_signal(signal.SIGCONT)


def test_two_layers_of_one_device_share_its_only_connection(radio, attach):
    _process, address = attach(radio.listening[0])
    att, smp = link(radio, address, "?layer=att"), link(radio, address, "?layer=smp")
    send(smp, bytes.fromhex("05 08"))
    reply(smp)
    send(att, b"\x0a" + att.handle(VALUE).to_bytes(2, "little"))
    assert reply(att) == b"\x0bhello"
    smp.close()
    send(att, b"\x0a" + att.handle(VALUE).to_bytes(2, "little"))
    assert reply(att) == b"\x0bhello"


def test_a_client_that_leaves_while_it_connects_leaves_nothing_behind(radio, attach):
    for _ in range(2):
        client = radio.client(1.0)
        client._write(spoken(Kind.ASK, {"ask": "connect", "address": ADDRESS, "timeout": 0.5, "id": 99}))
        time.sleep(0.05)
        client.close()
    _process, address = attach(radio.listening[0])
    time.sleep(0.6)
    opened = link(radio, address, "?layer=att")
    send(opened, b"\x0a" + opened.handle(VALUE).to_bytes(2, "little"))
    assert reply(opened) == b"\x0bhello"


def test_nobody_there(radio):
    with pytest.raises(LinkError, match=r"ble:F0:00:00:00:00:01: .*advertis"):
        transport("ble:F0:00:00:00:00:01", SimpleNamespace(radio=radio)).open(0.2)


def test_a_killed_radio_is_a_bench_fault(radio, attach):
    _process, address = attach(radio.listening[0])
    opened = link(radio, address, "?layer=att")
    os.kill(radio.pid, signal.SIGKILL)
    with pytest.raises(RadioLost, match="the radio process ended") as caught:
        for _ in range(100):
            send(opened, b"\x1e")
            reply(opened)
    assert isinstance(caught.value, BenchError) and not isinstance(caught.value, LinkError)


def test_the_radio_ends_with_the_one_that_started_it(tmp_path):
    script = (
        "import os, sys\nfrom harness.radio.process import Radio\nradio = Radio()\nradio.start()\n"
        "print(radio.pid, flush=True)\nos.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    pid, deadline = int(done.stdout), time.monotonic() + 20.0
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path(f"/proc/{pid}").exists()


def test_an_adapter_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(BenchError, match="did not start with adapter 'serial:/nowhere,1000000'"):
        Radio(adapter="serial:/nowhere,1000000").start()


@pytest.mark.parametrize(
    ("moniker", "words"),
    [
        ("ble:F0:F1", "write ble:ADDRESS"),
        ("ble:F0:F1:F2:F3:F4:F5?layer=at", "'att'"),
        ("ble:F0:F1:F2:F3:F4:F5?fence=maybe", "on or off"),
        ("ble:F0:F1:F2:F3:F4:F5?mtu=7", "unknown option 'mtu'"),
    ],
)
def test_wrong_monikers(moniker, words):
    with pytest.raises(UsageError, match=words):
        transport(moniker, SimpleNamespace(radio=Radio()))


def test_nonsense_on_the_control_port_ends_only_that_client(radio, attach):
    _process, address = attach(radio.listening[0])
    opened = link(radio, address, "?layer=att")
    for nonsense in (b"\xff" * 64, packed(Kind.ASK, 0, b"[]"), packed(Kind.ASK, 0, b"\xff"), spoken(Kind.PDU, {})):
        with connected(radio._control, 1.0) as client:
            client.sendall(nonsense)
    with connected(radio._control, 1.0) as client:
        client.sendall(spoken(Kind.ASK, {"ask": "dance", "id": 7}))
        (message,) = Unpacker().feed(client.recv(4096))
        assert "dance" in message.words["error"]
    send(opened, b"\x0a" + opened.handle(VALUE).to_bytes(2, "little"))
    assert reply(opened) == b"\x0bhello"


def test_a_host_that_does_not_speak_hci_is_detached(radio):
    host, _, port = radio.listening[0].removeprefix("tcp:").rpartition(":")
    with socket.create_connection((host, int(port)), 1.0) as stack:
        stack.sendall(b"\x77 this is no packet")
        stack.settimeout(1.0)
        assert stack.recv(1) == b""
    assert radio.client(1.0).ask("scan", seconds=0.01)["found"] == []


def test_bumble_and_boofuzz_stay_apart(radio):
    names = (
        "import sys, harness.radio.__main__, harness.radio.central, harness.radio.quiet; print(*sorted(sys.modules))"
    )
    loaded = subprocess.run([sys.executable, "-c", names], capture_output=True, text=True, check=True).stdout.split()
    assert "bumble.hci" in loaded and "boofuzz" not in loaded
    names = "import sys, harness.radio.__main__, harness.radio.bleak.central; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", names], capture_output=True, text=True, check=True).stdout.split()
    assert "bleak" in loaded and not {"boofuzz", "bumble"} & set(loaded)
    names = (
        "import sys; from harness.cli.app import COMMANDS, loaded; [loaded(name) for name in COMMANDS]; "
        "print(*sorted(sys.modules))"
    )
    loaded = subprocess.run([sys.executable, "-c", names], capture_output=True, text=True, check=True).stdout.split()
    assert "boofuzz" in loaded and not any(name.startswith("bumble") for name in loaded)


def test_what_a_device_has_is_kept_by_service_with_its_descriptors(radio, attach):
    _process, address = attach(radio.listening[0])
    peer = radio.peer(address)
    peer.open(4, 3.0, paired=False, subscribed=False)
    assert [service.uuid for service in peer.services][-2:] == ["a0000001-0000-4000-8000-000000000000", "180a"]
    level = next(found for found in peer.table if found.uuid.startswith("a0000006"))
    assert peer.read(level.descriptors["2904"]) == bytes.fromhex("0b 06 00 ad27 01 0000")
    assert peer.read(0xFFFF)[:2] == b"\x01\x0a"
    assert (peer.name, peer.identity.model, peer.identity.serial) == ("bench dummy", "BD-1", "0042")


def test_a_table_that_cannot_be_read_is_the_devices_and_says_so(radio, attach):
    _process, address = attach(radio.listening[0])
    peer = radio.peer(address)
    peer.open(4, 3.0, paired=False, subscribed=False)
    command = next(found for found in peer.table if found.uuid.startswith("a0000004"))
    assert peer.exchange([b"\x12" + command.handle.to_bytes(2, "little") + b"garble"]) == [b"\x13"]
    survey(peer, 3.0)
    (changed,) = [event for event in peer.watch.take() if event.kind == "table"]
    assert "the device's GATT table cannot be read" in changed.detail["new"]
    peer.open(4, 3.0, paired=False, subscribed=False)
    with pytest.raises(LinkError, match="cannot be read"):
        peer.learn_table(3.0)


def test_a_moniker_may_name_the_adapter_of_all_links():
    radio, moniker = Radio(), "ble:F0:F1:F2:F3:F4:F5?layer=att&adapter="
    for _ in range(2):
        transport(f"{moniker}usb:0", SimpleNamespace(radio=radio))
    assert radio.adapter == "usb:0"
    with pytest.raises(UsageError, match="all links share one radio, and it is on 'usb:0'"):
        transport(f"{moniker}usb:1", SimpleNamespace(radio=radio))
    with pytest.raises(UsageError, match="runs already"):
        transport(f"{moniker}usb:0", SimpleNamespace(radio=Radio(control="tcp:127.0.0.1:9")))


class Cable:
    """Between a radio and its adapter, which here is another radio's place to attach: can be cut, or told an error."""

    def __init__(self, adapter):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.moniker = f"tcp-client:127.0.0.1:{self._listener.getsockname()[1]}"
        host, _, port = adapter.removeprefix("tcp:").rpartition(":")
        self._adapter = socket.create_connection((host, int(port)))
        threading.Thread(target=self._carry, daemon=True).start()

    def _carry(self):
        self.radio, _ = self._listener.accept()
        threading.Thread(target=self._pump, args=(self._adapter, self.radio), daemon=True).start()
        self._pump(self.radio, self._adapter)

    def _pump(self, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(4096):
                sink.sendall(data)

    def cut(self):
        for end in (self.radio, self._adapter, self._listener):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@pytest.mark.parametrize("error", [b"", bytes.fromhex("04 10 01 42")])
def test_an_adapter_that_is_lost_is_the_benchs_fault_at_once(radio, attach, error):
    _process, address = attach(radio.listening[0])
    cable = Cable(radio.listening[0])
    real = Radio(adapter=cable.moniker)
    try:
        peer = real.peer(address)
        peer.open(4, 30.0, paired=False, subscribed=False)
        started = time.monotonic()
        cable.radio.sendall(error) if error else cable.cut()
        with pytest.raises(RadioLost):
            peer.receive(started + 60.0)
        assert time.monotonic() - started < 30.0
    finally:
        real.stop()
        cable.cut()
