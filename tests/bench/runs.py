"""What tests of resumed runs share: a run that is copied or cut at some event, and what a run came to."""

import json
import os
import shutil
import signal

import sqlalchemy as sql

from harness.campaigns.session import Audience
from harness.store import STORE_NAME, Store
from harness.store_schema import cases

STEADY = (
    "exit_code", "reason", "cases", "verdicts", "interfaces", "requirements", "refused", "left_out", "put_off",
    "doubts", "bench_faults", "known",
)  # fmt: skip
STEADY_COLUMNS = [column for column in cases.columns if column.name not in ("seconds", "coverage")]


def outcome(folder):
    """What a run came to, without wall times and edges: the emulator sees those anew that it translates anew."""
    with Store.open(folder) as store:
        rows = [tuple(row) for row in store.select(sql.select(*STEADY_COLUMNS).order_by(cases.c.number))]
        found = {finding.bucket: told(finding) for finding in store.findings()}
        timeline = [(point["cases"], point["findings"]) for point in store.end()["timeline"]]
    summary = json.loads((folder / "summary.json").read_text())
    return {
        "rows": rows,
        "findings": found,
        "timeline": timeline,
        **{name: summary[name] for name in STEADY},
    }


def edges(folder):
    """How many edges a run knew, over time."""
    with Store.open(folder) as store:
        return [point["coverage"] for point in store.end()["timeline"]]


def told(finding):
    smaller = finding.minimized
    return (
        finding.case_number,
        finding.replays,
        [case.id for case in finding.window],
        finding.fault,
        smaller and (smaller.before, smaller.after, smaller.done),
    )


def copied(folder, to):
    """The store as a process that is gone at this moment leaves it."""
    to.mkdir()
    for path in folder.glob(f"{STORE_NAME}*"):
        shutil.copy(path, to / path.name)
    return to


class Copies:
    """Copies the store whenever an event is one of those that are `wanted`, by their number."""

    def __init__(self, folder, place, wanted):
        self.folder, self.place, self.wanted, self.count, self.made = folder, place, wanted, 0, []

    def __call__(self, event):
        self.count += 1
        if self.wanted(self.count, event):
            self.made.append(copied(self.folder, self.place / f"cut-{self.count}"))

    def audience(self):
        return Audience((self,))


def interrupting(at):
    """An audience that interrupts the run at its event number `at`."""
    count = 0

    def listen(_event):
        nonlocal count
        count += 1
        if count == at:
            os.kill(os.getpid(), signal.SIGINT)

    return Audience((listen,))
