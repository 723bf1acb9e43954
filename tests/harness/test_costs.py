"""What cases cost is learned, and the costly ones wait for their share of the time, the cheapest first."""

from collections import defaultdict

import pytest
from toy import message

from harness.case import FieldSpan, Origin, Procedure, Send, TestCase, Wait
from harness.costs import Clock
from harness.order import Planned
from harness.sparing import Sparing
from harness.transcript import Exchange, Transcript


def made(*steps, field="", interface="toy"):
    return TestCase(interface, "idle", steps, Origin("test", (), field))


def bent(name, field):
    return made(Send(name, b"<x>", mutated=True), field=field)


def ran(case, *seconds, behind=0.0):
    """The transcript of a case whose messages took so long, with `behind` seconds until the device served again."""
    at, exchanges = 0.0, []
    for step, took in zip([step for step in case.steps if isinstance(step, Send)], seconds, strict=False):
        exchanges.append(Exchange(step.message, step.data, (b"r",), (), b"", at, at + took, True))
        at += took
    return Transcript(case.id, tuple(exchanges), 0.0, at + behind)


def quick(clock, times=20, seconds=0.001):
    for n in range(times):
        case = made(message(b"%d" % n, "quick"))
        clock.note(case, ran(case, seconds))


def test_the_messages_of_a_case_cost_what_they_took_lately_and_pauses_what_they_last():
    clock = Clock()
    case = made(message(b"a"), Wait(2.0), message(b"b"))
    clock.note(case, ran(case, 0.3, 0.1, behind=2.0))
    assert clock.expected(made(message(b"a"))) == pytest.approx(0.3)
    assert clock.expected(made(message(b"a"), message(b"b"), message(b"b"))) == pytest.approx(0.5)
    assert clock.expected(made(message(b"b"), Wait(5.0))) == pytest.approx(5.1)
    assert clock.expected(made(message(b"a"), interface="other")) == 0.0


def test_a_procedure_costs_what_its_kind_took_whatever_it_is_told():
    clock = Clock()
    quick(clock)
    pairing = made(Procedure("pair", (("secure", 0),)), message(b"a"))
    clock.note(pairing, ran(pairing, 0.01, behind=5.99))
    assert clock.expected(made(Procedure("pair", (("secure", 1),)))) == pytest.approx(5.99)
    assert clock.is_costly(made(Procedure("pair", (("secure", 1),)), message(b"b")))
    assert not clock.is_costly(made(Procedure("update_parameters")))
    assert not clock.is_costly(made(message(b"a")))


def numbers(name, value, other=5, size=4, field="", mutated=True):
    """A message of two numbers, `value` and `other`, of which the first is bent."""
    data, half = value.to_bytes(size // 2, "big") + other.to_bytes(2, "big"), size // 2
    spans = (FieldSpan("value", 0, half), FieldSpan("other", half, 2))
    return made(Send(name, data, spans=spans, mutated=mutated), field=field)


USUAL = {("toy", name): numbers(name, 100, mutated=False).steps[0] for name in "abcdef"}


def test_a_bent_field_costs_what_it_did_on_the_same_side_of_its_usual_value():
    clock = Clock(USUAL)
    usual = numbers("a", 100, mutated=False)
    clock.note(numbers("a", 200, field="value"), ran(usual, 0.5))
    clock.note(numbers("a", 1, field="value"), ran(usual, 0.01))
    assert clock.expected(numbers("a", 65535, field="value")) == pytest.approx(0.5)
    assert clock.expected(numbers("a", 0, field="value")) == pytest.approx(0.01)
    assert clock.place(numbers("a", 101, field="value")) == ("toy", "a", "value", "more")
    assert clock.place(numbers("a", 99)) == ("toy", "a", "value", "less")
    assert clock.place(numbers("a", 100, other=9)) == ("toy", "a", "other", "more")
    assert clock.place(numbers("a", 100, size=8, field="value")) == ("toy", "a", "value", "longer")
    assert clock.place(numbers("new", 100)) == ("toy", "new", "something", "other")
    assert clock.place(usual) == ("toy", "a", "", "")


def test_what_nobody_tried_is_expected_to_cost_what_its_field_did_elsewhere_the_more_often_that_was_seen():
    clock, usual = Clock(USUAL), numbers("a", 100, mutated=False)
    seen = []
    for name in "abc":
        clock.note(numbers(name, 200, field="value"), ran(usual, 0.4))
        seen.append(clock.expected(numbers("d", 200, field="value")))
    assert seen == sorted(seen) and 0.3 < seen[0] < seen[2] < 0.4
    for name in "abcde":
        clock.note(numbers(name, 100, other=9, field="other"), ran(usual, 0.01))
    assert clock.expected(numbers("f", 100, other=9, field="other")) < 0.05
    assert clock.expected(numbers("d", 200, field="value")) > 0.3


def test_what_is_bent_is_expected_to_cost_as_much_as_the_message_as_it_stands():
    clock, usual = Clock(USUAL), numbers("a", 100, mutated=False)
    clock.note(usual, ran(usual, 2.0))
    assert clock.expected(numbers("a", 100, other=9, field="other")) == pytest.approx(2.0)
    assert clock.expected(numbers("b", 100, other=9, field="other")) == 0.0


def test_one_message_that_nobody_has_seen_is_tried_and_of_several_each_is_expected_to_cost_what_others_do():
    clock = Clock()
    clock.note(made(message(b"a")), ran(made(message(b"a")), 0.5))
    assert clock.expected(made(message(b"new"))) == 0.0
    assert clock.expected(made(message(b"a"), message(b"new"))) == pytest.approx(0.5)
    assert clock.expected(made(*[message(b"new")] * 3)) == pytest.approx(1.5)


def test_the_way_back_to_service_is_the_bent_messages_cost():
    clock = Clock()
    case = made(message(b"a"), Send("b", b"<x>", mutated=True), field="f")
    clock.note(case, ran(case, 0.1, 0.1, behind=3.0))
    assert (clock.expected(made(message(b"a"))), clock.expected(bent("b", "f"))) == (
        pytest.approx(0.1),
        pytest.approx(3.1),
    )


def test_what_the_messages_behind_a_bent_one_take_longer_than_they_do_is_the_bent_ones_cost():
    clock = Clock()
    a = made(message(b"a"))
    clock.note(a, ran(a, 0.1))
    case = made(Send("b", b"<x>", mutated=True), message(b"a"), message(b"new"), field="f")
    clock.note(case, ran(case, 0.02, 1.1, 0.3))
    assert clock.expected(a) == pytest.approx(0.1)
    assert clock.expected(made(message(b"new"))) == pytest.approx(0.3)
    assert clock.expected(bent("b", "f")) == pytest.approx(1.02)


def test_what_takes_ten_times_as_long_is_costly_and_where_all_take_long_nothing_is():
    clock = Clock()
    quick(clock)
    slow = made(message(b"slow"))
    assert not clock.is_costly(slow)
    clock.note(slow, ran(slow, 0.5))
    assert clock.is_costly(slow) and not clock.is_costly(made(message(b"1", "quick")))
    lazy = Clock()
    quick(lazy, seconds=0.1)
    lazy.note(slow, ran(slow, 0.5))
    assert not lazy.is_costly(slow)


def test_a_fifth_of_a_second_is_never_costly():
    clock = Clock()
    quick(clock)
    case = made(message(b"slow"))
    clock.note(case, ran(case, 0.19))
    assert not clock.is_costly(case)


def spent(order, sparing, seconds, limit):
    """Runs the cases in the order that sparing gives them, each as long as its name says; seconds by name."""
    took = {}
    for planned in order:
        name = planned.case.messages[0]
        sparing.took(planned.case, ran(planned.case, seconds[name]))
        took[name] = took.get(name, 0.0) + seconds[name]
        if sum(took.values()) > limit:
            break
    return took


def test_slow_and_quick_cases_have_half_of_the_time_each_and_nothing_is_lost():
    seconds = {"slow": 1.0, "quick": 0.002}
    cases = [Planned(None, made(message(b"%d" % n, "slow" if n % 2 else "quick")), n) for n in range(40_000)]
    sparing = Sparing()
    took = spent(sparing.ordered(cases), sparing, seconds, 50.0)
    assert took["quick"] == pytest.approx(took["slow"], rel=0.3)
    few, sparing = cases[:40], Sparing()
    order = []
    for planned in sparing.ordered(few):
        sparing.took(planned.case, ran(planned.case, seconds[planned.case.messages[0]]))
        order.append(planned.place)
    assert (sorted(order), sparing.waiting) == (list(range(40)), 0)
    assert order != sorted(order)


def test_what_waits_has_a_share_of_the_time_beside_what_nobody_knew_to_take_long():
    """On a slow device there is always a field or message that nobody has seen: it must not starve all the others."""
    seconds = defaultdict(lambda: 1.0, quick=0.002)
    names = [("slow", f"new {n}", *["quick"] * 28)[n % 30] for n in range(30_000)]
    cases = [Planned(None, made(message(b"%d" % n, name)), n) for n, name in enumerate(names)]
    sparing = Sparing()
    took = spent(sparing.ordered(cases), sparing, seconds, 100.0)
    assert 12.0 < took["slow"] < 19.0 < sum(took.values()) - took["slow"] - took["quick"]


def test_where_too_many_wait_one_of_most_is_left_out_and_counted_and_what_is_quick_goes_on(monkeypatch):
    monkeypatch.setattr("harness.sparing._MOST_WAITING", 3)
    sparing, order = Sparing(), []
    for name, seconds in (*[("quick", 0.001)] * 30, ("long", 900.0), ("short", 500.0)):
        case = made(message(b"x", name))
        sparing.took(case, ran(case, seconds))
    names = ("long", "long", "long", "short", "long", "quick", "quick")
    cases = [Planned(None, made(message(b"%d" % n, name)), n) for n, name in enumerate(names)]
    for planned in sparing.ordered(cases):
        sparing.took(planned.case, ran(planned.case, 0.0))
        order.append(planned.case.messages[0])
        if len(order) == 2:
            assert (order, sparing.waiting) == (["quick", "quick"], 5)
    assert sorted(order) == ["long", "long", "quick", "quick", "short"]
    assert (sparing.waiting, sparing.state().left_out) == (2, 2)


def test_the_cheapest_of_the_costly_ones_come_first():
    sparing = Sparing()
    for name, seconds in (("long", 9.0), ("short", 1.0), *[("quick", 0.001)] * 30):
        case = made(message(b"x", name))
        sparing.took(case, ran(case, seconds))
    cases = [Planned(None, made(message(b"%d" % n, name)), n) for n, name in enumerate(("long", "short", "short"))]
    assert [planned.case.messages[0] for planned in sparing.ordered(cases)] == ["short", "short", "long"]


def test_what_waits_and_what_was_learned_is_there_again_when_a_run_goes_on():
    sparing = Sparing()
    for name, seconds in (("slow", 5.0), *[("quick", 0.001)] * 30):
        case = made(message(b"x", name))
        sparing.took(case, ran(case, seconds))
    cases = {n: Planned(None, made(message(b"%d" % n, "slow" if n < 3 else "quick")), n) for n in range(5)}
    order = sparing.ordered(cases.values())
    assert [next(order).place for _ in range(2)] == [3, 4]
    again = Sparing()
    again.restore(sparing.state(), cases)
    assert again.waiting == sparing.waiting == 3
    assert sorted(planned.place for planned in again.ordered(())) == [0, 1, 2]
    assert again.state().costs == sparing.state().costs


def test_what_is_not_thought_to_take_long_any_more_waits_no_longer():
    sparing = Sparing(USUAL)
    usual = [numbers("a", 100, other=n, mutated=False) for n in range(200)]
    for case in usual[:40]:
        sparing.took(case, ran(case, 0.001))
    for name in "bcd":
        sparing.took(numbers(name, 1, field="value"), ran(numbers(name, 1), 9.0))
    alike = [numbers("a", n, field="value") for n in range(50)]
    order = sparing.ordered([Planned(None, case, n) for n, case in enumerate([*alike, *usual])])
    for _ in range(40):
        assert next(order).case.messages == ("a",) and sparing.waiting == 50
    for case in alike[:4]:
        sparing.took(case, ran(case, 0.001))
    for n in range(60):
        case = next(order).case
        sparing.took(case, ran(case, 0.001))
        assert n < 32 or sparing.waiting < 50
    assert len(list(order)) == 150 and sparing.waiting == 0
