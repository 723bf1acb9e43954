"""How a run ends that cannot end well: a fault of our own, a full disk, a folder that is another run's."""

import json
import os
import resource
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sql

from harness.campaign import Campaign
from harness.campaigns import session
from harness.cli import app
from harness.store import Store
from harness.store_schema import cases

ROOT = Path(__file__).parents[2]
MEDFUZZ = [sys.executable, "-m", "harness.cli.main"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
LAST = sql.select(sql.func.max(cases.c.number))


def summary(folder):
    return json.loads((folder / "summary.json").read_text())


class Failing(Campaign):
    """A campaign with a fault of ours at its end."""

    def run(self):
        super().run()
        raise KeyError("hex.x")


def test_a_fault_of_our_own_in_a_run_has_its_own_code_and_what_was_found_is_reported(
    medfuzz, monkeypatch, tmp_path, hasty_pump
):
    monkeypatch.setattr(session, "Campaign", Failing)
    code, out, err = medfuzz("run", hasty_pump, "--cases", "60", "--seed", "1", "--out", "run", "--quiet")
    assert (code, len(err)) == (70, 1)
    assert err[0].startswith("medfuzz: KeyError: 'hex.x' at ")
    assert "a fault of medfuzz, not of the device" in err[0]
    assert "run/crash-report.txt" in err[0]
    assert "report: run/report.html" in out
    found = summary(tmp_path / "run")
    assert (found["exit_code"], found["reason"], found["cases"]) == (70, "failed", 60)
    assert any(not finding["reproduced"].startswith("0/") for finding in found["findings"])
    assert "medfuzz itself failed" in (tmp_path / "run" / "report.html").read_text()
    report = tmp_path / "run" / "crash-report.txt"
    assert 'raise KeyError("hex.x")' in report.read_text()
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    before = summary(tmp_path / "run")
    assert medfuzz("report", "run")[0] == 0
    assert summary(tmp_path / "run") == before


@pytest.fixture
def own_temporary(monkeypatch, tmp_path):
    """What is written to the machine's temporary folder lies in the test's."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)


@pytest.mark.usefixtures("own_temporary")
@pytest.mark.parametrize(
    "error", [KeyError("x"), EOFError(), BrokenPipeError(32, "Broken pipe"), RuntimeError("two\nlines")]
)
def test_a_fault_of_our_own_anywhere_else_is_one_line_and_a_file(medfuzz, monkeypatch, tmp_path, error):
    def fail(*_words, **_options):
        raise error

    monkeypatch.setattr("harness.cli.send.assemble", fail)
    code, out, err = medfuzz("send", "pump", "status")
    assert (code, out, len(err)) == (70, [], 1)
    (details,) = tmp_path.glob("medfuzz-crash-*.txt")
    assert str(details) in err[0]
    assert "command: medfuzz send pump status" in details.read_text()
    assert stat.S_IMODE(details.stat().st_mode) == 0o600


@pytest.mark.usefixtures("own_temporary")
def test_the_place_of_a_fault_is_the_last_line_of_ours(medfuzz, monkeypatch):
    monkeypatch.setattr("harness.cli.send.find_bench", lambda _name: 3)
    code, _out, err = medfuzz("send", "pump", "status")
    assert code == 70
    assert " at harness/bench.py:" in err[0]


@pytest.mark.usefixtures("own_temporary")
def test_the_traceback_is_shown_to_who_asks_for_it(medfuzz, monkeypatch):
    monkeypatch.setenv("MEDFUZZ_TRACEBACK", "1")
    monkeypatch.setattr("harness.cli.send.find_bench", lambda _name: 3)
    code, _out, err = medfuzz("send", "pump", "status")
    assert (code, err[1]) == (70, "Traceback (most recent call last):")


@pytest.mark.usefixtures("own_temporary")
def test_a_command_that_cannot_be_loaded_is_a_fault_of_our_own(medfuzz, monkeypatch):
    monkeypatch.setitem(app.COMMANDS, "send", ("nowhere", ""))
    code, _out, err = medfuzz("send", "pump", "status")
    assert (code, len(err), "nowhere" in err[0]) == (70, 1, True)


def lost_on_a_disk_of(kibibytes, folder):
    """Findings that a run tells as not stored, where files have at most that size, as on a disk without room."""
    folder.mkdir()
    done = subprocess.run(
        [*MEDFUZZ, "run", "pump", "--time", "30s", "--seed", "1", "--quiet", "--out", "run"],
        cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (kibibytes << 10, kibibytes << 10)),
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (1, "")
    assert any(line.startswith("bench fault: store run/store.sqlite: ") and "has room" in line for line in lines)
    found = [line.split()[0] for line in lines if line.startswith("  F-")]
    with Store.open(folder / "run") as store:
        kept = [finding.id for finding in store.findings()]
    lost = [line.split()[2] for line in lines if line.startswith("bench fault: F-")]
    assert sorted(found) == sorted(kept + lost)
    assert summary(folder / "run")["exit_code"] == 1
    return lost


def test_a_disk_that_is_full_after_a_finding_is_exit_1_and_says_what_it_cost(tmp_path):
    """The disk may be full between two findings: then none is lost. What is written there depends on the machine."""
    sizes = (*range(104, 216, 16), *range(112, 216, 16))
    assert any(lost_on_a_disk_of(size, tmp_path / str(size)) for size in sizes)


def test_a_report_that_cannot_be_written_is_told_and_the_others_are_written(medfuzz, tmp_path):
    (tmp_path / "run" / "summary.json").mkdir(parents=True)
    code, out, err = medfuzz("run", "pump-fixed", "--cases", "5", "--out", "run", "--quiet")
    assert (code, err) == (3, [])
    assert any(line.startswith("bench fault: cannot write run/summary.json: ") for line in out)
    assert {"report.html", "junit.xml"} <= {path.name for path in (tmp_path / "run").iterdir()}
    assert not list((tmp_path / "run").glob(".*"))


def test_two_runs_that_begin_at_once_in_one_folder_are_one_run(tmp_path):
    command = [*MEDFUZZ, "run", "pump-fixed", "--cases", "40", "--quiet", "--out", "run"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    both = [
        subprocess.Popen([*command, "--seed", str(seed)], cwd=tmp_path, env=ENVIRONMENT, **pipes) for seed in (1, 2)
    ]
    ended = [(seed, *process.communicate(timeout=60), process.returncode) for seed, process in enumerate(both, 1)]
    (won,) = [seed for seed, _out, _err, code in ended if code == 0]
    ((out, err),) = [(out, err) for _seed, out, err, code in ended if code == 2]
    assert (out, "run holds a campaign already; go on with it by --resume, or name another folder" in err) == ("", True)
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["seed"] == won
    with Store.open(tmp_path / "run") as store:
        assert store.manifest()["seed"] == won
    assert summary(tmp_path / "run")["cases"] == 40


def test_two_runs_without_a_folder_have_one_each(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert len({session.new_folder("pump") for _number in range(5)}) == 5


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_what_a_run_leaves_is_its_owners_alone(medfuzz, tmp_path, hasty_pump, umask):
    before = os.umask(umask)
    try:
        code, *_lines = medfuzz("run", hasty_pump, "--cases", "40", "--seed", "1", "--quiet", "--out", "runs/one")
        assert code == 1
        found = summary(tmp_path / "runs" / "one")["findings"][0]["id"]
        medfuzz("replay", found, "--run", "runs/one", "--times", "1", "--save", "saved.json")
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    assert {modes.pop(name) for name in ("runs", "one", "findings")} == {0o700}
    assert modes.keys() >= {"store.sqlite", "manifest.json", "summary.json", "report.html", "junit.xml", "saved.json"}
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize("after", [0.02, 0.3])
def test_the_report_of_a_killed_run_counts_its_cases_from_the_first_on(tmp_path, after):
    with subprocess.Popen(
        [*MEDFUZZ, "run", "pump-fixed", "--time", "60s", "--out", "run"],
        cwd=tmp_path, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        next(line for line in process.stderr if line.startswith("1 case "))
        time.sleep(after)
        process.kill()
    subprocess.run([*MEDFUZZ, "report", "run"], cwd=tmp_path, env=ENVIRONMENT, timeout=60, check=True)
    with Store.open(tmp_path / "run") as store:
        ((last,),) = store.select(LAST)
    assert summary(tmp_path / "run")["cases"] == last >= 1


def test_a_run_that_is_killed_while_its_device_comes_up_has_a_report(tmp_path):
    (tmp_path / "device.py").write_text("import time\nopen('up', 'w').close()\ntime.sleep(60)\n")
    (tmp_path / "b.toml").write_text(
        f'[target]\nkind = "process"\nname = "x"\ncommand = ["{sys.executable}", "{tmp_path}/device.py"]\n'
        '[interfaces.main]\nprotocol = "pump_link"\ntransport = "serial:nowhere.tty"\n'
    )
    with subprocess.Popen([*MEDFUZZ, "run", "b.toml", "--out", "run"], cwd=tmp_path, env=ENVIRONMENT) as process:
        deadline = time.monotonic() + 60
        while not (tmp_path / "up").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.kill()
    subprocess.run([*MEDFUZZ, "report", "run"], cwd=tmp_path, env=ENVIRONMENT, timeout=60, check=True)
    assert (summary(tmp_path / "run")["reason"], summary(tmp_path / "run")["cases"]) == ("killed", 0)


def test_a_finding_is_replayed_from_any_folder(medfuzz, monkeypatch, tmp_path):
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "b.toml").write_text(f'include = "{ROOT}/targets/pump/bench.toml"\n[limits]\ntriage = 1\n')
    (tmp_path / "elsewhere").mkdir()
    assert medfuzz("run", "bench/b.toml", "--cases", "40", "--seed", "1", "--quiet", "--out", "one")[0] == 1
    assert medfuzz("run", "pump", "--cases", "40", "--seed", "1", "--quiet", "--out", "two")[0] == 1
    found = summary(tmp_path / "one")["findings"][0]["id"]
    monkeypatch.chdir(tmp_path / "elsewhere")
    for run in ("../one", "../two"):
        code, _out, err = medfuzz("replay", found, "--run", run, "--times", "1")
        assert (code, err) == (1, [])
    benches = [json.loads((tmp_path / run / "manifest.json").read_text())["bench_path"] for run in ("one", "two")]
    assert benches == [str(tmp_path / "bench" / "b.toml"), "pump"]
