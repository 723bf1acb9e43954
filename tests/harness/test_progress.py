"""The progress of a run: a finding that was not confirmed is told by what its replays came to."""

import io

import pytest
from nouns import finding
from rich.console import Console

from harness.cli import console
from harness.cli.console import ConsoleListener
from harness.events import FindingConfirmed, FindingDismissed, FindingSuspected


@pytest.mark.parametrize(
    ("found", "begins"),
    [
        (finding(reproduced=0, tries=6), "not reproduced F-01234567 crash"),
        (finding(reproduced=0, tries=0), "not replayed F-01234567 crash"),
        (finding(reproduced=1, tries=3, doubt="the bench was held"), "not believed F-01234567 crash"),
    ],
)
def test_what_was_not_replayed_is_not_called_not_reproduced(found, begins):
    written = io.StringIO()
    ConsoleListener(console=Console(file=written, width=200))(FindingDismissed(found))
    assert written.getvalue().startswith(begins)


def test_a_long_silence_says_that_something_is_replayed_but_not_at_each_finding(monkeypatch):
    now, written = [100.0], io.StringIO()
    monkeypatch.setattr(console.time, "monotonic", lambda: now[0])
    listen = ConsoleListener(console=Console(file=written, width=200))
    for seconds in (0.0, 1.0, 4.9, 5.0):
        now[0] = 100.0 + seconds
        listen(FindingSuspected(finding()))
    assert written.getvalue().splitlines() == ["replaying crash: a crash"] * 2
    listen(FindingConfirmed(finding()))
    assert written.getvalue().splitlines()[-1].startswith("finding F-01234567 crash")
