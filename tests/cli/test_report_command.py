"""`medfuzz report`: the pages again from a store, with the bench at hand and without it."""

import re
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(medfuzz, tmp_path):
    """A short run on a bench of the user's own; its folder."""
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "b.toml").write_text(f'include = "{ROOT}/targets/pump/bench.toml"\n[limits]\ntriage = 1\n')
    words = ("--cases", "60", "--seed", "1", "--interface", "network", "--quiet", "--out", "run")
    assert medfuzz("run", "bench/b.toml", *words)[0] == 1
    return tmp_path / "run"


def pages(folder):
    return {path.name: path.read_text() for path in (folder / "findings").iterdir()}


def test_the_same_pages_come_from_the_store_while_the_bench_is_there(medfuzz, run):
    written = pages(run)
    assert written
    assert medfuzz("report", "run", "--out", "again")[0] == 0
    assert pages(run.parent / "again") == written
    assert any("<b>acknowledgement</b> AA" in page for page in written.values())
    linked = set(re.findall(r'href="findings/(F-[0-9a-f]{8}\.html)"', (run / "report.html").read_text()))
    assert linked == set(written)


@pytest.mark.parametrize("spoilt", ["", "[target", "[interfaces.network]\nprotocol = 'gone.py:NAME'\n"])
def test_without_the_bench_replies_are_bytes_and_the_page_says_so(medfuzz, run, spoilt):
    shutil.rmtree(run.parent / "bench")
    if spoilt:
        (run.parent / "bench").mkdir()
        (run.parent / "bench" / "b.toml").write_text(spoilt)
    code, out, err = medfuzz("report", "run", "--out", "again")
    assert (code, out, err) == (0, ["report: again/report.html"], [])
    for page in pages(run.parent / "again").values():
        assert "replies are not parsed" in page
        assert "<b>acknowledgement</b>" not in page


def test_a_protocol_that_fails_when_it_is_loaded_costs_no_report(medfuzz, run):
    (run.parent / "bench" / "mine.py").write_text("1 / 0\n")
    bench = f'include = "{ROOT}/targets/pump/bench.toml"\n[interfaces.network]\nprotocol = "mine.py:NAME"\n'
    (run.parent / "bench" / "b.toml").write_text(bench)
    assert medfuzz("report", "run", "--out", "again")[0] == 0
    assert all("replies are not parsed" in page for page in pages(run.parent / "again").values())
