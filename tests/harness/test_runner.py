"""What a device is asked to bear: bytes a case, resets a campaign."""

from dataclasses import replace

import pytest
from signs import sign_of
from toy import case, message

from harness.case import Send, Wait
from harness.errors import GuardRefused, LinkClosed, LinkError, OwnError, TargetError
from harness.runner import ENDED, LINGER_SECONDS, SURVEY_EVERY
from harness.transcript import Sample, TargetEvent, Way
from harness.transports.scripted import ScriptedTransport
from harness.verdict import Kind


def test_a_case_over_the_size_limit_is_not_sent(toy):
    t = toy()
    t.runner.interfaces["toy"] = replace(t.interface, max_case_bytes=10)
    with pytest.raises(GuardRefused, match="max_case_bytes"):
        t.runner.run(case(message(b"a" * 20)))
    assert t.transport.sent == []
    t.runner.run(case(message(b"a")))


def test_a_device_is_reset_no_more_often_than_allowed(toy):
    t = toy(max_resets=2)
    for _ in range(2):
        t.runner.fresh()
    with pytest.raises(TargetError, match="max_resets"):
        t.runner.fresh()
    assert t.target.resets == 2


def test_a_device_may_close_an_idle_connection_at_the_end(toy):
    t = toy()
    t.runner.run(case(message(b"a")))
    t.interface.executor.link.close()
    outcome = t.runner.finish(case(message(b"a")))
    assert (outcome.transcript.link_error, outcome.transcript.service.way) == ("", Way.AT_ONCE)
    assert not outcome.observations


def test_a_case_refused_half_way_is_watched_as_far_as_it_went(toy):
    t = toy(forbidden=["shock"])
    t.device.planted[b"a"] = lambda device: setattr(device, "dead", True)
    outcome = t.runner.run(case(message(b"a"), message(b"shock"), message(b"b")))
    assert "shock" in outcome.transcript.refused and not any(
        b"shock" in sent or b"<b>" in sent for sent in t.transport.sent
    )
    assert [observation.kind for observation in outcome.observations] == [Kind.SILENCE]


def test_a_case_refused_at_once_leaves_the_state_as_it_was(toy):
    t = toy(forbidden=["shock"])
    with pytest.raises(GuardRefused, match="shock"):
        t.runner.run(case(message(b"shock")))
    assert t.transport.sent[1:] == []


def test_what_is_seen_on_the_way_to_a_state_is_told_with_the_case(toy):
    t = toy()
    t.device.planted[b"l"] = lambda device: t.target.events.append(TargetEvent("fault", 0.0, {"type": "bad access"}))
    outcome = t.runner.run(case(message(b"a"), state="in"))
    assert Kind.CRASH in [observation.kind for observation in outcome.observations]


def test_an_end_that_is_told_late_is_followed_by_a_reset(toy):
    t = toy()
    t.runner.run(case(message(b"a")))
    before = t.target.resets

    def ends_while_probed(device):
        t.target.events.append(TargetEvent("exit", 0.0, {"status": "signal SIGABRT"}))
        return [b"<Pi1,9>"]

    t.device.planted[b"p"] = ends_while_probed
    t.runner.run(case(message(b"a")))
    del t.device.planted[b"p"]
    t.runner.run(case(message(b"b")))
    assert t.target.resets == before + 1


def kinds(outcome):
    return [observation.kind for observation in outcome.observations]


def way(outcome):
    return outcome.transcript.service.way


# -- from the end of a case to the next --------------------------------------------------------------------------------


def test_a_case_of_a_device_that_serves_is_the_steps_the_probe_and_nothing_else(toy):
    t = toy()
    outcome = t.runner.run(case(message(b"a"), message(b"b")))
    assert t.transport.sent == [b"<p>", b"<a>", b"<b>", b"<p>"]
    transcript = outcome.transcript
    assert [exchange.message for exchange in transcript.exchanges] == ["a", "b", "probe"]
    assert (kinds(outcome), way(outcome), transcript.probe_served) == ([], Way.AT_ONCE, True)
    assert (transcript.link_error, transcript.refused, transcript.state_reached) == ("", "", True)
    assert (
        transcript.exchanges[0].sent_at == transcript.started <= transcript.exchanges[-1].ended_at == transcript.ended
    )


def test_the_next_case_goes_on_in_the_same_state_on_the_same_connection_with_a_record_of_its_own(toy):
    t = toy()
    t.runner.run(case(message(b"a"), state="in"))
    outcome = t.runner.run(case(message(b"b"), state="in"))
    assert t.transport.sent == [b"<l>", b"<p>", b"<a>", b"<p>", b"<b>", b"<p>"]
    assert outcome.transcript.exchanges[0].message == "b"
    assert (t.transport.opened, t.target.resets) == (1, 0)


def test_a_state_that_the_probe_still_proves_is_not_walked_to_again(toy):
    t = toy()
    t.runner.run(case(message(b"a"), state="idle"))
    t.runner.run(case(message(b"b"), state="idle"))
    assert t.transport.sent == [b"<p>", b"<a>", b"<p>", b"<b>", b"<p>"]


def test_a_case_that_changed_the_state_is_followed_by_the_way_to_it(toy):
    t = toy()
    t.device.planted[b"q"] = lambda device: setattr(device, "state", "i")
    t.runner.run(case(message(b"q"), state="in"))
    before = len(t.transport.sent)
    t.runner.run(case(message(b"a"), state="in"))
    assert t.transport.sent[before : before + 3] == [b"<l>", b"<p>", b"<a>"]
    assert t.target.resets == 0


@pytest.mark.parametrize("delay", [3.1])
def test_a_device_that_serves_late_is_where_it_was(toy, delay):
    t = toy()
    t.runner.run(case(message(b"a"), state="in"))

    def busy(_device):
        t.transport.delay = delay
        return []

    t.device.planted[b"b"] = busy
    outcome = t.runner.run(case(message(b"b"), state="in"))
    assert (way(outcome), kinds(outcome)) == (Way.LATE, [Kind.SILENCE])
    t.transport.delay, before = 0.0, len(t.transport.sent)
    t.executor.close()
    t.runner.run(case(message(b"a"), state="in"))
    assert t.transport.sent[before] == b"<a>"


def test_a_device_that_serves_on_a_new_connection_is_led_to_its_state_again(toy):
    t = toy()
    t.runner.run(case(message(b"a"), state="in"))
    t.device.planted[b"b"] = lambda _device: t.transport.hang_up()
    outcome = t.runner.run(case(message(b"b"), state="in"))
    assert (way(outcome), kinds(outcome)) == (Way.RECONNECTED, [Kind.DISCONNECT])
    before = len(t.transport.sent)
    t.runner.run(case(message(b"a"), state="in"))
    assert t.transport.sent[before] == b"<l>"
    assert t.target.resets == 0


@pytest.mark.parametrize("gone", [0.05, 1.0, 3.0])
def test_a_device_that_was_gone_and_is_back_is_a_reboot_and_no_lost_link(toy, gone):
    t = toy(open_timeout=5.0)
    t.device.planted[b"x"] = lambda _device: t.transport.hang_up(gone)
    outcome = t.runner.run(case(message(b"x")))
    assert (way(outcome), kinds(outcome), outcome.transcript.link_error) == (Way.RETURNED, [Kind.REBOOT], "")


@pytest.mark.parametrize(
    ("resettable", "seconds", "expected"), [(True, 3.0, Kind.LINK_LOST), (False, 3.0, Kind.REBOOT)]
)
def test_what_nothing_can_reset_is_given_longer_to_come_back_by_itself(toy, resettable, seconds, expected):
    t = toy(open_timeout=1.0, patience=9.0)
    t.target.resettable = resettable
    t.device.planted[b"x"] = lambda _device: t.transport.hang_up(seconds)
    assert kinds(t.runner.run(case(message(b"x")))) == [expected]


def test_a_silent_device_is_reset_before_the_next_case(toy):
    t = toy()
    t.device.planted[b"x"] = lambda device: setattr(device, "dead", True)
    outcome = t.runner.run(case(message(b"x")))
    assert (way(outcome), outcome.transcript.probe_served, kinds(outcome)) == (Way.NEVER, False, [Kind.SILENCE])
    assert t.target.resets == 0
    before = len(t.transport.sent)
    assert kinds(t.runner.run(case(message(b"a")))) == []
    assert (t.target.resets, t.transport.sent[before:]) == (1, [b"<p>", b"<a>", b"<p>"])


def test_a_link_that_does_not_open_again_is_told_as_it_broke(toy):
    t = toy()
    t.device.planted[b"x"] = lambda _device: setattr(t.transport, "unplugged", True)
    outcome = t.runner.run(case(message(b"x")))
    transcript = outcome.transcript
    assert (transcript.link_error, transcript.service, transcript.probe_served) == (
        "scripted: the link is closed",
        None,
        None,
    )
    assert kinds(outcome) == [Kind.LINK_LOST]


def test_a_link_that_is_lost_behind_the_case_only_says_why_it_does_not_open(toy):
    t = toy()
    t.runner.run(case(message(b"a")))
    t.device.planted[b"p"] = lambda _device: setattr(t.transport, "unplugged", True)
    assert t.runner.run(case(message(b"a"))).transcript.link_error == "scripted: nothing is listening"


def test_a_target_that_told_of_its_end_is_not_asked_and_is_reset(toy):
    t = toy()
    t.device.planted[b"x"] = lambda _device: t.target.events.append(TargetEvent("exit", 0.0, {"status": "139"}))
    outcome = t.runner.run(case(message(b"x")))
    assert (t.transport.sent[-1], outcome.transcript.service, kinds(outcome)) == (b"<x>", None, [Kind.EXIT])
    t.runner.run(case(message(b"a")))
    assert t.target.resets == 1


def test_where_cases_reconnect_each_begins_on_a_connection_of_its_own(toy):
    t = toy(reconnect=True)
    for _ in range(3):
        t.runner.run(case(message(b"a")))
    assert t.transport.opened == 3


def test_where_cases_reconnect_a_session_that_the_probe_began_is_none_of_the_cases(toy, monkeypatch):
    t = toy(reconnect=True)

    def learn(frame, conversation):
        conversation.connected["probed"] = frame.data.startswith(b"<P")
        return b""

    monkeypatch.setattr(t.protocol, "learn", learn, raising=False)
    for _ in range(2):
        t.runner.run(case(message(b"a")))
    assert t.transport.opened == 3  # the first one is the probe's that proved the state
    assert t.transport.sent == [b"<p>", *[b"<a>", b"<p>"] * 2]


def test_where_cases_reconnect_a_state_is_reached_anew_on_each_connection(toy):
    t = toy(reconnect=True)
    for _ in range(2):
        assert t.runner.run(case(message(b"a"), state="in")).transcript.state_reached
    assert t.transport.opened == 2
    assert t.transport.sent == [b"<l>", b"<p>", b"<a>", b"<p>"] * 2
    assert t.target.resets == 0


@pytest.mark.parametrize(("size", "runs"), [(10, True), (11, False)])
def test_the_size_of_a_case_is_that_of_all_it_sends(toy, size, runs):
    t = toy(max_case_bytes=12)
    tried = case(message(b"a" * (size - 4)), Wait(0.1), message(b"b" * 2))
    if runs:
        t.runner.run(tried)
    else:
        with pytest.raises(GuardRefused, match=r"the case has 13 bytes, .* max_case_bytes allows 12"):
            t.runner.run(tried)
        assert t.transport.sent == []


def test_a_state_that_was_not_reached_is_no_test_and_says_why(toy):
    t = toy()
    t.device.planted[b"l"] = lambda _device: [b"<L?>"]
    outcome = t.runner.run(case(message(b"a"), state="in"))
    transcript = outcome.transcript
    assert (transcript.state_reached, transcript.exchanges, kinds(outcome)) == (False, (), [Kind.SESSION_LAPSED])
    assert transcript.proof == "wanted state = s; got state = i"
    assert transcript.case_id == case(message(b"a"), state="in").id
    assert transcript.started == transcript.ended == t.target.now()
    assert b"<a>" not in t.transport.sent


def test_a_case_that_was_left_where_it_stood_leaves_neither_link_nor_state(toy):
    t = toy()
    t.runner.run(case(message(b"a"), state="in"))
    t.runner.give_up()
    before = len(t.transport.sent)
    t.runner.run(case(message(b"a"), state="in"))
    assert (t.transport.sent[before], t.transport.opened) == (b"<l>", 2)


# -- a life ------------------------------------------------------------------------------------------------------------


class Metered:
    """Stands for the machine's load: notes when it is measured."""

    def __init__(self):
        self.calls = []

    def start(self):
        self.calls.append("start")

    def stop(self):
        self.calls.append("stop")


def test_load_is_measured_while_the_target_is_up(toy):
    load = Metered()
    t = toy(load=load)
    t.runner.run(case(message(b"a")))
    assert load.calls == ["start"]
    t.runner.stop()
    assert (load.calls, t.target.stops) == (["start", "stop"], 1)


def test_a_stopped_runner_has_closed_its_links(toy):
    t = toy()
    t.runner.run(case(message(b"a")))
    link = t.executor.link
    t.runner.stop()
    with pytest.raises(LinkClosed):
        link.send(b"a", 1.0)


def test_a_life_is_counted_from_each_start_and_reset(toy):
    t = toy()
    assert t.runner.lives == 1
    t.runner.fresh()
    t.device.planted[b"x"] = lambda device: setattr(device, "dead", True)
    t.runner.run(case(message(b"x")))
    assert t.runner.lives == 2
    t.runner.run(case(message(b"a")))
    assert t.runner.lives == 3


def left_over(t):
    t.target.events = [TargetEvent("hang", 0.0)]
    t.target.console, t.target.samples = [(0.0, b"boot")], [Sample(0.0, (1.0,))]


@pytest.mark.parametrize("anew", ["start", "fresh"])
def test_what_a_device_tells_while_it_comes_up_belongs_to_no_case(toy, anew):
    t = toy()
    left_over(t)
    getattr(t.runner, anew)()
    transcript = t.runner.run(case(message(b"a"))).transcript
    assert (transcript.events, transcript.console, transcript.samples) == ((), (), ())


@pytest.mark.parametrize("anew", ["start", "fresh"])
def test_a_fresh_device_is_led_to_its_state_on_a_connection_of_its_own(toy, anew):
    t = toy()
    t.runner.run(case(message(b"a"), state="in"))
    getattr(t.runner, anew)()
    before = len(t.transport.sent)
    t.runner.run(case(message(b"a"), state="in"))
    assert (t.transport.sent[before], t.transport.opened) == (b"<l>", 2)


def test_a_fresh_device_is_reset_calm_and_unknown_to_the_monitors(toy):
    t = toy()
    t.device.uptime = 70
    t.runner.run(case(message(b"a")))
    t.runner.fresh()
    assert (t.target.resets, t.target.calmed, t.target.starts) == (1, 1, 1)
    assert t.watching[1].state() == (None, None)
    assert kinds(t.runner.run(case(message(b"a")))) == []


def test_a_fresh_device_that_keeps_states_is_started(toy):
    t = toy(snapshots=True)
    t.runner.fresh()
    assert (t.target.starts, t.target.resets, t.runner.lives) == (2, 0, 2)


def test_who_a_device_is_is_asked_by_its_probe(toy):
    t = toy()
    assert t.runner.contact("toy").fields == {"state": "i", "boots": 1, "uptime": 1}
    assert (t.executor.exchanges[-1].message, t.transport.opened) == ("probe", 1)
    t.device.dead = True
    assert t.runner.contact("toy") is None
    t.transport.unplugged = True
    with pytest.raises(LinkError):
        t.runner.contact("toy")


def test_what_a_protocol_makes_of_a_probes_answer_is_ours(toy):
    t = toy()

    def bug(_frame):
        raise KeyError("state")

    t.protocol.served = bug
    with pytest.raises(OwnError, match=r"the probe of 'toy': .*KeyError: 'state'"):
        t.runner.contact("toy")


def asking(toy, done, **broken):
    """A bench without a relay and with a person, who may switch the device off and on."""
    asked = []

    def ask(request):
        asked.append(request)
        t.device.dead = t.transport.unplugged = False
        return done

    t = toy(ask=ask)
    t.target.resettable, t.target.reset = False, lambda: None
    vars(t.device).update(broken)
    return t, asked


def test_a_person_is_asked_only_for_a_device_that_does_not_serve(toy):
    t, asked = asking(toy, True)
    t.runner.fresh()
    assert asked == []
    t.device.dead = True
    t.runner.fresh()
    t.transport.unplugged = True
    t.runner.fresh()
    assert asked == [
        "no probe is served. Switch the device off and on",
        "scripted: nothing is listening. Switch the device off and on",
    ]
    assert kinds(t.runner.run(case(message(b"a")))) == []


def test_a_person_who_does_not_do_it_leaves_the_link_lost(toy):
    t, _asked = asking(toy, False, dead=True)
    with pytest.raises(LinkError, match="no probe is served"):
        t.runner.fresh()


def test_a_device_that_can_be_reset_needs_nobody(toy):
    t, asked = asking(toy, True, dead=True)
    t.target.resettable = True
    t.runner.fresh()
    assert asked == []


@pytest.mark.parametrize(
    ("resettable", "person", "revives"), [(True, False, True), (False, True, True), (False, False, False)]
)
def test_a_device_can_be_brought_back_by_the_bench_or_by_a_person(toy, resettable, person, revives):
    t = toy(ask=(lambda _request: True) if person else None)
    t.target.resettable = resettable
    assert t.runner.revives is revives


def test_a_callback_that_fails_on_a_device_that_serves_is_ours_and_on_one_that_is_gone_the_devices(toy):
    def fails(_conversation, _data, _socket):
        raise OwnError("my_script.py:3: no banner")

    t = toy(callbacks={"edge": fails})
    with pytest.raises(OwnError, match="no banner"):
        t.runner.run(case(message(b"a", callback="edge")))
    t.device.dead = True
    t.runner.states.enter = lambda _interface, _state: True
    assert kinds(t.runner.run(case(message(b"a", callback="edge")))) == [Kind.SILENCE]


def test_a_device_that_needs_a_while_before_its_port_opens_is_waited_for_at_contact(toy):
    t = toy(open_timeout=6.0)
    t.transport.back_at = t.transport.clock + 5.0
    assert t.runner.contact("toy").fields == {"state": "i", "boots": 1, "uptime": 1}
    t.transport.hang_up(5.0)
    assert t.runner.contact("toy").fields == {"state": "i", "boots": 1, "uptime": 2}


# -- the end of a session ----------------------------------------------------------------------------------------------


def test_a_session_ends_by_lingering_disconnecting_and_a_probe_on_another_connection(toy):
    t = toy()
    tried = case(message(b"a"))
    t.runner.run(tried)
    before, sent, opened = t.transport.clock, len(t.transport.sent), t.transport.opened
    outcome = t.runner.finish(tried)
    transcript = outcome.transcript
    assert (t.transport.sent[sent:], t.transport.opened) == ([b"<p>"], opened + 1)
    assert transcript.exchanges[-1].sent_at - before >= LINGER_SECONDS
    assert (transcript.started, transcript.probe_served, way(outcome), kinds(outcome)) == (
        before,
        True,
        Way.AT_ONCE,
        [],
    )
    t.runner.run(tried)
    assert t.transport.sent[-3:] == [b"<p>", b"<a>", b"<p>"]  # its state is proven anew


def test_a_device_that_dies_when_its_link_is_cut_shows_at_the_end(toy):
    t = toy()
    tried = case(message(b"x"))
    t.runner.run(tried)
    t.target.resettable = False
    t.transport.hang_up(2.0)
    outcome = t.runner.finish(tried)
    assert (way(outcome), kinds(outcome)) == (Way.RETURNED, [Kind.REBOOT])
    assert sign_of(outcome.observations[0]) == ("restart", "x")


def test_a_device_that_dies_for_good_a_little_later_shows_at_the_end(toy):
    t = toy()
    tried = case(message(b"x"))
    t.runner.run(tried)
    t.device.dead = True
    outcome = t.runner.finish(tried)
    assert (way(outcome), kinds(outcome), outcome.transcript.probe_served) == (Way.NEVER, [Kind.SILENCE], False)


def test_a_device_that_is_gone_for_good_at_the_end_is_a_lost_link(toy):
    t = toy()
    tried = case(message(b"x"))
    t.runner.run(tried)
    t.transport.unplugged = True
    outcome = t.runner.finish(tried)
    assert (outcome.transcript.service, outcome.transcript.probe_served, kinds(outcome)) == (
        None,
        None,
        [Kind.LINK_LOST],
    )


class Listens:
    """A monitor that keeps what it was asked about."""

    name = "listens"

    def __init__(self):
        self.asked = []

    def observe(self, case, transcript):
        self.asked.append((case, transcript))
        return []

    def state(self):
        return None

    def restore(self, state):
        pass


def test_the_end_of_a_session_is_told_as_such_with_the_steps_and_messages_of_its_case(toy):
    listens = Listens()
    t = toy(monitors=[listens])
    tried = case(message(b"a"), Wait(0.1), state="in")
    t.runner.run(tried)
    outcome = t.runner.finish(tried)
    ended, transcript = listens.asked[-1]
    assert (ended.interface, ended.state, ended.steps) == ("toy", "in", tried.steps)
    assert (ended.origin.fuzzer, ended.origin.path, transcript) == (ENDED, ("a",), outcome.transcript)
    assert transcript.case_id == case(Wait(LINGER_SECONDS), state="in").id
    assert (transcript.service.way, transcript.service.closed) == (Way.AT_ONCE, False)


def test_what_came_while_lingering_is_on_the_record_of_the_end(toy):
    t = toy()
    tried = case(message(b"a"))
    t.runner.run(tried)
    t.target.console = [(0.0, b"assert failed")]
    assert t.runner.finish(tried).transcript.console == ((0.0, b"assert failed"),)


def test_independent_cases_have_no_session_that_could_end(toy):
    t = toy(snapshots=True)
    tried = case(message(b"a"))
    t.runner.run(tried)
    assert t.runner.finish(tried) is None


# -- independent cases -------------------------------------------------------------------------------------------------


def numbered(remainder, every, at=slice(8), state="idle"):
    """A case whose id gives the remainder."""
    cases = (case(message(f"a{n}".encode()), state=state) for n in range(10000))
    return next(c for c in cases if int(c.id[at], 16) % every == remainder)


def test_of_independent_cases_one_in_some_is_probed_chosen_by_its_id(toy):
    t = toy(snapshots=True, probe_every=4)
    for remainder, probed in ((0, True), (1, False), (3, False)):
        assert (t.runner.run(numbered(remainder, 4)).transcript.service is not None) is probed
    assert t.runner.run(numbered(1, 4), probe=True).transcript.service is not None


def test_an_independent_case_that_was_not_answered_is_probed(toy):
    t = toy(snapshots=True, probe_every=4)
    tried = numbered(1, 4)
    t.device.planted[tried.messages[0].encode()] = lambda device: setattr(device, "dead", True)
    outcome = t.runner.run(tried)
    assert kinds(outcome) == [Kind.SILENCE]


def test_an_independent_case_whose_link_broke_is_probed(toy):
    t = toy(snapshots=True, probe_every=4)
    cases = (case(Send("open", b"<a%d" % n)) for n in range(100))
    tried = next(c for c in cases if int(c.id[:8], 16) % 4)
    answer = t.transport.answer
    t.transport.answer = lambda data: t.transport.hang_up() or [] if data == tried.steps[0].data else answer(data)
    outcome = t.runner.run(tried)
    assert (way(outcome), kinds(outcome)) == (Way.RECONNECTED, [Kind.DISCONNECT])


def test_an_independent_case_whose_callback_failed_is_probed(toy):
    def fails(_conversation, _data, _socket):
        raise OwnError("my_script.py:3: no banner")

    t = toy(snapshots=True, probe_every=1 << 30, callbacks={"edge": fails})
    with pytest.raises(OwnError, match="no banner"):
        t.runner.run(case(message(b"a", callback="edge")))
    assert t.transport.sent[-1] == b"<p>"


def test_a_served_device_that_told_of_its_end_is_not_listened_to(toy):
    t = toy(settle=30.0)
    t.device.planted[b"x"] = lambda _device: t.target.events.append(TargetEvent("exit", 0.0, {"status": "139"}))
    transcript = t.runner.run(case(message(b"x"))).transcript
    assert transcript.ended - transcript.started < 2.0


def test_a_message_that_needs_no_answer_is_no_reason_to_probe(toy):
    t = toy(snapshots=True, probe_every=4)
    cases = (case(Send("open", b"<a%d" % n)) for n in range(100))
    tried = next(c for c in cases if int(c.id[:8], 16) % 4)
    assert t.runner.run(tried).transcript.service is None


def test_an_independent_device_that_restarts_gets_its_time_and_is_probed(toy):
    t = toy(snapshots=True, probe_every=1000, settle=3.0)

    def restarts(_device):
        t.target.events.append(TargetEvent("reset", 0.0, {"cause": "watchdog"}))
        return [b"<X>"]

    t.device.planted[b"x"] = restarts
    tried = case(message(b"x"))
    outcome = t.runner.run(tried)
    transcript = outcome.transcript
    assert (way(outcome), kinds(outcome)) == (Way.AT_ONCE, [Kind.REBOOT])
    assert transcript.ended - transcript.started >= 3.0


def test_what_a_restarted_device_tells_while_it_comes_up_is_told_as_well(toy):
    t = toy(snapshots=True, settle=3.0)

    def restarts(_device):
        t.target.events.append(TargetEvent("reset", 0.0, {"cause": "watchdog"}))
        return [b"<X>"]

    t.device.planted[b"x"] = restarts
    events = iter([(TargetEvent("reset", 0.0),), (TargetEvent("fault", 2.0),), (), ()])
    t.runner.enter(t.interface, "idle")
    t.target.take_events = lambda: next(events)
    transcript = t.runner.run(case(message(b"x"))).transcript
    assert [event.kind for event in transcript.events] == ["reset", "fault"]


def test_edges_of_a_case_are_those_that_no_case_before_had(toy):
    t = toy(snapshots=True)
    t.runner.run(case(message(b"a")), probe=True)
    assert t.runner.coverage() == 2
    assert t.runner.run(case(message(b"a")), probe=True).measures.edges == 0
    assert t.runner.run(case(message(b"b")), probe=True).measures.edges == 1
    assert toy().runner.coverage() == 0


def test_what_a_case_left_pending_is_followed_for_as_long_as_was_asked(toy):
    t = toy(snapshots=True)
    tried = case(message(b"a"))
    t.runner.run(tried)
    before = t.transport.clock
    t.target.events = [TargetEvent("hang", before)]
    longer, outcome = t.runner.follow(tried, 4.0)
    assert (longer.steps, longer.state, longer.origin) == ((*tried.steps, Wait(4.0)), "idle", tried.origin)
    assert longer.interface == "toy"
    transcript = outcome.transcript
    assert (transcript.started, transcript.ended, transcript.exchanges) == (before, before + 4.0, ())
    assert (kinds(outcome), transcript.probe_served, outcome.measures.edges) == ([Kind.HANG], None, 0)


# -- carriers ----------------------------------------------------------------------------------------------------------


class Carrier(ScriptedTransport):
    """A carrier with fences, procedures and a log of its own."""

    fenced = True
    procedures = {}

    def __init__(self, answer, latency=0.001):
        super().__init__(answer, latency)
        self.calls, self.events, self.undone, self.trouble = [], [], False, None

    def restore(self):
        self.calls.append("restore")
        return self.undone

    def restarted(self):
        self.calls.append("restarted")

    def survey(self):
        self.calls.append("survey")
        if self.trouble:
            raise self.trouble

    def take_events(self):
        taken, self.events = self.events, []
        return taken


def test_a_carrier_hears_of_each_start_and_what_it_noted_before_is_dropped(toy):
    t = toy(transport=Carrier)
    assert t.transport.calls == ["restarted"]
    t.transport.events = [TargetEvent("bond", 0.0)]
    t.runner.fresh()
    assert (t.transport.calls, t.transport.events) == (["restarted", "restore", "restarted"], [])


def test_what_a_carrier_noted_is_told_with_the_case_and_with_the_sessions_end(toy):
    t = toy(transport=Carrier)
    noted = TargetEvent("disconnected", 1.0)
    t.transport.events = [noted]
    tried = case(message(b"a"))
    assert t.runner.run(tried).transcript.link_events == (noted,)
    t.transport.events = [noted]
    assert t.runner.finish(tried).transcript.link_events == (noted,)
    assert t.runner.run(tried).transcript.link_events == ()


def test_procedures_are_undone_after_each_case_and_the_device_is_looked_at_when_it_is_due(toy):
    t = toy(transport=Carrier)
    t.transport.calls.clear()
    t.runner.run(numbered(1, SURVEY_EVERY, slice(8, None)))
    assert t.transport.calls == ["restore"]
    t.runner.run(numbered(0, SURVEY_EVERY, slice(8, None)))
    assert t.transport.calls == ["restore", "restore", "survey"]
    t.runner.run(numbered(1, SURVEY_EVERY, slice(8, None)), probe=True)
    assert t.transport.calls[3:] == ["restore", "survey"]


@pytest.mark.parametrize(("undone", "again"), [(True, True), (False, False)])
def test_a_carrier_that_undid_something_left_the_state(toy, undone, again):
    t = toy(transport=Carrier)
    t.transport.undone = undone
    tried = numbered(1, SURVEY_EVERY, slice(8, None))
    t.runner.run(tried)
    before = len(t.transport.sent)
    t.runner.run(tried)
    assert (t.transport.sent[before] == b"<p>") is again


def test_a_survey_ends_the_connection_and_with_it_the_state(toy):
    t = toy(transport=Carrier)
    t.runner.run(numbered(0, SURVEY_EVERY, slice(8, None)))
    before = len(t.transport.sent)
    t.runner.run(case(message(b"a")))
    assert t.transport.sent[before] == b"<p>"


def test_a_link_that_breaks_while_the_device_is_looked_at_is_lost(toy):
    t = toy(transport=Carrier)
    t.transport.trouble = LinkError("the table cannot be read")
    outcome = t.runner.run(case(message(b"a")), probe=True)
    assert (outcome.transcript.link_error, kinds(outcome)) == ("the table cannot be read", [Kind.LINK_LOST])


def test_a_silent_device_is_not_looked_at(toy):
    t = toy(transport=Carrier)
    t.device.planted[b"x"] = lambda device: setattr(device, "dead", True)
    t.transport.calls.clear()
    t.runner.run(case(message(b"x")), probe=True)
    assert "survey" not in t.transport.calls


def test_fences_are_off_in_replays_on_a_new_connection_and_on_again_after(toy):
    t = toy(transport=Carrier)
    t.connection.open()
    with t.runner.sequential():
        assert t.transport.fenced is False
        t.connection.open()
        assert t.transport.opened == 2
    assert t.transport.fenced is True
    t.connection.open()
    assert t.transport.opened == 3


def test_fences_come_back_also_when_a_replay_fails_and_never_where_there_were_none(toy):
    t = toy(transport=Carrier)
    with pytest.raises(ZeroDivisionError), t.runner.sequential():
        raise ZeroDivisionError
    assert t.transport.fenced is True
    t.transport.fenced = False
    with t.runner.sequential():
        pass
    assert t.transport.fenced is False
    t = toy()
    t.connection.open()
    with t.runner.sequential():
        t.connection.open()
    assert t.transport.opened == 1


@pytest.mark.parametrize(("may_close", "answered"), [(True, 2), (False, 1)])
def test_a_device_that_serves_one_message_a_connection_is_tested_where_it_may_close(toy, may_close, answered):
    t = toy(adaptive=True, may_close=may_close)

    def served(_device):
        t.transport.hang_up()
        return [b"<A>"]

    t.device.planted[b"a"] = served
    outcome = t.runner.run(case(message(b"a"), message(b"a")))
    kinds = [observation.kind for observation in outcome.observations]
    assert sum(e.answered for e in outcome.transcript.exchanges if e.message == "a") == answered
    assert kinds == ([] if may_close else [Kind.DISCONNECT])


def test_in_a_state_that_a_new_connection_would_lose_no_link_is_opened_anew(toy):
    t = toy(adaptive=True, may_close=True)

    def served(_device):
        t.transport.hang_up()
        return [b"<A>"]

    t.device.planted[b"a"] = served
    outcome = t.runner.run(case(message(b"a"), message(b"a"), state="in"))
    assert sum(e.message == "a" for e in outcome.transcript.exchanges) == 1


def test_a_link_that_does_not_open_for_a_case_is_what_the_case_shows(toy):
    t = toy(reconnect=True, open_timeout=0.5)
    t.runner.run(case(message(b"a")))
    t.transport.refuse = True
    outcome = t.runner.run(case(message(b"b")))
    assert [observation.kind for observation in outcome.observations] == [Kind.LINK_LOST]
    assert (outcome.transcript.exchanges, b"<b>" in t.transport.sent) == ((), False)
