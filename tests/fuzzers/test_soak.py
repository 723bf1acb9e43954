"""Cases that repeat: what they are made of, how often, and for whom."""

import itertools
from dataclasses import replace

import pytest

from fuzzers import FUZZERS
from fuzzers.registry import fuzzers_for
from fuzzers.soak import BLOCKS, CONNECTIONS, LEAST, SoakFuzzer
from harness.case import Reconnect, Send, Wait
from harness.errors import UsageError
from harness.monitors.resources import repetition_of
from protocols.hl7_listener import PROTOCOL as LISTENER
from protocols.load import load_protocol
from protocols.modbus import modbus_tcp

MODBUS = modbus_tcp()
KINDS = ("connections", "messages", "connections, half of them silent", "cut short", "bent", "messages, very often")


def soak(protocol=MODBUS, most=1 << 20, seed=1):
    return SoakFuzzer(protocol, "main", (), seed, max_case_bytes=most)


def first_of(kind, **options):
    return next(case for case in soak(**options).cases() if case.origin.mutation.startswith(f"{kind}: "))


def test_each_kind_comes_in_the_first_round():
    kinds = [case.origin.mutation.partition(": ")[0] for case in itertools.islice(soak().cases(), len(KINDS))]
    assert kinds == list(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_case_repeats_in_blocks_with_pauses_between_and_the_monitor_counts_the_same(kind):
    case = first_of(kind)
    repeated = repetition_of(case)
    assert sum(isinstance(step, Wait) for step in case.steps) == BLOCKS
    assert repeated.times >= LEAST and str(repeated.times) in case.origin.mutation
    connections = {"connections": 1, "connections, half of them silent": 2, "cut short": 2, "bent": 2}
    assert repeated.connections == connections.get(kind, 0)
    assert repeated.bent == (kind in ("cut short", "bent"))


def test_what_is_bent_or_cut_is_not_waited_for_and_the_next_connection_is():
    for kind in ("cut short", "bent"):
        case = first_of(kind)
        sends = [step for step in case.steps if isinstance(step, Send)]
        assert {(step.mutated, step.wait) for step in sends} == {(True, False), (False, True)}
        assert sum(isinstance(step, Reconnect) for step in case.steps) == 2 * CONNECTIONS + BLOCKS


def test_a_message_that_is_cut_short_keeps_no_field_that_is_not_there():
    for case in itertools.islice(soak().cases(), 200):
        for step in case.steps:
            if isinstance(step, Send):
                assert all(one.offset + one.length <= len(step.data) for one in (*step.live, *step.spans))


@pytest.mark.parametrize("most", [8192, 65536, 1 << 20])
def test_no_case_has_more_bytes_than_one_may_have(most):
    for case in itertools.islice(soak(most=most).cases(), 300):
        assert sum(len(step.data) for step in case.steps if isinstance(step, Send)) <= most


def test_the_same_seed_gives_the_same_cases_and_as_many_as_were_forecast():
    assert [case.id for case in soak().cases()] == [case.id for case in soak().cases()]
    assert len(list(soak().cases())) == soak().forecast()


def test_a_bench_gets_it_where_it_is_known_what_a_program_uses_or_where_it_asks():
    assert "soak" in fuzzers_for(MODBUS, measured=True) and "soak" not in fuzzers_for(MODBUS)
    assert "soak" in FUZZERS and "soak" not in fuzzers_for(LISTENER, measured=True)
    with pytest.raises(UsageError, match="'soak' is for protocols in which we speak first"):
        soak(LISTENER)
    carried = replace(MODBUS, procedures={"reconnect": (Reconnect(),)})
    assert "soak" not in fuzzers_for(carried, measured=True)


@pytest.mark.parametrize("name", ["hl7_mllp", "dicom", "astm_host", "medibus", "sdc", "http"])
def test_every_shipped_protocol_can_be_soaked(name):
    fuzzer = soak(load_protocol(name))
    assert [plan.kind for plan in fuzzer._plans if plan.count] and fuzzer.forecast() > 5


def test_on_a_line_there_are_only_messages():
    fuzzer = SoakFuzzer(MODBUS, "main", (), 1, max_case_bytes=1 << 20, connects=False)
    assert {case.origin.mutation.partition(": ")[0] for case in fuzzer.cases()} == {"messages", "messages, very often"}
