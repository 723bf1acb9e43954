"""A run that is interrupted or killed goes on, and ends like one that was not."""

from pathlib import Path

import pytest
from small_runs import Copies, interrupting

from benchmarks.ends import edges, outcome
from harness.campaigns.options import Options
from harness.campaigns.session import resume_campaign, run_campaign
from harness.events import FindingConfirmed

PUMP = Path(__file__).parents[2] / "targets" / "pump"
CASES = 260


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    path = tmp_path_factory.mktemp("bench") / "pump.toml"
    path.write_text(f'include = "{PUMP / "bench.toml"}"\n[limits]\ntriage = 0\n')
    return path


@pytest.fixture(scope="module")
def whole(bench, tmp_path_factory):
    """One run, with copies of its store at every finding and every 40th event."""
    place = tmp_path_factory.mktemp("runs")
    copies = Copies(
        place / "whole", place, lambda number, event: number % 90 == 1 or isinstance(event, FindingConfirmed)
    )
    run_campaign(Options(bench, "pump", seed=1, cases=CASES, out=place / "whole"), copies.audience())
    return copies


def test_a_run_that_is_killed_at_any_event_ends_like_one_that_is_not(whole):
    expected = outcome(whole.folder)
    assert len(expected["findings"]) >= 3
    assert len(whole.made) >= 10
    for folder in whole.made:
        resume_campaign(folder)
        assert outcome(folder) == expected, folder.name
        assert edges(folder) == sorted(edges(folder))


@pytest.mark.parametrize("at", [2, 3, 50, 121, 200])
def test_a_run_that_is_interrupted_ends_like_one_that_is_not(bench, whole, tmp_path, at):
    options = Options(bench, "pump", seed=1, cases=CASES, out=tmp_path / "run")
    assert run_campaign(options, interrupting(at))[0].exit_code in (1, 130)
    record, _folder = resume_campaign(tmp_path / "run", interrupting(at // 2))
    assert record.reason == "interrupted"
    assert record.cases < CASES
    resume_campaign(tmp_path / "run")
    assert outcome(tmp_path / "run") == outcome(whole.folder)
