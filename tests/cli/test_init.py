"""`init`: what it asks, what it writes, and that no wrong answer costs the right ones."""

import io
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.bench import load_bench
from harness.discovery import clocks

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
GIVEN = ("--transport", "tcp:127.0.0.1:9", "--protocol", "hl7_mllp")
NOBODY = "tcp:127.0.0.1:9: Connection refused. Is the device on and listening there?"
SCRIPT = """
from boofuzz import *
session = Session(target=Target(connection=TCPSocketConnection("127.0.0.1", 1)))
s_initialize("hello")
s_byte(1, name="code")
session.connect(s_get("hello"))
session.fuzz()
"""


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """A device that is not there at once is not waited for: nothing here is about when it comes."""
    interfaces = clocks._interfaces

    def soon(path):
        for interface in interfaces(path):
            interface.executor.connection.open_timeout = 0.2
            yield interface

    monkeypatch.setattr(clocks, "_interfaces", soon)


@pytest.fixture
def init(medfuzz, monkeypatch):
    """`init b.toml` with answers typed in, one a line, and the end of input behind the last."""

    def run(*answers, options=()):
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{answer}\n" for answer in answers)))
        return medfuzz("init", "b.toml", *options)

    return run


def test_what_is_given_is_not_asked_and_the_bench_loads(medfuzz, tmp_path):
    code, out, err = medfuzz("init", "b.toml", "--name", "Pump 7", *GIVEN)
    assert (code, out, err) == (0, [f"not heard so far: {NOBODY}", "wrote b.toml; next: medfuzz check b.toml"], [])
    bench = load_bench(tmp_path / "b.toml")
    assert (bench.target.name, bench.interfaces["main"].protocol) == ("Pump 7", "hl7_mllp")
    assert (bench.target.reset_command, bench.target.armed, bench.interfaces["main"].states) == ([], False, ["idle"])
    code, out, err = medfuzz("check", "b.toml")
    assert (code, len(err)) == (3, 1)
    assert any("Is the device on" in line for line in out)


def test_all_states_of_a_protocol_are_tried(medfuzz, tmp_path):
    medfuzz("init", "b.toml", "--name", "x", "--transport", "tcp:127.0.0.1:9", "--protocol", "dicom")
    assert load_bench(tmp_path / "b.toml").interfaces["main"].states == ["idle", "associated"]
    assert max(map(len, (tmp_path / "b.toml").read_text().splitlines())) <= 120


def test_a_device_that_does_not_answer_is_told(medfuzz):
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        place = f"tcp:127.0.0.1:{deaf.getsockname()[1]}"
        words = ("--name", "x", "--transport", place, "--protocol", "modbus_tcp")
        assert medfuzz("init", "b.toml", *words)[1][0] == "not heard so far: main: the probe is not answered"


def test_a_bench_that_is_there_is_not_overwritten(medfuzz, tmp_path):
    (tmp_path / "b.toml").write_text("mine")
    code, _out, err = medfuzz("init", "b.toml", "--name", "x", *GIVEN)
    assert (code, len(err), (tmp_path / "b.toml").read_text()) == (2, 1, "mine")


def test_it_asks_four_things(init, tmp_path):
    code, out, err = init("My pump", "tcp:127.0.0.1:9", "hl7_mllp", "env POWER=1 'a b'")
    assert (code, err) == (0, [])
    text = "\n".join(out)
    assert all(question in text for question in ("Name of the device", "Transport", "Protocol", "Reset command"))
    assert all(hint in text for hint in ("FILE.py:NAME", "boofuzz:SCRIPT.py", "docs/protocol.md", "uhubctl"))
    bench = load_bench(tmp_path / "b.toml")
    assert (bench.target.name, bench.interfaces["main"].transport) == ("My pump", "tcp:127.0.0.1:9")
    assert bench.target.reset_command == ["env", "POWER=1", "a b"]


def test_it_asks_for_every_interface_until_there_is_none(init, tmp_path):
    more = ("tcp:127.0.0.1:10", "", "ble:F0:F1:F2:F3:F4:F5", "serial:/dev/ttyS9", "pump_link", "")
    code, out, err = init("My pump", "tcp:127.0.0.1:9", "hl7_mllp", "", *more)
    assert (code, err) == (0, [])
    assert any("Bluetooth comes first" in line for line in out)
    found = load_bench(tmp_path / "b.toml").interfaces
    assert {name: (one.transport, one.protocol) for name, one in found.items()} == {
        "main": ("tcp:127.0.0.1:9", "hl7_mllp"),
        "tcp": ("tcp:127.0.0.1:10", "hl7_mllp"),
        "serial": ("serial:/dev/ttyS9", "pump_link"),
    }


def test_every_interface_can_be_given(medfuzz, tmp_path):
    both = ("--transport", "tcp:h:1", "--protocol", "hl7_mllp", "--transport", "tcp:h:2", "--protocol", "pump_link")
    code, out, err = medfuzz("init", "b.toml", "--name", "x", *both)
    assert (code, out[1:], err) == (0, ["wrote b.toml; next: medfuzz check b.toml"], [])
    assert out[0].startswith("not heard so far: tcp:h:1: ")
    found = load_bench(tmp_path / "b.toml").interfaces
    assert [(name, one.protocol) for name, one in found.items()] == [("main", "hl7_mllp"), ("tcp", "pump_link")]
    code, _out, err = medfuzz("init", "c.toml", "--name", "x", *both[:-2])
    assert (code, len(err), "one of each" in err[0]) == (2, 1, True)


def test_a_device_that_is_there_tells_its_uptime(medfuzz, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    shutil.copy(EXAMPLES / "warmer.py", tmp_path)
    with subprocess.Popen([sys.executable, str(EXAMPLES / "warmer_device.py"), str(port)]) as device:
        try:
            await_port(port)
            words = ("--name", "x", "--transport", f"tcp:127.0.0.1:{port}", "--protocol", "warmer.py:PROTOCOL")
            code, out, err = medfuzz("init", "b.toml", *words)
        finally:
            device.kill()
    assert (code, err) == (0, [])
    assert out[0] == "its answers have uptime_ms, by which a restart shows: see [monitors]"
    found = load_bench(tmp_path / "b.toml").monitors
    assert (found.uptime_field, found.boot_field) == ("uptime_ms", "")


def await_port(port):
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


def test_empty_answers_take_what_is_offered(init, tmp_path):
    code, _out, err = init("", "tcp:127.0.0.1:9", "", "")
    assert (code, err) == (0, [])
    bench = load_bench(tmp_path / "b.toml")
    assert (bench.target.name, bench.interfaces["main"].protocol) == ("device", "hl7_mllp")
    assert bench.target.reset_command == []
    assert '# reset_command = ["uhubctl"' in (tmp_path / "b.toml").read_text()


def test_a_wrong_answer_is_asked_again_with_the_reason(init, tmp_path):
    wrong = ("tpc:h:1", "localhost", "pump_lnk", "no-such-program now", "env 'open")
    answers = ("My pump", wrong[0], wrong[1], "tcp:127.0.0.1:9", wrong[2], "hl7_mllp", wrong[3], wrong[4], "env")
    code, out, err = init(*answers)
    assert (code, err) == (0, [])
    text = "\n".join(out)
    reasons = ("'tcp'", "SCHEME:ADDRESS", "'pump_link'", "no program 'no-such-program'", "No closing quotation")
    assert all(reason in text for reason in reasons)
    assert load_bench(tmp_path / "b.toml").target.reset_command == ["env"]


@pytest.mark.parametrize("answered", range(4))
def test_the_end_of_input_is_one_line_and_leaves_nothing(init, tmp_path, answered):
    code, _out, err = init(*("My pump", "tcp:127.0.0.1:9", "hl7_mllp")[:answered])
    assert (code, len(err)) == (2, 1)
    assert ("--name", "--transport", "--protocol", "--reset-command")[answered] in err[0]
    assert list(tmp_path.iterdir()) == []


def test_an_answer_that_is_no_text_is_no_answer(medfuzz, monkeypatch, tmp_path):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe\n"), "utf-8"))
    code, out, err = medfuzz("init", "b.toml")
    assert (code, len(err), list(tmp_path.iterdir())) == (2, 1, [])
    assert any("UTF-8" in line for line in out)


def test_a_folder_that_is_not_there_is_told_before_anything_is_asked(medfuzz):
    code, out, err = medfuzz("init", "nowhere/b.toml")
    assert (code, out, len(err)) == (2, [], 1)
    assert "nowhere" in err[0]


@pytest.mark.parametrize("name", ['a"b\\', "a\nb = 1", "\x1b[2J", "{name}", "ä''' \"\"\"", "\ud800"])
def test_any_name_will_do(medfuzz, tmp_path, name):
    code, _out, err = medfuzz("init", "b.toml", "--name", name, "--transport", "tcp:h:1", "--protocol", "pump_link")
    assert (code, err) == (0, [])
    assert load_bench(tmp_path / "b.toml").target.name


@pytest.mark.parametrize(
    ("words", "helpful"),
    [
        (("--transport", "localhost", "--protocol", "pump_link"), "SCHEME:ADDRESS"),
        (("--transport", "tpc:h:1", "--protocol", "pump_link"), "'tcp'"),
        (("--transport", "tcp:h", "--protocol", "pump_link"), "HOST:PORT"),
        (("--transport", "tcp:h:1", "--protocol", "pump_lnk"), "'pump_link'"),
        ((*GIVEN, "--reset-command", "no-such-program"), "no-such-program"),
    ],
)
def test_what_check_would_refuse_is_refused(medfuzz, tmp_path, words, helpful):
    given, _out, err = medfuzz("init", "b.toml", "--name", "x", *words)
    assert (given, len(err)) == (2, 1)
    assert helpful in err[0]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("protocol", ["mine.py:DEVICE", "boofuzz:mine.py"])
def test_a_protocol_that_is_still_to_be_written(medfuzz, protocol):
    code, out, err = medfuzz("init", "b.toml", "--name", "x", "--transport", "tcp:h:1", "--protocol", protocol)
    assert (code, err) == (0, [])
    assert any("docs/protocol.md" in line for line in out)
    code, _out, err = medfuzz("check", "b.toml")
    assert (code, len(err)) == (2, 1)
    assert "mine.py" in err[0]


def test_a_boofuzz_script_and_its_messages(medfuzz, tmp_path):
    (tmp_path / "mine.py").write_text(SCRIPT)
    words = ("--name", "x", "--transport", "tcp:h:1", "--protocol", "boofuzz:mine.py")
    code, out, err = medfuzz("init", "b.toml", *words)
    assert (code, out[1:], err) == (0, ["wrote b.toml; next: medfuzz check b.toml"], [])
    assert load_bench(tmp_path / "b.toml").interfaces["main"].states == ["start"]
    code, out, err = medfuzz("list", "messages", "b.toml")
    assert (code, [line.split() for line in out], err) == (0, [["main", "hello"]], [])


def test_a_bluetooth_link_is_asked_for_in_parts(init, tmp_path):
    link = ("ble", "F0:F1", "f0:f1:f2:f3:f4:f5", "at", "att", "maybe", "yes")
    code, out, err = init("Meter", *link, "usb0", "usb:0", "", "")
    assert (code, err) == (0, [])
    text = "\n".join(out)
    reasons = ("write ble:ADDRESS", "Did you mean 'att'", "yes or no", "radio 'usb0'", "discover --scan")
    assert all(reason in text for reason in reasons)
    bench = load_bench(tmp_path / "b.toml")
    main = bench.interfaces["main"]
    assert (main.transport, main.protocol) == ("ble:F0:F1:F2:F3:F4:F5?layer=att&pair=on", "att")
    assert (bench.radio.adapter, bench.radio.control) == ("usb:0", "")


@pytest.mark.parametrize(
    ("layer", "protocol"), [("gatt", "att"), ("smp", "smp"), ("signalling", "l2cap_signalling"), ("l2cap", "l2cap")]
)
def test_a_layer_is_offered_its_protocol(init, tmp_path, layer, protocol):
    code, _out, err = init("", "ble", "F0:F1:F2:F3:F4:F5", layer, "", "tcp:127.0.0.1:9100", "", "")
    assert (code, err) == (0, [])
    bench = load_bench(tmp_path / "b.toml")
    assert (bench.interfaces["main"].protocol, bench.radio.control) == (protocol, "tcp:127.0.0.1:9100")


@pytest.mark.parametrize("answered", range(2, 6))
def test_the_end_of_input_within_a_bluetooth_link_is_one_line(init, tmp_path, answered):
    code, out, err = init(*("Meter", "ble", "F0:F1:F2:F3:F4:F5", "att", "no")[:answered])
    assert (code, len(err), list(tmp_path.iterdir())) == (2, 1, [])
    assert not any("the input ended" in line for line in out)
    assert ("--transport" if answered < 5 else "--radio") in err[0]


def test_a_bluetooth_link_can_be_given(medfuzz, tmp_path):
    given = ("--name", "x", "--transport", "ble:F0:F1:F2:F3:F4:F5", "--protocol", "gatt_heart_rate")
    assert medfuzz("init", "b.toml", *given, "--radio", "tcp:127.0.0.1:9")[0] == 0
    assert load_bench(tmp_path / "b.toml").radio.control == "tcp:127.0.0.1:9"
    code, out, _err = medfuzz("check", "b.toml")
    assert code == 3 and any("Is `medfuzz radio` running there" in line for line in out)
    assert medfuzz("init", "c.toml", *given)[0] == 0
    assert load_bench(tmp_path / "c.toml").radio.adapter == "hci-socket:0"
    code, _out, err = medfuzz("init", "d.toml", *given, "--radio", "usb")
    assert (code, len(err)) == (2, 1)
