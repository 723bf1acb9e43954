"""A target that is only a clock: for executors that no campaign owns."""

import time

from harness.interfaces import Traits


class WallClock:
    traits = Traits()

    def now(self):
        return time.monotonic()

    def advance(self, seconds):
        time.sleep(seconds)
