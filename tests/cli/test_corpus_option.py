"""`run --corpus`: what one run was the first to see is where the next one begins."""

import json
import os
import shutil
import signal
from pathlib import Path

import pytest
import sqlalchemy as sql

from harness.assembly.benches import find_bench
from harness.campaigns.options import Options
from harness.campaigns.session import Audience, resume_campaign, run_campaign
from harness.corpus.entry import entry_in, text_of
from harness.events import CaseFinished
from harness.store import Store
from harness.store_schema import cases

CASES = 60


def options(folder, corpus, **more):
    asked = {"seed": 1, "cases": CASES, "interfaces": ("network",), "out": folder, "corpus": corpus, **more}
    return Options(find_bench("pump-fixed"), "pump-fixed", **asked)


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """A first night: the edges that it knew in the end, and its corpus."""
    home, known = tmp_path_factory.mktemp("night"), [0]

    def listen(event):
        if isinstance(event, CaseFinished):
            known[0] = event.coverage

    record, _folder = run_campaign(options(home / "run", home / "corpus"), Audience((listen,)))
    assert record.exit_code == 0
    return home / "corpus", known[0]


@pytest.fixture
def corpus(night, tmp_path):
    """A copy of it."""
    return Path(shutil.copytree(night[0], tmp_path / "corpus"))


def by_fuzzer(folder):
    with Store.open(folder) as store:
        query = sql.select(cases.c.fuzzer, sql.func.count()).group_by(cases.c.fuzzer)
        return dict(tuple(row) for row in store.select(query))


def kept(folder):
    return sorted(path.name for path in folder.glob("*.json"))


def test_the_second_night_begins_with_the_coverage_of_the_first(night, corpus, tmp_path):
    known, count = [], len(kept(corpus))
    assert 0 < count <= CASES

    def listen(event):
        if isinstance(event, CaseFinished) and event.number == count:
            known.append(event.coverage)

    chosen = options(tmp_path / "run", corpus, cases=count + 20, fuzzers=("guided",), seed=2)
    record, folder = run_campaign(chosen, Audience((listen,)))
    assert known == [night[1]]
    assert by_fuzzer(folder) == {"corpus": count, "guided": 20}
    assert record.manifest["corpus"]["cases"] == count


def test_a_fault_is_found_and_not_kept(medfuzz, tmp_path):
    (tmp_path / "pump.toml").write_text(f'include = "{find_bench("pump")}"\n[limits]\ntriage = 0\n')
    words = ("run", "pump.toml", "--interface", "network", "--seed", 1, "--corpus", "corpus")
    assert medfuzz(*words, "--cases", CASES, "--out", "one")[0] == 1
    count = len(kept(tmp_path / "corpus"))
    code, out, _err = medfuzz(*words, "--cases", count, "--out", "two")
    assert (code, by_fuzzer(tmp_path / "two")) == (0, {"corpus": count}), out


def test_what_does_not_fit_is_named_and_left_out(medfuzz, corpus):
    first, second, third = (corpus / name for name in kept(corpus)[:3])
    first.write_text(first.read_text()[:100])
    entry = json.loads(second.read_text())
    second.write_text(json.dumps({**entry, "protocol": "another"}))
    third.write_text(third.read_text().replace('"message":"', '"message":"old_'))
    count = len(kept(corpus))
    words = ("run", "pump-fixed", "--interface", "network", "--cases", count, "--corpus", corpus, "--out", "run")
    code, out, _err = medfuzz(*words)
    assert code == 0, out
    assert by_fuzzer(Path("run"))["corpus"] == count - 3
    told = [line for line in out if line.startswith(("corpus ", "  left out "))]
    assert told[0].startswith(f"corpus corpus: began with {count - 3} cases, has ")
    assert any(line.startswith(f"  left out {first.name}: not JSON, or cut off") for line in told)
    assert {line.split()[2].rstrip(":") for line in told[1:]} == {first.name, second.name, third.name}
    assert any("no interface of this run speaks 'another'" in line for line in told)
    assert any("has no message 'old_" in line for line in told)
    assert {first.name, second.name, third.name} <= set(kept(corpus))


def test_a_run_that_goes_on_has_the_cases_that_it_began_with(corpus, tmp_path):
    began = kept(corpus)

    def listen(event):
        if isinstance(event, CaseFinished) and event.number == 10:
            os.kill(os.getpid(), signal.SIGINT)

    record, folder = run_campaign(options(tmp_path / "run", corpus, cases=len(began) + 5), Audience((listen,)))
    assert record.exit_code == 130
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for path in corpus.glob("*.json"):
        path.unlink()
    record, folder = resume_campaign(folder)
    assert (record.exit_code, by_fuzzer(folder)["corpus"]) == (0, len(began))


def test_workers_share_the_corpus_and_keep_to_the_same_one(medfuzz, corpus, tmp_path):
    began = kept(corpus)
    words = ("run", "pump-fixed", "--interface", "network", "--seed", 5, "--corpus", corpus, "--out", "run")
    assert medfuzz(*words, "--cases", len(began) + 30, "--workers", 2)[0] == 0
    assert by_fuzzer(tmp_path / "run")["corpus"] == len(began)
    assert set(kept(corpus)) - set(began)


def test_a_file_is_no_folder(medfuzz, tmp_path):
    (tmp_path / "corpus").write_text("")
    code, _out, err = medfuzz("run", "pump-fixed", "--corpus", "corpus", "--out", "run")
    assert (code, err) == (
        2, ["medfuzz: --corpus corpus: this is a file; name a folder, which need not be there yet"],
    )  # fmt: skip
    assert not Path("run").exists()


def test_an_entry_written_by_a_run_is_read_as_it_was(corpus):
    for path in corpus.glob("*.json"):
        text = path.read_text()
        assert text_of(entry_in(text)) == text
        assert entry_in(text).file_name == path.name
