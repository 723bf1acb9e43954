"""Runs one small campaign again and again, on a disk that fails at one operation after the other.

Called as `disk_faults.py LIBRARY PLACE FIRST STEP HOW…` with the library of `disk_faults.c` preloaded. Each run is
a fork of this process. Prints a line of JSON for each run that ended wrong, and last what was done.
"""

import ctypes
import gc
import json
import os
import sys
from pathlib import Path

from benchmarks.ends import outcome
from harness.assembly.assemble import assemble
from harness.campaigns import session
from harness.campaigns.options import Options
from harness.campaigns.session import Audience, resume_campaign, run_campaign
from harness.errors import MedfuzzError
from harness.events import FindingConfirmed, FindingDismissed
from harness.record import load_record
from harness.store import STORE_NAME, Store

HOW = {"count": 0, "cut": 1, "torn": 2, "full": 3, "read-only": 4}
CUT = 137
PUMP = Path(__file__).parents[2] / "targets" / "pump"
SEED, CASES, INTERFACES = 2, 4, ("network",)


class Disk:
    """The preloaded library; the bench of all children is `assembled` once, before they are born."""

    def __init__(self, library):
        self._library = ctypes.CDLL(library)
        self._library.disk_operations.restype = ctypes.c_long

    def fail(self, folder, at, how):
        self._library.disk_faults(str(folder).encode(), ctypes.c_long(at), HOW[how])

    def operations(self):
        return self._library.disk_operations()


def options(bench, folder):
    """A finding among a few cases, and no more to plan than that takes: the disk is what is tested."""
    return Options(bench, "pump", seed=SEED, cases=CASES, out=folder, interfaces=INTERFACES, fuzzers=("enumerate",))


def child(disk, bench, folder, at, how, told):
    """Run the campaign on the failing disk; what it announces and how it ends goes down a pipe. Never returns."""

    def announce(event):
        if isinstance(event, FindingConfirmed | FindingDismissed):
            os.write(told, f"finding {event.finding.id} {event.finding.confirmed:d}\n".encode())

    code = 99
    session.assemble = disk.assembled
    try:
        disk.fail(folder, at, how)
        record, _folder = run_campaign(options(bench, folder), Audience((announce,)))
        code = record.exit_code
        for fault in record.bench_faults:
            os.write(told, f"fault {fault}\n".encode())
        for finding in record.findings:
            os.write(told, f"listed {finding.id}\n".encode())
    except MedfuzzError as error:
        code = error.exit_code
        os.write(told, f"error {error}\n".encode())
    except BaseException as error:  # noqa: BLE001
        os.write(told, f"escaped {error!r}\n".encode())
    finally:
        if code != CUT:
            os.write(told, f"operations {disk.operations()}\n".encode())
        os._exit(code)


def run(disk, bench, folder, at, how):
    """(exit code, lines told) of one run."""
    reader, writer = os.pipe()
    if (pid := os.fork()) == 0:
        os.close(reader)
        child(disk, bench, folder, at, how, writer)
    os.close(writer)
    with open(reader, encoding="utf-8") as pipe:  # noqa: PTH123  a descriptor has no path
        lines = pipe.read().splitlines()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), lines


def said(lines, word):
    return [line.removeprefix(f"{word} ") for line in lines if line.startswith(f"{word} ")]


def wrongs(folder, how, at, code, lines):
    """What is not as it has to be."""
    announced = [line.split()[0] for line in said(lines, "finding")]
    confirmed = [line for line in said(lines, "finding") if line.endswith(" 1")]
    stored = set()
    if (folder / STORE_NAME).exists():
        try:
            with Store.open(folder) as store:
                stored = {finding.id for finding in store.findings()}
                load_record(store)
        except MedfuzzError as error:
            yield f"unreadable: {error}"
    told = " ".join(said(lines, "fault"))
    for name in announced:
        if name not in stored and f"{name} is not in the store" not in told:
            yield f"lost: {name}"
    yield from (f"escaped: {line}" for line in said(lines, "escaped"))
    over = any(int(count) < at for count in said(lines, "operations"))  # how many there are depends on the time taken
    allowed = {"cut": {1} if over else {CUT}, "torn": {CUT, 1}}.get(how, {1} if confirmed else {1, 3})
    if code not in allowed:
        yield f"exit code {code}, told {lines}"
    if any("\n" in line or "Traceback" in line for line in lines):
        yield f"not one sentence: {lines}"


def goes_on(folder, expected):
    """What is wrong with the run that goes on with a cut one; one that was cut in its reports is over."""
    with Store.open(folder) as store:
        if store.end():
            return []
    try:
        resume_campaign(folder)
    except MedfuzzError as error:
        return [f"not resumed: {error}"]
    came = outcome(folder)
    return [f"another end: {name}" for name in came if came[name] != expected[name]]


def say(line):
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def main():
    library, place, first, step, *hows = sys.argv[1:]
    place = Path(place)
    bench = place / "pump.toml"
    bench.write_text(f'include = "{PUMP / "bench.toml"}"\n[limits]\ntriage = 0\n')
    disk = Disk(library)
    run_campaign(options(bench, place / "whole"))
    expected = outcome(place / "whole")
    assembly = assemble(bench, seed=SEED, only=INTERFACES)
    disk.assembled = lambda *_words, **_more: assembly
    gc.collect()
    gc.freeze()  # what all forks have stays shared
    _code, lines = run(disk, bench, place / "counted", 0, "count")
    operations, done, resumable, resumed = int(said(lines, "operations")[0]), 0, 0, 0
    for how in hows:
        for at in range(int(first), operations + 1, int(step)):
            folder = place / f"{how}-{at}"
            code, lines = run(disk, bench, folder, at, how)
            wrong = list(wrongs(folder, how, at, code, lines))
            resumable += code == CUT and (folder / STORE_NAME).exists()
            if code == CUT and resumable % 4 == 1:
                wrong += goes_on(folder, expected)
                resumed += 1
            done += 1
            if wrong:
                say({"how": how, "at": at, "wrong": wrong})
    say({"operations": operations, "runs": done, "resumed": resumed})


if __name__ == "__main__":
    main()
