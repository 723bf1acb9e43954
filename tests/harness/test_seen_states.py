"""States that a device tells of become a graph: declared ones, others by their values, and what led to them."""

import pytest
from toy import ToyProtocol, case, message

from harness.case import Stimulate, Wait
from harness.interfaces import Mark, State
from harness.seen_states import (
    BY_ITSELF,
    ELSEWHERE,
    MOST_PASSAGES,
    MOST_STATES,
    RESTARTED,
    Passage,
    SeenState,
    StateGraph,
    StateWatcher,
    joined,
)
from harness.serialize import dumps, loads
from harness.transcript import Exchange, TargetEvent, Transcript

GO, LOGIN = message(b"g", "go"), message(b"l", "login")


class WithLogin(ToyProtocol):
    marks = {"login": frozenset({Mark.AUTHENTICATION})}
    states = {
        "idle": State("idle", (), {"state": "i"}),
        "in": State("in", (LOGIN,), {"state": "s"}),
        "chief": State("chief", (LOGIN, LOGIN), {"state": "s"}),
    }


class Mute(ToyProtocol):
    states = {"idle": State("idle", ())}


def said(name, *replies):
    return Exchange(name, b"<x>", replies, (), b"", 0.0, 0.1, bool(replies))


def probed(state):
    return said("probe", f"<P{state}1,2>".encode())


def run(watcher, one, *exchanges, number=1, **changes):
    watcher.add(number, one, Transcript(one.id, exchanges, 0.0, 1.0, **changes), number / 10)
    return watcher.graph()


def passages(graph):
    return [(p.source, p.by, p.outcome, p.target, p.behind, p.times) for p in graph.passages]


def states(graph):
    return {state.name: (state.declared, state.times, state.stayed) for state in graph.states}


def test_the_probe_tells_what_a_message_led_to():
    watcher = StateWatcher(ToyProtocol())
    run(watcher, case(GO), said("go", b"<G>"), probed("s"))
    graph = run(watcher, case(GO), said("go", b"<G>"), probed("s"), number=7)
    assert passages(graph) == [("idle", "go", "accepted", "in", False, 2)]
    assert states(graph) == {"idle": (True, 2, 0), "in": (True, 2, 0)}
    assert (graph.states[1].first, graph.states[1].seconds) == (1, 0.1)


def test_what_nobody_declared_is_named_by_its_values():
    graph = run(StateWatcher(ToyProtocol()), case(GO), said("go"), probed("z"))
    assert passages(graph) == [("idle", "go", "unanswered", "state z", False, 1)]
    assert states(graph)["state z"] == (False, 1, 0)


def test_what_changes_nothing_is_counted_with_the_state():
    graph = run(StateWatcher(ToyProtocol()), case(GO), said("go", b"<G>"), probed("i"))
    assert graph.passages == ()
    assert states(graph) == {"idle": (True, 1, 1)}


def test_a_state_that_is_not_told_is_not_guessed():
    graph = run(StateWatcher(ToyProtocol()), case(GO), said("go", b"<G>"))
    assert (graph.passages, states(graph)) == ((), {"idle": (True, 1, 0)})


def test_of_several_things_the_last_is_named_with_the_others_behind():
    watcher = StateWatcher(ToyProtocol())
    once = case(GO, Stimulate("key", 1.0), Wait(0.1), Stimulate("key", 0.0))
    assert passages(run(watcher, once, said("go", b"<G>"), probed("s"))) == [("idle", "key", "", "in", True, 1)]
    again = case(GO, GO, Wait(0.1), GO)
    graph = run(StateWatcher(ToyProtocol()), again, *[said("go", b"<G>")] * 3, probed("s"))
    assert passages(graph) == [("idle", "go", "accepted", "in", False, 1)]


def test_a_probe_within_a_case_tells_too():
    sent = case(GO, ToyProtocol.probe, message(b"h", "halt"))
    graph = run(StateWatcher(ToyProtocol()), sent, said("go", b"<G>"), probed("s"), said("halt", b"<H>"), probed("i"))
    assert passages(graph) == [
        ("idle", "go", "accepted", "in", False, 1),
        ("in", "halt", "accepted", "idle", False, 1),
    ]


def test_a_restart_is_said_and_so_is_what_came_by_itself():
    crash = TargetEvent("reset", 0.5)
    graph = run(StateWatcher(ToyProtocol()), case(GO, state="in"), said("go"), probed("i"), events=(crash,))
    assert passages(graph) == [("in", "go", RESTARTED, "idle", False, 1)]
    graph = run(StateWatcher(ToyProtocol()), case(Wait(9.0)), probed("s"))
    assert passages(graph) == [("idle", BY_ITSELF, "", "in", False, 1)]


def test_an_accepted_login_is_a_state_until_the_device_tells_another():
    watcher = StateWatcher(WithLogin())
    assert passages(run(watcher, case(LOGIN, LOGIN), *[said("login", b"<L>")] * 2))[0][3] == "idle, after login"
    graph = run(StateWatcher(WithLogin()), case(LOGIN), said("login", b"<L>"), probed("s"))
    assert passages(graph) == [("idle", "login", "accepted", "in or chief", False, 1)]
    told = run(StateWatcher(WithLogin()), case(LOGIN), said("login", b"<L>"), probed("i"))
    assert passages(told) == [("idle", "login", "accepted", "idle, after login", False, 1)]


def test_where_a_session_is_open_another_login_is_no_state():
    graph = run(StateWatcher(WithLogin()), case(LOGIN, state="chief"), said("login", b"<L>"), probed("s"))
    assert states(graph) == {"chief": (True, 1, 1)}
    assert run(StateWatcher(WithLogin()), case(LOGIN), said("login")).passages == ()


def test_where_no_state_is_told_the_last_answer_stands_for_it():
    graph = run(StateWatcher(Mute()), case(GO, GO, GO), said("go", b"<G>"), said("go"), said("go"), probed("s"))
    assert passages(graph) == [
        ("idle", "go", "accepted", "idle: accepted", False, 1),
        ("idle: accepted", "go", "unanswered", "idle: unanswered", False, 1),
    ]
    assert states(graph)["idle: unanswered"] == (False, 1, 1)


def test_a_case_that_did_not_reach_its_state_says_nothing():
    graph = run(StateWatcher(ToyProtocol()), case(GO), said("go", b"<G>"), probed("s"), state_reached=False)
    assert graph == StateGraph()


def test_a_device_that_tells_ever_other_states_fills_nothing():
    watcher = StateWatcher(ToyProtocol())
    for sign in range(0x30, 0x30 + MOST_STATES + 9):
        graph = run(watcher, case(GO), said("go", b"<G>"), probed(chr(sign)))
    assert graph.states[-1].name == ELSEWHERE
    assert len(graph.states) == MOST_STATES + 1
    for number in range(MOST_PASSAGES + 9):
        graph = run(watcher, case(message(b"g", f"go {number}")), said(f"go {number}", b"<G>"), probed("s"))
    assert len(graph.passages) == MOST_PASSAGES
    assert graph.left_out > 0


@pytest.mark.parametrize("split", [0, 1, 2, 3])
def test_a_graph_that_was_written_down_grows_on(split):
    told = ["s", "z", "s", "i"]
    whole, first, second = (StateWatcher(WithLogin()) for _ in range(3))
    for number, state in enumerate(told, 1):
        for watcher in (whole, first if number <= split else second):
            if watcher is second and number == split + 1:
                second.restore(loads(StateGraph, dumps(first.graph())))
            run(watcher, case(GO), said("go", b"<G>"), probed(state), number=number)
    assert second.graph() == whole.graph()


def test_what_two_workers_saw_is_one_graph():
    one = StateGraph((SeenState("idle", True, 1, 0.1, 3, 2),), (Passage("idle", "go", "", "on", False, 5, 0.5, 2),), 1)
    on = SeenState("on", True, 2, 0.2, 1)
    two = StateGraph((on, SeenState("idle", True, 4, 0.4, 1, 1)), (Passage("idle", "go", "", "on", False, 2, 0.2),), 2)
    whole = joined([one, two])
    assert whole.states == (SeenState("idle", True, 1, 0.1, 4, 3), on)
    assert whole.passages == (Passage("idle", "go", "", "on", False, 2, 0.2, 2),)
    assert (whole.left_out, joined([one]), joined([])) == (3, one, StateGraph())
