"""`run --resume`: what it says, and why it refuses."""

import itertools
import json
import os
import shutil
import signal
import sqlite3
from pathlib import Path

import pytest

from harness.campaigns.options import Options
from harness.campaigns.session import Audience, run_campaign
from harness.events import CaseFinished
from harness.store import STORE_NAME, Store
from harness.store_lock import Lock

PUMP = Path(__file__).parents[2] / "targets" / "pump"
CASES = 40


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    """A bench of its own, and a run on it that a signal ended in the middle."""
    home = tmp_path_factory.mktemp("home")
    (home / "pump.toml").write_text(f'include = "{PUMP / "bench-fixed.toml"}"\n[target]\nelf = "pump.elf"\n')
    shutil.copy(PUMP / "pump-fixed.elf", home / "pump.elf")

    def listen(event):
        if isinstance(event, CaseFinished) and event.number == CASES // 2:
            os.kill(os.getpid(), signal.SIGINT)

    options = Options(home / "pump.toml", "pump", seed=1, cases=CASES, out=home / "run")
    assert run_campaign(options, Audience((listen,)))[0].exit_code == 130
    return home


@pytest.fixture
def home(interrupted, monkeypatch):
    """The run, as it was left."""
    shutil.copytree(interrupted, interrupted.with_name("kept"))
    yield interrupted
    shutil.rmtree(interrupted)
    interrupted.with_name("kept").rename(interrupted)


def changed(home, statement, *values):
    with sqlite3.connect(home / "run" / STORE_NAME) as connection:
        connection.execute(statement, values)
    connection.close()


def refused(medfuzz, home, *words):
    code, out, err = medfuzz("run", "--resume", home / "run", *words)
    assert (out, len(err)) == ([], 1)
    return code, err[0].removeprefix("medfuzz: ")


def test_a_run_goes_on_and_says_from_where(medfuzz, home):
    code, out, err = medfuzz("run", "--resume", home / "run")
    assert code in (0, 4)
    assert any(line.startswith("goes on behind 20 cases: ") for line in err), err
    assert out[0].startswith(f"{CASES} cases in ")
    assert json.loads((home / "run" / "summary.json").read_text())["reason"] == "budget"
    assert refused(medfuzz, home) == (
        2, f"{home}/run: the run has ended (budget), there is nothing to resume. Start another run",
    )  # fmt: skip


@pytest.mark.parametrize("words", [("pump",), ("--seed", "1"), ("--time", "9s"), ("--out", "x"), ("--cases", "9")])
def test_a_run_that_goes_on_keeps_what_it_was_started_with(medfuzz, home, words):
    code, message = refused(medfuzz, home, *words)
    assert (code, "cannot be given with --resume" in message) == (2, True)


def test_another_firmware_is_refused_by_name(medfuzz, home):
    shutil.copy(PUMP / "pump-vulnerable.elf", home / "pump.elf")
    assert refused(medfuzz, home) == (
        2, f"{home}/run cannot be resumed: the firmware pump.elf has changed. Start another run, or undo the change",
    )  # fmt: skip


def test_another_bench_is_refused_by_name(medfuzz, home):
    with (home / "pump.toml").open("a") as bench:
        bench.write("[limits]\ntries = 5\n")
    code, message = refused(medfuzz, home)
    assert (code, "pump.toml has changed" in message) == (2, True)


def test_a_bench_that_is_gone_is_named(medfuzz, home):
    (home / "pump.toml").unlink()
    code, message = refused(medfuzz, home)
    assert (code, "pump.toml" in message) == (2, True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": 2}, "the cases are not those of the run any more"),
        ({"definitions": {"pump_link.py": "0"}}, "has changed"),
        ({"requirements": []}, "the requirements have changed"),
        ({"identity": {"maintenance": {"model": "MP-9"}}}, "says model 'MP-405', and said 'MP-9' before"),
        ({"versions": {"medfuzz": "0.0.9"}}, "it was begun with medfuzz 0.0.9, this is "),
    ],
)
def test_what_decides_the_cases_may_not_change(medfuzz, home, change, words):
    with Store.open(home / "run") as store:
        manifest = {**store.manifest(), **change}
    changed(home, "UPDATE campaign SET manifest = ?", json.dumps(manifest))
    before = (home / "run" / STORE_NAME).read_bytes()
    code, message = refused(medfuzz, home)
    assert (code, words in message) == (2, True), message
    assert (home / "run" / STORE_NAME).read_bytes() == before


def test_a_run_that_still_runs_is_left_alone(medfuzz, home):
    lock = Lock.of(home / "run" / STORE_NAME)
    assert refused(medfuzz, home) == (2, f"{home}/run: its campaign still runs; wait for it, or end it first")
    lock.release()
    assert medfuzz("run", "--resume", home / "run", "--quiet")[0] in (0, 4)


def test_a_store_of_an_older_medfuzz_kept_no_position(medfuzz, home):
    changed(home, "DROP TABLE position")
    changed(home, "PRAGMA user_version = 1")
    code, message = refused(medfuzz, home)
    assert (code, "an older medfuzz, which kept no position" in message) == (2, True)
    assert medfuzz("report", home / "run")[0] == 0


def test_a_store_of_a_newer_medfuzz_is_refused(medfuzz, home):
    changed(home, "PRAGMA user_version = 99")
    code, message = refused(medfuzz, home)
    assert (code, "a newer medfuzz" in message) == (3, True)


@pytest.mark.parametrize("packed", [b"", b"\0\1", b"x\x9cK\xaf\x02\x00\x00\xd8\x00p"])
def test_a_position_that_cannot_be_read_is_a_damaged_store(medfuzz, home, packed):
    changed(home, "UPDATE position SET packed = ?", packed or b"?")
    code, message = refused(medfuzz, home)
    assert (code, "its position cannot be read" in message) == (3, True)


def test_no_bench_and_no_run_is_a_question(medfuzz):
    code, _out, err = medfuzz("run")
    assert (code, err) == (
        2, ["medfuzz: which bench? Name a file, or a shipped bench; a program by --cmd; or go on by --resume FOLDER"],
    )  # fmt: skip


def test_a_run_that_is_not_there_is_named(medfuzz, tmp_path):
    code, _out, err = medfuzz("run", "--resume", "nowhere")
    assert (code, "no store at nowhere/store.sqlite" in err[0]) == (2, True)


def test_a_clock_that_jumps_changes_nothing(medfuzz, home, monkeypatch):
    jumps = itertools.count(-1e9, 7e7)
    monkeypatch.setattr("time.time", lambda: next(jumps))
    assert medfuzz("run", "--resume", home / "run", "--quiet")[0] in (0, 4)
    summary = json.loads((home / "run" / "summary.json").read_text())
    assert (summary["cases"], summary["reason"], 0 < summary["seconds"] < 120) == (CASES, "budget", True)
