"""What is filed under which bucket, and which sights need no further replay."""

from dataclasses import replace

from nouns import finding

from harness.finding import Condition, Minimized, Size
from harness.ledger import Ledger
from harness.verdict import Kind, Observation

CRASH = Observation(Kind.CRASH, "m", "", 0.0)


def violation(requirement="R-1"):
    return Observation(Kind.UNSAFE_STATE, "m", "", 0.0, requirement=requirement)


def confirmed(bucket, **changes):
    return finding(bucket, reproduced=3, fingerprint=changes.pop("fingerprint", (bucket,)), **changes)


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
    assert [bool(one) for one in told] == [True, False, False]
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
    assert ledger.findings["a"] == first


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


# -- one fault under several buckets -----------------------------------------------------------------------------------


def smaller(found, *conditions, done=True, **seen):
    told = Minimized(Size(3, 90), Size(1, 40), 12, 1.0, done, found.window, conditions)
    return replace(found, minimized=told, observation=replace(found.observation, **seen))


LONG = Condition("set_name", "body.name", "37 bytes or more, usually 'A'; 36 are served", 37, None, of_length=True)


def crashed(bucket, place):
    return confirmed(bucket, fingerprint=("bad access", place))


def gone(bucket, message, **words):
    return confirmed(bucket, kind=Kind.REBOOT, monitor="liveness", fingerprint=("restart",), blames=message, **words)


def joined(*findings):
    """What each is the same as, after all were entered and then made smaller."""
    ledger = Ledger()
    for found in findings:
        ledger.enter(found.bucket, replace(found, minimized=None))
    return [ledger.renew(found).same_as for found in findings]


def test_an_overflow_that_crashes_in_another_place_at_another_length_is_one_fault():
    one, other = crashed("a" * 16, "show"), crashed("b" * 16, "copy")
    later = replace(LONG, words="61 bytes or more, usually 'A'; 60 are served")
    assert joined(smaller(one, LONG), smaller(other, later)) == ["", one.id]


def test_overflows_of_two_fields_or_two_messages_are_two_faults():
    one, other = crashed("a" * 16, "show"), crashed("b" * 16, "copy")
    for changes in ({"field": "body.drug"}, {"message": "set_drug"}):
        assert joined(smaller(one, LONG), smaller(other, replace(LONG, **changes))) == ["", ""]


def test_what_needs_two_fields_or_might_be_made_smaller_yet_is_not_joined():
    one, other = crashed("a" * 16, "show"), crashed("b" * 16, "copy")
    second = replace(LONG, field="body.other")
    assert joined(smaller(one, LONG), smaller(other, LONG, second)) == ["", ""]
    assert joined(smaller(one, LONG), smaller(other, LONG, done=False)) == ["", ""]


def test_one_field_that_several_messages_carry_is_one_fault_with_one_boundary_and_two_with_two():
    one, other = gone("a" * 16, "order"), gone("b" * 16, "cancel")
    same = replace(LONG, message="cancel")
    assert joined(smaller(one, LONG), smaller(other, same)) == ["", one.id]
    assert joined(smaller(one, LONG), smaller(other, replace(same, words=same.words.replace("37", "12")))) == ["", ""]


def test_what_was_only_noticed_behind_a_later_message_is_the_earlier_ones():
    one, other = gone("a" * 16, "order"), gone("b" * 16, "status")
    assert joined(one, smaller(other, blames="order")) == ["", one.id]


def test_a_watchdog_that_finds_the_device_in_one_function_has_one_cause_whoever_called_it():
    def bitten(bucket, *place):
        return confirmed(bucket, kind=Kind.REBOOT, fingerprint=place)

    one, other = bitten("a" * 16, "watchdog", "take", "begin"), bitten("b" * 16, "watchdog", "take", "update")
    assert joined(one, other) == ["", one.id]
    for place in (("watchdog", "give", "begin"), ("software", "take", "begin")):
        assert joined(one, bitten("c" * 16, *place)) == ["", ""]


def test_what_turned_out_to_be_the_same_fault_leaves_room_for_another_way():
    ledger, ways = Ledger(), [gone(letter * 16, "order", unusual=(letter,)) for letter in "abc"]
    for found in ways:
        assert ledger.verdict(found.bucket, found.observation) is None
        ledger.enter(found.bucket, found)
    another = gone("d" * 16, "order", unusual=("d",))
    assert ledger.verdict(another.bucket, another.observation) is True
    for found in ways:
        ledger.renew(smaller(found, LONG))
    assert ledger.verdict(another.bucket, another.observation) is None


def test_two_that_each_meet_the_other_beside_their_boundary_are_one_fault_with_one_head():
    one, other = crashed("a" * 16, "show"), crashed("b" * 16, "copy")

    def met(found, beside):
        told = smaller(found, LONG)
        return replace(told, minimized=replace(told.minimized, met=(beside.bucket,)))

    assert joined(met(one, other), met(other, one)) == [other.id, ""]


def test_what_has_no_field_so_long_is_filed_beside_each_finding_that_takes_a_longer_one():
    ledger, sizes = Ledger(), {}

    def bucket(size):
        return ledger.beside("a", lambda known: size < sizes[known.bucket])

    def takes(size):
        long = Condition("m", "f", "long", least=size, of_length=True)
        told = Minimized(Size(1, 9), Size(1, 9), 1, 0.0, True, (), (long,))
        found = confirmed(bucket(size), kind=Kind.CRASH, minimized=told)
        sizes[found.bucket] = size
        return ledger.enter(found.bucket, found)

    for size in (40, 30, 20):
        assert bucket(size) not in sizes
        assert takes(size)
    assert len(sizes) == 3
    assert [sizes.get(bucket(size)) for size in (50, 40, 35, 30, 25, 20)] == [40, 40, 30, 30, 20, 20]
    assert bucket(10) not in sizes
