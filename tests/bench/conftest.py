"""Whole campaigns on the pump: shared runs, so that each is paid for once."""

import json
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.campaigns.session import Options, run_campaign
from harness.store import Store
from harness.store_schema import cases as case_rows

PUMP = Path(__file__).parents[2] / "targets" / "pump"


@pytest.fixture(scope="session")
def campaign(tmp_path_factory):
    """Runs a bench to a folder and reads back record, summary, case ids and findings."""

    def run(bench, *, cases, seed=1, elf=None, **options):
        folder = tmp_path_factory.mktemp("run")
        path = bench if isinstance(bench, Path) else PUMP / bench
        record, folder = run_campaign(Options(path, path.stem, seed=seed, cases=cases, out=folder, elf=elf, **options))
        with Store.open(folder) as store:
            ids = [
                row[0]
                for row in store.select(
                    case_rows.select().with_only_columns(case_rows.c.id).order_by(case_rows.c.number)
                )
            ]
            findings = store.findings()
        summary = json.loads((folder / "summary.json").read_text())
        return SimpleNamespace(record=record, folder=folder, ids=ids, findings=findings, summary=summary)

    return run


@pytest.fixture(scope="session")
def vulnerable(campaign):
    return campaign("bench.toml", cases=1500)


@pytest.fixture
def programs():
    """Keeps programs to end them afterwards."""
    started = []

    def keep(program):
        started.append(program)
        return program

    yield keep
    for program in started:
        program.close()


@pytest.fixture
def ports():
    """Ports that are free at this moment."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    numbers = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return numbers
