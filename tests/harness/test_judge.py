"""Given these observations, expect these faults: what follows from something else is never counted by itself."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy import case, message

from harness.finding import bucket_of
from harness.judge import faults_of, link_is_lost, settle
from harness.verdict import KINDS, Blame, Kind, Observation, verdict_of

drawn = settings(deadline=None, derandomize=True, database=None)
CASE = case(message(b"a"))
observations = st.lists(
    st.builds(
        Observation,
        st.sampled_from(Kind),
        st.just("m"),
        st.text("ab", max_size=2),
        st.sampled_from([0.0, 0.5, 1.0]),
        st.tuples(st.sampled_from("xy")),
    ).map(lambda o: o if o.kind is not Kind.UNSAFE_STATE else violated("R", o.time, o.fingerprint[0])),
    max_size=6,
)


def seen(kind, time=0.0, sign="s"):
    return Observation(kind, "m", "", time, (sign,))


def violated(requirement, time=0.0, sign="s"):
    return Observation(Kind.UNSAFE_STATE, "safety", "", time, (requirement,), requirement, blames=sign)


@drawn
@given(observations)
def test_settling_invents_nothing_keeps_the_order_and_changes_nothing_when_done_again(given_):
    settled = settle(given_)
    rest = iter(given_)
    assert all(any(kept is other for other in rest) for kept in settled)
    assert settle(settled) == settled


@drawn
@given(observations)
def test_settling_never_takes_a_fault_of_the_device_for_none(given_):
    assert verdict_of(settle(given_)) is verdict_of(given_)


@drawn
@given(observations)
def test_nobodys_and_the_benchs_are_no_faults_and_one_requirement_counts(given_):
    faults = faults_of(settle(given_), CASE, lambda _bucket: False)
    assert all(KINDS[fault.kind].blame is Blame.DEVICE for fault in faults)
    assert sum(fault.kind is Kind.UNSAFE_STATE for fault in faults) <= 1


@pytest.mark.parametrize("cause", [Kind.CRASH, Kind.HANG, Kind.EXIT])
@pytest.mark.parametrize("symptom", [Kind.REBOOT, Kind.SILENCE, Kind.DISCONNECT, Kind.LINK_LOST])
def test_what_a_dying_device_leaves_behind_is_its_symptom_whichever_was_seen_first(cause, symptom):
    assert [o.kind for o in settle([seen(symptom), seen(cause)])] == [cause]
    assert [o.kind for o in settle([seen(cause), seen(symptom)])] == [cause]


@pytest.mark.parametrize("symptom", [Kind.SILENCE, Kind.DISCONNECT, Kind.LINK_LOST])
def test_what_a_reboot_leaves_behind_is_its_symptom(symptom):
    assert [o.kind for o in settle([seen(symptom), seen(Kind.REBOOT)])] == [Kind.REBOOT]


@pytest.mark.parametrize("symptom", [Kind.DISCONNECT, Kind.LINK_LOST])
def test_a_silent_device_has_no_connection_to_lose(symptom):
    assert [o.kind for o in settle([seen(symptom), seen(Kind.SILENCE)])] == [Kind.SILENCE]


@pytest.mark.parametrize("other", [Kind.LEAK, Kind.ACCESS, Kind.DRIFT, Kind.CONSOLE, Kind.UNSAFE_STATE])
def test_faults_that_do_not_follow_from_a_crash_are_kept_beside_it(other):
    assert [o.kind for o in settle([seen(Kind.CRASH), seen(other)])] == [Kind.CRASH, other]


def test_the_first_sign_of_a_restart_is_the_one_that_is_kept():
    first, second = seen(Kind.REBOOT, sign="cause"), seen(Kind.REBOOT, sign="counter")
    assert settle([first, second]) == [first]
    assert settle([first, seen(Kind.DRIFT), second]) == [first, seen(Kind.DRIFT)]


def test_of_requirements_the_first_violated_is_kept_and_time_zero_is_a_time():
    early, late = violated("R-1", 0.0), violated("R-2", 3.0)
    assert settle([late, early]) == [early]
    assert settle([violated("R-2", 0.5)]) == [violated("R-2", 0.5)]
    assert settle([seen(Kind.LEAK, 7.0), early]) == [seen(Kind.LEAK, 7.0), early]


def test_of_requirements_violated_at_once_the_known_one_counts_else_the_first():
    one, two, leak = violated("R-1"), violated("R-2"), seen(Kind.LEAK)
    known = bucket_of(two)
    assert faults_of([one, two, leak], CASE, lambda _bucket: False) == [one, leak]
    assert faults_of([one, two, leak], CASE, lambda bucket: bucket == known) == [two, leak]
    assert faults_of([leak], CASE, lambda _bucket: True) == [leak]


def test_a_link_is_lost_only_where_nothing_of_the_devices_explains_it():
    assert link_is_lost(settle([seen(Kind.LINK_LOST)]))
    assert link_is_lost(settle([seen(Kind.SESSION_LAPSED), seen(Kind.LINK_LOST)]))
    assert not link_is_lost(settle([seen(Kind.EXIT), seen(Kind.LINK_LOST)]))
    assert not link_is_lost([])
