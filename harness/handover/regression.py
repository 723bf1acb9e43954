"""A finding as a pytest test: it fails when the finding comes back, and passes only when every try was clean."""

from __future__ import annotations

from pathlib import Path
from string import Template

from harness.campaigns.files import write
from harness.document import Handover, read_document
from harness.errors import BenchError, UsageError
from harness.handover.document import write_document
from harness.handover.replaying import Replays, Standing, replay_on, words_of
from harness.handover.wording import file_stem, headline

PLUGIN = "harness.handover.pytest_bench"
_TEST = Template('''\
"""$headline

Replays the finding of $document, which lies beside this file. On another bench than the finding's:
`MEDFUZZ_BENCH=BENCH pytest $script`, or `pytest -p $plugin $script --bench BENCH`.
"""

import os
from pathlib import Path

import pytest

from harness.errors import MedfuzzError
from harness.handover.regression import failure, replayed

FINDING = Path(__file__).with_name("$document")


@pytest.fixture
def replays(request):
    """Three replays, each on a fresh device. Where nothing could be tested, that is an error."""
    bench = request.config.getoption("--bench", "") or os.environ.get("MEDFUZZ_BENCH", "")
    try:
        return replayed(FINDING, bench)
    except MedfuzzError as error:
        why = f"nothing was tested: {error}"
    pytest.fail(why, pytrace=False)


def test_${stem}_does_not_come_back(replays):
    if seen := failure(replays):
        pytest.fail(seen, pytrace=False)
''')


def replayed(path: Path, bench: str = "", times: int = 3) -> Replays:
    """Tries that say something of the device, on `bench` or the finding's own.

    Raises UsageError for a file or a bench that is none, BenchError where nothing was tested.
    """
    replays = replay_on(read_document(path), bench=bench, times=times)
    if replays.standing is Standing.UNTESTED:
        raise BenchError("; ".join((str(replays), *dict.fromkeys(words_of(one) for one in replays.tries))))
    return replays


def failure(replays: Replays) -> str:
    """What the tries showed that they should not have; "" where every one of them was clean."""
    if replays.standing is Standing.FIXED:
        return ""
    seen = [observation.summary for one in replays.tries for observation in one.observations]
    return "; ".join((str(replays), *dict.fromkeys(seen)))


def write_test(path: Path, handover: Handover) -> tuple[Path, Path]:
    """Write the test and, beside it, the finding; what was written. Raises UsageError, BenchError."""
    document = path.with_suffix(".json")
    if path.suffix != ".py":
        raise UsageError(f"{path}: pytest collects Python files only; name one that ends with .py")
    text = _TEST.substitute(
        headline=headline(handover.finding),
        document=document.name,
        script=path.name,
        plugin=PLUGIN,
        stem=file_stem(handover.finding),
    )
    write_document(document, handover, option="--out")
    write(path, text, instead="Name another file with --out")
    return path, document
