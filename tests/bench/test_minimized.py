"""A campaign's findings end about as small as by hand, and their boundaries are where the firmware has them."""

from benchmarks.minimized import WANTED_RATIO, WANTED_REPLAYS, medians, rows_of


def test_reproducers_are_about_as_small_as_those_that_were_written_by_hand(vulnerable):
    rows = [row for row in rows_of(vulnerable.findings) if row.finding.minimized and row.finding.minimized.done]
    ratio, replays = medians(rows)
    assert len(rows) >= 6
    assert ratio <= WANTED_RATIO
    assert replays <= WANTED_REPLAYS


def test_every_boundary_that_is_told_is_exact(vulnerable):
    told = [row.told for row in rows_of(vulnerable.findings) if row.told not in ("", "not told")]
    assert len(told) >= 3
    assert set(told) == {"exact"}
