"""adapter = "bleak": a radio whose central is bleak; its Bluetooth is our backend's, on the virtual radio."""

import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.errors import BenchError, LinkClosed, LinkError, UsageError
from harness.radio.process import Radio
from harness.transports import ble, transport

ADDRESS = "F0:F1:F2:F3:F4:F5"
VALUE, NOTIFIED, COMMAND, SECRET, LEVEL, _INBOX, ALARM = (
    f"a000000{n}-0000-4000-8000-000000000000" for n in range(2, 9)
)
ROOT = Path(__file__).parents[2]
assert ble.CHANNELS  # its import registers the scheme
RADIO = "from harness.radio.__main__ import main\nraise SystemExit(main())\n"


@pytest.fixture
def desktop(radio, attach, tmp_path):
    """A radio on bleak, with the peripheral in reach."""
    attach(radio.listening[0])
    script = tmp_path / "radio.py"
    script.write_text(RADIO)
    command = [sys.executable, "-m", "harness.radio.bleak", "--radio", radio.client(1.0).moniker, str(script)]
    command += ["--adapter", "bleak", "--control", "tcp:127.0.0.1:0"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    said = process.stdout.readline()
    assert said.startswith("control: ")
    used = Radio(control=said.split()[1])
    yield used
    used.stop()
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 0


@pytest.fixture
def link(desktop):
    """The GATT layer of the peripheral."""
    return opened(desktop)


def opened(radio, query=""):
    return transport(f"ble:{ADDRESS}{query}", SimpleNamespace(radio=radio)).open(30.0)


def exchange(link, pdu):
    link.send(pdu, link.now() + 20.0)
    return link.receive(link.now() + 20.0)


def handle(link, uuid):
    return link.handle(uuid).to_bytes(2, "little")


def test_who_advertises_is_told(desktop):
    client = desktop.client(20.0)
    (found,) = client.ask("scan", seconds=0.3)["found"]
    told = {"address": ADDRESS, "type": "random", "name": "bench dummy", "rssi": -50, "data": ""}
    assert (client.adapter, found) == ("bleak", told)
    assert client.ask("hear", address=ADDRESS) == {**told, "id": 3}
    with pytest.raises(LinkError, match="does not advertise"):
        client.ask("connect", 0.5, address="00:00:00:00:00:01")


def test_the_table_is_that_of_the_device(desktop, radio):
    """Bumble's central beside it reads the same one; a peripheral takes one central at a time."""
    tables = []
    for each in (desktop, radio):
        peer = each.peer(ADDRESS)
        peer.open(4, 30.0, paired=False, subscribed=False)
        tables.append((peer.services, peer.identity, peer.name))
        peer.close()
    assert tables[0] == tables[1]
    assert (tables[0][1].model, tables[0][2]) == ("BD-1", "bench dummy")


def test_requests_become_calls_and_calls_answers(link):
    value, level, secret = (handle(link, uuid) for uuid in (VALUE, LEVEL, SECRET))
    assert exchange(link, b"\x0a" + value) == b"\x0bhello"
    assert exchange(link, b"\x12" + level + b"\x07\x00\x09") == b"\x13"
    assert exchange(link, b"\x0a" + level) == b"\x0b\x07\x00\x09"
    assert exchange(link, b"\x0c" + level + b"\x01\x00") == b"\x0d\x00\x09"
    assert exchange(link, b"\x0c" + level + b"\x04\x00") == b"\x01\x0c" + level + b"\x07"
    assert exchange(link, b"\x0a" + secret) == b"\x01\x0a" + secret + b"\x0f"
    assert exchange(link, b"\x08\x01\x00\xff\xff\x24\x2a") == b"\x09\x06" + handle(link, "2a24") + b"BD-1"
    assert exchange(link, b"\x08\x01\x00\x02\x00\x24\x2a") == b"\x01\x08\x01\x00\x0a"
    assert exchange(link, b"\x02\x17\x00") == b"\x03\x05\x02"


@pytest.mark.parametrize(
    ("pdu", "answer"),
    [
        (b"\x0a\x00\x00", b"\x01\x0a\x00\x00\x01"),
        (b"\x0a\x03", b"\x01\x0a\x03\x00\x06"),
        (b"\x16\x03\x00\x00\x00a", b"\x01\x16\x03\x00\x06"),
        (b"\x08\x01\x00\xff\xff\x03\x28", b"\x01\x08\x01\x00\x06"),
        (b"\x3e\x01", b"\x01\x3e\x01\x00\x06"),
        (b"\x52\xff\xffa", b""),
        (b"\x1e", b""),
        (b"", b""),
    ],
)
def test_what_no_call_can_say_is_refused_here(link, pdu, answer):
    """The peripheral, to be sure, would answer some of these otherwise: it is never asked."""
    link.send(pdu, link.now() + 20.0)
    assert link.receive(link.now() + (20.0 if answer else 0.2)) == answer
    assert exchange(link, b"\x0a" + handle(link, VALUE)) == b"\x0bhello"


def test_notifications_and_indications_come_as_such(link):
    assert exchange(link, b"\x12" + handle(link, VALUE) + b"one") == b"\x13"
    assert link.receive(link.now() + 20.0) == b"\x1b" + handle(link, NOTIFIED) + b"one"
    link.send(b"\x52" + handle(link, VALUE) + b"two", link.now() + 20.0)
    assert link.receive(link.now() + 20.0) == b"\x1b" + handle(link, NOTIFIED) + b"two"
    came = {exchange(link, b"\x12" + handle(link, ALARM) + b"!"), link.receive(link.now() + 20.0)}
    assert came == {b"\x13", b"\x1d" + handle(link, ALARM) + b"!"}


def test_pairing_is_the_desktops(desktop):
    link = opened(desktop, "?pair=on")
    assert exchange(link, b"\x0a" + handle(link, SECRET)) == b"\x0bsecret"


def test_a_device_that_goes_ends_the_link(link):
    link.send(b"\x12" + handle(link, COMMAND) + b"die", link.now() + 20.0)
    with pytest.raises(LinkClosed, match="disconnected"):
        while True:
            assert link.receive(link.now() + 20.0)


@pytest.mark.parametrize("layer", ["att", "smp", "signalling", "l2cap"])
def test_what_is_raw_is_refused_before_anything_is_sent(desktop, layer):
    with pytest.raises(UsageError, match=f"reaches GATT only, not layer '{layer}'.*usb:0"):
        opened(desktop, f"?layer={layer}")


def test_a_gatt_campaign_runs_on_a_bench_that_discover_wrote(desktop, tmp_path):
    """The bench has no interface for raw ATT."""
    control = desktop.client(20.0).moniker
    done = medfuzz("discover", f"ble:{ADDRESS}", "--radio", control, "--out", str(tmp_path / "found"))
    assert (done.returncode, done.stderr) == (0, "")
    bench = tmp_path / "found" / "bench.toml"
    text = bench.read_text()
    assert ("[interfaces.gatt]" in text, "[interfaces.att]" in text, "armed = false" in text) == (True, False, True)
    bench.write_text(text.replace("armed = false", "armed = true "))
    run = ["run", str(bench), "--cases", "60", "--out", str(tmp_path / "run")]
    done = medfuzz(*run)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "60 cases" in done.stdout
    bench.write_text(bench.read_text().replace(f'"ble:{ADDRESS}"', f'"ble:{ADDRESS}?layer=att"'))
    done = medfuzz(*run[:-1], str(tmp_path / "raw"))
    assert (done.returncode, "reaches GATT only" in done.stderr) == (2, True)


def medfuzz(*words):
    command = [sys.executable, "-m", "harness.cli.main", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_what_bleak_cannot_do_is_said(desktop):
    with pytest.raises(LinkError, match="radio: adapter 'bleak' has no 'change_address'"):
        desktop.client(20.0).ask("change_address", kind=1)


def test_without_bluetooth_the_radio_does_not_start(monkeypatch):
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/bus")
    started = time.monotonic()
    with pytest.raises(
        BenchError, match=r"with adapter 'bleak': the desktop's Bluetooth cannot be had .*usb:0"
    ) as said:
        Radio(adapter="bleak").start()
    assert "\n" not in str(said.value)
    assert time.monotonic() - started < 60
    with pytest.raises(BenchError, match="nothing attaches to adapter 'bleak'"):
        Radio(adapter="bleak", listen=["tcp:127.0.0.1:0"]).start()
