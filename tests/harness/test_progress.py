"""The progress of a run: a finding that was not confirmed is told by what its replays came to."""

import io

import pytest
from nouns import finding
from rich.console import Console

from harness.cli.console import ConsoleListener
from harness.events import FindingDismissed


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
