"""requirements.toml: each requirement as written, and a slip as one clear error."""

from pathlib import Path

import pytest

from harness.bench import load_bench
from harness.errors import UsageError
from harness.requirements import load_requirements, parse_requirements
from harness.temporal import SignalDeclaration

WHOLE = """
[[requirement]]
id = "R-1"
title = "Never too fast"
source = "GIP 1.1"
severity = "critical"
formula = "rate <= 10"

[[requirement]]
id = "R-2"
title = "Never backwards"
excluded = "the motor has no reverse"
"""
SIGNALS = {"rate": SignalDeclaration("rate", high=100.0)}


@pytest.fixture
def load(tmp_path):
    def loaded(text):
        path = tmp_path / "requirements.toml"
        path.write_text(text, encoding="utf-8")
        return load_requirements(path)

    return loaded


def test_requirements_come_in_their_order(load):
    first, second = load(WHOLE)
    assert (first.id, first.severity, first.source, first.watched) == ("R-1", "critical", "GIP 1.1", True)
    assert (second.excluded, second.watched) == ("the motor has no reverse", False)
    assert [formula.requirement for formula in parse_requirements([first, second], SIGNALS)] == ["R-1"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[[requirement]]\nid", "[[requirements]]\nid", r"unknown table 'requirements'. Did you mean 'requirement'\?"),
        ("formula", "formular", r"\(R-1\): unknown key 'formular'. Did you mean 'formula'\?"),
        ("critical", "critcal", r"unknown severity 'critcal'. Did you mean 'critical'\?"),
        ('"rate <= 10"', "10", "'formula' must be text that is not empty, got 10"),
        ('"rate <= 10"', '" "', "'formula' must be text that is not empty"),
        ('title = "Never too fast"\n', "", r"\(R-1\): key 'title' is missing"),
        ('formula = "rate <= 10"\n', "", "needs either 'formula' or 'excluded'"),
        ("R-2", "R-1", "requirement 'R-1' appears twice"),
        ('"R-1"', '"R-1', "not valid TOML"),
    ],
)
def test_a_slip_names_file_table_and_the_nearest_word(load, old, new, words):
    assert old in WHOLE
    with pytest.raises(UsageError, match=words) as caught:
        load(WHOLE.replace(old, new))
    assert "requirements.toml" in str(caught.value)


def test_a_signal_that_is_not_declared_names_requirement_and_column(load):
    requirements = load(WHOLE.replace("rate <= 10", "10 >= rat"))
    with pytest.raises(UsageError, match=r"requirement R-1: column 7: 'rat' is not a declared signal.*'rate'"):
        parse_requirements(requirements, SIGNALS)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="Check `requirements` in the bench file"):
        load_requirements(tmp_path / "none.toml")


def test_the_pump_watches_at_least_twenty():
    folder = Path(__file__).parents[2] / "targets" / "pump"
    bench = load_bench(folder / "bench.toml")
    signals = {
        name: SignalDeclaration(name, signal.kind, *signal.range, signal.unit) for name, signal in bench.signals.items()
    }
    assert len(parse_requirements(load_requirements(folder / "requirements.toml"), signals)) >= 20
