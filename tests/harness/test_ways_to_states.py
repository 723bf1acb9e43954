"""How a state is reached: stayed in, walked to, once more from a reset, by undoing, or restored."""

import pytest
from toy import case, message

from harness.case import LiveField
from harness.errors import LinkError, TargetError
from harness.interfaces import Conversation, Frame, FrameKind, State
from harness.states import KeptStates, ReachedStates, Resets, carriers, record, unproven
from harness.transcript import Sample, TargetEvent
from harness.verdict import Kind

LOGIN, PROBE = b"<l>", b"<p>"


def sent_by(t, act):
    """What an act put on the wire, and what it gave."""
    before = len(t.transport.sent)
    given = act()
    return given, t.transport.sent[before:]


def enter(t, state="in"):
    return sent_by(t, lambda: t.runner.enter(t.interface, state))


def refuses(_device):
    return [b"<L?>"]


# -- the proof ---------------------------------------------------------------------------------------------------------


def frame(**fields):
    return Frame(FrameKind.REPLY, b"", fields)


@pytest.mark.parametrize(
    ("answer", "proof", "words"),
    [
        (None, {}, "no probe was answered"),
        (frame(), {}, ""),
        (frame(state="s", mode=2), {"state": "s", "mode": 2}, ""),
        (frame(state="i"), {"state": "s"}, "wanted state = s; got state = i"),
        (frame(state="s"), {"state": "s", "mode": 2}, "wanted mode = 2; got mode = nothing"),
        (frame(a=1, b=b"\x0a\xff"), {"a": 2, "b": b"\0"}, "wanted a = 2, b = 00; got a = 1, b = 0aff"),
        (frame(a="x" * 60), {"a": "y"}, f"wanted a = y; got a = {'x' * 40}"),
        (frame(a=b"\xab" * 60), {"a": "y"}, f"wanted a = y; got a = {'ab' * 20}"),
    ],
)
def test_what_the_proof_wanted_and_what_came_is_told(answer, proof, words):
    assert unproven(answer, State("s", (), proof)) == words


# -- reached -----------------------------------------------------------------------------------------------------------


def test_a_state_is_walked_to_once_and_stayed_in(toy):
    t = toy()
    assert enter(t) == (True, [LOGIN, PROBE])
    assert enter(t) == (True, [])
    assert (t.target.resets, t.runner.why) == (0, "")


def test_another_state_is_walked_to_from_where_the_device_is_and_from_a_reset_where_it_is_not_proven(toy):
    t = toy()
    enter(t)
    assert enter(t, "idle") == (
        True,
        [PROBE, PROBE],
    )  # in the session still; the one behind the reset proves the state too
    assert t.target.resets == 1


def test_the_record_of_a_case_begins_in_its_state(toy):
    t = toy()
    enter(t)
    assert t.executor.exchanges == []


def test_after_a_case_that_may_have_left_the_state_it_is_walked_to_anew(toy):
    t = toy()
    enter(t)
    t.runner.states.unsettle()
    assert enter(t) == (True, [LOGIN, PROBE])
    assert t.target.resets == 0


def test_after_a_fault_only_a_reset_will_do_and_one_is_enough(toy):
    t = toy()
    enter(t)
    t.runner.states.unsettle(reset=True)
    t.runner.states.unsettle()
    assert enter(t) == (True, [PROBE, LOGIN, PROBE])
    assert (t.target.resets, t.target.calmed, t.transport.opened) == (1, 1, 2)
    t.runner.states.unsettle()
    enter(t)
    assert t.target.resets == 1


def test_a_state_that_is_never_proven_is_tried_once_more_from_a_reset_and_says_why(toy):
    t = toy()
    t.device.planted[b"l"] = refuses
    given, sent = enter(t)
    assert (given, sent.count(LOGIN), t.target.resets) == (False, 2, 1)
    assert t.runner.why == "wanted state = s; got state = i"
    del t.device.planted[b"l"]
    assert enter(t)[0] is True
    assert t.runner.why == ""


def test_what_nothing_resets_is_brought_back_by_undoing_at_the_second_try_and_by_waiting_at_the_third(toy):
    t = toy()
    t.target.resettable = False
    t.protocol.undo = (message(b"u"),)
    t.device.planted[b"l"] = refuses
    waited = []
    t.target.advance = lambda seconds: waited.append((seconds, t.transport.sent.count(b"<u>")))
    given, sent = enter(t)
    assert (given, [s for s in sent if s in (LOGIN, b"<u>")]) == (False, [LOGIN, b"<u>", LOGIN, b"<u>", LOGIN])
    assert waited == [(t.runner._settle, 1)]


def test_what_is_undone_at_once_is_not_waited_for(toy):
    t = toy()
    t.target.resettable = False
    t.protocol.undo = (message(b"u"),)
    t.device.planted |= {b"l": refuses, b"u": lambda device: device.planted.pop(b"l") and [b"<U>"]}
    t.target.advance = pytest.fail
    assert enter(t)[0] is True


def test_what_is_undone_is_undone_in_a_conversation_of_its_own_on_every_interface(toy):
    t, other = toy(), toy()
    t.target.resettable = False
    t.protocol.undo = (message(b"u_", live=(LiveField("token", 2, 1),)),)
    other.protocol.undo = (message(b"w"),)
    t.runner.interfaces["other"] = other.interface
    t.device.planted |= {b"l": refuses, b"t": lambda _device: [b"<Tz>"]}
    t.runner.run(case(message(b"t")))
    assert t.executor.conversation.values == {"token": b"z"}
    enter(t)
    assert b"<u\0>" in t.transport.sent and other.transport.sent == [b"<w>"] * 2


@pytest.mark.parametrize("trouble", ["forbidden", "gone"])
def test_an_interface_that_cannot_undo_does_not_keep_the_others_from_it(toy, trouble):
    t, other = toy(), toy(forbidden=["w"])
    t.target.resettable = False
    other.protocol.undo = (message(b"w"),)
    other.transport.refuse = trouble == "gone"
    t.protocol.undo = (message(b"u"),)
    t.runner.interfaces.clear()
    t.runner.interfaces |= {"other": other.interface, "toy": t.interface}
    t.device.planted[b"l"] = refuses
    assert enter(t)[0] is False
    assert (b"<u>" in t.transport.sent, other.transport.sent) == (True, [])


def test_a_dead_device_is_asked_without_patience_on_the_way(toy):
    t = toy()
    t.device.dead = True
    before = t.transport.clock
    assert not t.runner._walker.walk(t.interface, t.protocol.states["idle"])
    assert t.transport.clock - before == pytest.approx(11.2, abs=0.1)  # the rungs of one connection, three of another
    assert t.runner.why == "no probe was answered"


def test_what_can_be_reset_is_not_undone(toy):
    t = toy()
    t.protocol.undo = (message(b"u"),)
    t.device.planted[b"l"] = refuses
    assert b"<u>" not in enter(t)[1]


def test_a_device_that_closes_the_link_on_the_way_has_not_reached_the_state(toy):
    t = toy()
    t.device.planted[b"l"] = lambda _device: t.transport.hang_up()
    assert enter(t)[0] is False
    assert t.runner.why == "scripted: the link is closed"
    del t.device.planted[b"l"]
    assert enter(t)[0] is True


def breaking(t, times):
    """Links that break, by no close of the device's, at the first logins."""
    opens, left = t.transport.open, [times]

    def opened(timeout):
        link = opens(timeout)
        send = link.send

        def sends(data, deadline):
            if data == LOGIN and left[0]:
                left[0] -= 1
                raise LinkError("a frame was lost")
            send(data, deadline)

        link.send = sends
        return link

    t.transport.open = opened
    t.executor.close()


def test_a_link_that_breaks_on_the_way_is_tried_once_more_after_a_reset(toy):
    t = toy()
    breaking(t, 1)
    assert enter(t)[0] is True
    assert t.target.resets == 1


def test_a_link_that_breaks_again_or_on_what_cannot_be_reset_is_raised(toy):
    t = toy()
    breaking(t, 2)
    with pytest.raises(LinkError, match="a frame was lost"):
        enter(t)
    t = toy()
    breaking(t, 1)
    t.target.resettable = False
    with pytest.raises(LinkError, match="a frame was lost"):
        enter(t)


def test_a_link_that_broke_on_the_way_is_not_used_again_and_the_monitors_hear_of_it(toy):
    seen, started = [], []

    class Listens:
        name = "listens"

        def observe(self, case, transcript):
            seen.append((case.origin.fuzzer, case.state, transcript.probe_served, transcript.link_error))
            started.append(transcript.started)
            return []

        def state(self):
            return None

        def restore(self, state):
            pass

    t = toy(monitors=[Listens()])
    breaking(t, 1)
    enter(t)
    opened = t.transport.opened
    assert seen == [("preamble", "in", None, "a frame was lost"), ("preamble", "in", True, "")]
    assert len(started) == 2 and 0.0 <= started[0] <= started[1] < t.transport.clock
    assert opened == 2  # the broken one, and the one after the reset


def test_after_a_reset_a_device_is_given_its_patience_to_serve(toy):
    t = toy(patience=3.0)
    restart = t.target.reset

    def slow():
        restart()
        t.transport.hang_up(2.5)

    t.target.reset = slow
    t.runner.states.unsettle(reset=True)
    assert enter(t)[0] is True


def test_what_monitors_know_is_forgotten_at_a_reset(toy):
    t = toy()
    t.device.uptime = 50
    enter(t)
    assert t.watching[1].state()[0] > 50.0
    t.runner.states.unsettle(reset=True)
    outcome = t.runner.run(case(message(b"a"), state="in"))
    assert outcome.observations == []  # an uptime that fell behind a reset of ours is no reboot


def test_a_conversation_on_the_way_is_new(toy):
    t = toy()
    t.executor.conversation.values["token"] = b"z"
    enter(t)
    assert t.executor.conversation.values == {}


def test_a_device_that_left_its_state_shows_it_in_the_probe(toy):
    t = toy()
    states = t.runner.states
    assert isinstance(states, ReachedStates)
    assert states.holds(t.interface, frame(state="x"))  # in no state that we know
    enter(t)
    assert states.holds(t.interface, frame(state="s"))
    assert not states.holds(t.interface, frame(state="i"))


def test_the_same_state_of_another_interface_is_another(toy):
    t = toy()
    enter(t)
    other = t.interface.__class__("other", t.protocol, t.executor, t.transport, t.ladder)
    assert t.runner.states.enter(other, "in")
    assert t.transport.sent.count(LOGIN) == 2


# -- kept --------------------------------------------------------------------------------------------------------------


def test_a_kept_state_is_walked_to_once_and_restored_for_each_case(toy):
    t = toy(snapshots=True)
    assert isinstance(t.runner.states, KeptStates)
    assert enter(t) == (True, [LOGIN, PROBE])
    t.device.state = "x"
    assert enter(t) == (True, [])
    assert (t.device.state, t.device.uptime) == ("s", 2)


def test_kept_states_are_walked_to_from_the_cold_start_each(toy):
    t = toy(snapshots=True)
    enter(t)
    assert enter(t, "idle") == (True, [PROBE])
    assert (t.device.state, t.device.uptime) == ("i", 1)
    assert enter(t) == (True, [])
    assert t.device.state == "s"


def test_a_kept_state_brings_back_its_conversation_and_what_the_monitors_knew(toy):
    t = toy(snapshots=True)
    t.device.planted[b"l"] = lambda device: (setattr(device, "state", "s"), [b"<L>", b"<Tz>"])[1]
    enter(t)
    known = t.watching[1].state()
    assert known == (2.0, 1)
    t.watching[1].restore((99.0, 7))
    t.executor.conversation.values["token"] = b"!"
    enter(t)
    assert t.watching[1].state() == known
    assert t.executor.conversation.values == {"token": b"z"}
    t.executor.conversation.values["token"] = b"!"
    enter(t)
    assert t.executor.conversation.values == {"token": b"z"}


def test_on_the_way_to_a_kept_state_monitors_and_conversation_begin_anew(toy):
    t = toy(snapshots=True)
    t.watching[1].restore((99.0, 7))
    t.executor.conversation.values["token"] = b"!"
    enter(t)
    assert t.watching[1].state() == (2.0, 1)
    assert t.executor.conversation.values == {}


def test_a_kept_state_that_is_not_proven_is_not_kept(toy):
    t = toy(snapshots=True)
    t.device.planted[b"l"] = refuses
    assert enter(t) == (False, [LOGIN, PROBE])
    del t.device.planted[b"l"]
    assert enter(t) == (True, [LOGIN, PROBE])


def test_nothing_a_case_does_unsettles_a_kept_state_and_a_start_forgets_them(toy):
    t = toy(snapshots=True)
    enter(t)
    t.runner.states.unsettle(reset=True)
    assert enter(t) == (True, [])
    t.runner.start()
    assert enter(t) == (True, [LOGIN, PROBE])


# -- the record --------------------------------------------------------------------------------------------------------


def test_a_record_holds_what_the_target_told_meanwhile(toy):
    t = toy()
    tried = case(message(b"a"))
    t.executor.begin()
    t.executor.run(tried.steps)
    t.target.samples, t.target.console = [Sample(0.5, (1.0,))], [(0.1, b"boot")]
    t.target.events = [TargetEvent("hang", 2.0)]
    made = record(t.target, tried, t.executor, 0.25, served=True, events=(TargetEvent("fault", 1.0),))
    assert (made.case_id, made.started, made.ended, made.probe_served) == (tried.id, 0.25, t.executor.now(), True)
    assert [exchange.message for exchange in made.exchanges] == ["a"]
    assert (made.samples, made.console) == ((Sample(0.5, (1.0,)),), ((0.1, b"boot"),))
    assert [event.kind for event in made.events] == ["fault", "hang"]
    assert (made.link_error, made.service, made.refused) == ("", None, "")


def test_a_record_of_a_broken_link_ends_where_it_began_and_says_why(toy):
    t = toy()
    t.transport.clock = 9.0
    made = record(t.target, case(message(b"a")), t.executor, 0.25, served=None, broken="the cable is out")
    assert (made.ended, made.link_error, made.probe_served) == (0.25, "the cable is out", None)


# -- what there is of carriers and resets ------------------------------------------------------------------------------


def test_only_carriers_that_offer_more_are_carriers(toy):
    t = toy()
    assert carriers({"toy": t.interface}) == {}


@pytest.mark.parametrize(("limit", "allowed"), [(0, 50), (1, 1), (3, 3)])
def test_resets_are_counted_and_the_one_too_many_is_not_done(toy, limit, allowed):
    t = toy()
    reset = Resets(t.target, limit)
    for _ in range(allowed):
        reset()
    if limit:
        with pytest.raises(TargetError, match=rf"the {limit} resets that \[limits\] max_resets allows are used up"):
            reset()
    assert t.target.resets == allowed


def test_each_budget_counts_for_itself(toy):
    t = toy()
    one, two = Resets(t.target, 1), Resets(t.target, 1)
    one()
    two()
    assert t.target.resets == 2


def test_a_conversation_is_copied_one_level_deep():
    first = Conversation({"a": 1}, b"x")
    second = first.copy()
    second.values["a"] = 2
    assert (first.values, second.last_received) == ({"a": 1}, b"x")


def test_links_that_break_on_the_way_are_no_fault_of_the_case_that_follows(toy):
    t = toy()
    t.device.planted[b"l"] = lambda _device: t.transport.hang_up()
    outcome = t.runner.run(case(message(b"a"), state="in"))
    assert [o.kind for o in outcome.observations] == [Kind.SESSION_LAPSED]
    assert outcome.transcript.proof == "scripted: the link is closed"


def test_what_was_waited_for_in_vain_is_not_waited_for_again_until_something_happens(toy):
    t = toy()
    t.target.resettable = False
    t.device.planted[b"l"] = refuses
    waited = []
    t.target.advance = waited.append
    assert [enter(t)[0], enter(t)[0], len(waited)] == [False, False, 1]
    t.runner.states.unsettle(reset=True)
    assert [enter(t)[0], len(waited)] == [False, 2]
    del t.device.planted[b"l"]
    assert enter(t)[0] is True
    t.device.planted[b"l"] = refuses
    t.runner.states.unsettle()
    t.device.state = b"i"
    assert [enter(t)[0], len(waited)] == [False, 3]
