"""`discover`: what a foreign peripheral has, and a protocol and a bench that work at once."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.bench import load_bench
from harness.discovery.gatt_bench import bench_text, external
from harness.discovery.gatt_table import Found, FoundService, GattTable, tree
from harness.discovery.protocol_text import protocol_text
from harness.interfaces import Identity
from harness.radio.process import Radio
from protocols.load import load_protocol

PERIPHERAL = Path(__file__).parents[1] / "radio" / "peripheral.py"
ADDRESS = "F0:F1:F2:F3:F4:F5"
IDENTITY = "model 'BD-1', serial '0042', firmware '1.0', name 'bench dummy', address type 'random'"
OWN = "a000000{}-0000-4000-8000-000000000000"
UINT16, SINT16, SFLOAT = (bytes([code]) + bytes.fromhex("00ad27010000") for code in (0x06, 0x0E, 0x16))


@pytest.fixture
def control():
    """A radio with the tests' foreign peripheral on it; its control moniker."""
    radio = Radio(listen=["tcp:127.0.0.1:0"])
    spec = radio.listening[0].replace("tcp:", "tcp-client:")
    command = [sys.executable, str(PERIPHERAL), spec, ADDRESS, "random"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout.readline().startswith("up")
        yield radio._control
        process.kill()
    radio.stop()


def protocol(tmp_path, *characteristics, name="dummy"):
    table = GattTable(name, Identity(), (FoundService("1800", characteristics),))
    (tmp_path / "device.py").write_text(protocol_text(table), encoding="utf-8")
    return load_protocol("device.py", tmp_path)


def test_who_advertises_is_listed(control, medfuzz):
    code, out, err = medfuzz("discover", "--scan", "0.3", "--radio", control)
    assert (code, err, len(out)) == (0, [], 1)
    assert re.fullmatch(rf"ble:{ADDRESS}  random +-?\d+ dBm  bench dummy", out[0])


def test_a_discovered_device_is_checked_and_fuzzed_at_once(control, medfuzz):
    code, out, err = medfuzz("discover", f"ble:{ADDRESS}", "--radio", control, "--out", "found")
    assert (code, err) == (0, [])
    assert out[:2] == [f"bench dummy at {ADDRESS}", IDENTITY]
    text = "\n".join(out)
    assert all(word in text for word in ("180a Device Information", "2a24 Model Number String", "'hello'"))
    assert all(word in text for word in ("write without response", "needs encryption", "?pair=on"))
    code, out, err = medfuzz("check", "found/bench.toml")
    assert (code, err) == (0, [])
    assert any(line.startswith("interface gatt") and "serial '0042'" in line for line in out)
    words = ("--cases", "50", "--time", "60s", "--out", "runs/first", "--quiet")
    code, out, err = medfuzz("run", "found/bench.toml", *words)
    assert (code, err) == (0, []), out
    assert sum("answered" in line for line in out) == 2


def test_the_bench_is_of_this_device_only(control, medfuzz, tmp_path):
    code, out, _err = medfuzz("discover", f"ble:{ADDRESS}?pair=on", "--radio", control, "--out", "found")
    assert code == 0 and any("'secret'" in line for line in out) and not any("pair=on" in line for line in out)
    bench = load_bench(tmp_path / "found" / "bench.toml")
    assert (bench.target.kind, bench.target.armed, bench.radio.control) == ("external", True, control)
    assert bench.interfaces["att"].transport == f"ble:{ADDRESS}?layer=att&pair=on"
    assert (bench.identity.serial, bench.identity.model) == ("0042", "BD-1")
    assert (bench.identity.name, bench.identity.address_type) == ("bench dummy", "random")
    path = tmp_path / "found" / "bench.toml"
    path.write_text(path.read_text().replace('"0042"', '"0043"'))
    code, out, _err = medfuzz("check", path)
    assert code == 3 and any("serial '0042', the bench wants '0043'" in line for line in out)


@pytest.mark.parametrize("place", ["tcp-client:{radio.host}:{radio.port}", "serial:{radio.path},1000000,rtscts"])
def test_a_program_that_attaches_to_our_radio_is_discovered_and_fuzzed_without_any_file(medfuzz, tmp_path, place):
    command = f"{sys.executable} {PERIPHERAL} {place} {ADDRESS} random"
    code, out, err = medfuzz("discover", "--cmd", command, "--out", "found")
    assert (code, err) == (0, [])
    assert out[:2] == [f"bench dummy at {ADDRESS}", IDENTITY]
    bench = load_bench(tmp_path / "found" / "bench.toml")
    assert (bench.target.kind, bench.target.cwd) == ("process", "..")
    assert {"gatt", "att", "smp", "signalling", "l2cap"} == set(bench.interfaces)
    att = load_protocol(bench.interfaces["att"].protocol, tmp_path / "found")
    places = {place["ATT_Read_Request.gatt_handle"] for place in att.messages["read"].places}
    assert len(places) > 12 and att.messages["write"].places and att.messages["write_command"].places
    code, out, err = medfuzz("run", "found/bench.toml", "--cases", "100", "--time", "60s", "--out", "run", "--quiet")
    assert (code, err) == (0, []), out
    assert sum("answered" in line for line in out) >= 4


@pytest.mark.parametrize(
    ("words", "code", "helpful"),
    [
        (("--cmd", "false", "{radio}"), 3, "exit status 1"),
        (("--cmd", "nowhere-at-all {radio}"), 3, "cannot start nowhere-at-all"),
        (("--cmd", "sh -c 'echo no adapter here >&2; sleep 60'"), 3, "It said: no adapter here"),
        (("--cmd", "sleep 60 {radio.port}", "--listen", "unix:"), 2, "has only {radio}, {radio.path}"),
        (("--cmd", "'"), 2, "write it as in a shell"),
        (("--cmd", "sleep 60", "--scan", "1"), 2, "--scan lists who is on the air"),
    ],
)
def test_a_program_that_does_not_attach_is_one_line(medfuzz, monkeypatch, words, code, helpful):
    monkeypatch.setattr("harness.discovery.peripheral._LOOKS", (0.2,))
    ended, out, err = medfuzz("discover", *words)
    assert (ended, out, len(err)) == (code, [], 1)
    assert helpful in err[0]


def test_descriptors_and_a_second_of_the_same_uuid_are_in_the_table(tmp_path):
    table = GattTable(
        "twins",
        Identity(),
        (
            FoundService(
                "1800",
                (Found("fff1", 2, 0x0A, b"abc", descriptors={"2902": 3, "2901": 4}), Found("fff1", 6, 0x04)),
            ),
        ),
    )
    (tmp_path / "device.py").write_text(protocol_text(table), encoding="utf-8")
    messages = load_protocol("device.py:ATT", tmp_path).messages
    assert [place["ATT_Read_Request.gatt_handle"] for place in messages["read"].places] == [2, 3, 4, 6]
    written = [
        (place["ATT_Write_Request.gatt_handle"], place["ATT_Write_Request.data"]) for place in messages["write"].places
    ]
    assert written == [(2, b"abc"), (3, b"\x01\x00")]
    assert [place["ATT_Write_Command.gatt_handle"] for place in messages["write_command"].places] == [6]


def test_nothing_is_overwritten(medfuzz, tmp_path):
    (tmp_path / "bench.toml").write_text("mine")
    code, out, err = medfuzz("discover", f"ble:{ADDRESS}", "--out", ".")
    assert (code, out, len(err)) == (2, [], 1)
    assert (tmp_path / "bench.toml").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "code", "helpful"),
    [
        ((), 2, "--scan SECONDS"),
        ((f"ble:{ADDRESS}", "--scan", "1"), 2, "--scan SECONDS"),
        (("ble:F0:F1",), 2, "write ble:ADDRESS"),
        (("tcp:127.0.0.1:9",), 2, "write ble:ADDRESS"),
        ((f"ble:{ADDRESS}?layer=att",), 2, "unknown option 'layer'"),
        ((f"ble:{ADDRESS}", "--radio", "tcp:127.0.0.1:1"), 3, "Is `medfuzz radio` running there"),
        (("--scan", "1", "--adapter", "serial:/nowhere,1000000"), 3, "did not start with adapter"),
    ],
)
def test_what_cannot_be_is_one_line(medfuzz, words, code, helpful):
    ended, out, err = medfuzz("discover", *words)
    assert (ended, out, len(err)) == (code, [], 1)
    assert helpful in err[0]


def test_nobody_there_is_one_line(control, medfuzz, monkeypatch):
    monkeypatch.setattr("harness.discovery.peripheral.TIMEOUT", 0.2)
    code, out, err = medfuzz("discover", "ble:F0:00:00:00:00:01", "--radio", control)
    assert (code, out, len(err)) == (3, [], 1)
    assert "does not advertise" in err[0] and "--scan" in err[0]


def test_without_the_extra_it_says_which(medfuzz, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    code, _out, err = medfuzz("discover", "--scan", "1", "--adapter", "usb:0")
    assert (code, len(err)) == (2, 1)
    assert "pip install 'medfuzz[ble]'" in err[0]


def test_values_follow_their_presentation_format(tmp_path):
    found = protocol(
        tmp_path,
        Found(OWN.format(1), 2, 0x0A, b"\x05\x00", "", UINT16),
        Found(OWN.format(2), 4, 0x0A, b"\xfe\xff", "", SINT16),
        Found(OWN.format(3), 6, 0x08, None, "", SFLOAT),
        Found(OWN.format(4), 8, 0x0A, b'say "it\'s"\\', "", b"\x19"),
        Found(OWN.format(5), 10, 0x08),
    )
    sent = [found.messages[f"write_a000000{number}"].send().data[3:] for number in range(1, 6)]
    assert sent == [b"\x05\x00", b"\xfe\xff", b"\x01\x00", b'say "it\'s"\\', b"\x01\x00"]
    fields = [span.name for span in found.messages["write_a0000001"].send().spans]
    assert any(name.endswith("value.value") or name == "value" for name in fields)


def test_how_a_characteristic_is_written_follows_its_properties(tmp_path):
    found = protocol(
        tmp_path,
        Found(OWN.format(1), 2, 0x04),
        Found(OWN.format(2), 4, 0x0C),
        Found(OWN.format(3), 6, 0x28),
        Found(OWN.format(4), 8, 0x10),
    )
    opcodes = {name: message.send().data[0] for name, message in found.messages.items()}
    assert opcodes == {"device_name": 0x08, "write_a0000001": 0x52, "write_a0000002": 0x12, "write_a0000003": 0x12}
    assert not found.messages["write_a0000001"].reply_expected
    assert "procedure:awaited" in found.messages["write_a0000003"].live.values()


def test_a_firmware_update_and_a_second_of_the_same_are_left_out_and_said(tmp_path):
    found = protocol(
        tmp_path,
        Found("2a19", 2, 0x02, b"\x64"),
        Found("2a19", 9, 0x02, b"\x32"),
        Found("8ec90001-f315-4f60-9fb8-838830daea50", 12, 0x28),
    )
    assert list(found.messages) == ["device_name", "read_battery_level"]
    text = (tmp_path / "device.py").read_text()
    assert "at 0x0009" in text and "replaces the firmware" in text


def test_without_a_name_the_probe_reads_what_can_be_read(tmp_path):
    found = protocol(tmp_path, Found("2a19", 2, 0x02, b"\x64"))
    assert found.probe.message == "read_battery_level"
    (frame,) = found.split(b"\x0b\x64")[0]
    assert found.served(frame)
    named = protocol(tmp_path, Found("2a00", 2, 0x02, b"x"), Found("2a19", 4, 0x02, b"\x64"))
    assert named.probe.message == "device_name"


@pytest.mark.parametrize("name", ['a"""\\', "a\nimport os", "{name}", "\x1b[2J", "\u2028ä", ""])
def test_whatever_a_device_calls_itself_stays_text(tmp_path, name):
    assert list(protocol(tmp_path, Found("2a19", 2, 0x02, b"\x64"), name=name).messages)
    table = GattTable(name, Identity(model=name), (FoundService("180d", (Found("2a37", 2, 0x10),)),))
    (tmp_path / "b.toml").write_text(
        bench_text(
            table, ADDRESS, external(name or ADDRESS, armed=False), 'control = "tcp:h:1"', paired=False, layers={}
        ),
        encoding="utf-8",
    )
    bench = load_bench(tmp_path / "b.toml")
    assert (bench.target.name != "", bench.target.armed) == (True, False)
    assert bench.identity.model in (name, "")
    assert 'protocol = "gatt_heart_rate"' in (tmp_path / "b.toml").read_text(encoding="utf-8")


def test_uuids_that_begin_alike_are_told_apart(tmp_path):
    alike = [Found(f"a0000001-000{number}-4000-8000-000000000000", 2 * number, 0x02, b"x") for number in (1, 2)]
    assert len(protocol(tmp_path, *alike).messages) == 3


def test_a_table_with_nothing_in_it():
    assert list(tree(GattTable("", Identity(), ()))) == []
