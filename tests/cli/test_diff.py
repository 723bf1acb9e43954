"""`medfuzz diff` as a user calls it: two programs that agree, two that do not, and what cannot be compared."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

SERVER = Path(__file__).parents[1] / "peers" / "modbus_pair.py"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def bench(folder, name, *words, protocol="modbus_tcp", interface="main"):
    port = free_port()
    command = json.dumps([sys.executable, str(SERVER), str(port), *words])
    path = folder / f"{name}.toml"
    path.write_text(
        f'[target]\nkind = "process"\nname = "{name}"\ncommand = {command}\n\n'
        f'[interfaces.{interface}]\ntransport = "tcp:127.0.0.1:{port}"\nprotocol = "{protocol}"\n'
    )
    return str(path)


def diff(*words):
    command = [sys.executable, "-m", "harness.cli.main", "diff", *words]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)


def test_two_that_differ_are_told_with_who_answers_what_and_the_one_message_that_shows_it(tmp_path):
    strict, lenient, out = bench(tmp_path, "strict"), bench(tmp_path, "lenient", "--lenient"), tmp_path / "found.json"
    ended = diff(strict, lenient, "--cases", "60", "--seed", "1", "--fuzzer", "related", "--out", str(out))
    assert ended.returncode == 1, ended.stdout + ended.stderr
    lines = ended.stdout.splitlines()
    told = next(n for n, line in enumerate(lines) if line.startswith("write_single_register"))
    assert lines[told + 1] == f"  {strict}: refused with 86 02"
    assert lines[told + 2] == f"  {lenient}: accepted"
    assert lines[told + 3].startswith("  → write_single_register: ")
    assert not lines[told + 4 : told + 5] or not lines[told + 4].startswith("  → ")
    found = json.loads(out.read_text())
    assert {(one["message"], one["one"], one["other"]) for one in found["disagreements"]} == {
        ("write_single_register", "refused with 86 02", "accepted")
    }
    assert len(found["disagreements"][0]["steps"]) == 1


def test_two_of_one_kind_agree(tmp_path):
    ended = diff(bench(tmp_path, "one"), bench(tmp_path, "two"), "--cases", "40", "--seed", "2")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "40 cases" in ended.stdout and "0 disagreements" in ended.stdout


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"protocol": "hl7_mllp"}, "speaks other messages"),
        ({"interface": "second"}, "has no interface 'main'"),
    ],
)
def test_what_cannot_be_given_the_same_cases_is_refused_before_anything_starts(tmp_path, other, words):
    ended = diff(bench(tmp_path, "one"), bench(tmp_path, "two", **other), "--cases", "5")
    assert (ended.returncode, words in ended.stderr) == (2, True), ended.stderr


def test_one_bench_twice_no_length_and_a_device_that_is_not_armed_are_refused(tmp_path):
    one = bench(tmp_path, "one")
    assert "one bench" in diff(one, one, "--cases", "5").stderr
    assert "say how long" in diff(one, bench(tmp_path, "two")).stderr
    external = tmp_path / "external.toml"
    external.write_text(
        '[target]\nkind = "external"\nname = "x"\n\n'
        '[interfaces.main]\ntransport = "tcp:127.0.0.1:9"\nprotocol = "modbus_tcp"\n'
    )
    ended = diff(one, str(external), "--cases", "5")
    assert (ended.returncode, "armed = true" in ended.stderr) == (2, True)


def test_a_bench_where_nothing_listens_is_a_failed_bench(tmp_path):
    external = tmp_path / "external.toml"
    external.write_text(
        '[target]\nkind = "external"\nname = "x"\narmed = true\n\n'
        f'[interfaces.main]\ntransport = "tcp:127.0.0.1:{free_port()}"\n'
        'protocol = "modbus_tcp"\nopen_timeout = 0.5\n'
    )
    ended = diff(bench(tmp_path, "one"), str(external), "--cases", "5")
    assert (ended.returncode, "Traceback" in ended.stderr) == (3, False), ended.stderr
