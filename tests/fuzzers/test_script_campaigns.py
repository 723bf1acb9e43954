"""Scripts in the styles of different authors, each as it is in a short campaign over TCP against a device of lines."""

import re
import socket
import sys
import zlib
from pathlib import Path

import pytest
from line_device import LineDevice

from harness.campaigns.options import Options
from harness.campaigns.session import run_campaign
from harness.cli.main import main
from harness.errors import UsageError
from harness.verdict import Kind

SCRIPTS = Path(__file__).parent / "scripts"
DEVICE = Path(__file__).parent / "line_device.py"


@pytest.fixture
def device():
    made = []

    def start(*verbs, **options):
        made.append(LineDevice(set(verbs), **options))
        return made[-1]

    yield start
    for one in made:
        one.close()


@pytest.fixture
def campaign(tmp_path, monkeypatch):
    """Runs a script against a port; the campaign's record."""
    monkeypatch.chdir(tmp_path)

    external = 'kind = "external"\narmed = true\nsettle = 0.0\nreset_timeout = 1.0\n'

    def run(script, port, *, cases=30, target=external, **keys):
        bench = tmp_path / "bench.toml"
        keys = {"reply_timeout": 0.3, "fuzzers": ["enumerate"], "max_len": 64} | keys
        keys = {"protocol": f"boofuzz:{SCRIPTS / script}"} | keys
        bench.write_text(
            f'[limits]\ntriage = 2\n[target]\nname = "x"\n{target}'
            f'[interfaces.main]\ntransport = "tcp:127.0.0.1:{port}"\n'
            + "".join(f"{name} = {value!r}\n".replace("True", "true") for name, value in keys.items())
        )
        record, _ = run_campaign(Options(bench, "bench", seed=1, cases=cases, out=tmp_path / "run"))
        return record

    return run


def passed(record, cases=30):
    """Every case passed and every case's probe was answered."""
    assert (record.reason, record.exit_code, record.bench_faults) == ("budget", 0, ())
    assert record.verdicts == {"pass": cases}
    assert record.interfaces["main"].probes >= cases
    return True


def test_the_procedural_style(campaign, device):
    server = device(b"USER", b"PASS", b"STOR")
    assert passed(campaign("ftp_procedural.py", server.port))
    assert b"USER anonymous\r" in server.lines
    assert b"USER anonymous\r\nPASS james\r\nSTOR" in b"".join(server.connections)
    assert len(server.connections) >= 30


def test_the_object_style_on_one_connection(campaign, device):
    server = device(b"HELLO", b"DOSE", answer=lambda line, _: b"OK\n")
    assert passed(campaign("object_style.py", server.port))
    assert len(server.connections) <= 2
    frame = re.compile(rb"(\d\d?)((?:HELLO|DOSE) .*)(.{4})", re.S)
    whole = [match for line in server.lines if (match := frame.fullmatch(line))]
    right = [m for m in whole if int(m[1]) == len(m[2]) and zlib.crc32(m[2]) == int.from_bytes(m[3], "little")]
    assert {m[2][:4] for m in right} == {b"HELL", b"DOSE"}


def test_arguments_by_click(campaign, device):
    server = device(b"READ")
    words = ["--port", "9", "--unit=3", "READ"]
    assert passed(campaign("click_arguments.py", server.port, script_arguments=words))
    assert b"READ 3 17" in server.lines


def test_what_click_says_about_wrong_arguments_is_passed_on(campaign):
    with pytest.raises(UsageError, match=r"click_arguments\.py: SystemExit: 2 \(Error: Missing option '--port'\.\)"):
        campaign("click_arguments.py", 9, script_arguments=["READ"])


def test_modules_and_files_beside_the_script(campaign, device):
    server = device(b"START", b"STOP", answer=lambda line, _: b"ODD\n" if line == b"STOP " else None)
    record = campaign("sibling_main.py", server.port, cases=120)
    assert {b"START now", b"STOP now"} <= set(server.lines)
    assert [finding.observation.summary for finding in record.confirmed] == [r"odd answer b'ODD\n'"]
    assert not {name for name in sys.modules if name.startswith("sibling_")}
    assert str(SCRIPTS) not in sys.path


def test_of_two_sessions_the_bench_names_one(campaign, device):
    server = device(b"LOGIN", b"UPLOAD")
    assert passed(campaign("two_sessions.py", server.port, script_session=2))
    assert b"UPLOAD plan" in server.lines
    assert not any(line.startswith(b"LOGIN") for line in server.lines)


@pytest.mark.parametrize("number", [0, 3])
def test_without_a_right_choice_two_sessions_are_shown(campaign, number):
    with pytest.raises(UsageError, match=r"2 Sessions \(1: Login; 2: Upload\); say which in the bench: script_session"):
        campaign("two_sessions.py", 9, **({"script_session": number} if number else {}))


def test_a_process_monitor_is_the_bench_s_own_process(campaign):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    target = f'kind = "process"\ncommand = ["{sys.executable}", "{DEVICE}", "{port}"]\nsettle = 0.0\n'
    keys = {"script_arguments": [str(port)], "max_len": 400, "open_timeout": 15.0}  # on a busy machine it starts late
    record = campaign("process_monitor.py", port, cases=120, target=target, **keys)
    assert {finding.observation.kind for finding in record.confirmed} == {Kind.EXIT}
    assert record.exit_code == 1


def test_check_says_what_is_withheld_and_what_of_the_script_is_not_used(device, tmp_path, monkeypatch, capsys):
    server = device(b"SET")
    (tmp_path / "b.toml").write_text(
        f'[target]\nname = "x"\nkind = "external"\n[interfaces.main]\ntransport = "tcp:127.0.0.1:{server.port}"\n'
        f'protocol = "boofuzz:{SCRIPTS}/process_monitor.py"\nscript_arguments = ["7"]\nreply_timeout = 0.3\n'
    )
    monkeypatch.setattr("sys.argv", ["medfuzz", "check", str(tmp_path / "b.toml")])
    with pytest.raises(SystemExit) as ended:
        main()
    lines = {line[:18].strip(): line[34:] for line in capsys.readouterr().out.splitlines()}
    assert not ended.value.code
    assert re.match(r" ok +withholds nothing: no message is forbidden in the bench or marked", lines["guard main"])
    assert re.match(
        r" not used +boofuzz's process monitor is not run; .*'./device', '--port', '7'", lines["script main"]
    )


def test_a_banner_and_a_login_on_every_connection(campaign, device):
    def answer(line, connection):
        if line == b"LOGIN 4711":
            connection["in"] = True
            return b"OK LOGIN\n"
        return None if connection.get("in") else b"ERR not logged in\n"

    server = device(b"TEMP", banner=b"220 ready\n", answer=answer)
    assert passed(campaign("banner_login.py", server.port))
    assert all(bytes(received).startswith(b"LOGIN 4711\nTEMP") for received in server.connections)


def test_a_greeting_that_the_script_does_not_read_is_no_answer(campaign, device):
    broken = {}

    def answer(line, _connection):
        broken.update({1: 1} if b"STOR%" in line else {})
        return b"" if broken else None

    server = device(b"USER", b"PASS", b"STOR", banner=b"220 ready\n", answer=answer)
    record = campaign("ftp_procedural.py", server.port, cases=120, open_timeout=1.0, reply_timeout=0.15)
    assert broken and record.exit_code == 3, "a device that only greets any more is taken for one that answers"
    assert [finding.tries for finding in record.findings] == [0]  # a device that stays dead shows nothing again


def test_a_callback_with_four_parameters_asks_after_each_case(campaign, device):
    broken = {}

    def answer(line, _connection):
        if line == b"STATE":
            return b"OK STATE bad\n" if broken else b"OK STATE good\n"
        broken.clear()
        broken.update({1: 1} if line == b"NOTE " else {})
        return b"OK NOTE\n"

    server = device(b"NOTE", answer=answer)
    record = campaign("post_check.py", server.port, cases=60)
    assert [finding.observation.summary for finding in record.confirmed] == ["the state is OK STATE bad"]
    assert server.lines.count(b"STATE") >= 60
    finding = record.confirmed[0]
    assert [(e.message, e.sent) for e in finding.transcript.exchanges][:2] == [
        ("note", b"NOTE \n"),
        ("callback", b"STATE\n"),
    ]


def test_challenge_and_response_on_an_edge(campaign, device):
    def answer(line, connection):
        if line == b"CHALLENGE":
            connection["number"] = b"%04d" % (len(server.lines) % 10_000)
            return b"OK " + connection["number"] + b"\n"
        if line.startswith(b"PROVE "):
            right = line == b"PROVE %d" % zlib.crc32(connection["number"])
            return b"OK PROVE\n" if right else b"ERR\n"
        return None

    server = device(b"HELLO", b"ORDER", answer=answer)
    assert passed(campaign("challenge.py", server.port))
    orders = [bytes(one) for one in server.connections if b"ORDER" in one]
    assert len(orders) > 5
    assert all(re.match(rb"HELLO .*\nCHALLENGE\nPROVE \d+\nORDER \d{4}", one, re.S) for one in orders)


def test_an_edge_callback_s_bytes_pass_the_guard(campaign, device, tmp_path):
    (tmp_path / "own.py").write_text(
        "import re\nfrom pathlib import Path\nfrom fuzzers.script import load_boofuzz_script\n"
        "from protocols.wire import Wire\nclass Own(Wire):\n    def forbidden(self, messages):\n"
        "        return re.compile(rb'PROVE|ORDER')\n"
        f"PROTOCOL = load_boofuzz_script(Path({str(SCRIPTS / 'challenge.py')!r}), wire=Own())\n"
    )
    server = device(b"HELLO", b"CHALLENGE")
    record = campaign("challenge.py", server.port, cases=20, protocol="own.py", forbidden=["order"])
    assert record.refused > 5
    assert not any(line.startswith((b"PROVE", b"ORDER")) for line in server.lines)


def test_names_with_spaces_and_colons_and_a_single_case(campaign, device):
    server = device(b"GET", b"POST")
    assert passed(campaign("odd_names.py", server.port, script_arguments=["7"]))
    assert {b"GET /status", b"POST /o"} <= set(server.lines)


def test_blocks_begun_by_hand_repeats_and_encoders(campaign, device):
    server = device(b"PUT", b"ADD", b"CUT")
    assert passed(campaign("repeats.py", server.port, cases=90), 90)
    assert {b"PUT 31000703", b"ADD 31000703", b"CUT 31000703"} <= set(server.lines)
    assert {line[:3] for line in server.lines if b"310007310007" in line} == {b"PUT", b"ADD", b"CUT"}


def test_a_callback_that_raises_ends_as_a_bench_fault_that_names_its_line(campaign, device):
    record = campaign("raising.py", device(b"ASK").port)
    assert (record.exit_code, record.confirmed) == (3, ())
    assert re.search(r"callback 'look' after a case: .*raising\.py:5, in look: IndexError: ", record.bench_faults[0])
