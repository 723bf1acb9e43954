"""What another worker has made small is taken off the desk, whatever is in hand."""

import math

from nouns import finding

from harness.triage.desk import Desk


class NoRunner:
    """A runner whose replays nobody may ask for."""

    independent = True

    @staticmethod
    def effort():
        return 0.0

    class resets:
        costly = 0


def test_a_finding_that_is_small_elsewhere_is_neither_replayed_nor_told():
    told = []
    desk = Desk(NoRunner(), {}, tries=3, seconds=math.inf, stop=lambda: False, tell=told.append)
    desk.take(finding("aaaaaaaaaaaaaaaa", reproduced=3))
    assert desk.state().waiting == ("aaaaaaaaaaaaaaaa",)
    desk.drop("aaaaaaaaaaaaaaaa")
    desk.finish(1.0)
    assert (told, desk.state().waiting) == ([], ())
