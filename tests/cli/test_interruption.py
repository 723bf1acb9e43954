"""A run that a signal ends: its reports, its exit code, and nothing left running."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.finding import Finding
from harness.summary import CampaignRecord, signalled
from harness.verdict import Kind, Observation

ROOT = Path(__file__).parents[2]
MEDFUZZ = [sys.executable, "-m", "harness.cli.main"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@contextmanager
def program(folder, *words):
    """The command as a process in a folder."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([*MEDFUZZ, *map(str, words)], cwd=folder, env=ENVIRONMENT, **pipes) as process:
        yield process
        process.kill()


def said(process, begin):
    """The first line of the progress that begins so."""
    return next(line for line in process.stderr if line.startswith(begin))


def summary_in(folder, run="run"):
    return json.loads((folder / run / "summary.json").read_text())


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_a_run_with_its_reports_and_the_shells_code(tmp_path, number):
    with program(tmp_path, "run", "pump-fixed", "--time", "60s", "--out", "run") as process:
        said(process, "campaign ")
        time.sleep(1.0)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in err) == (128 + number, False)
    assert "ended: interrupted after " in out
    summary = summary_in(tmp_path)
    assert (summary["exit_code"], summary["reason"]) == (128 + number, "interrupted")
    page = (tmp_path / "run" / "report.html").read_text()
    assert f" of 1 min 00 s; exit code {128 + number}." in page
    again = subprocess.run([*MEDFUZZ, "report", "run"], cwd=tmp_path, env=ENVIRONMENT, timeout=60, check=False)
    assert (again.returncode, summary_in(tmp_path)) == (0, summary)


def test_a_finding_outranks_the_signal(tmp_path):
    with program(tmp_path, "run", "pump", "--time", "60s", "--seed", "1", "--out", "run") as process:
        found = said(process, "finding ").split()[1]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == summary_in(tmp_path)["exit_code"] == 1
    assert found in [finding["id"] for finding in summary_in(tmp_path)["findings"]]


def test_a_demo_that_is_interrupted_is_no_success(tmp_path):
    with program(tmp_path, "demo", "--out", "run") as process:
        said(process, "campaign ")
        while not (tmp_path / "run" / "insulin" / "manifest.json").exists():
            time.sleep(0.1)  # the campaign beside takes longer to begin
        process.send_signal(signal.SIGINT)
        out, _err = process.communicate(timeout=60)
    assert process.returncode == summary_in(tmp_path / "run", "pump")["exit_code"] in (1, 130)
    assert summary_in(tmp_path / "run", "insulin")["reason"] == "interrupted"
    assert out.count("ended: interrupted") == 2


def test_a_second_signal_ends_a_run_at_once_with_its_reports_and_a_finding_still_outranks_it(tmp_path):
    with program(tmp_path, "run", "pump", "--time", "60s", "--seed", "1", "--out", "run") as process:
        found = [said(process, "finding ").split()[1] for _number in range(2)]
        for _number in range(4):
            process.send_signal(signal.SIGINT)
            time.sleep(0.02)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 1, err
    assert "Traceback" not in err
    summary = summary_in(tmp_path)
    assert (summary["exit_code"], summary["reason"]) == (1, "interrupted")
    assert set(found) <= {finding["id"] for finding in summary["findings"]}
    assert {"report.html", "junit.xml"} <= {path.name for path in (tmp_path / "run").iterdir()}
    assert "report: run/report.html" in out.splitlines()


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("after", [0.0, 0.2, 0.5])
def test_a_signal_while_it_is_being_loaded_shows_no_traceback(tmp_path, number, after):
    with program(tmp_path, "run", "pump-fixed", "--time", "60s", "--quiet", "--out", "run") as process:
        while not takes_signals(process.pid):
            time.sleep(0.001)
        time.sleep(after)
        process.send_signal(number)
        _out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (128 + number, "")


def takes_signals(pid):
    """True when a program has a handler of its own for SIGTERM: the first thing that ours does."""
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> signal.SIGTERM - 1 & 1)


def test_a_run_that_was_started_with_nohup_outlives_its_terminal(tmp_path):
    words = [*MEDFUZZ, "run", "pump-fixed", "--time", "60s", "--cases", "300", "--out", "run"]
    ignoring = (
        f"import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); os.execv({words[0]!r}, {words!r})"
    )
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", ignoring], cwd=tmp_path, env=ENVIRONMENT, **pipes) as process:
        said(process, "campaign ")
        process.send_signal(signal.SIGHUP)
        process.communicate(timeout=60)
    assert (process.returncode, summary_in(tmp_path)["cases"]) == (0, 300)


def test_a_pipe_that_nobody_reads_any_more_is_no_finding(tmp_path):
    with program(tmp_path, "run", "pump-fixed", "--cases", "150", "--time", "60s", "--out", "run") as process:
        process.stdout.close()
        process.stderr.close()
        process.wait(timeout=60)
    assert (process.returncode, summary_in(tmp_path)["cases"]) == (0, 150)


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "> /dev/full"])
def test_a_run_without_a_terminal_ends_as_any_other(tmp_path, closed):
    words = f"{' '.join(MEDFUZZ)} run pump-fixed --cases 20 --out run {closed}"
    done = subprocess.run(["/bin/sh", "-c", words], cwd=tmp_path, env=ENVIRONMENT, timeout=60, check=False)
    assert (done.returncode, summary_in(tmp_path)["cases"]) == (0, 20)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_while_the_device_comes_up_leaves_nothing_running(tmp_path, number):
    write_slow_device(tmp_path)
    with program(tmp_path, "run", "b.toml", "--out", "run") as process:
        device = started(tmp_path / "pid")
        process.send_signal(number)
        _out, err = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in err) == (128 + number, False)
    summary = summary_in(tmp_path)
    assert (summary["exit_code"], summary["cases"], summary["bench_faults"]) == (128 + number, 0, [])
    assert "ended before its first case" in (tmp_path / "run" / "report.html").read_text()
    assert is_gone(device)


def test_a_check_that_is_killed_politely_leaves_nothing_running(tmp_path):
    write_slow_device(tmp_path)
    with program(tmp_path, "check", "b.toml") as process:
        device = started(tmp_path / "pid")
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 143
    assert is_gone(device)


def is_gone(pid, within=30.0):
    """What the program did not end itself is ended when it is gone itself, a moment later."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


def write_slow_device(folder):
    """A bench whose process starts and never opens its link."""
    (folder / "device.py").write_text("import os, time\nopen('pid', 'w').write(str(os.getpid()))\ntime.sleep(60)\n")
    (folder / "b.toml").write_text(
        f'[target]\nkind = "process"\nname = "x"\ncommand = ["{sys.executable}", "device.py"]\n'
        '[interfaces.main]\nprotocol = "pump_link"\ntransport = "serial:nowhere.tty"\n'
    )


def started(file):
    """The process id that a device wrote to a file when it came up."""
    deadline = time.monotonic() + 60
    while not file.exists() or not file.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return int(file.read_text())


def test_a_run_that_is_killed_still_has_a_report_with_what_was_announced(tmp_path):
    with program(tmp_path, "run", "pump", "--time", "60s", "--seed", "1", "--out", "run") as process:
        announced = said(process, "finding ").split()[1]
        process.kill()
    again = subprocess.run(
        [*MEDFUZZ, "report", "run"], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, timeout=60, check=False
    )
    assert (again.returncode, again.stderr) == (0, b"")
    assert summary_in(tmp_path)["exit_code"] == 1
    assert announced in [finding["id"] for finding in summary_in(tmp_path)["findings"]]
    assert announced in (tmp_path / "run" / "report.html").read_text()


def test_a_killed_run_without_a_finding_is_no_pass(tmp_path):
    with program(tmp_path, "run", "pump-fixed", "--time", "60s", "--out", "run") as process:
        said(process, "campaign ")
        process.kill()
    subprocess.run([*MEDFUZZ, "report", "run"], cwd=tmp_path, env=ENVIRONMENT, timeout=60, check=True)
    assert (summary_in(tmp_path)["exit_code"], summary_in(tmp_path)["reason"]) == (137, "killed")


def test_a_signal_is_outranked_by_a_finding_and_a_failed_bench_and_outranks_doubt():
    ended = CampaignRecord({}, 1.0, 10, {"pass": 10}, {}, reason="interrupted")
    crash = Finding(Observation(Kind.CRASH, "m", "", 0.0), "0123456789abcdef", (), None, 1, 0.5, 3, 3)
    failed = dataclasses.replace(ended, bench_faults=("the cable was pulled",), exit_code=3)
    found = dataclasses.replace(ended, findings=(crash,), exit_code=1)
    doubtful = dataclasses.replace(ended, exit_code=4)
    assert [signalled(one, 15).exit_code for one in (ended, found, failed, doubtful)] == [143, 1, 3, 143]
