"""Sequence: all ordered pairs in every state, repeats, byte-identical replays, walks with something bent."""

from collections import Counter
from dataclasses import replace
from itertools import islice

import boofuzz
import pytest

from fuzzers import FUZZERS
from fuzzers.chains import needed_stimuli
from fuzzers.moves import again, moves_of
from fuzzers.sequence import SequenceFuzzer
from harness.case import LiveField, Origin, Reconnect, Reset, Send, Stimulate, TestCase, Wait
from harness.interfaces import State
from protocols.load import load_protocol
from protocols.model import Edge, Message, Protocol, messages_by_name
from protocols.wire import Wire

PUMP = load_protocol("pump_link")


def small():
    names = ("hello", "start", "stop")
    messages = messages_by_name(
        Message(
            boofuzz.Request(name, children=(boofuzz.Byte("code", number), boofuzz.Byte("dose", 5))),
            ranges={"dose": (1, 9)},
        )
        for number, name in enumerate(names)
    )
    return Protocol(
        "small",
        messages,
        (Edge("", "hello"), Edge("hello", "start"), Edge("start", "stop")),
        Wire(),
        {"off": State("off", ()), "on": State("on", ())},
        messages["hello"].send(),
        actions={"press": (Stimulate("key", 1), Stimulate("key", 0))},
        waits=(0.1,),
    )


def cases(protocol, count=None, seed=1, **options):
    return list(islice(SequenceFuzzer(protocol, "link", seed=seed, **options).cases(), count))


def kinds(found):
    return Counter(case.origin.mutation.split(":")[0] for case in found)


def test_all_ordered_pairs_of_messages_come_early_in_every_state():
    found = cases(small(), 400)
    pairs = {(case.state, *case.messages) for case in found if case.origin.mutation.startswith("pair:")}
    wanted = {(state, a, b) for state in ("off", "on") for a in small().messages for b in small().messages}
    assert wanted <= pairs


def test_pairs_vary_their_values_within_the_declared_range():
    doses = {step.data[1] for case in cases(small(), 400) for step in case.steps if isinstance(step, Send)}
    assert {1, 5, 9} <= doses


@pytest.mark.parametrize("name", ["pump_link", "pump_hl7"])
def test_every_kind_comes_in_the_first_hundred(name):
    wanted = {"pair", "repeat", "replay", "replay later", "pair out of place", "triple", "walk"} | {
        "at once",
        "pair at once",
        "cut off",
    }
    assert set(kinds(cases(load_protocol(name), 100))) - {"transaction"} == wanted


def test_the_same_seed_gives_the_same_cases_and_another_seed_others():
    first, second, other = (cases(PUMP, 500, seed) for seed in (1, 1, 2))
    assert [case.id for case in first] == [case.id for case in second]
    assert len({case.id for case in first} & {case.id for case in other}) < 50


def test_a_replay_repeats_the_bytes_of_an_earlier_step():
    replays = [case for case in cases(PUMP, 600) if "replay" in case.origin.mutation]
    assert replays
    for case in replays:
        last = case.steps[-1]
        assert isinstance(last, Send)
        original = case.steps[last.replay_of]
        assert isinstance(original, Send)
        assert (original.message, original.replay_of) == (last.message, -1)


def test_a_replay_is_another_case_than_a_second_send():
    send = small().message("start").send()
    first, second = (TestCase("link", "on", (send, last), Origin("x")) for last in (send, again((send,), 0)))
    assert first.id != second.id


def test_messages_go_out_at_once_and_only_the_last_is_waited_for():
    found = [case for case in cases(small(), 600) if "at once" in case.origin.mutation]
    waits = {tuple(step.wait for step in case.steps if isinstance(step, Send)) for case in found}
    assert waits == {(False, True), (False, False, True)}
    alike = [case for case in found if case.origin.mutation.startswith("at once")]
    assert alike and all(len({step.data for step in case.steps}) == 1 for case in alike)
    assert {(a, b) for a, b in (case.messages[:2] for case in found)} == {
        (a, b) for a in small().messages for b in small().messages
    }


def test_a_connection_is_closed_while_the_answer_is_on_its_way_where_the_device_sees_that():
    found = [case for case in cases(small(), 600) if case.origin.mutation.startswith("cut off")]
    assert {(case.state, *case.messages) for case in found} == {
        (state, *[name] * times) for state in ("off", "on") for name in small().messages for times in (1, 3)
    }
    for case in found:
        *messages, closed = case.steps
        assert (any(message.wait for message in messages), closed) == (False, Reconnect())
    assert not any("cut off" in case.origin.mutation for case in cases(small(), 600, connects=False))


def test_a_message_that_is_not_waited_for_makes_another_case():
    send = small().message("start").send()
    waited, not_waited = (TestCase("link", "on", (replace(send, wait=w), send), Origin("x")) for w in (True, False))
    assert waited.id != not_waited.id
    assert TestCase("link", "on", (send, send), Origin("x")).id == waited.id


def test_the_ids_of_stored_cases_stay():
    send = Send("start", b"abc", (LiveField("x", 1, 1),))
    steps = (send, Wait(1.0), Reconnect(), Reset(), Stimulate("key", 1.0), Send("start", b"", replay_of=0))
    assert TestCase("link", "on", steps, Origin("x")).id == "8be18136146f0f19"


def test_only_what_was_sent_can_be_repeated():
    with pytest.raises(ValueError, match="step 0"):
        again((Wait(1.0),), 0)


def test_walks_are_bent_in_every_way():
    walks = [case for case in cases(PUMP, 3000) if case.origin.mutation.startswith("walk")]
    told = " ".join(case.origin.mutation for case in walks)
    for bend in ("without", "times", "swapped", "bytes of one message again", "bent", "put in"):
        assert bend in told
    assert max(len(case.steps) for case in walks) > 6
    assert any(step.mutated for case in walks for step in case.steps if isinstance(step, Send))


def test_actions_pauses_and_reconnects_take_part():
    steps = {type(step) for case in cases(PUMP, 1000) for step in case.steps}
    assert steps == {Send, Stimulate, Wait, Reconnect}


def test_nothing_is_stimulated_that_the_bench_does_not_have():
    found = cases(PUMP, 2000, stimuli={"air"})
    assert needed_stimuli(step for case in found for step in case.steps) <= {"air"}


def test_moves_know_where_they_can_succeed():
    moves = {move.name: move for move in moves_of(PUMP, tuple(PUMP.states), None)}
    assert "idle" not in moves["bolus"].natural
    assert "infusing" in moves["bolus"].natural
    assert moves["status"].natural == set(PUMP.states)
    assert [step.message for step in moves["library_commit"].steps(0)] == [
        "library_begin",
        "library_part",
        "library_commit",
    ]


def test_the_forecast_counts_pairs_triples_and_walks():
    protocol = small()
    moves = len(moves_of(protocol, tuple(protocol.states), None))
    assert SequenceFuzzer(protocol, "link").forecast() > 2 * moves**2 + 2 * moves**3 + 100_000


def test_the_finite_part_has_no_duplicates_by_plan():
    fuzzer = FUZZERS.get("sequence")(small(), "link", ["on"], 1)
    found = [case for case in islice(fuzzer.cases(), 4000) if case.origin.mutation.startswith("triple")]
    assert len({case.origin.mutation for case in found}) == len(found) == 6**3


def test_transactions_are_damaged_in_every_way():
    found = [case for case in cases(PUMP, 3000) if case.origin.mutation.startswith("transaction")]
    told = " ".join(case.origin.mutation for case in found)
    for damage in ("without", "bent", "swapped", "doubled", "then again"):
        assert damage in told
    assert {case.steps[-1].message for case in found} >= {"prove", "library_commit", "update_commit"}
