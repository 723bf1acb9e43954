"""`run --max-findings` and `--stop-on`: a run that ends when it has found enough."""

import json
from pathlib import Path

import pytest

PUMP = Path(__file__).parents[2] / "targets" / "pump" / "bench.toml"


@pytest.mark.parametrize(
    ("words", "kinds"),
    [(("--max-findings", "1"), ["unsafe_state"]), (("--stop-on", "crash"), ["unsafe_state", "crash"])],
)
def test_a_run_ends_when_it_has_found_enough(medfuzz, tmp_path, words, kinds):
    bench = tmp_path / "quick.toml"
    bench.write_text(f"include = {json.dumps(str(PUMP))}\n[limits]\ntriage = 0\n")
    code, out, _err = medfuzz("run", bench, "--cases", "300", "--seed", "1", "--out", "run", "--quiet", *words)
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert (code, summary["reason"]) == (1, "findings")
    assert [finding["kind"] for finding in summary["findings"]] == kinds
    assert summary["cases"] < 100
    assert "ended: findings" in out[0]
    assert "it found what it was to stop at" in (tmp_path / "run" / "report.html").read_text()
    code, _out, err = medfuzz("run", "--resume", "run")
    assert (code, "the run has ended (findings)" in err[0]) == (2, True)


def test_what_is_known_is_not_counted(medfuzz, tmp_path):
    bench = tmp_path / "quick.toml"
    bench.write_text(f"include = {json.dumps(str(PUMP))}\n[limits]\ntriage = 0\n")
    medfuzz("run", bench, "--cases", "300", "--seed", "1", "--out", "one", "--quiet", "--max-findings", "1")
    assert (
        medfuzz(
            "baseline",
            "update",
            "one",
            "--decision",
            "accept",
            "--reason",
            "so",
            "--owner",
            "me",
            "--file",
            "known.toml",
        )[0]
        == 0
    )
    words = ("--baseline", "known.toml", "--max-findings", "1")
    code, _out, _err = medfuzz("run", bench, "--cases", "300", "--seed", "1", "--out", "two", "--quiet", *words)
    found = json.loads((tmp_path / "two" / "summary.json").read_text())["findings"]
    assert (code, [finding["kind"] for finding in found]) == (1, ["unsafe_state", "crash"])


def test_a_kind_that_is_none_is_refused_with_the_nearest(medfuzz):
    code, _out, err = medfuzz("run", "pump", "--stop-on", "crsh")
    assert (code, err) == (2, ["medfuzz: --stop-on: there is no kind of finding 'crsh'. Did you mean 'crash'?"])


def test_a_run_ends_when_nothing_new_comes(medfuzz, tmp_path):
    code, out, _err = medfuzz(
        "run", "pump-fixed", "--until-quiet", "12", "--interface", "network", "--out", "run", "--quiet"
    )
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert (code, summary["reason"]) == (0, "quiet")
    assert "ended: quiet" in out[0]
    assert [told["quiet"] for told in summary["discovery"].values()] == [12]
    assert sum(told["cases"] for told in summary["discovery"].values()) == summary["cases"]
    assert all(told["edges"] and told["replies"] and 0 <= told["chance"] < 1 for told in summary["discovery"].values())
    assert "What may still be new" in (tmp_path / "run" / "report.html").read_text()
