"""Procedures: each alone, between messages, right behind one, in a walk, and two at once; the same each time."""

from collections import Counter
from dataclasses import replace
from itertools import islice

import pytest

from fuzzers import FUZZERS
from fuzzers.registry import fuzzers_for
from harness.case import Procedure, Send
from harness.errors import UsageError
from harness.transports.ble_procedures import offered
from protocols.load import load_protocol

ATT = replace(load_protocol("att"), procedures=offered(pairs=True))
KINDS = ("alone", "between", "right behind", "in a walk", "collision")


def cases(count=None, seed=1, protocol=ATT):
    return list(islice(FUZZERS.get("procedures")(protocol, "link", seed=seed).cases(), count))


def kind(case):
    return case.origin.mutation.split(":")[0]


def test_every_kind_comes_in_the_first_round_and_the_forecast_is_what_comes():
    assert set(map(kind, cases(12))) == set(KINDS)
    found = cases()
    assert len(found) == FUZZERS.get("procedures")(ATT, "link").forecast()
    assert set(Counter(map(kind, found))) == set(KINDS)


def test_every_procedure_is_made_alone_and_with_every_other_at_once():
    found = cases()
    alone = {case.origin.mutation for case in found if kind(case) == "alone"}
    assert alone == {f"alone: {name}" for name in ATT.procedures}
    assert sum(kind(case) == "collision" for case in found) == len(ATT.procedures) ** 2


def test_right_behind_means_that_the_message_is_not_waited_for():
    for case in cases(400):
        waits = [step.wait for step in case.steps if isinstance(step, Send)]
        assert (False in waits) == (kind(case) == "right behind")


def test_a_procedure_comes_at_every_point_of_a_walk():
    walks = [case for case in cases() if kind(case) == "in a walk" and "cancel_write" in case.messages]
    places = {
        next(n for n, step in enumerate(case.steps) if isinstance(step, Procedure))
        for case in walks
        if [step.name for step in case.steps if isinstance(step, Procedure)] == ["disconnect"]
    }
    assert places == {0, 1, 2}


def test_the_same_seed_gives_the_same_cases_and_another_seed_others():
    first, second, other = cases(300), cases(300), cases(300, seed=2)
    assert [case.id for case in first] == [case.id for case in second]
    assert [case.id for case in first] != [case.id for case in other]
    assert len({case.id for case in first}) > 290


def test_it_is_on_where_there_are_procedures_and_an_error_where_there_are_none():
    plain = load_protocol("att")
    assert "procedures" in fuzzers_for(ATT) and "procedures" not in fuzzers_for(plain)
    with pytest.raises(UsageError, match=r"\[interfaces.link\] fuzzers: 'procedures'"):
        FUZZERS.get("procedures")(plain, "link")
