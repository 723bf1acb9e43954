"""A known fault is named after the run from what a finding shows; a table with a slip is one clear error."""

import pytest
from nouns import finding

from harness.errors import UsageError
from harness.fault_table import load_faults, name_fault
from harness.verdict import Kind, Observation

TABLE = """
[[fault]]
id = "FAULT_1"
title = "Stack overflow in the session"
cwe = "CWE-121"
match = [{kind = "crash", symbol = ["session_open", "session_close"]}]

[[fault]]
id = "FAULT_2"
match = [
  {kind = "unsafe_state", requirement = "PUMP-03", interface = "maintenance"},
  {kind = ["silence", "hang"], message = "set_rate", summary_contains = "no reply"},
]
"""


@pytest.fixture
def load(tmp_path):
    def loaded(text):
        path = tmp_path / "faults.toml"
        path.write_text(text, encoding="utf-8")
        return load_faults(path)

    return loaded


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ({"detail": {"backtrace": "main < session_open+0x12"}}, "FAULT_1"),
        ({"detail": {"objects": "session_close (buffer)"}}, "FAULT_1"),
        ({"detail": {"symbol": "session_opened"}}, ""),
        ({"detail": {"line": "session_open.c:3"}}, ""),
        ({"kind": Kind.HANG, "detail": {"symbol": "session_open"}}, ""),
        ({"kind": Kind.UNSAFE_STATE, "requirement": "PUMP-03"}, "FAULT_2"),
        ({"kind": Kind.UNSAFE_STATE, "requirement": "PUMP-04"}, ""),
        ({"kind": Kind.SILENCE, "summary": "no reply to set_rate"}, "FAULT_2"),
        ({"kind": Kind.HANG, "summary": "it hangs"}, ""),
    ],
)
def test_a_finding_is_named_by_all_that_a_match_asks_for(load, words, fault):
    assert name_fault(finding(**words), load(TABLE)).fault == fault


def test_a_symptom_names_the_fault_where_the_first_observation_does_not(load):
    symptom = Observation(Kind.UNSAFE_STATE, "safety", "too fast", 1.0, requirement="PUMP-03")
    named = name_fault(finding(kind=Kind.REBOOT, symptoms=(symptom,)), load(TABLE))
    assert named.fault == "FAULT_2"


def test_a_finding_of_no_known_fault_loses_a_name_it_had(load):
    assert name_fault(finding(fault="FAULT_9"), load(TABLE)).fault == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[faults]]\nid = 'F'", r"unknown table|unknown key 'faults'. Did you mean 'fault'\?"),
        ("[[fault]]\ntitle = 'T'", r"\[\[fault\]\] 1: key 'id' is missing"),
        ("[[fault]]\nid = 'F'\ncve = 'x'", r"unknown key 'cve'. Did you mean 'cwe'\?"),
        ("[[fault]]\nid = 'F'\nmatch = [{}]", r"\(F\): \[\[fault.match\]\]: is empty and would match everything"),
        ("[[fault]]\nid = 'F'\nmatch = [{kind = 'crush'}]", r"unknown kind 'crush'. Did you mean 'crash'\?"),
        ("[[fault]]\nid = 'F'\nmatch = [{message = 3}]", "must be a word or a list of words, got 3"),
        ("[[fault]]\nid = ", "not valid TOML"),
    ],
)
def test_a_slip_names_file_table_and_the_nearest_word(load, text, words):
    with pytest.raises(UsageError, match=words) as caught:
        load(text)
    assert "faults.toml" in str(caught.value)


def test_a_table_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        load_faults(tmp_path / "none.toml")
