"""A finding as a pytest test, which fails when the finding comes back, and passes only when every try was clean."""

from __future__ import annotations

from pathlib import Path
from string import Template

from harness.campaigns.files import write
from harness.document import Handover, read_document
from harness.errors import BenchError, UsageError
from harness.handover.document import write_document
from harness.handover.replay_all import Row, Word
from harness.handover.replaying import Replays, replay_on
from harness.handover.rig import Rig
from harness.handover.wording import file_stem, headline

_TEST = Template('''\
"""$headline

Replays the finding of $document, which lies beside this file: on its own bench, or that of
`pytest --bench BENCH`. The fixture `replays` is medfuzz's, and an error where nothing could be tested.
"""

import pytest


@pytest.mark.finding("$document")
def test_${stem}_does_not_come_back(replays):
    if replays.seen:
        pytest.fail(replays.seen, pytrace=False)
''')


def replayed(path: Path, rig: Rig | None = None, times: int | None = None) -> Replays:
    """Tries that say something of the device, on the bench of `rig` or the finding's own.

    Raises UsageError for a file or a bench that is none, BenchError where nothing was tested.
    """
    handover = read_document(path)
    row = (
        Row(handover.finding, replay_on(handover, times=times)) if rig is None else rig.replay(handover.finding, times)
    )
    if row.word is Word.NOT_TESTED:
        raise BenchError("; ".join(filter(None, (str(row.replays) if row.replays.tries else "", row.why))))
    return row.replays


def write_test(path: Path, handover: Handover) -> tuple[Path, Path]:
    """Write the test and, beside it, the finding; what was written. Raises UsageError, BenchError."""
    document = path.with_suffix(".json")
    if path.suffix != ".py":
        raise UsageError(f"{path}: pytest collects Python files only; name one that ends with .py")
    text = _TEST.substitute(
        headline=headline(handover.finding),
        document=document.name,
        script=path.name,
        stem=file_stem(handover.finding),
    )
    write_document(document, handover, option="--out")
    write(path, text, instead="Name another file with --out")
    return path, document
