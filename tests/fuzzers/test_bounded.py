"""Cases that are too long are left out, and nothing else changes."""

from fuzzers.bounded import BoundedFuzzer
from harness.case import Origin, Send, TestCase


class Listed:
    name, interface, every = "listed", "main", 7

    def __init__(self, *sizes):
        self.sizes, self.heard = sizes, []

    def cases(self):
        sends = (Send("message", b"x" * size) for size in self.sizes)
        return iter([TestCase("main", "idle", (send,), Origin("listed")) for send in sends])

    def forecast(self):
        return len(self.sizes)

    def learn(self, of, outcome):
        self.heard.append((of, outcome))


def test_only_what_fits_is_left_and_the_rest_is_passed_on():
    listed = Listed(10, 8193, 8192, 9000, 5)
    bounded = BoundedFuzzer(listed, 8192)
    assert [len(one.steps[0].data) for one in bounded.cases()] == [10, 8192, 5]
    assert (bounded.name, bounded.interface, bounded.every, bounded.forecast()) == ("listed", "main", 7, 5)
    bounded.learn("case", "outcome")
    assert listed.heard == [("case", "outcome")]
