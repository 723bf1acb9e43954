"""Campaigns that are killed at random instants: a few of those of `python -m benchmarks.kills`."""

from benchmarks.kills import kills, told


def test_no_kill_loses_a_finding_or_a_store_or_changes_the_end(tmp_path):
    *_, tally = kills(10, 7, tmp_path)
    assert tally.wrong == [], told(tally)
    assert (tally.counts["kills"] >= 10, tally.counts["resumed"] >= 1) == (True, True), told(tally)
