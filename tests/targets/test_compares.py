"""What the firmware compares: seen on both cores alike, and a run that is looked at is the same run."""

import pytest

from harness.assembly.assemble import assemble
from harness.assembly.benches import find_bench
from harness.case import Origin, TestCase
from targets.board.native import library


def looked_into(monkeypatch, core):
    monkeypatch.setenv(library.CHOICE, core)
    library.library.cache_clear()
    assembly = assemble(find_bench("pump"), seed=1)
    assembly.runner.start()
    protocol = assembly.protocols["maintenance"]
    steps = (*protocol.lead_in("library_part"), protocol.message("library_part").send(concentration=0x0BCD))
    case = TestCase("maintenance", "session", steps, Origin("test"))
    plain = assembly.runner.run(case).transcript.exchanges
    looked = assembly.runner.looked_into(case)
    again = assembly.runner.run(case).transcript.exchanges
    assembly.runner.stop()
    return plain, looked, again


@pytest.fixture(autouse=True)
def looked_for_anew():
    yield
    library.library.cache_clear()


@pytest.fixture
def seen(monkeypatch):
    return looked_into(monkeypatch, "")


def test_a_field_is_seen_where_it_is_compared(seen):
    _plain, looked, _again = seen
    operands = {(one.left, one.right) for one in looked.measures.compared}
    assert (0x0BCD, 1) in operands  # the least concentration that there is
    assert (100_000, 100) in operands  # its rate


def test_looking_changes_nothing(seen):
    plain, looked, again = seen
    assert plain == looked.transcript.exchanges == again


def test_both_cores_compare_the_same(monkeypatch, seen):
    _plain, looked, _again = looked_into(monkeypatch, library.REFERENCE)
    assert library.library() is None
    assert looked.measures.compared == seen[1].measures.compared
