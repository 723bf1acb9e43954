"""What the commands print and how they end, on the emulated pump."""

import json
import os
import re
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from harness.cli.run import seconds_of
from harness.errors import UsageError
from harness.store import Store
from harness.triage.desk import Desk
from harness.triage.replay import Replay
from harness.verdict import Kind, Observation
from targets.board.native.library import core_name

ROOT = Path(__file__).parents[2]
NOTHING = "bench fault: {} of 3 tries say nothing about the device"
FIXED_ELF = ROOT / "targets" / "pump" / "pump-fixed.elf"


@pytest.fixture(scope="session")
def found(tmp_path_factory):
    """A folder with one run on the vulnerable pump, by a process of its own as a user starts it."""
    folder = tmp_path_factory.mktemp("cli")
    done = subprocess.run(
        [sys.executable, "-m", "harness.cli.main", "run", "pump", "--cases", "400", "--seed", "1", "--out", "runs/one"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, "medfuzz:" in done.stderr) == (1, False)
    return folder, done.stdout.splitlines(), done.stderr.splitlines()


@pytest.fixture
def in_run(found, medfuzz, monkeypatch):
    """Commands in the folder of that run."""
    folder, _lines, _progress = found
    monkeypatch.chdir(folder)
    return medfuzz


def first_finding(found, kind):
    with Store.open(found[0] / "runs" / "one") as store:
        return next(finding for finding in store.findings() if finding.kind.value == kind and finding.confirmed)


def test_run_tells_what_was_found_where_the_report_is_and_how_to_replay(found):
    _folder, lines, progress = found
    assert any(line.startswith("400 cases in ") and "ended: budget" in line for line in lines)
    assert any(line.startswith("finding F-") for line in progress)
    assert not any(line.startswith(("campaign ", "finding ")) for line in lines)
    assert "report: runs/one/report.html" in lines
    assert any(line.startswith("replay: ") and line.endswith("--run runs/one") for line in lines)


def test_what_there_was_no_time_to_make_smaller_is_pointed_at(in_run, found, monkeypatch, tmp_path):
    _folder, lines, _progress = found
    assert not any(line.startswith("smaller: ") for line in lines)  # the emulator had time for all
    monkeypatch.setattr(Desk, "_work", lambda _desk, **_options: False)
    _code, out, _err = in_run("run", "pump", "--cases", "60", "--seed", "1", "--out", str(tmp_path / "run"))
    (hint,) = [line for line in out if line.startswith("smaller: ")]
    told = [line.split()[0] for line in out if line.startswith("  F-")]
    assert re.match(
        rf"smaller: \S+ minimize F-\w+ --run \S+run \({len(told)} of {len(told)} may become smaller\)", hint
    )


def test_the_replay_command_works_as_printed_and_the_fixed_build_is_fixed(found, in_run):
    printed = next(line for line in found[1] if line.startswith("replay: ")).split(" replay ")[1].split()
    code, out, err = in_run("replay", *printed)
    assert (code, out[-1], err) == (1, "reproduced: 3 of 3 (95 % interval 44-100 %)", [])
    code, out, err = in_run("replay", *printed, "--elf", FIXED_ELF, "--times", "2")
    assert (code, out[-1], err) == (0, "fixed: 0 of 2 (95 % interval 0-66 %)", [])
    code, out, err = in_run("replay", printed[0][:5], "--bench", "pump-fixed", "--times", "1")
    assert (code, out[-1]) == (0, "fixed: 0 of 1 (95 % interval 0-79 %)")


def test_replay_says_flaky_and_bench_fault(found, in_run, monkeypatch, tmp_path):
    from harness.handover import replaying

    identifier = first_finding(found, "crash").id
    crash = Observation(Kind.CRASH, "device", "another place", 1.0, ("bad access", "elsewhere"))
    for tries, said in [
        ((Replay(True), Replay(False), Replay(True)), (4, "flaky: 2 of 3 (95 % interval 21-94 %)")),
        ((Replay(False), Replay(False), Replay(False)), (0, "fixed: 0 of 3 (95 % interval 0-56 %)")),
        (
            (Replay(False), Replay(False, observations=(crash,)), Replay(False)),
            (4, "not the same: 0 of 3 (95 % interval 0-56 %)"),
        ),
        ((Replay(False), Replay(False), Replay(False, untested="no state")), (3, NOTHING.format(1))),
    ]:
        again = iter(tries)
        monkeypatch.setattr(replaying, "replay_once", lambda *_words, again=again: next(again))
        code, out, _err = in_run("replay", identifier)
        assert (code, out[-1]) == said
    monkeypatch.setattr(replaying, "replay_once", lambda *_words: Replay(False, bench_error="unplugged"))
    code, out, _err = in_run("replay", identifier)
    assert (code, out[-1]) == (3, NOTHING.format(3))
    gone = tmp_path / "gone.toml"
    gone.write_text(
        '[target]\nkind = "external"\nname = "x"\n[interfaces.maintenance]\nprotocol = "pump_link"\n'
        'transport = "serial:/dev/ttyNOWHERE7"\n[interfaces.network]\nprotocol = "hl7_mllp"\n'
        'transport = "serial:/dev/ttyNOWHERE8"\n'
    )
    code, _out, err = in_run("replay", identifier, "--bench", gone)
    assert (code, len(err)) == (3, 1)


def test_all_findings_of_a_run_are_played_as_a_table(found, in_run):
    with Store.open(found[0] / "runs" / "one") as store:
        ids = [finding.id for finding in store.findings()]
    code, out, err = in_run("replay", "--all", "--run", "runs/one", "--times", "1")
    assert (code, err, out[0]) == (1, [], f"{len(ids)} findings of runs/one")
    assert [line.split()[:2] for line in out[1:-1]] == [["FAILED", name] for name in ids]
    assert out[-1].startswith(f"{len(ids)} FAILED")
    code, out, err = in_run("replay", "--all", "--bench", "pump-fixed", "--times", "1")
    assert (code, err, out[-1].partition(" (")[0]) == (0, [], f"{len(ids)} PASSED")


def test_what_is_not_tested_is_no_pass_and_nonsense_is_a_usage_error(in_run, monkeypatch, tmp_path):
    from harness.handover import replaying

    monkeypatch.setattr(replaying, "replay_once", lambda *_words: Replay(False, bench_error="unplugged"))
    code, out, _err = in_run("replay", "--all", "--run", "runs/one")
    assert (code, out[1].startswith("NOT TESTED"), "[bench fault: unplugged]" in out[1]) == (4, True, True)
    for words, said in [
        ((), "--all"),
        (("F-0", "--all"), "F-0"),
        (("--all", "--save", "x.json"), "--save"),
        (("--all", "--run", tmp_path), "no store"),
        (("--all", "--bench", "pump-fixd"), "pump-fixed"),
    ]:
        code, _out, err = in_run("replay", *words)
        assert (code in (2, 3), len(err), said in err[0]) == (True, 1, True), err


def test_a_saved_finding_is_a_positive_control_for_check(found, in_run, tmp_path):
    finding = first_finding(found, "crash")
    saved = tmp_path / "crash.json"
    assert in_run("replay", finding.id, "--times", "1", "--save", saved)[0] == 1
    code, _out, err = in_run("replay", finding.id, "--save", tmp_path / "nowhere" / "crash.json")
    assert (code, len(err), "--save" in err[0]) == (3, 1, True)
    elf = ROOT / "targets" / "pump" / "pump-vulnerable.elf"
    bench = tmp_path / "b.toml"

    def check(firmware):
        text = f'include = "{ROOT}/targets/pump/bench-fixed.toml"\n'
        bench.write_text(text + f'[controls]\nelf = "{firmware}"\nrecorded = {{ crash = "{saved}" }}\n')
        return in_run("check", bench)

    code, out, err = check(elf)
    assert (code, err) == (0, [])
    assert any(line.startswith("monitor for crash") and " ok " in line for line in out)
    code, out, err = check(FIXED_ELF)
    assert (code, len(err)) == (3, 1)
    assert any(line.startswith("monitor for crash") and " FAILED " in line for line in out)


def test_send_shows_the_bytes_and_the_parsed_reply(medfuzz):
    code, out, err = medfuzz("send", "pump", "status")
    assert (code, err) == (0, [])
    assert out[0].startswith("maintenance → status: a5 ")
    assert out[1].startswith("maintenance ← a5 ")
    assert "    serial: SN-0004711" in out
    code, out, _err = medfuzz("send", "pump", "query", "--interface", "network", "--state", "infusing")
    assert code == 0
    assert "    therapy_state: 2" in out


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("benches", "pump-fixed"),
        ("messages pump", "status"),
        ("states pump", "infusing"),
        ("fuzzers", "enumerate"),
        ("protocols", "dicom                DICOM storage, query and print servers"),
        ("protocols", "boofuzz:SCRIPT.py"),
        ("runs", "runs/one"),
        ("findings", "F-"),
    ],
)
def test_list_shows_what_there_is(in_run, what, expected):
    code, out, err = in_run("list", *what.split())
    assert (code, err) == (0, [])
    assert any(expected in line for line in out)


@pytest.mark.parametrize(("choice", "board"), [("reference", "Python reference (MEDFUZZ_BOARD=reference)"), ("", None)])
def test_the_version_says_which_machine_runs_firmware(choice, board):
    command = [sys.executable, "-m", "harness.cli.main", "--version"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MEDFUZZ_BOARD": choice}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.splitlines()[1] == f"board: {board or core_name()}"


def test_the_manifest_says_which_machine_ran_firmware(found):
    folder, _lines, _progress = found
    manifest = json.loads((folder / "runs" / "one" / "manifest.json").read_text())
    assert manifest["host"]["board"] == core_name()


def test_the_version_is_the_packages(medfuzz):
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    code, out, err = medfuzz("--version")
    assert (code, out[0].split()[:2], err) == (0, ["medfuzz", version], [])


def test_the_help_begins_with_what_a_newcomer_needs(medfuzz):
    code, out, _err = medfuzz("--help")
    words = "\n".join(out)
    assert (code, "init, check, send, run" in words) == (0, True)
    assert words.index("demo ") < words.index("init ") < words.index("emulate ")


def test_list_runs_survives_a_corrupt_store(in_run, found):
    bad = found[0] / "runs" / "bad"
    bad.mkdir(exist_ok=True)
    (bad / "store.sqlite").write_text("x")
    try:
        for what in ("runs", "findings"):
            code, out, err = in_run("list", what)
            assert (code, err) == (0, [])
            assert any("runs/bad" in line for line in out)
            assert any("runs/one" in line for line in out)
    finally:
        (bad / "store.sqlite").unlink()


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("1.5m", 90), ("8h", 28800), ("1d", 86400), (" 5s ", 5)]
)
def test_times_are_read(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["0", "-5s", "5 minutes", "s", "1e3", "nan", "9" * 400])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(UsageError, match="90s or 8h"):
        seconds_of(text)


def test_time_and_cases_together_end_at_the_first_of_them(medfuzz):
    code, out, _err = medfuzz("run", "pump-fixed", "--cases", "100000000", "--time", "4s", "--quiet", "--out", "a")
    assert code == 0
    assert "ended: budget" in out[0]
    code, out, _err = medfuzz("run", "pump-fixed", "--cases", "20", "--time", "8h", "--quiet", "--out", "b")
    assert (code, out[0].split()[0]) == (0, "20")
    code, out, _err = medfuzz("run", "pump-fixed", "--cases", "0", "--time", "3s", "--quiet", "--out", "c")
    assert (code, out[0].split()[0] != "0") == (0, True)


def test_bytes_are_sent_as_they_are_and_what_comes_is_shown(medfuzz):
    code, out, _err = medfuzz("send", "pump", "--interface", "network", "--hex", "0b4d53487c 5e7e5c267c:1c0d")
    assert code in (0, 3)
    assert out[0] == "network → bytes: 0b 4d 53 48 7c 5e 7e 5c 26 7c 1c 0d"
    code, out, err = medfuzz("send", "pump", "--interface", "maintenance", "--hex", "7e")
    assert (code, out, "no answer in" in err[-1]) == (3, ["maintenance → bytes: 7e"], True)


@pytest.mark.parametrize(
    ("message", "code", "told"),
    [("acknowledge", 0, "main ← nothing in "), ("update", 3, "no answer in ")],
)
def test_only_a_message_that_wants_an_answer_fails_without_one(medfuzz, tmp_path, message, code, told):
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        (tmp_path / "b.toml").write_text(
            '[target]\nkind = "external"\nname = "x"\n[interfaces.main]\nprotocol = "hl7_mllp"\nreply_timeout = 0.1\n'
            f'transport = "tcp:127.0.0.1:{deaf.getsockname()[1]}"\n'
        )
        given, out, err = medfuzz("send", "b.toml", message)
    assert (given, told in "\n".join(out + err)) == (code, True)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--hex", "7e"], "on which interface? Name one of maintenance, network"),
        (["--hex", "7"], "write two hexadecimal digits for a byte"),
        ([], "what to send?"),
        (["status", "--hex", "7e"], "what to send?"),
    ],
)
def test_what_cannot_be_sent_is_refused(medfuzz, words, told):
    code, _out, err = medfuzz("send", "pump", *words)
    assert (code, told in err[-1]) == (2, True)
