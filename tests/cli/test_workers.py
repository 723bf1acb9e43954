"""`run --workers`: one run to whoever looks at it, however many processes it has."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sql

from harness.assembly.benches import find_bench
from harness.bench import load_bench
from harness.campaigns.options import Options
from harness.campaigns.session import Audience
from harness.campaigns.sharing import require_shareable
from harness.campaigns.workers import resume_with_workers, run_with_workers
from harness.cli.program import arguments
from harness.errors import UsageError
from harness.events import BenchFault, CasesRun, FindingConfirmed
from harness.store import STORE_NAME, Store
from harness.store_schema import cases
from harness.tasks import tree_of

CASES = 80
WORDS = ("--interface", "network", "--cases", CASES, "--seed", "1")
SAME = ("cases", "verdicts", "interfaces", "messages", "exit_code", "reason", "refused", "left_out", "doubts")


def summary(folder):
    return json.loads((folder / "summary.json").read_text())


def found(folder):
    return {finding["bucket"]: (finding["case"], finding["reproduced"]) for finding in summary(folder)["findings"]}


def rows(folder):
    with Store.open(folder) as store:
        columns = [column for column in cases.columns if column.name not in ("seconds", "coverage")]
        return [tuple(row) for row in store.select(sql.select(*columns).order_by(cases.c.number))]


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """The pump, with no time for making findings smaller."""
    path = tmp_path_factory.mktemp("bench") / "pump.toml"
    path.write_text(f'include = "{find_bench("pump")}"\n[limits]\ntriage = 0\n')
    return path


@pytest.fixture(scope="module")
def alone(bench, tmp_path_factory):
    """The run of one process."""
    folder = tmp_path_factory.mktemp("alone") / "run"
    words = [sys.executable, "-m", "harness.cli.main", "run", bench, *WORDS, "--out", folder]
    assert subprocess.run([str(word) for word in words], capture_output=True, check=False).returncode == 1
    return folder


@pytest.fixture(scope="module")
def together(bench, tmp_path_factory):
    """The run of two, left alone."""
    folder = tmp_path_factory.mktemp("together") / "run"
    assert run_with_workers(options(bench, folder), Audience(), arguments)[0].exit_code == 1
    return folder


def options(bench, folder):
    return Options(bench, "pump", seed=1, cases=CASES, interfaces=("network",), out=folder, workers=2)


def test_two_workers_come_to_what_one_comes_to(medfuzz, bench, alone, tmp_path):
    code, out, err = medfuzz("run", bench, *WORDS, "--workers", 2, "--out", "run")
    assert code == 1
    one, two = summary(alone), summary(tmp_path / "run")
    assert (two["cases"], two["exit_code"], two["reason"]) == (one["cases"], one["exit_code"], one["reason"])
    assert found(tmp_path / "run").keys() == found(alone).keys()
    assert sorted(row[1:-2] for row in rows(tmp_path / "run")) == sorted(row[1:-2] for row in rows(alone))
    assert [row[0] for row in rows(tmp_path / "run")] == list(range(1, CASES + 1))
    assert out[0].startswith(f"{CASES} cases in ")

    announced = [line.split()[1] for line in err if line.startswith("finding F-")]
    by_case = sorted(two["findings"], key=lambda finding: finding["case"])
    assert announced == [finding["id"] for finding in by_case]

    assert medfuzz("replay", announced[0], "--run", "run")[0] == 1
    assert medfuzz("compare", alone, "run")[0] == 0
    before = (tmp_path / "run" / "summary.json").read_text()
    assert medfuzz("report", "run")[0] == 0
    assert (tmp_path / "run" / "summary.json").read_text() == before
    code, _out, err = medfuzz("run", "--resume", "run")
    assert (code, "the run has ended (budget)" in err[0]) == (2, True)


def test_what_passes_is_counted_the_same_way(medfuzz, tmp_path):
    for workers in (1, 2):
        words = ("run", "pump-fixed", *WORDS[:2], "--cases", 40, "--workers", workers, "--out", f"run-{workers}")
        assert medfuzz(*words)[0] == 0
    one, two = (summary(tmp_path / f"run-{workers}") for workers in (1, 2))
    assert {name: two[name] for name in SAME} == {name: one[name] for name in SAME}
    assert sorted(row[1:] for row in rows(tmp_path / "run-2")) == sorted(row[1:] for row in rows(tmp_path / "run-1"))


def test_the_same_seed_and_workers_find_the_same(bench, together, tmp_path):
    _record, folder = run_with_workers(options(bench, tmp_path / "run"), Audience(), arguments)
    assert (rows(folder), found(folder)) == (rows(together), found(together))


def test_a_worker_that_is_killed_goes_on_and_nothing_is_lost(bench, together, tmp_path):
    faults, announced = [], []

    def listen(event):
        if isinstance(event, CasesRun) and event.number >= CASES // 4 and not faults:
            os.kill(tree_of(os.getpid())[-1], signal.SIGKILL)
            faults.append("killed")
        elif isinstance(event, BenchFault):
            faults.append(event.reason)
        elif isinstance(event, FindingConfirmed):
            announced.append(event.finding.id)

    record, folder = run_with_workers(options(bench, tmp_path / "run"), Audience((listen,)), arguments)
    assert re.fullmatch(r"worker [12] was ended by signal 9 behind its case \d+, and goes on from there", faults[1])
    assert (record.exit_code, record.reason, record.cases) == (1, "budget", CASES)
    assert (rows(folder), found(folder)) == (rows(together), found(together))
    assert sorted(announced) == sorted(finding.id for finding in record.findings)


def test_an_interrupted_run_has_its_report_and_goes_on(bench, together, tmp_path):
    def listen(event):
        if isinstance(event, CasesRun) and event.number >= CASES // 4:
            os.kill(os.getpid(), signal.SIGINT)

    record, folder = run_with_workers(options(bench, tmp_path / "run"), Audience((listen,)), arguments)
    assert record.reason == "interrupted"
    assert 0 < record.cases < CASES
    assert (folder / "report.html").is_file()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    record, folder = resume_with_workers(folder, Audience(), arguments)
    assert (record.reason, record.cases) == ("budget", CASES)
    assert (rows(folder), found(folder)) == (rows(together), found(together))


def test_workers_end_with_a_run_that_is_killed_and_what_they_left_can_be_reported(medfuzz, bench, together, tmp_path):
    folder = tmp_path / "run"
    words = [sys.executable, "-m", "harness.cli.main", "run", bench, *WORDS, "--workers", 2, "--out", folder]
    with subprocess.Popen([str(word) for word in words], stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        announced = next(line.split()[1] for line in run.stderr if line.startswith("finding F-"))
        children = [pid for pid in tree_of(run.pid) if pid != run.pid]
        run.kill()
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in children) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
    assert medfuzz("report", folder)[0] == 0
    reported = summary(folder)
    assert announced in {finding["id"] for finding in reported["findings"]}
    assert (reported["reason"], reported["cases"] > 0) == ("killed", True)
    assert medfuzz("run", "--resume", folder, "--quiet")[0] == 1
    assert (rows(folder), found(folder)) == (rows(together), found(together))


def test_enough_is_found_by_all_together(medfuzz, bench, tmp_path):
    code, _out, _err = medfuzz("run", bench, *WORDS[:2], "--max-findings", 1, "--workers", 2, "--out", "run")
    assert (code, summary(tmp_path / "run")["reason"]) == (1, "findings")


@pytest.mark.parametrize(
    ("workers", "words"),
    [
        (0, "'--workers'"),
        (-1, "'--workers'"),
        ("two", "'--workers'"),
        (1000, "workers are the most"),
    ],
)
def test_a_number_of_workers_that_is_none_is_told(medfuzz, workers, words):
    code, out, err = medfuzz("run", "pump", "--workers", workers)
    assert (code, out, words in " ".join(err)) == (2, [], True), err
    assert not Path("runs").exists()


def test_nobody_is_asked_about_several_devices(medfuzz):
    code, _out, err = medfuzz("run", "pump", "--workers", 2, "--interactive")
    assert (code, err) == (
        2, ["medfuzz: --interactive asks one person about one device; leave it out, or --workers"],
    )  # fmt: skip


PROCESS = '[target]\nkind = "process"\nname = "x"\ncommand = ["x"]\n'
LINK = '[interfaces.main]\nprotocol = "bytes?probe=00"\ntransport = '


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f'[target]\nkind = "external"\nname = "x"\n{LINK}"serial:/dev/ttyS0"\n', "the device is there once"),
        (f'{PROCESS}{LINK}"tcp:127.0.0.1:2575"\n', 'transport = "tcp:127.0.0.1:2575" is one place'),
        (f'{PROCESS}{LINK}"serial:x.tty"\n', "is one place"),
        (f'{PROCESS}reset_command = ["y"]\n{LINK}"pty:line"\n', "reset_command does not say which"),
        (f'{PROCESS}channel = "tcp:127.0.0.1:9"\n{LINK}"pty:line"\n', 'channel = "tcp:127.0.0.1:9" is one place'),
        (f'{PROCESS}{LINK}"pty:line"\n[stimuli.key]\ncommand = ["y"]\n', "[stimuli.key] command does not say"),
        (f'{PROCESS}{LINK}"ble:C6:49:50:37:00:01"\n[radio]\nadapter = "usb:0"\n', "a Bluetooth adapter is there once"),
        (f'{PROCESS}{LINK}"ble:C6:49:50:37:00:01"\n[radio]\ncontrol = "unix:r"\n', "is one radio, which runs already"),
        (f'{PROCESS}{LINK}"ble:C6:49:50:37:00:01"\n[radio]\nlisten = ["tcp:127.0.0.1:9200"]\n', "is one place; write"),
    ],
)
def test_a_device_that_is_there_once_is_refused_with_the_reason(tmp_path, text, words):
    (tmp_path / "bench.toml").write_text(text)
    with pytest.raises(UsageError, match=re.escape(words)) as refused:
        require_shareable(load_bench(tmp_path / "bench.toml"))
    assert str(refused.value).startswith("--workers: ")
    assert str(refused.value).endswith("Run it without --workers")


@pytest.mark.parametrize("name", ["pump", "insulin", "glucometer"])
def test_devices_that_a_campaign_brings_along_can_be_had_more_than_once(name):
    require_shareable(load_bench(find_bench(name)))


def test_a_bench_is_refused_before_there_is_a_folder(medfuzz, tmp_path):
    (tmp_path / "bench.toml").write_text(f'{PROCESS}{LINK}"tcp:127.0.0.1:2575"\n')
    code, _out, err = medfuzz("run", "bench.toml", "--workers", 2, "--out", "run")
    assert (code, len(err), (tmp_path / "run").exists()) == (2, 1, False)


def test_a_worker_that_cannot_run_ends_the_run_with_its_reason(bench, tmp_path):
    def broken(*words):
        return [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)", *words]

    told = []
    record, folder = run_with_workers(options(bench, tmp_path / "run"), Audience((told.append,)), broken)
    faults = [event.reason for event in told if isinstance(event, BenchFault) and event.fatal]
    assert (record.exit_code, record.reason, record.cases, len(faults)) == (3, "bench", 0, 2)
    assert re.fullmatch(
        r"worker \d was ended by signal 9 behind its case 0, 5 times: it is given up. See .*", faults[0]
    )
    assert (folder / STORE_NAME).exists()


KILLER = """
import os, signal, sys
from harness.runner import Runner

honest = Runner.run


def run(self, case, **more):
    if case.id == "{id}":
        os.kill(os.getpid(), signal.SIGKILL)
    return honest(self, case, **more)


Runner.run = run
sys.argv = ["medfuzz", *sys.argv[1:]]
from harness.cli.main import main
main()
"""


def test_a_case_that_ends_every_process_costs_itself_alone(bench, together, tmp_path):
    _number, deadly, *_rest = rows(together)[CASES // 4]
    faults = []

    def listen(event):
        if isinstance(event, BenchFault):
            faults.append(event)

    def killing(*words):
        return [sys.executable, "-c", KILLER.format(id=deadly), *words]

    record, folder = run_with_workers(options(bench, tmp_path / "run"), Audience((listen,)), killing)
    assert {fault.fatal for fault in faults} == {False}
    assert (record.reason, record.cases, record.left_out) == ("budget", CASES, 1)
    ran = {row[1] for row in rows(folder)}
    assert {row[1] for row in rows(together)} - ran == {deadly}
