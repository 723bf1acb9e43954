"""What is filed under which bucket, and which sights need no further replay."""

from nouns import finding

from harness.ledger import Ledger
from harness.verdict import Kind, Observation

CRASH = Observation(Kind.CRASH, "m", "", 0.0)


def violation(requirement="R-1"):
    return Observation(Kind.UNSAFE_STATE, "m", "", 0.0, requirement=requirement)


def confirmed(bucket, **changes):
    return finding(bucket, reproduced=3, **changes)


def test_a_sight_that_nobody_knows_is_to_be_asked_about():
    ledger = Ledger()
    assert (ledger.verdict("a", CRASH), ledger.knows("a"), dict(ledger.findings)) == (None, False, {})


def test_a_confirmed_finding_is_told_once_and_counts_from_then_on():
    ledger = Ledger()
    assert ledger.enter("a", confirmed("a"))
    assert not ledger.enter("a", confirmed("a"))
    assert (ledger.knows("a"), ledger.verdict("a", CRASH), list(ledger.findings)) == (True, True, ["a"])


def test_another_first_sight_of_a_known_fault_leads_to_its_bucket_and_is_no_second_finding():
    ledger = Ledger()
    first = confirmed("a")
    ledger.enter("a", first)
    assert not ledger.enter("b", confirmed("a"))
    assert (ledger.knows("b"), ledger.verdict("b", CRASH)) == (True, True)
    assert dict(ledger.findings) == {"a": first}


def test_a_finding_whose_replay_blames_another_message_is_known_under_both_buckets():
    ledger = Ledger()
    assert ledger.enter("seen", confirmed("replayed"))
    assert ledger.knows("seen") and ledger.knows("replayed")
    assert list(ledger.findings) == ["replayed"]


def test_what_is_not_reproduced_is_told_once_asked_three_times_and_never_counts():
    ledger = Ledger()
    told = []
    for _ in range(3):
        assert ledger.verdict("a", CRASH) is None
        told.append(ledger.enter("a", finding("a", reproduced=0)))
    assert told == [True, False, False]
    assert (ledger.verdict("a", CRASH), ledger.knows("a"), list(ledger.findings)) == (False, False, ["a"])
    assert ledger.findings["a"].replays == "not reproduced"


def test_what_is_doubted_is_not_known():
    ledger = Ledger()
    ledger.enter("a", finding("a", reproduced=1, doubt="chance can do it"))
    assert not ledger.knows("a")


def test_a_doubted_sight_does_not_take_the_place_of_the_confirmed_finding():
    ledger = Ledger()
    first = confirmed("a")
    ledger.enter("a", first)
    ledger.enter("b", finding("a", reproduced=0))
    assert ledger.findings["a"] is first


def test_a_fault_that_is_confirmed_after_a_vain_replay_is_a_finding():
    ledger = Ledger()
    ledger.enter("a", finding("a", reproduced=0))
    assert ledger.enter("a", confirmed("a"))
    assert ledger.findings["a"].confirmed


def test_a_requirement_violated_in_three_ways_needs_no_fourth_and_another_one_does():
    ledger = Ledger()
    for bucket in "abc":
        assert ledger.verdict(bucket, violation()) is None
        ledger.enter(bucket, confirmed(bucket, kind=Kind.UNSAFE_STATE, requirement="R-1"))
    assert ledger.verdict("d", violation()) is True
    assert ledger.verdict("d", violation("R-2")) is None


def test_crashes_have_as_many_ways_as_they_have():
    ledger = Ledger()
    for bucket in "abcd":
        ledger.enter(bucket, confirmed(bucket))
    assert ledger.verdict("e", CRASH) is None
