"""How a device comes to serve again: given what it does, expect this rung, this long, and no rung more."""

import pytest
from toy import case, message

from harness.case import Send
from harness.errors import LinkError
from harness.interfaces import Resynchronization
from harness.transcript import Service, Way
from harness.transports.scripted import ScriptedLink, ScriptedTransport

PROBE = b"<p>"


def climb(t, *, closed=False, broken=False, patience=5.0):
    """What the ladder gave, and how long it took."""
    began = t.executor.now()
    served = t.ladder.climb(closed=closed, broken=broken, patience=patience)
    return served, t.executor.now() - began


def connected(t):
    t.connection.open()
    t.transport.clock += 50.0
    t.transport.sent.clear()
    return t


def test_a_device_that_serves_is_asked_once_on_the_connection_that_is_there(toy):
    t = connected(toy())
    served, seconds = climb(t)
    assert (served.service, served.answer.data) == (Service(Way.AT_ONCE), b"<Pi1,1>")
    assert (t.transport.sent, t.transport.opened) == ([PROBE], 1)
    assert seconds < 0.1


def test_where_a_message_was_only_begun_another_connection_is_asked_at_once_and_serves(toy, monkeypatch):
    t = connected(toy())
    monkeypatch.setattr(t.protocol, "unfinished", lambda sent: b"" if sent.endswith(b">") else sent, raising=False)
    t.executor.run((Send("half", b"<a"),))
    assert t.executor.over
    t.transport.sent.clear()
    served, seconds = climb(t)
    assert (served.service.way, t.transport.sent, t.transport.opened) == (Way.AT_ONCE, [PROBE], 2)
    assert (seconds < 0.3, t.executor.over) == (True, False)


def test_what_completes_a_message_that_was_begun_ends_the_wait_for_it(toy, monkeypatch):
    t = connected(toy())
    monkeypatch.setattr(t.protocol, "unfinished", lambda sent: b"" if sent.endswith(b">") else sent, raising=False)
    t.executor.run((Send("half", b"<a"), Send("rest", b">")))
    assert not t.executor.over
    assert climb(t)[0].service == Service(Way.AT_ONCE)
    assert t.transport.opened == 1


def test_a_connection_that_the_device_ended_and_left_open_is_no_fault_and_another_one_is_asked(toy):
    t = connected(toy())
    t.device.planted[b"e"] = ended
    t.executor.run((message(b"e"),))
    served, seconds = climb(t)
    assert (served.service.way, t.transport.opened, seconds < 0.3) == (Way.AT_ONCE, 2, True)


def test_a_connection_that_ends_instead_of_serving_the_probe_is_no_fault_either(toy):
    t = connected(toy())
    t.device.planted[b"p"] = lambda device: device.planted.pop(b"p") and ended(device)
    served, seconds = climb(t)
    assert (served.service.way, t.transport.opened, seconds < 0.3) == (Way.AT_ONCE, 2, True)


def test_a_device_that_ends_every_connection_is_asked_now_and_then_and_serves_never(toy):
    t = connected(toy())
    t.device.planted[b"p"] = ended
    served, seconds = climb(t)
    assert (served.service.way, t.transport.opened < 30) == (Way.NEVER, True)
    assert seconds == pytest.approx(5.0, abs=0.6)


def test_a_device_that_serves_nowhere_behind_the_end_of_a_connection_serves_never(toy):
    t = connected(toy())
    t.device.planted[b"e"] = lambda device: setattr(device, "dead", True) or ended(device)
    t.executor.run((message(b"e"),))
    assert climb(t)[0].service.way is Way.NEVER


def ended(_device):
    """The end, as the toy says it."""
    return [b"<E>"]


def test_a_framer_that_waits_for_an_end_is_given_it_and_then_serves_at_once(toy):
    t = connected(toy())
    t.device.hungry = 4
    served, seconds = climb(t)
    assert (served.service.way, served.service.seconds) == (Way.AT_ONCE, pytest.approx(seconds, abs=0.01))
    assert t.transport.sent == [PROBE, b">", PROBE]
    assert seconds == pytest.approx(1.3, abs=0.01)  # a reply timeout, and three silences


def test_a_protocol_without_filler_is_brought_in_step_by_waiting_alone(toy):
    t = connected(toy())
    t.protocol.resynchronization = Resynchronization(0.5)
    t.device.hungry = 2
    served, seconds = climb(t)
    assert (served.service.way, t.transport.sent) == (Way.AT_ONCE, [PROBE, PROBE])
    assert seconds == pytest.approx(2.0, abs=0.01)  # the second half is for an answer to the first probe


@pytest.mark.parametrize(("first", "waited"), [(PROBE, 2.0), (b"<q>", 1.5)])
def test_an_answer_that_can_only_be_the_second_probes_is_waited_behind_no_more(toy, monkeypatch, first, waited):
    t = connected(toy())
    t.protocol.resynchronization = Resynchronization(0.5)
    t.device.hungry = 2
    monkeypatch.setattr(type(t.executor), "unanswered", (first,))
    served, seconds = climb(t)
    assert served.service.way is Way.AT_ONCE
    assert seconds == pytest.approx(waited, abs=0.01)


def test_a_device_that_answers_both_probes_was_slower_than_it_may_be(toy):
    t = connected(toy())
    delays = iter([1.05, 0.0])

    def slow(device):
        t.transport.delay = next(delays)
        return [f"<Pi1,{device.uptime}>".encode()]

    t.device.planted[b"p"] = slow
    served, _seconds = climb(t)
    assert (served.service.way, t.transport.sent) == (Way.LATE, [PROBE, b">", PROBE])


def test_a_device_that_is_busy_is_waited_for_and_its_seconds_are_told(toy):
    t = connected(toy())
    t.transport.delay = 3.1
    served, seconds = climb(t)
    assert (served.service.way, served.service.filler, t.transport.opened) == (Way.LATE, 0, 1)
    assert served.service.seconds == pytest.approx(seconds, abs=0.01)
    assert seconds == pytest.approx(3.1, abs=0.01)
    assert t.transport.sent == [PROBE, b">", PROBE, PROBE]


def test_a_probe_that_the_case_itself_sent_is_no_late_answer(toy):
    t = connected(toy())
    t.executor.begin()
    t.executor.run((message(b"p", "probe"),))
    t.device.hungry = 4
    assert climb(t)[0].service.way is Way.AT_ONCE


@pytest.mark.parametrize(("delay", "way"), [(2.9, Way.LATE), (3.5, Way.NEVER)])
def test_patience_is_four_of_the_devices_own_timeouts(toy, delay, way):
    t = toy()
    t.transport.stream, t.executor.timeout, t.transport.delay = False, 0.5, delay
    assert climb(connected(t), patience=0.0)[0].service.way is way


def test_patience_on_a_silent_connection_ends_after_four_reply_timeouts(toy):
    t = connected(toy())
    t.protocol.probe = message(b"p", "probe")
    t.transport.stream = False
    t.transport.delay = 6.5  # 1.2 s, 1 s and 4 s have gone by
    t.executor.reopen()
    served, _seconds = climb(t)
    assert (served.service.way, t.transport.opened) == (Way.NEVER, 4)


@pytest.mark.parametrize(("hungry", "given"), [(100, 256), (1000, 256 + 1024)])
def test_a_framer_that_a_wrong_length_made_wait_gets_its_bytes_and_how_many_is_told(toy, hungry, given):
    t = connected(toy())
    t.device.hungry = hungry
    served, seconds = climb(t)
    assert (served.service.way, served.service.filler, t.transport.opened) == (Way.FILLED, given, 1)
    assert served.answer.data.startswith(b"<Pi1,")
    assert served.service.seconds == pytest.approx(seconds, abs=0.01)
    fillers = [sent for sent in t.transport.sent if len(sent) > 3]
    assert [len(filler) for filler in fillers] == [258, 1026][: len(fillers)]
    assert all(filler == PROBE * (len(filler) // 3) for filler in fillers)


def test_a_framer_that_waits_for_more_than_anyone_gives_is_left_for_another_connection(toy):
    t = connected(toy())
    t.device.hungry = 9000
    greet = t.transport.open

    def forgets(timeout):
        t.device.hungry = 0
        return greet(timeout)

    t.transport.open = forgets
    served, _seconds = climb(t)
    assert (served.service.way, served.service.closed, t.transport.opened) == (Way.RECONNECTED, False, 2)


def test_messages_with_borders_are_not_filled(toy):
    t = toy()
    t.transport.stream = False
    t.executor.reopen()
    t.device.hungry = 1 << 20
    climb(t, patience=0.0)
    assert {len(sent) for sent in t.transport.sent} == {1, 3}


def test_what_brings_in_step_is_left_out_where_the_guard_withholds_it(toy):
    t = connected(toy(forbidden=["zz"]))
    t.protocol.resynchronization = Resynchronization(0.1, b"<zz>")
    t.device.hungry = 2
    served, _seconds = climb(t)
    assert (served.service.way, t.transport.sent) == (Way.AT_ONCE, [PROBE, PROBE])


def test_filler_that_the_guard_withholds_is_not_given_and_another_connection_is_tried(toy):
    t = connected(toy(forbidden=["p><p><p><p><p"]))
    t.transport.fall_deaf()
    served, _seconds = climb(t)
    assert (served.service.way, served.service.closed) == (Way.RECONNECTED, False)
    assert all(len(sent) <= 3 for sent in t.transport.sent)


def test_a_connection_that_is_open_but_dead_is_told_from_one_that_the_device_closed(toy):
    t = connected(toy())
    t.transport.fall_deaf()
    served, seconds = climb(t)
    assert (served.service.way, served.service.closed, served.answer.data) == (Way.RECONNECTED, False, b"<Pi1,1>")
    assert served.service.seconds == pytest.approx(seconds, abs=0.01)
    t.transport.hang_up()
    served, seconds = climb(t)
    assert (served.service.way, served.service.closed) == (Way.RECONNECTED, True)
    assert seconds < 0.1


def test_a_device_whose_old_connections_never_served_again_is_not_waited_for_a_third_time(toy):
    t = connected(toy())
    took = []
    for _ in range(3):
        t.transport.fall_deaf()
        served, seconds = climb(t)
        assert served.service.way is Way.RECONNECTED
        took.append(seconds)
    assert took[0] == pytest.approx(took[1], abs=0.1)
    assert took[2] == pytest.approx(2.2, abs=0.01) and took[2] < took[1] - 4.0


def test_a_device_that_is_trusted_to_come_back_by_filler_gets_it_before_it_is_waited_for(toy):
    t = connected(toy(adaptive=True))
    took = []
    for trusted in (frozenset(), frozenset({Way.FILLED})):
        t.ladder.trusted = trusted
        t.device.hungry = 100
        served, seconds = climb(t)
        assert (served.service.way, served.service.filler) == (Way.FILLED, 256)
        took.append(seconds)
    assert took[1] == pytest.approx(took[0] - 5.0, abs=0.1)  # neither a second probe nor patience


def test_a_device_that_was_filled_in_vain_is_still_waited_for_and_not_filled_again(toy):
    t = connected(toy())
    t.ladder.trusted = frozenset({Way.FILLED})
    t.transport.delay = 6.5
    served, _seconds = climb(t)
    assert served.service.way is Way.LATE
    assert len([sent for sent in t.transport.sent if len(sent) > 3]) == 2


@pytest.mark.parametrize(("presumed", "known"), [(None, {Way.FILLED}), (set(), set()), ({Way.RECONNECTED},) * 2])
def test_what_is_presumed_stands_for_all_that_is_trusted(toy, presumed, known):
    t = connected(toy())
    t.ladder.trusted = frozenset({Way.FILLED})
    t.ladder.presumed = None if presumed is None else frozenset(presumed)
    assert t.ladder.known == known


@pytest.mark.parametrize("presumed", [None, frozenset()])
def test_a_replay_that_presumes_nothing_waits_on_a_connection_of_a_kind_that_never_served_again(toy, presumed):
    t = connected(toy())
    for _ in range(2):
        t.transport.fall_deaf()
        climb(t)
    t.ladder.presumed = presumed
    t.transport.fall_deaf()
    assert climb(t)[1] == pytest.approx(2.2 if presumed is None else 8.3, abs=0.5)


@pytest.mark.parametrize("ends", ["gone", "closed", "by us"])
def test_connections_that_end_otherwise_do_not_count_as_dead_ones(toy, ends):
    t = connected(toy())
    for _ in range(4):
        if ends != "by us":
            t.transport.hang_up(0.5 if ends == "gone" else 0.0)
        climb(t, broken=ends == "by us")
    t.transport.delay = 3.1
    assert climb(t)[0].service.way is Way.LATE


@pytest.mark.parametrize("closed", [True, False])
def test_a_link_that_is_lost_is_not_asked_any_more(toy, closed):
    t = connected(toy())
    served, _seconds = climb(t, closed=closed, broken=True)
    assert (served.service.way, served.service.closed, t.transport.opened) == (Way.RECONNECTED, closed, 2)
    assert t.transport.sent == [PROBE]


class RenewingLink(ScriptedLink):
    """It looks for another connection by itself before a message, once and in vain: that takes `seeks` seconds."""

    def fresh(self, timeout):
        device = self._device
        seconds, device.seeks = device.seeks, 0.0
        if seconds:
            device.clock += min(seconds, timeout)
            raise LinkError("it does not advertise")
        return False

    def handle(self, _uuid):
        return 0


class Renewing(ScriptedTransport):
    seeks = 0.0

    def open(self, timeout):
        link = super().open(timeout)
        link.__class__ = RenewingLink
        return link


def missing(toy, gone, seeks):
    """A device that is away from now on for `gone` seconds, which the link itself seeks first."""
    t = toy(transport=Renewing, open_timeout=5.0)
    t.runner.run(case(message(b"b")))
    t.transport.seeks, t.transport.back_at = seeks, t.transport.clock + gone
    return t


def test_a_device_that_the_link_itself_sought_is_not_sought_for_as_long_again(toy):
    t = missing(toy, gone=90.0, seeks=5.0)
    began = t.executor.now()
    with pytest.raises(LinkError):
        climb(t)
    assert t.executor.now() - began == pytest.approx(5.0, abs=0.3)


def test_nor_where_a_message_of_the_case_sought_it(toy):
    t = missing(toy, gone=90.0, seeks=5.0)
    began = t.executor.now()
    outcome = t.runner.run(case(message(b"a")))
    assert (outcome.transcript.service, bool(outcome.transcript.link_error)) == (None, True)
    assert t.executor.now() - began == pytest.approx(5.0, abs=0.3)


def test_one_that_is_back_within_the_patience_was_gone_since_it_was_sought(toy):
    t = missing(toy, gone=4.0, seeks=2.0)
    served, seconds = climb(t)
    assert (served.service.way, served.service.seconds) == (Way.RETURNED, pytest.approx(4.0, abs=0.3))
    assert seconds == pytest.approx(4.0, abs=0.3)


@pytest.mark.parametrize(
    ("delay", "hungry", "way"), [(0.0, 0, Way.AT_ONCE), (0.0, 100, Way.FILLED), (30.0, 0, Way.NEVER)]
)
def test_where_it_is_presumed_never_to_serve_each_rung_is_tried_and_none_is_waited_on(toy, delay, hungry, way):
    t = connected(toy(adaptive=True))
    t.executor.run((message(b"a"),))
    t.transport.delay, t.device.hungry = delay, hungry
    t.transport.sent.clear()
    with t.connection.hurried(hurry=True):
        served, seconds = climb(t)
    assert (served.service.way, seconds < 2.0) == (way, True)
    assert climb(connected(t))[1] > 12.0 or way is not Way.NEVER


@pytest.mark.parametrize("gone", [0.05, 1.0, 3.0])
def test_a_device_that_dies_and_is_back_by_itself_was_gone_for_so_long(toy, gone):
    t = connected(toy())
    t.transport.hang_up(gone)
    served, _seconds = climb(t)
    assert (served.service.way, served.service.closed) == (Way.RETURNED, True)
    assert served.service.seconds == pytest.approx(gone, abs=0.26)


def test_a_device_that_is_gone_for_longer_than_the_patience_is_a_link_that_does_not_open(toy):
    t = connected(toy())
    t.transport.hang_up(9.0)
    began = t.executor.now()
    with pytest.raises(LinkError, match="nothing is listening"):
        t.ladder.climb(closed=False, broken=False, patience=5.0)
    assert t.transport.clock - began == pytest.approx(5.0, abs=0.3)


def test_a_link_that_breaks_by_no_close_of_the_devices_is_not_called_closed(toy):
    t = connected(toy())

    def breaks(data, deadline):
        raise LinkError("a frame was lost")

    t.connection.link.send = breaks
    served, _seconds = climb(t)
    assert (served.service.way, served.service.closed) == (Way.RECONNECTED, False)


def test_a_device_that_never_serves_again_is_asked_three_times_on_each_connection_until_the_patience_ends(toy):
    t = connected(toy())
    t.device.dead = True
    began = t.executor.now()
    served = t.ladder.climb(closed=False, broken=True, patience=5.0)
    assert (served.answer, served.service.way, served.service.closed) == (None, Way.NEVER, False)
    assert served.service.seconds == pytest.approx(t.executor.now() - began)
    assert t.transport.sent == [PROBE] * 5
    assert t.transport.opened == 3  # the first is broken; one more for three probes


def test_without_patience_a_new_connection_is_asked_three_times(toy):
    t = connected(toy())
    t.device.dead = True
    served, _seconds = climb(t, closed=True, broken=True, patience=0.0)
    assert (served.service.way, served.service.closed, t.transport.sent) == (Way.NEVER, True, [PROBE] * 3)


def test_a_device_that_serves_only_the_last_probe_within_the_patience_serves(toy):
    t = connected(toy())
    t.device.dead = True
    asked = []

    def wakes(device):
        asked.append(1)
        return [b"<Pi1,9>"] if len(asked) == 5 else []

    t.device.planted[b"p"] = wakes
    served, _seconds = climb(t, broken=True)
    assert (served.service.way, len(asked)) == (Way.RECONNECTED, 5)


class Relay(ScriptedTransport):
    """Accepts every connection and drops it while the device behind it is not back: a port that somebody forwards."""

    serves_at = 0.0

    def open(self, timeout):
        link = super().open(timeout)
        if self.clock < self.serves_at:
            self.hung_up = self.opened
        return link


def test_a_connection_that_is_accepted_and_dropped_is_tried_until_its_program_is_back(toy):
    t = connected(toy(transport=Relay))
    t.transport.serves_at = t.transport.clock + 2.0
    t.transport.hang_up()
    served, seconds = climb(t)
    assert (served.service.way, served.service.closed) == (Way.RECONNECTED, True)
    assert seconds == pytest.approx(2.0, abs=0.3)
    assert t.transport.opened < 12  # with a pause between two tries


def test_one_that_is_dropped_for_longer_than_the_patience_never_serves(toy):
    t = connected(toy(transport=Relay))
    t.transport.serves_at = t.transport.clock + 60.0
    served, seconds = climb(t, broken=True, closed=True)
    assert (served.service.way, served.answer, served.service.closed) == (Way.NEVER, None, True)
    assert seconds == pytest.approx(5.0, abs=0.3)


def test_a_link_that_closes_under_the_probe_is_closed_by_the_device(toy):
    t = connected(toy())
    t.device.planted[b"p"] = lambda device: (t.transport.hang_up(), device.planted.clear())[1]
    served, _seconds = climb(t)
    assert (served.service.way, served.service.closed) == (Way.RECONNECTED, True)


def test_an_answer_that_is_no_proper_one_does_not_serve(toy):
    t = connected(toy())
    t.device.planted[b"p"] = lambda _device: [b"<P?>"]
    served, _seconds = climb(t, patience=0.0)
    assert (served.answer, served.service.way) == (None, Way.NEVER)


def test_a_device_that_is_known_at_once_not_to_serve_is_not_asked_for_ever(toy, monkeypatch):
    """An emulator tells that its firmware waits nowhere without any time going by."""
    t, asked = connected(toy()), []

    def probe(_seconds=0.0):
        asked.append(t.executor.now())
        assert len(asked) < 1000

    monkeypatch.setattr(t.executor, "probe", probe)
    served, seconds = climb(t)
    assert (served.service.way, served.answer) == (Way.NEVER, None)
    assert 5.0 <= seconds < 10.0
