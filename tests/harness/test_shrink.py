"""Reproducers made smaller against imaginary devices that show a fault by what was sent: the pump's own messages."""

from dataclasses import replace
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_reduce import driven

from fuzzers.sequence import SequenceFuzzer
from harness.case import Origin, Reconnect, Send, Stimulate, TestCase, Wait
from harness.triage.shrink import Shrinker
from protocols.load import load_protocol

LINK = load_protocol("pump_link")
SHRINKER = Shrinker({"main": LINK})
SEQUENCES = tuple(islice(SequenceFuzzer(LINK, "main", seed=5, max_len=64).cases(), 600))


def case(*steps, state="idle"):
    return TestCase("main", state, steps, Origin("test"))


def send(name, **values):
    return LINK.message(name).send(**values)


def played(window):
    """All steps in order, the ways to the states included."""
    return [step for one in window for step in (*LINK.states[one.state].preamble, *one.steps)]


def names(window):
    return [step.message for step in played(window) if isinstance(step, Send)]


def parts(window):
    return {
        (step.message, part.name): part.data
        for step in played(window)
        if isinstance(step, Send)
        for part in LINK.parts(step) or ()
    }


def whole(window):
    """Everything that a minimization asks."""
    window = yield from SHRINKER.shrink(window)
    return (yield from SHRINKER.emptied(window))


def shrunk(window, shows):
    """The smallest window and how many questions it took."""
    found, asked = driven(whole(tuple(window)), lambda w: bool(w) and shows(w))
    return found, len({tuple(one.id for one in candidate) for candidate, _shown in asked})


def after(*wanted):
    """Shows when these messages were sent in this order, others between."""

    def shows(window):
        sent = iter(names(window))
        return all(name in sent for name in wanted)

    return shows


# -- cases, steps, states ----------------------------------------------------------------------------------------------


def test_cases_and_steps_that_are_not_needed_go():
    window = [
        case(send("echo"), send("status")),
        *(case(send("library_list")) for _ in range(12)),
        case(send("library_read"), send("echo")),
    ]
    found, asked = shrunk(window, after("status", "echo"))
    assert [one.messages for one in found] in ([("status",), ("echo",)], [("status", "echo")])
    assert asked < 40


def test_the_simplest_state_that_does_is_taken():
    found, _ = shrunk([case(send("echo"), state="paused")], after("echo"))
    assert [(one.state, one.messages) for one in found] == [("idle", ("echo",))]


def test_a_state_that_is_needed_in_part_becomes_its_messages():
    found, _ = shrunk([case(send("bolus"), state="paused")], after("open_session", "program_rate", "bolus"))
    assert [(one.state, one.messages) for one in found] == [("idle", ("open_session", "program_rate", "bolus"))]


def test_nor_does_it_matter_that_the_simplest_state_has_a_way_of_its_own():
    insulin = load_protocol("insulin")
    shrinker = Shrinker({"main": insulin})
    hello = insulin.message("hello").send()
    found, _ = driven(
        shrinker.shrink((case(hello, state="session"),)),
        lambda w: [step.message for step in (*insulin.states[w[-1].state].preamble, *w[-1].steps)].count("hello") == 2,
    )
    assert [(one.state, one.steps) for one in found] == [("idle", (hello, hello))]
    assert shrinker.size(found).octets == 12


def test_a_state_that_is_needed_whole_stays():
    way = [step.message for step in LINK.states["session"].preamble]
    found, _ = shrunk(
        [case(send("status"), send("bolus"), state="session")], lambda w: w[-1].state == "session" and after("bolus")(w)
    )
    assert [(one.state, names([one])) for one in found] == [("session", [*way, "bolus"])]


def test_what_happens_between_messages_goes_too_and_pauses_grow_short():
    steps = (Stimulate("air", 500.0), send("echo"), Wait(31.0), Reconnect(), send("status"))

    def shows(window):
        waited = sum(step.seconds for step in played(window) if isinstance(step, Wait))
        return after("status")(window) and waited >= 2.65

    found, _ = shrunk([case(*steps)], shows)
    assert found[0].steps == (Wait(2.7), send("status"))


@pytest.mark.parametrize(("kept", "at"), [("echo", 0), ("status", -1)])
def test_bytes_that_go_out_again_still_find_the_step_that_sent_them(kept, at):
    again = replace(send("echo"), replay_of=2)
    found, _ = shrunk([case(send("status"), send("library_list"), send("echo"), again)], after(kept, "echo"))
    (found,) = found
    assert found.messages == (kept, "echo")
    last = found.steps[-1]
    assert last.replay_of in (at, -1)


# -- fields ------------------------------------------------------------------------------------------------------------


def changed(name, **values):
    message = LINK.message(name)
    layout = message.layout
    return message.mutated([layout.change(layout.leaf(field), value) for field, value in values.items()])


def test_fields_that_do_not_matter_go_back_to_what_they_usually_are():
    window = [case(changed("open_session", **{"body.role": 7, "body.peer": b"x" * 60}), state="idle")]
    found, _ = shrunk(window, lambda w: len(parts(w).get(("open_session", "body.peer"), b"")) >= 19)
    assert parts(found) == {("open_session", "body.peer"): b"bench-1bench-1bench"}


def test_two_fields_that_are_both_needed_stay():
    window = [case(changed("set_settings", **{"body.air_limit": 9, "body.volume": 9, "body.brightness": 9}))]

    def shows(w):
        seen = parts(w)
        return {("set_settings", "body.air_limit"), ("set_settings", "body.volume")} <= set(seen)

    found, _ = shrunk(window, shows)
    assert {field for _message, field in parts(found)} == {"body.air_limit", "body.volume"}


@pytest.mark.parametrize(("value", "edge", "shows"), [(2**31, 9990, lambda n: n >= 9990), (1, 17, lambda n: n <= 17)])
def test_a_number_ends_at_its_boundary(value, edge, shows):
    def fault(w):
        rate = parts(w).get(("program_rate", "body.rate"))
        return rate is not None and shows(int.from_bytes(rate, "little"))

    found, asked = shrunk([case(changed("program_rate", **{"body.rate": value}))], fault)
    assert parts(found) == {("program_rate", "body.rate"): edge.to_bytes(4, "little")}
    assert asked < 60


def test_only_the_bytes_that_matter_are_not_plain():
    window = [case(changed("open_session", **{"body.peer": bytes(range(200, 240))}))]
    found, _ = shrunk(window, lambda w: b"\xd5" in parts(w).get(("open_session", "body.peer"), b""))
    ((data),) = parts(found).values()
    assert data.count(b"\xd5") == 1
    assert set(data) <= {0xD5, *b"bench-1"}


def test_a_wrong_length_stays_wrong_where_that_is_the_fault():
    layout = LINK.message("open_session").layout
    wrong = LINK.message("open_session").mutated(
        [layout.change(layout.leaf("body.peer_length"), 200), layout.change(layout.leaf("body.role"), 2)]
    )
    found, _ = shrunk([case(wrong)], lambda w: parts(w).get(("open_session", "body.peer_length"), b"\0")[0] >= 64)
    assert parts(found)["open_session", "body.peer_length"] == b"\x40"
    assert ("open_session", "body.role") not in parts(found)


def test_a_number_of_a_wrong_width_gets_its_own_where_that_does():
    window = [case(changed("echo", **{"body.count": 9}))]
    cut = LINK.composed(window[0].steps[0], [replace(LINK.parts(window[0].steps[0])[0], data=b"")])
    found, _ = shrunk(
        [case(cut)], lambda w: parts(w).get(("echo", "body.count"), b"") >= b"\x48\x00" or w[0].steps[0] == cut
    )
    assert len(parts(found)["echo", "body.count"]) == 2


# -- texts that are left empty -----------------------------------------------------------------------------------------


def test_texts_that_do_not_matter_are_left_empty_at_last():
    found, _ = shrunk([case(send("open_session"), send("prove"))], after("open_session"))
    assert parts(found) == {("open_session", "body.peer"): b""}
    assert LINK.parts(found[0].steps[0])[0].usual == b"bench-1"


def test_a_text_that_is_needed_as_it_is_stays():
    found, _ = shrunk([case(send("open_session"))], lambda w: b"bench-1" in w[0].steps[0].data)
    assert parts(found) == {}


def test_a_text_that_must_hold_something_is_cut_as_short_as_does():
    found, _ = shrunk([case(send("open_session"))], lambda w: b"be" in w[0].steps[0].data)
    assert parts(found) == {("open_session", "body.peer"): b"be"}


# -- laws --------------------------------------------------------------------------------------------------------------

laws = settings(deadline=None, derandomize=True, database=None, max_examples=60)
windows = st.lists(st.sampled_from(SEQUENCES), min_size=1, max_size=5).map(tuple)


def messages(window):
    return SHRINKER.size(window).messages


@laws
@given(windows, st.data())
def test_what_a_fault_needs_is_left_and_a_second_time_finds_nothing(window, data):
    whole = names(window)
    needed = (
        data.draw(st.lists(st.sampled_from(range(len(whole))), min_size=1, max_size=4, unique=True)) if whole else []
    )
    wanted = [whole[n] for n in sorted(needed)]
    found, asked = shrunk(window, after(*wanted))
    assert names(found) == wanted or not wanted
    assert asked <= 400
    assert shrunk(found, after(*wanted))[0] == found


@laws
@given(windows, st.integers(0, 2**32), st.integers(2, 6))
def test_a_fault_of_any_shape_ends_with_one_that_shows_it_and_is_no_longer(window, salt, one_in):
    def shows(candidate):
        """The window itself, and one in some of the others."""
        assert candidate
        assert all(one.steps for one in candidate)
        return candidate == window or hash((salt, *(int(one.id, 16) for one in candidate))) % one_in == 0

    found, asked = driven(whole(window), shows)
    assert shows(found)
    assert messages(found) <= messages(window)
    assert len(asked) <= 5000


def test_a_valid_message_stays_valid_until_something_new_is_put_into_it():
    """Only what a message was bent to is a condition of a fault."""
    valid = replace(changed("open_session", **{"body.role": 7, "body.peer": b"x"}), mutated=False)
    window, place = (case(valid),), (0, 0)
    (role, *_others) = SHRINKER.parts(window, place)
    fewer = SHRINKER._recomposed(window, place, [role])[0].steps[0]
    other = SHRINKER._recomposed(window, place, [replace(role, data=b"\1")])[0].steps[0]
    assert (fewer.mutated, other.mutated) == (False, True)
