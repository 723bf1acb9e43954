"""Guided: what is new is kept and mutated, the same for the same seed and feedback, and to be gone on with."""

from dataclasses import replace
from itertools import islice
from random import Random

import boofuzz
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzzers.bends import MOST_STEPS, Bender, put, take
from fuzzers.corpus import Corpus
from fuzzers.guided import GuidedFuzzer
from fuzzers.moves import moves_of
from fuzzers.registry import fuzzers_for
from harness.case import Origin, Send, TestCase, Wait
from harness.deck import Deck
from harness.interfaces import Frame, FrameKind, State
from harness.learned import Words
from harness.novelty import Novelty, NoveltyState
from harness.outcome import Measures, News, Outcome
from harness.serialize import dumps, loads
from harness.temporal.statistics import Exercise, Watched
from harness.transcript import Exchange, Transcript
from protocols.load import load_protocol
from protocols.model import Message, Protocol, edges_of, messages_by_name
from protocols.wire import Wire

PUMP = load_protocol("pump_link")
NUMBERS = Words((0xCAFE, 77), (b"open sesame",))


class Codes(Wire):
    """A reply is a code and a counter."""

    def split(self, buffer):
        fields = {"code": buffer[0], "count": buffer[1]} if len(buffer) == 2 else {}
        return (Frame(FrameKind.REPLY, buffer, fields),), b""

    def refuses(self, frame):
        return frame.fields.get("code") == 9


def request(name):
    fields = (boofuzz.Byte("code", 1), boofuzz.Word("dose", 5), boofuzz.String("name", "drug", max_len=40))
    return boofuzz.Request(name, children=fields)


def small():
    messages = messages_by_name(Message(request(name)) for name in ("hello", "start", "stop"))
    states = {"off": State("off", ()), "on": State("on", ())}
    edges = edges_of(["hello"], [("hello", "start"), ("start", "stop")])
    return Protocol("small", messages, edges, Codes(), states, messages["hello"].send(), waits=(0.1,))


def outcome(*replies, edges=0, margins=(), reached=True):
    news = News(edges)
    exchanges = tuple(Exchange(name, b"x", (reply,), (), b"", 0.0, 0.1, True) for name, reply in replies)
    watched = Watched(1.0, {name: Exercise(1, 1.0, 0.0, 0, margin) for name, margin in margins})
    return Outcome(Transcript("c", exchanges, 0.0, 0.1, state_reached=reached), (), Measures(edges, watched, news))


def fuzzer(**options):
    return GuidedFuzzer(small(), "link", seed=1, **options)


def sent(message, data=b"\1"):
    return Send(message, data)


def test_classes_of_replies_leave_out_what_counts_up():
    novelty = Novelty(small())
    news = [novelty.of("off", outcome(("hello", bytes([0, count])))) for count in range(60)]
    assert news[0].replies == 3
    assert not any(news[30:])
    assert novelty.of("off", outcome(("hello", b"\1\77"))).replies == 1
    assert novelty.of("off", outcome(("start", b"\1\77"))).replies == 3
    assert novelty.of("off", outcome(("start", b"no frame"))).replies == 3


def test_a_refusal_is_another_outcome():
    novelty = Novelty(small())
    assert [novelty.of("off", outcome(("hello", bytes([code, 1])))).orders for code in (0, 0, 9, 9)] == [1, 0, 1, 0]


def test_an_order_of_replies_is_new_once_and_by_state():
    novelty = Novelty(small())
    row = outcome(("hello", b"\0\0"), ("start", b"\0\0"))
    first, again, elsewhere = novelty.of("off", row), novelty.of("off", row), novelty.of("on", row)
    assert (first.replies, first.orders, bool(again), elsewhere.replies, elsewhere.orders) == (6, 2, False, 0, 1)


def test_what_one_case_alone_has_shown_is_counted():
    novelty = Novelty(small())
    rows = [outcome(("hello", b"\0\0")), outcome(("stop", b"\0\0")), outcome(("hello", b"\0\0"))] * 2
    assert [novelty.of("off", row).once for row in rows] == [4, 4, -4, 0, -4, 0]


def test_novelty_goes_on_from_what_was_seen():
    one, other = Novelty(small()), Novelty(small())
    rows = [outcome(("hello", bytes([code % 3, code])), margins=[("R", 1 / (1 + code))]) for code in range(40)]
    for row in rows[:20]:
        one.of("off", row)
    other.restore(loads(NoveltyState, dumps(one.state())))
    assert [one.of("off", row) for row in rows[10:]] == [other.of("off", row) for row in rows[10:]]


def test_requirements_that_are_nearer_are_told_in_the_same_order_however_they_were_counted():
    margins = [("R-2", 0.5), ("R-1", 0.4)]
    for counted in (margins, margins[::-1]):
        assert Novelty(small()).of("off", outcome(margins=counted)).nearer == ("R-1", "R-2")


def test_a_requirement_that_is_nearer_to_violation_is_news():
    novelty = Novelty(small())
    rows = [novelty.of("off", outcome(margins=[("R-1", margin)])).nearer for margin in (0.5, 0.6, 0.5, 0.2)]
    assert rows == [("R-1",), (), (), ("R-1",)]


def test_new_edges_are_news():
    assert Novelty(small()).of("off", outcome(edges=3)).edges == 3


def test_what_bears_fruit_is_chosen_more_often_than_what_does_not():
    corpus, random = Corpus(), Random(1)
    for name in ("dull", "rich"):
        corpus.add(TestCase("link", name, (), Origin("test")), 1.0)
    for _ in range(2000):
        chosen = corpus.choose(random)
        chosen.fruits += chosen.case.state == "rich"
    dull, rich = (entry.chosen for entry in corpus.entries)
    assert rich > 5 * dull > 0


def test_what_is_nearest_to_a_violation_has_its_share():
    corpus, random = Corpus(), Random(1)
    for number in range(200):
        corpus.add(TestCase("link", str(number), (), Origin("test")), 8.0)
    corpus.add(TestCase("link", "near", (), Origin("test")), 0.5, ("R-1",))
    assert sum(corpus.choose(random).case.state == "near" for _ in range(1000)) > 200


def test_children_of_what_showed_something_come_soon():
    one = fuzzer()
    cases = one.cases()
    next(cases)
    special = TestCase("link", "on", (sent("stop"), Wait(0.7), sent("stop")), Origin("other"))
    one.learn(special, outcome(("stop", b"\7\0"), edges=4))
    assert any(Wait(0.7) in case.steps for case in islice(cases, 200))


@pytest.mark.parametrize("dull", [outcome(reached=False, edges=9), replace(outcome(edges=9), observations=["fault"])])
def test_what_did_not_reach_its_state_and_what_is_a_fault_is_not_kept(dull):
    one = fuzzer()
    one.learn(TestCase("link", "on", (sent("stop"),), Origin("other")), dull)
    assert one.state().kept == ()


def test_the_same_seed_and_feedback_deal_the_same_cases():
    def dealt():
        one, novelty, found = fuzzer(), Novelty(small()), []
        for case in islice(one.cases(), 300):
            found.append(case.id)
            replies = [(step.message, step.data[:2]) for step in case.steps if isinstance(step, Send)]
            one.learn(case, Outcome(outcome().transcript, (), Measures(news=novelty.of("", outcome(*replies)))))
        return found

    assert dealt() == dealt()


@settings(deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=150), st.integers(1, 100))
def test_another_run_goes_on_with_the_same_cases(news, later):
    """Feedback comes at any time behind its case, as where cases are put off."""
    one, other = fuzzer(), fuzzer()
    deck, again = (Deck([each], pytest.fail, saves=False) for each in (one, other))
    waiting = []
    for number, new in enumerate(news):
        waiting.append((next(deck).case, new))
        if number % 3 == 0:
            for case, edges in waiting:
                one.learn(case, outcome(edges=int(edges)))
            waiting.clear()
    again.skip(deck.state(), ())
    for _ in range(later):
        case = next(deck).case
        assert case.id == next(again).case.id
        for each in (one, other):
            each.learn(case, outcome(edges=1))


@pytest.mark.parametrize("protocol", [small(), PUMP], ids=["small", "pump"])
def test_every_mutation_is_used_says_what_it_did_and_can_be_sent(protocol):
    moves = moves_of(protocol, tuple(protocol.states), None)
    bender, random, said = Bender(protocol, moves, 1, 64, NUMBERS), Random(5), set()
    steps = moves[0].steps(0)
    for _ in range(3000):
        bent, words = bender.bent(steps, moves[1].steps(0), random)
        said |= {part.split()[-1] for part in words.split("; ") if part}
        assert len(bent) <= MOST_STEPS
        assert all(-1 <= step.replay_of < index for index, step in enumerate(bent) if isinstance(step, Send))
        steps = bent or steps
    assert {"bent", "again", "swapped", "usual", "times", "s", "behind", "in", "bytes"} <= said


def test_what_a_program_compares_with_is_said_to_it():
    protocol = small()
    bender, random = Bender(protocol, moves_of(protocol, ("off",), None), 1, 64, NUMBERS), Random(1)
    rows = [bender.bent([protocol.message("start").send()], (), random)[0] for _ in range(400)]
    made = b"".join(step.data for steps in rows for step in steps if isinstance(step, Send))
    assert b"\xfe\xca" in made and b"open sesame" in made


def test_a_changed_field_stays_beside_the_next_one():
    protocol = small()
    bender = Bender(protocol, moves_of(protocol, ("off",), None), 1, 64, NUMBERS)
    steps = [protocol.message("start").send(dose=9)]
    for number in range(60):
        Bender.length(bender, steps, Random(number))
    assert {part.name for part in protocol.parts(steps[0])} == {"dose", "name"}


def replaying(steps):
    return [step.replay_of for step in steps if isinstance(step, Send)]


def test_what_repeats_an_earlier_step_follows_it():
    steps = [sent("a"), sent("b"), Send("a", b"\1", replay_of=0)]
    put(steps, 0, [Wait(1.0), sent("c")])
    assert replaying(steps) == [-1, -1, -1, 2]
    take(steps, 0)
    assert replaying(steps) == [-1, -1, -1, 1]
    take(steps, 1)
    assert replaying(steps) == [-1, -1, -1]


def test_no_case_is_longer_than_the_bench_allows():
    one = fuzzer(max_case_bytes=20)
    found = list(islice(one.cases(), 300))
    assert len(found) == 300
    assert all(sum(len(s.data) for s in case.steps if isinstance(s, Send)) <= 20 for case in found)


def test_words_come_from_the_bench():
    assert GuidedFuzzer(small(), "link", words=NUMBERS)._bender.words == NUMBERS


def test_it_is_there_unasked_for_firmware_that_nobody_described():
    usual = fuzzers_for(PUMP)
    assert "guided" not in usual
    assert set(fuzzers_for(PUMP, looked_at=True)) == {*usual, "guided"}
