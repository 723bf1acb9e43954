"""A finding whose case repeats something two thousand times has a page that can be read."""

from dataclasses import replace

from report_records import finding

from harness.case import Reconnect
from reports.reading import Reader
from reports.steps_view import ENDS, steps_of


def test_of_very_many_steps_both_ends_are_shown_and_how_many_are_not():
    one = finding()
    long = replace(one, window=(replace(one.case, steps=(*one.case.steps, *[Reconnect()] * 2000)),))
    shown = steps_of(long, Reader({}, {}))
    assert len(shown) == 2 * ENDS + 1
    assert shown[ENDS].words.endswith("more steps, which the run's store has")
    assert shown[0] == steps_of(one, Reader({}, {}))[0]
