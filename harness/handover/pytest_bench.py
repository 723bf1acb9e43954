"""The pytest plugin: a bench's device for tests of one's own, and its known findings as tests.

Without `--bench` nothing of medfuzz is loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

if TYPE_CHECKING:
    from harness.assembly.speaking import Speaker
    from harness.bench import Bench
    from harness.handover.known_items import KnownFile
    from harness.handover.replaying import Replays
    from harness.handover.rig import Rig
    from harness.interfaces import Target

T = TypeVar("T")
_RIG = pytest.StashKey["Rig"]()
_WITHOUT = "needs a bench: pytest --bench BENCH"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Called by pytest."""
    group = parser.getgroup("medfuzz")
    group.addoption("--bench", default="", help="a bench file, or a shipped bench's name: for fixtures and findings")
    group.addoption("--known", default="", help="the file of known findings (default: known.toml beside the bench)")


def pytest_configure(config: pytest.Config) -> None:
    """Called by pytest; a bench or a file of known findings that is none ends the session at once."""
    config.addinivalue_line("markers", "interface(name): the bench's interface that the fixture `link` is opened to")
    config.addinivalue_line("markers", "finding(file): the finding, beside the test, that the fixture `replays` plays")
    bench, known = str(config.getoption("--bench")), str(config.getoption("--known"))
    if known and not bench:
        raise pytest.UsageError("--known needs --bench: the bench on which known findings are played")
    if bench:
        config.stash[_RIG] = _rig(bench, known)


def _rig(bench: str, known: str) -> Rig:
    from harness.errors import MedfuzzError
    from harness.handover.rig import Rig

    try:
        return Rig(bench, Path(known) if known else None)
    except MedfuzzError as error:
        raise pytest.UsageError(str(error)) from error


def pytest_unconfigure(config: pytest.Config) -> None:
    """Called by pytest."""
    if (rig := config.stash.get(_RIG, None)) is not None:
        rig.close()


def pytest_report_header(config: pytest.Config) -> str | None:
    """Called by pytest."""
    rig = config.stash.get(_RIG, None)
    if rig is None:
        return None
    from reports.text import counted

    found = "" if rig.baseline is None else f", {counted(len(rig.baseline.findings), 'known finding')} in "
    return f"medfuzz: bench {rig.path}{found}{rig.baseline.file if rig.baseline else ''}"


# -- known findings ------------------------------------------------------------------------------------------------


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> KnownFile | None:
    """Called by pytest; the bench's file of known findings holds tests, no other does."""
    rig = parent.config.stash.get(_RIG, None)
    if rig is None or rig.baseline is None or file_path.resolve() != Path(rig.baseline.file):
        return None
    from harness.handover.known_items import KnownFile

    return KnownFile.of(parent, file_path, rig)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Called by pytest; known findings run behind all else, also where their file lies elsewhere."""
    rig = config.stash.get(_RIG, None)
    if rig is None or rig.baseline is None:
        return
    from harness.handover.known_items import KnownFile, KnownItem

    if not any(isinstance(item, KnownItem) for item in items) and _wants_known(config):
        items += KnownFile.of(session, Path(rig.baseline.file), rig).collect()


def _wants_known(config: pytest.Config) -> bool:
    """False where files or single tests were named, as one does to see these alone."""
    return bool(config.getoption("--known")) or all(Path(word).is_dir() for word in config.args)


# -- fixtures ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def bench(pytestconfig: pytest.Config) -> Bench:
    """The bench of `--bench`, as it was read; skipped without."""
    return _required(pytestconfig).bench


@pytest.fixture(scope="session")
def target(pytestconfig: pytest.Config) -> Target:
    """The bench's device, started, reached and identified once; an error where it cannot be."""
    rig = _required(pytestconfig)
    return _told(lambda: rig.device.assembly.target)


@pytest.fixture
def link(request: pytest.FixtureRequest, target: Target) -> Iterator[Speaker]:
    """A connection of the test's own to the only interface, or to that of `@pytest.mark.interface("NAME")`.

    `link.ask("MESSAGE")` sends a message by its name and gives the answer, `link.enter("STATE")` goes to a state.
    """
    marker = request.node.get_closest_marker("interface")
    speaker = _told(lambda: _required(request.config).speaker(*(marker.args if marker else ())))
    yield speaker
    speaker.close()


@pytest.fixture
def replays(request: pytest.FixtureRequest) -> Replays:
    """Three replays of the marked finding, on the bench of `--bench`, else its own; an error where none tested it."""
    from harness.handover.regression import replayed

    (name,) = request.node.get_closest_marker("finding").args
    return _told(lambda: replayed(request.path.with_name(name), request.config.stash.get(_RIG, None)))


def _required(config: pytest.Config) -> Rig:
    if (rig := config.stash.get(_RIG, None)) is None:
        pytest.skip(_WITHOUT)
    return rig


def _told(make: Callable[[], T]) -> T:
    """What is made; an error of ours is one line, not a traceback."""
    from harness.errors import MedfuzzError

    try:
        return make()
    except MedfuzzError as error:
        why = f"nothing was tested: {error}"
    pytest.fail(why, pytrace=False)
