"""A message that kills a slow device again and again is put off more and more, and never for good."""

from dataclasses import replace

import pytest
from toy import case, message

from harness.case import Origin
from harness.order import Planned
from harness.sparing import CostlyCases, Sparing
from harness.transcript import Service, Transcript, Way
from harness.verdict import Kind, Observation


def killed(sparing, *names, seconds=4.0, blamed="kill", times=1, interface="toy"):
    seen = Transcript("", (), 0.0, 9.0, service=Service(Way.RETURNED, seconds))
    fault = Observation(Kind.REBOOT, "liveness", "gone", 0.0, ("restart",), blames=blamed)
    for _ in range(times):
        sparing.note(case(*(message(b"x", name) for name in names), interface=interface), fault, seen)


def planned(name, count=60, interface="toy"):
    return [Planned(None, case(message(b"%d" % n, name), interface=interface), n) for n in range(count)]


def due(sparing, cases):
    return [case for _fuzzer, case, _place in cases if sparing._is_due(case)]


def test_what_has_killed_once_runs_as_before():
    sparing = Sparing()
    killed(sparing, "kill")
    assert len(due(sparing, planned("kill"))) == 60


@pytest.mark.parametrize("times", [2, 3, 6, 20])
def test_what_has_killed_n_times_runs_in_one_of_n_cases(times):
    sparing = Sparing()
    killed(sparing, "kill", times=times)
    assert 600 / times * 0.6 < len(due(sparing, planned("kill", 600))) < 600 / times * 1.5


def test_only_the_message_that_is_blamed_and_only_on_its_interface_is_put_off():
    sparing = Sparing()
    killed(sparing, "harmless", "kill", "later", times=9)
    assert len(due(sparing, planned("harmless"))) == len(due(sparing, planned("kill", interface="other"))) == 60


def test_a_fault_that_blames_no_message_of_the_case_is_the_last_ones():
    sparing = Sparing()
    killed(sparing, "first", "last", blamed="0x80045", times=9)
    assert (len(due(sparing, planned("first"))), len(due(sparing, planned("last"))) < 20) == (60, True)


def test_a_finding_that_costs_no_time_is_shown_as_often_as_it_comes():
    sparing = Sparing()
    killed(sparing, "kill", seconds=0.2, times=9)
    assert len(due(sparing, planned("kill"))) == 60


def test_what_was_put_off_runs_when_there_is_nothing_else_and_is_counted_until_then():
    sparing = Sparing()
    killed(sparing, "kill", times=5)
    cases = [*planned("kill"), *planned("other")]
    ordered = sparing.ordered(cases)
    ran = [next(ordered)[1] for _ in range(60 + len(due(sparing, planned("kill"))))]
    assert (ran[-1].messages, sparing.waiting) == (("other",), 120 - len(ran))
    rest = [planned.case for planned in ordered]
    assert (len(rest), {case.messages for case in rest}, sparing.waiting) == (120 - len(ran), {("kill",)}, 0)
    assert {case.id for case in ran + rest} == {case.id for _fuzzer, case, _place in cases}


SLOW = ("toy", "slow", "")


def dear(fuzzer, place, size):
    """A case of so many messages, of which each takes long."""
    one = case(*(message(b"%d/%d" % (place, n), "slow") for n in range(size)))
    return Planned(None, replace(one, origin=Origin(fuzzer)), place)


def test_of_two_fuzzers_whose_cases_take_long_each_has_as_much_time():
    costly = CostlyCases()
    for place in range(40):
        costly.add(dear("short", place, 1), 1.0, SLOW)
        costly.add(dear("long", 100 + place, 4), 4.0, SLOW)
    taken = []
    while sum(size for _fuzzer, size in taken) < 40:
        seconds, _aimed = costly.next
        taken.append((costly.take().case.origin.fuzzer, seconds))
    spent = {name: sum(size for fuzzer, size in taken if fuzzer == name) for name in ("short", "long")}
    assert abs(spent["short"] - spent["long"]) <= 4
    assert len(costly) == len(list(costly)) == 80 - len(taken)


def test_of_one_fuzzer_the_cheapest_comes_first():
    costly = CostlyCases()
    for place, seconds in enumerate((3.0, 1.0, 2.0, 1.0)):
        costly.add(dear("one", place, 1), seconds, SLOW)
    assert [costly.take().place for _ in range(4)] == [1, 3, 2, 0]


def test_what_is_aimed_at_something_that_the_device_answered_comes_before_what_is_cheaper():
    costly = CostlyCases()
    aimed = dear("one", 9, 1)
    aimed = aimed._replace(case=replace(aimed.case, origin=Origin("one", aimed=True)))
    for place, seconds in enumerate((3.0, 1.0)):
        costly.add(dear("one", place, 1), seconds, SLOW)
    costly.add(aimed, 5.0, SLOW)
    assert [costly.take().place for _ in range(3)] == [9, 1, 0]


def test_a_fuzzer_whose_first_case_takes_very_long_does_not_hold_up_the_others():
    costly = CostlyCases()
    costly.add(dear("soak", 0, 1), 160.0, SLOW)
    for place in range(1, 41):
        costly.add(dear("short", place, 1), 1.0, SLOW)
    assert [costly.next[0], *(costly.take().case.origin.fuzzer for _ in range(40))] == [1.0, *["short"] * 40]
    assert costly.take().case.origin.fuzzer == "soak"


def test_of_one_fuzzer_the_place_that_had_least_comes_next():
    costly = CostlyCases()
    places = [("toy", "slow", field) for field in ("first", "second", "third")]
    for place in range(30):
        costly.add(dear("one", place, 1), 1.0, places[0] if place < 20 else places[1])
    costly.add(dear("one", 30, 1), 5.0, places[2])
    taken = [costly.take().place for _ in range(12)]
    assert sum(place < 20 for place in taken) == sum(20 <= place < 30 for place in taken) + 1 == 6
    assert taken[10] == 30


def test_what_is_released_is_that_of_places_whose_next_one_is_quick_in_the_order_in_which_it_came():
    costly = CostlyCases()
    for place in range(10):
        costly.add(
            dear(f"fuzzer {place % 2}", place, 1), 10.0 - place, ("toy", "slow", "odd" if place % 3 else "third")
        )
    waiting = {planned.case.id: planned.place for planned in costly}
    assert [planned.place for planned in costly.release(lambda case: waiting[case.id] % 3 > 0)] == [0, 3, 6, 9]
    assert costly.release(lambda _case: True) == []
    assert sorted(planned.place for planned in costly) == [1, 2, 4, 5, 7, 8]
    assert sorted(costly.take().place for _ in range(len(costly))) == [1, 2, 4, 5, 7, 8]
