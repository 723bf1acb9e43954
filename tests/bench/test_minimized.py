"""How small findings ended, and which boundaries are told, beside what was written by hand."""

from dataclasses import replace

import pytest

from benchmarks import smallest_glucometer, smallest_insulin
from benchmarks.minimized import DEVICES, rows_of, summed
from harness.finding import Condition, Finding, Minimized, Size
from harness.transcript import Transcript
from harness.verdict import Kind, Observation


def small(one, observation, *conditions):
    """A finding that ended with a case written by hand."""
    size = Size(1, 1)
    told = Minimized(size, size, 1, 0.1, True, (one.case,), conditions)
    transcript = Transcript(one.case.id, (), 0.0, 1.0)
    return Finding(observation, "0" * 16, (one.case,), transcript, 1, 0.0, minimized=told)


def row(device, one, observation, *conditions):
    (made,) = rows_of([small(one, observation, *conditions)], device=DEVICES[device])
    return made


@pytest.mark.parametrize("name", ["high", "low", "hypo", "hyper"])
@pytest.mark.parametrize(("off", "told"), [(0, "exact"), (1, "WRONG")])
def test_of_one_field_in_several_messages_the_boundary_is_that_messages_own(name, off, told):
    one = next(one for one in smallest_insulin.smallest() if f"cgm_set_{name}" in one.case.messages)
    edge = one.boundary.edge + off
    condition = Condition(f"cgm_set_{name}", "value.operand.level", "", edge, edge + 10)
    seen = Observation(Kind.UNSAFE_STATE, "safety", "INS-8", 1.0, ("INS-8",), "INS-8")
    most = next(n for n in range(edge, edge + 4096) if not one.boundary.shows(n + 1))
    assert row("insulin", one, seen, replace(condition, most=most)).told == told


def test_a_fault_that_one_message_shows_as_it_stands_has_no_boundary_there():
    seen = Observation(Kind.UNSAFE_STATE, "safety", "INS-7", 1.0, ("INS-7",), "INS-7")
    of_fault = {one.case.messages[-1]: one for one in smallest_insulin.smallest() if one.fault == "racp_range"}
    assert row("insulin", of_fault["cgm_report_range"], seen).told == ""
    assert row("insulin", of_fault["history_report_range"], seen).told == "not told"


@pytest.mark.parametrize(("least", "told"), [(126, "WRONG"), (127, "exact"), (128, "exact"), (129, "WRONG")])
def test_where_it_is_the_layouts_whether_it_shows_both_are_exact(least, told):
    seen = Observation(Kind.CRASH, "device", "execution outside the code", 1.0, ("f",))
    of_fault = [one for one in smallest_glucometer.smallest() if one.fault == "prepare_offset"]
    condition = Condition("prepare_write", "ATT_Prepare_Write_Request.offset", "", least, 128)
    made = row("glucometer", of_fault[-1], seen, condition)
    assert (made.fault, made.told) == ("prepare_offset", told)


def test_what_was_not_found_meets_no_goal():
    line, met = summed([])
    assert (line.startswith("0 faults, 0 findings"), met) == (True, False)
