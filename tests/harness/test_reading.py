"""Whose bytes: late answers, leftovers, greetings, answers in pieces, and how long each is waited for."""

import pytest
from toy import ToyProtocol, message

from harness.case import LiveField, Procedure, Reconnect, Send, Stimulate, Wait
from harness.errors import LinkClosed, LinkError
from harness.executor import Executor
from harness.guard import Guard
from harness.interfaces import AFTER_CASE, BEFORE_CASE, ON_CONNECTION, Conversation, Frame, FrameKind
from harness.transcript import Exchange
from harness.transports.scripted import ScriptedLink, ScriptedTransport

NO_REPLY = Send("open", b"<open")


def run(t, *steps):
    t.executor.begin()
    t.executor.run(steps)
    return t.executor.exchanges


def told(t):
    """Each exchange: its message, its replies, what came unasked, what was no frame."""
    return [(e.message, e.replies, e.unsolicited, e.stray) for e in t.executor.exchanges]


def answers(t, name, *pieces, after=0.0, pace=0.0):
    """The device answers a message with some pieces, after a while, at a pace."""

    def answer(_device):
        t.transport.delay, t.transport.pace = after, pace
        return list(pieces)

    t.device.planted[name] = answer


def clocked(t, act):
    began = t.transport.clock
    act()
    return t.transport.clock - began


# -- late answers ------------------------------------------------------------------------------------------------------


@pytest.fixture
def wall(toy):
    """The toy on a link with the wall clock, whose first connection is there."""

    def wall(**options):
        t = toy(adaptive=True, **options)
        t.connection.open()
        return t

    return wall


def test_a_late_answer_goes_to_its_own_message_and_not_to_the_next(wall):
    t = wall()
    answers(t, b"a", b"<A>", after=1.5)
    answers(t, b"b", b"<B>")
    first, second = run(t, message(b"a"), message(b"b"))
    assert (first.message, first.replies, first.answered) == ("a", (b"<A>",), True)
    assert (second.message, second.replies, second.unsolicited) == ("b", (b"<B>",), ())


def test_of_two_messages_alike_the_late_answer_is_the_first_ones(wall):
    t = wall()
    t.device.planted[b"b"] = lambda _device: []
    answers(t, b"c", b"<A>")
    turns = iter([1.5, 0.0])

    def slow(_device):
        t.transport.delay = next(turns)
        return [b"<A1>"] if t.transport.delay else []

    t.device.planted[b"a"] = slow
    first, second, _third = run(t, message(b"a"), message(b"b"), message(b"a"))
    assert (first.replies, second.replies) == ((b"<A1>",), ())


def test_a_late_answer_that_comes_while_time_passes_goes_to_its_message_too(wall):
    t = wall()
    answers(t, b"a", b"<A>", after=1.5)
    (only,) = run(t, message(b"a"), Wait(2.0))
    assert (only.replies, only.answered) == ((b"<A>",), True)


def test_an_answer_that_lies_there_before_the_next_message_is_read_before_it_is_sent(wall):
    t = wall()
    answers(t, b"a", b"<A>", b"<B>")  # the second would answer the next message
    t.device.planted[b"b"] = lambda _device: []
    run(t, message(b"a"), message(b"b"))
    assert told(t) == [("a", (b"<A>",), (), b""), ("", (), (b"<B>",), b""), ("b", (), (), b"")]


def test_a_second_answer_to_one_message_is_none_to_it(wall):
    t = wall()
    answers(t, b"a", b"<A>", b"<A>")
    run(t, message(b"a"), message(b"b"))
    assert told(t)[:2] == [("a", (b"<A>",), (), b""), ("", (), (b"<A>",), b"")]


def test_an_alarm_that_nobody_asked_for_is_no_late_answer(wall):
    t = wall()
    answers(t, b"a", b"<!a>", after=1.5)
    answers(t, b"b", b"<B>")
    run(t, message(b"a"), message(b"b"))
    assert told(t) == [("a", (), (), b""), ("b", (b"<B>",), (b"<!a>",), b"")]


def test_a_message_that_needs_no_answer_gets_no_late_one(wall):
    t = wall()
    t.protocol.expects_reply = lambda sent: sent != b"<a>"
    answers(t, b"a", b"<A>", after=1.5)
    answers(t, b"b", b"<B>", after=1.9)
    run(t, message(b"a"), Wait(1.0), message(b"b"))
    assert told(t)[0] == ("a", (), (), b"")


def test_on_a_virtual_clock_nothing_is_late_and_nothing_is_read_before_sending(toy):
    t = toy()
    answers(t, b"a", b"<A>", after=1.5)
    answers(t, b"b", b"<B>")
    run(t, message(b"a"), message(b"b"))
    assert told(t) == [("a", (), (), b""), ("b", (b"<B>",), (b"<A>",), b"")]


def test_leftovers_that_are_no_frame_are_kept_as_what_they_are(wall):
    t = wall()
    answers(t, b"a", b"<A>", b"garbage")
    run(t, message(b"a"), message(b"b"))
    assert told(t)[1] == ("", (), (), b"garbage")


def test_leftovers_of_several_kinds_are_each_on_record_as_nobodys(wall):
    t = wall()
    answers(t, b"a", b"<A>", b"noise<!alarm>half<")
    _asked, alarm, noise, _next = run(t, message(b"a"), message(b"b"))
    now = alarm.sent_at
    assert alarm == Exchange("", b"", (), (b"<!alarm>",), b"", now, now, False, False)
    assert noise == Exchange("", b"", (), (), b"noisehalf<", noise.sent_at, noise.sent_at, False, False)
    assert 0.0 < now <= noise.sent_at <= t.transport.clock


def test_a_leftover_that_is_cut_is_put_together(wall):
    t = wall()
    answers(t, b"a", b"<A>", b"<!al", b"a", b"rm>")
    run(t, message(b"a"), message(b"b"))
    assert told(t)[1:] == [("", (), (b"<!alarm>",), b""), ("b", (b"<B>",), (), b"")]


def test_a_late_answer_that_lies_there_is_its_own_messages_and_not_nobodys(wall):
    t = wall()
    answers(t, b"a", b"<A>", after=1.5)
    run(t, message(b"a"))
    t.transport.clock += 1.0
    answers(t, b"b", b"<B>")
    t.executor.run((message(b"b"),))
    assert told(t) == [("a", (b"<A>",), (), b""), ("b", (b"<B>",), (), b"")]


def test_leftovers_without_end_are_bounded(wall):
    t = wall()
    answers(t, b"a", b"<A>", *[b"x" * 1000] * 50)
    run(t, message(b"a"), message(b"b"))
    assert max(len(entry[3]) for entry in told(t)) <= t.protocol.max_reply + 1000


def test_a_keep_alive_among_the_leftovers_is_answered(wall):
    t = wall()
    answers(t, b"a", b"<A>", b"<!k>")
    run(t, message(b"a"), message(b"b"))
    assert t.transport.sent == [b"<a>", b"<k!>", b"<b>"]
    assert t.executor.conversation.last_received == b"<B>"


# -- how long ----------------------------------------------------------------------------------------------------------


def test_a_device_that_is_slow_but_within_its_timeout_answers_each_of_messages_sent_at_once(toy):
    t = toy()
    t.device.planted[b"a"] = lambda _device: []
    answers(t, b"b", b"<A1>", b"<A2>", b"<B>", after=0.8, pace=0.8)
    first, second, last = run(t, message(b"a", wait=False), message(b"a", wait=False), message(b"b"))
    assert (first.replies, second.replies, last.replies) == ((b"<A1>",), (b"<A2>",), (b"<B>",))


def test_messages_at_once_are_on_record_as_any_other(toy):
    t = toy()
    t.device.planted[b"b"] = lambda _device: []
    first, second, _last = run(t, message(b"a", wait=False), message(b"b", wait=False), message(b"c"))
    assert first == Exchange("a", b"<a>", (b"<A>",), (), b"", first.sent_at, first.ended_at, True, True)
    assert second == Exchange("b", b"<b>", (), (), b"", first.sent_at, first.ended_at, False, True)
    t.protocol.expects_reply = lambda sent: False
    assert not run(t, message(b"b", wait=False), message(b"c"))[0].reply_expected


def test_a_message_at_once_is_waited_for_one_timeout_and_not_longer(toy):
    t = toy()
    t.device.planted[b"a"] = lambda _device: []
    answers(t, b"b", b"<B>", b"<A>", pace=1.2)
    seconds = clocked(t, lambda: run(t, message(b"a", wait=False), message(b"b")))
    assert [e.answered for e in t.executor.exchanges] == [False, True]
    assert seconds == pytest.approx(1.0)


def test_an_answer_that_a_message_needs_not_have_is_waited_for_as_the_device_was_slow_so_far(wall):
    t = wall()
    assert clocked(t, lambda: run(t, NO_REPLY)) == pytest.approx(0.02)
    t.executor.reopen()
    answers(t, b"a", b"<A>", after=0.1)
    run(t, message(b"a"))
    assert clocked(t, lambda: run(t, NO_REPLY)) == pytest.approx(0.404, abs=0.001)
    t.executor.reopen()
    answers(t, b"a", b"<A>", after=0.6)
    run(t, message(b"a"))
    assert clocked(t, lambda: run(t, NO_REPLY)) == pytest.approx(1.0)
    t.executor.reopen()
    answers(t, b"a", b"<A>", after=0.1)
    run(t, message(b"a"))
    assert clocked(t, lambda: run(t, NO_REPLY)) == pytest.approx(1.0)  # it was slower once


def test_on_a_virtual_clock_every_answer_is_waited_for_alike(toy):
    t = toy()
    run(t, message(b"a"))
    assert clocked(t, lambda: run(t, NO_REPLY)) == pytest.approx(1.0)


def test_behind_a_message_at_once_the_whole_timeout_is_waited(wall):
    t = wall()
    t.device.planted[b"a"] = lambda _device: []
    assert clocked(t, lambda: run(t, message(b"a", wait=False), NO_REPLY)) == pytest.approx(1.0)


@pytest.mark.parametrize(("lost", "after", "answered"), [(2.0, 2.9, True), (2.0, 3.1, False), (0.0, 1.1, False)])
def test_what_the_machine_lost_is_added_to_the_deadline(wall, lost, after, answered):
    t = wall(lost=lambda _since: lost)
    answers(t, b"a", b"<A>", after=after)
    (exchange,) = run(t, message(b"a"))
    assert exchange.answered is answered
    assert exchange.ended_at - exchange.sent_at == pytest.approx(after if answered else 1.0 + lost, abs=0.01)


@pytest.mark.parametrize(("after", "answered"), [(1.9, True), (2.1, False)])
def test_a_long_message_is_given_the_time_that_it_takes_on_the_line(wall, after, answered):
    long = message(b"a" * 998, "long")
    t = wall()
    t.transport.byte_seconds = 0.001
    t.executor.reopen()
    answers(t, b"a" * 998, b"<A>", after=after)
    (exchange,) = run(t, long)
    assert exchange.answered is answered
    assert exchange.ended_at - exchange.sent_at == pytest.approx(after if answered else 2.0, abs=0.01)


@pytest.mark.parametrize(("trickled", "waited"), [(3, 1.0 + 1.003), (2, 1.0)])
def test_a_line_whose_answers_trickle_in_is_a_slow_one_for_what_is_sent_too(wall, trickled, waited):
    t = wall()
    for number in range(3):
        slow = number < trickled
        pieces = [b"<", b"B", b"B", b"B", b">"] if slow else [b"<BBB>"]
        answers(t, b"b", *pieces, pace=0.001)
        run(t, message(b"b"))
    t.device.planted[b"a" * 1001] = lambda _device: []
    for _ in range(2):
        assert clocked(t, lambda: run(t, message(b"a" * 1001, "long"))) == pytest.approx(waited, abs=0.01)
        t.executor.reopen()


def test_what_is_still_on_the_line_is_waited_for_before_the_next_message_has_its_time(wall):
    t = wall()
    t.transport.byte_seconds = 0.001
    t.executor.reopen()
    t.executor.fill(b"x" * 600, 5.0)
    t.device.planted[b"a"] = lambda _device: []
    assert clocked(t, lambda: run(t, message(b"a"))) == pytest.approx(0.6 + 0.003 + 1.0, abs=0.01)


def test_what_the_machine_lost_is_not_added_to_time_that_only_passes(wall):
    t = wall(lost=lambda _since: 2.0)
    assert clocked(t, lambda: t.executor.run((Wait(1.0),))) == pytest.approx(1.0, abs=0.01)


def test_nor_to_the_wait_for_an_answer_that_is_not_due(wall):
    t = wall(lost=lambda _since: 2.0)
    assert clocked(t, lambda: run(t, Send("half", b"<a"))) == pytest.approx(0.02, abs=0.01)
    t.device.dead = True
    assert clocked(t, lambda: run(t, message(b"p", wait=False), Send("half", b"<a"))) == pytest.approx(3.0, abs=0.01)


def test_what_was_lost_before_the_message_was_sent_is_not_added(wall):
    asked = []
    t = wall(lost=lambda since: asked.append(since) or 0.0)
    t.transport.clock = 50.0
    t.device.planted[b"a"] = lambda _device: []
    run(t, message(b"a"))
    assert set(asked) == {50.0}


def test_a_machine_that_stands_still_for_an_hour_puts_a_deadline_off_by_half_a_minute(wall):
    t = wall(lost=lambda _since: 3600.0)
    t.device.planted[b"a"] = lambda _device: []
    assert clocked(t, lambda: run(t, message(b"a"))) == pytest.approx(31.0)


class Done(ScriptedLink):
    """Knows at once that nothing more will come."""

    whole = True

    def receive(self, deadline):
        return super().receive(deadline) if self._pending else b""


class AtOnce(ScriptedTransport):
    def open(self, timeout):
        link = super().open(timeout)
        link.__class__ = Done
        return link


def test_a_link_that_is_done_is_not_waited_for_however_busy_the_machine_was(wall):
    t = wall(lost=lambda _since: 3.0, transport=AtOnce)
    t.device.planted[b"a"] = lambda _device: []
    assert clocked(t, lambda: run(t, message(b"a"))) == 0.0


class Resting(ScriptedLink):
    """Says at first that a device rests, which a timer may end."""

    whole, rested = True, False

    def receive(self, deadline):
        if not self.rested:
            self.rested = True
            return b""
        return super().receive(deadline)


class Rests(ScriptedTransport):
    def open(self, timeout):
        link = super().open(timeout)
        link.__class__ = Resting
        return link


@pytest.mark.parametrize(("took", "served"), [(0.7, True), (1.2, False)])
def test_a_device_that_rests_has_the_whole_time_for_a_probe(wall, took, served):
    t = wall(transport=Rests)
    t.transport.delay = took
    assert (t.executor.probe() is not None) is served


def test_every_send_has_a_deadline_of_one_reply_timeout(wall):
    t = wall()
    given, sends = [], t.connection.link._link.send
    t.connection.link._link.send = lambda data, deadline: (
        given.append((data, round(deadline - t.transport.clock, 6))),
        sends(data, deadline),
    )
    answers(t, b"a", b"<!k>", b"<A>", b"<!k>")
    run(t, message(b"a"), message(b"b", wait=False), message(b"c"))
    t.executor.fill(b"xx", 5.0)
    assert [data for data, _seconds in given] == [b"<a>", b"<k!>", b"<k!>", b"<b>", b"<c>", b"xx"]
    assert all(0.99 <= seconds <= 1.0 for _data, seconds in given[:-1])
    assert given[-1] == (b"xx", 5.0)


def test_on_a_virtual_clock_the_machine_loses_nothing(toy):
    t = toy(lost=lambda _since: 5.0)
    t.device.planted[b"a"] = lambda _device: []
    assert clocked(t, lambda: run(t, message(b"a"))) == pytest.approx(1.0)


# -- greetings ---------------------------------------------------------------------------------------------------------


class Greets(ScriptedTransport):
    """A device that says something by itself on each connection."""

    def __init__(self, answer, latency=0.001):
        super().__init__(answer, latency)
        self.greeting, self.delay = (b"<A-", b"ready>"), 0.05


def test_a_greeting_is_no_answer_and_is_on_record(toy):
    t = toy(adaptive=True, transport=Greets)
    t.device.planted[b"a"] = lambda _device: []
    t.executor.begin()
    t.connection.open()
    assert t.executor.greeting == b"<A-ready>"
    t.executor.run((message(b"a"),))
    assert told(t) == [("", (), (b"<A-ready>",), b""), ("a", (), (), b"")]
    assert t.executor.greeting == b""


def test_whether_a_device_greets_its_first_connection_shows(toy):
    t = toy(adaptive=True)
    assert clocked(t, t.connection.open) == pytest.approx(0.2)
    assert clocked(t, t.executor.reopen) == 0.0
    t.transport.greeting = (b"<!hello>",)
    assert clocked(t, t.executor.reopen) == 0.0


def test_a_device_that_greets_is_waited_for_on_every_connection_longer_than_it_took(toy):
    t = toy(adaptive=True, transport=Greets)
    t.transport.clock = 50.0
    assert clocked(t, t.connection.open) < 0.2
    t.transport.delay = 0.35
    t.executor.reopen()
    assert t.executor.greeting == b"<A-ready>"
    t.transport.delay = 0.42
    t.executor.reopen()
    assert t.executor.greeting == b""


@pytest.mark.parametrize("when", [ON_CONNECTION, BEFORE_CASE])
def test_a_script_that_talks_first_reads_the_greeting_itself(toy, when):
    heard = []
    t = toy(adaptive=True, transport=Greets, callbacks={when: lambda _c, _d, socket: heard.append(socket.receive())})
    run(t, message(b"a"))
    assert b"".join(heard) in (b"<A-", b"<A-ready>")


def test_messages_with_borders_greet_by_no_bytes(toy):
    t = toy(adaptive=True)
    t.transport.stream = False
    assert clocked(t, t.connection.open) == 0.0


def test_on_a_virtual_clock_nobody_waits_for_a_greeting(toy):
    t = toy()
    assert clocked(t, t.connection.open) == 0.0


# -- where an answer ends ----------------------------------------------------------------------------------------------


class Unframed(ToyProtocol):
    """Takes whatever has come as one answer."""

    framed, max_reply = False, 64

    def split(self, buffer):
        return ((Frame(FrameKind.REPLY, buffer),), b"") if buffer else ((), b"")

    def answers(self, sent, frame):
        return True


def unframed(toy, quiet_gap, **options):
    t = toy(framed=False, **options)
    protocol = Unframed()
    t.transport.quiet_gap = quiet_gap
    t.executor = Executor(
        protocol,
        t.transport,
        t.target,
        Guard(None, ()),
        reply_timeout=1.0,
        open_timeout=1.0,
        adaptive=options.get("adaptive", False),
    )
    t.protocol = protocol
    return t


def paced(t, pace, text=b"<A: 37.2 C>"):
    answers(t, b"a", *(bytes([byte]) for byte in text), pace=pace)


def test_without_framing_an_answer_ends_with_a_quiet_gap(toy):
    t = unframed(toy, 0.02)
    paced(t, 0.01)
    (exchange,) = run(t, message(b"a"))
    assert exchange.replies == (b"<A: 37.2 C>",)


def test_without_a_gap_what_comes_in_one_piece_is_the_answer(toy):
    t = unframed(toy, 0.0)
    paced(t, 0.01)
    (exchange,) = run(t, message(b"a"))
    assert exchange.replies == (b"<",)


def test_a_pause_that_is_longer_than_the_gap_ends_the_answer(toy):
    t = unframed(toy, 0.02)
    paced(t, 0.05)
    (exchange,) = run(t, message(b"a"))
    assert exchange.replies == (b"<",)


def test_an_answer_without_framing_is_bounded(toy):
    t = unframed(toy, 0.02)
    paced(t, 0.001, b"x" * 1000)
    (exchange,) = run(t, message(b"a"))
    assert len(exchange.replies[0]) == 64


def test_a_gap_is_learned_from_answers_that_come_in_pieces(toy):
    t = unframed(toy, 0.0, adaptive=True)
    t.connection = t.executor.connection
    t.connection.open()
    paced(t, 0.004)
    for _ in range(8):  # until it knows, it waits as long as it may
        assert run(t, message(b"a"))[0].replies == (b"<A: 37.2 C>",)
    before = t.transport.clock
    assert run(t, message(b"a"))[0].replies == (b"<A: 37.2 C>",)
    assert t.transport.clock - before < 0.004 * 11 + 0.03
    paced(t, 0.03)
    assert run(t, message(b"a"))[0].replies == (b"<",)


def test_a_framed_protocol_learns_no_gap(wall):
    t = wall()
    answers(t, b"a", b"<A>", b"<A>")
    run(t, message(b"a"), message(b"b"))
    assert clocked(t, lambda: run(t, message(b"b"))) < 0.005


class Whole(ScriptedLink):
    whole = True


class Complete(ScriptedTransport):
    """A carrier that knows itself when an answer is complete, as an emulator does."""

    def open(self, timeout):
        link = super().open(timeout)
        link.__class__ = Whole
        return link


def test_a_link_that_knows_where_an_answer_ends_is_read_up_to_there(toy):
    t = toy(transport=Complete)
    answers(t, b"a", b"<A>", b"<!alarm>", b"<A2>")
    (exchange,) = run(t, message(b"a"))
    assert (exchange.replies, exchange.unsolicited) == ((b"<A>", b"<A2>"), (b"<!alarm>",))


def test_one_that_does_not_is_read_up_to_the_answer(toy):
    t = toy()
    answers(t, b"a", b"<A>", b"<A2>")
    (exchange,) = run(t, message(b"a"))
    assert exchange.replies == (b"<A>",)


# -- probes ------------------------------------------------------------------------------------------------------------


def test_a_right_answer_to_an_earlier_probe_serves(toy):
    t = toy()
    t.protocol.answers = lambda sent, frame: bool(frame.fields) and sent == b"<p>"
    answers(t, b"p", b"<Pi1,5>", after=1.5)
    assert t.executor.probe() is None
    t.device.planted[b"p"] = lambda _device: []
    assert t.executor.probe().data == b"<Pi1,5>"


def sequenced(t):
    """Probes with a number, whose answers carry it."""
    numbers = iter("123456789")
    t.protocol.resolve = lambda live, data, conversation: next(numbers).encode()
    t.protocol.probe = message(b"p_", "probe", live=(LiveField("sequence", 2, 1),))
    t.protocol.answers = lambda sent, frame: frame.data[-2:-1] == sent[2:3]


def test_an_answer_with_the_number_of_an_earlier_probe_serves_until_the_link_is_closed(toy):
    t = toy()
    sequenced(t)
    answers(t, b"p1", b"<Pi1,1>", after=1.5)
    t.device.planted[b"p2"] = lambda _device: []
    assert t.executor.probe() is None
    assert t.executor.probe().data == b"<Pi1,1>"
    t.device.planted[b"p3"] = lambda _device: []
    t.device.planted[b"p4"] = lambda _device: [b"<Pi1,3>"]
    assert t.executor.probe() is None
    t.executor.close()
    assert t.executor.probe() is None


def test_after_a_probe_was_served_earlier_ones_are_asked_no_more(toy):
    t = toy()
    sequenced(t)
    t.device.planted |= {b"p1": lambda _d: [], b"p2": lambda _d: [b"<Pi1,2>"], b"p3": lambda _d: [b"<Pi1,1>"]}
    assert [t.executor.probe() is None for _ in range(3)] == [True, False, True]


@pytest.mark.parametrize(("given", "waited"), [(0.0, 1.0), (4.0, 4.0), (0.5, 0.5)])
def test_a_probe_is_waited_for_as_long_as_is_said(toy, given, waited):
    t = toy()
    t.device.dead = True
    assert clocked(t, lambda: t.executor.probe(given)) == pytest.approx(waited)


# -- links that end ----------------------------------------------------------------------------------------------------


def test_what_was_sent_at_once_is_given_up_with_its_link(toy):
    t = toy()
    t.executor.begin()
    t.device.planted[b"a"] = lambda _device: []
    t.executor.run((message(b"a", wait=False), Reconnect()))
    (exchange,) = t.executor.exchanges
    assert (exchange.sent, exchange.answered, exchange.ended_at) == (b"<a>", False, t.transport.clock)


def test_a_link_that_closes_is_told_to_the_script_at_the_end_of_the_case_and_to_the_runner(toy):
    told = []
    t = toy(callbacks={AFTER_CASE: lambda _conversation, _data, socket: told.append(list(socket.messages))})
    t.device.planted[b"a"] = lambda _device: t.transport.hang_up()
    with pytest.raises(LinkClosed):
        run(t, message(b"a"), message(b"b"))
    assert (told, t.executor.performed) == ([["a"]], 0)


def test_what_was_held_back_does_not_go_out_on_the_next_link(toy):
    t = toy()
    run(t)
    with pytest.raises(LinkError):
        t.transport.refuse = True
        t.executor.close()
        run(t, message(b"a", wait=False))
    t.transport.refuse = False
    run(t, message(b"b"))
    assert t.transport.sent == [b"<b>"]


def test_how_far_a_case_came_is_counted(toy):
    t = toy()
    run(t, message(b"a"), Wait(0.1), message(b"b", mutated=True))
    assert (t.executor.performed, t.executor.mutated) == (3, True)
    run(t, message(b"a"))
    assert (t.executor.performed, t.executor.mutated) == (1, False)


def test_a_live_field_sees_the_fields_before_it_in_place(toy):
    t = toy()
    t.protocol.resolve = lambda live, data, conversation: {"first": b"1", "sum": data[2:3] * 2}[live.name]
    run(t, message(b"a_--", live=(LiveField("first", 2, 1), LiveField("sum", 3, 2))))
    assert t.transport.sent == [b"<a111>"]


def test_a_replay_of_a_step_that_sent_nothing_sends_its_own_bytes(toy):
    t = toy()
    run(t, Wait(0.1), Send("a", b"<a>", replay_of=0), Send("b", b"<b>", replay_of=7))
    assert t.transport.sent == [b"<a>", b"<b>"]


def test_a_stimulus_has_its_value(toy):
    t = toy()
    run(t, Stimulate("uptime", 7.0))
    assert t.device.uptime == 7.0


def test_filler_belongs_to_no_message(toy):
    t = toy()
    t.executor.begin()
    t.executor.fill(b"xx", 2.0)
    assert (t.transport.sent, t.executor.exchanges) == ([b"xx"], [])


def test_time_that_passes_in_silence_leaves_no_record_and_what_comes_does(toy):
    t = toy()
    t.executor.begin()
    assert clocked(t, lambda: t.executor.listen(2.0)) == pytest.approx(2.0)
    assert t.executor.exchanges == []
    answers(t, b"a", b"<A>", b"<!alarm>", b"<!again>", pace=0.5)
    run(t, message(b"a"), Wait(2.0))
    assert [(e.message, e.unsolicited) for e in t.executor.exchanges] == [("a", ()), ("", (b"<!alarm>", b"<!again>"))]
    heard = t.executor.exchanges[1]
    assert (heard.sent, heard.replies, heard.answered, heard.reply_expected) == (b"", (), False, False)


def test_a_record_that_goes_on_with_a_kept_conversation_has_a_copy_and_a_guard_without_memory(toy):
    t = toy(forbidden=["shock"])
    kept = Conversation({"token": b"z"})
    t.executor.begin()
    t.executor.run((Send("half", b"<sho"),))
    t.executor.begin(kept)
    assert (t.executor.conversation, t.executor.conversation is kept) == (kept, False)
    t.executor.run((Send("rest", b"ck>"),))
    assert t.transport.sent == [b"<sho", b"ck>"]


# -- carriers ----------------------------------------------------------------------------------------------------------


class AttributeLink(ScriptedLink):
    """A link that numbers attributes and performs procedures."""

    connections, performed, cuts = 0, (), False

    def fresh(self, _timeout):
        again, self.connections = self._device.made != self.connections, self._device.made
        return again

    def handle(self, uuid):
        return {"2a9d": 0x1234}[uuid]

    def perform(self, step, timeout):
        self._device.performed.append((step.name, timeout))
        return not self._device.cuts


class Attributes(ScriptedTransport):
    def __init__(self, answer, latency=0.001):
        super().__init__(answer, latency)
        self.made, self.performed, self.cuts = 1, [], False

    def open(self, timeout):
        link = super().open(timeout)
        link.__class__ = AttributeLink
        return link


def test_a_handle_is_what_the_link_found(toy):
    t = toy(transport=Attributes)
    run(t, message(b"w__", live=(LiveField("handle:2a9d", 2, 2),)))
    assert t.transport.sent == [b"<w\x34\x12>"]


def test_on_another_connection_than_before_the_conversation_is_another(toy):
    t = toy(transport=Attributes)
    answers(t, b"t", b"<Tz>")
    token = message(b"u_", live=(LiveField("token", 2, 1),))
    run(t, message(b"t"), token)
    t.transport.made += 1
    run(t, token)
    assert t.transport.sent == [b"<t>", b"<uz>", b"<u\0>"]


def test_a_handle_where_nobody_numbers_attributes_is_the_protocols(toy):
    t = toy()
    run(t, message(b"w__", live=(LiveField("handle:2a9d", 2, 2),)))
    assert t.transport.sent == [b"<w\0\0>"]


@pytest.mark.parametrize(("cuts", "answered"), [(False, True), (True, False)])
def test_a_procedure_that_cuts_the_link_ends_what_was_waited_for(toy, cuts, answered):
    t = toy(transport=Attributes, open_timeout=3.0)
    t.transport.cuts = cuts
    first, *_rest = run(t, message(b"a", wait=False), Procedure("pair"))
    assert (first.sent, first.answered) == (b"<a>", answered)
    assert t.transport.performed == [("pair", 3.0)]
    assert first.ended_at == pytest.approx(t.transport.clock)


# -- on the wire at once -----------------------------------------------------------------------------------------------


class BurstLink(ScriptedLink):
    """Puts several messages on the wire in one piece."""

    def burst(self, messages, deadline, *, awaited=True):
        self._device.bursts.append((list(messages), round(deadline - self._device.clock, 6), awaited))
        for data in messages:
            self.send(data, deadline)


class Bursting(ScriptedTransport):
    def __init__(self, answer, latency=0.001):
        super().__init__(answer, latency)
        self.bursts = []

    def open(self, timeout):
        link = super().open(timeout)
        link.__class__ = BurstLink
        return link


def test_a_link_that_can_is_given_messages_at_once_in_one_piece_and_told_whether_answers_are_read(toy):
    t = toy(transport=Bursting)
    run(t, message(b"a", wait=False), message(b"b"))
    run(t, message(b"c", wait=False))
    run(t, message(b"d", wait=False), Reconnect())
    assert t.transport.bursts == [([b"<a>", b"<b>"], 1.0, True), ([b"<c>"], 1.0, True), ([b"<d>"], 1.0, False)]


def test_what_is_open_stays_open_when_more_is_sent_at_once(toy):
    t = toy()
    t.device.planted |= {b"a": lambda _d: [], b"b": lambda _d: []}
    answers(t, b"c", b"<B>", b"<A>", b"<C>")
    exchanges = run(t, message(b"a", wait=False), Stimulate("uptime", 1.0), message(b"b", wait=False), message(b"c"))
    assert [(e.message, e.replies) for e in exchanges] == [("a", (b"<A>",)), ("b", (b"<B>",)), ("c", (b"<C>",))]
    assert len({e.ended_at for e in exchanges}) == 1


@pytest.mark.parametrize("expects", [True, False])
def test_the_last_message_at_once_is_on_record_as_it_is(toy, expects):
    t = toy()
    t.protocol.expects_reply = lambda _sent: expects
    (only,) = run(t, message(b"a", wait=False))
    assert (only.message, only.sent, only.replies, only.reply_expected) == ("a", b"<a>", (b"<A>",), expects)


# -- what a script hears -----------------------------------------------------------------------------------------------


def test_a_script_is_given_the_conversation_and_no_bytes_before_and_after_and_the_messages_on_an_edge(toy):
    heard = []
    hears = {name: lambda c, data, _s, name=name: heard.append((name, c, data)) for name in (BEFORE_CASE, AFTER_CASE)}
    hears["l->a"] = lambda c, data, _s: heard.append(("edge", c, data))
    t = toy(callbacks=hears)
    run(t, message(b"l"), message(b"a", callback="l->a"))
    conversation = t.executor.conversation
    assert [(name, data) for name, _c, data in heard] == [(BEFORE_CASE, b""), ("edge", b"<a>"), (AFTER_CASE, b"")]
    assert all(given is conversation for _name, given, _data in heard)


def test_after_a_case_that_broke_its_link_nothing_goes_out_on_another(toy):
    told = []

    def after(_conversation, _data, socket):
        try:
            socket.send(b"<z>")
        except LinkError as error:
            told.append(str(error))

    t = toy(callbacks={AFTER_CASE: after})
    t.device.planted[b"a"] = lambda _device: t.transport.hang_up()
    with pytest.raises(LinkClosed):
        run(t, message(b"a"))
    assert (told, t.transport.sent) == (["scripted: the link is closed"], [b"<a>"])


def test_a_link_that_broke_once_is_not_talked_on_after_the_case(toy):
    told, lost = [], LinkError("a frame was lost")

    def after(_conversation, _data, socket):
        for talk in (lambda: socket.send(b"<z>"), socket.receive):
            with pytest.raises(LinkError) as caught:
                talk()
            told.append(caught.value)

    def breaks(_device):
        raise lost

    t = toy(callbacks={AFTER_CASE: after})
    t.device.planted[b"a"] = breaks
    with pytest.raises(LinkError, match="a frame was lost"):
        run(t, message(b"a"))
    assert (told, t.transport.sent) == ([lost, lost], [b"<a>"])


def test_a_script_that_talks_first_hears_what_is_there_already(toy):
    heard = []
    t = toy(adaptive=True, callbacks={BEFORE_CASE: lambda _c, _d, socket: heard.append(socket.receive())})
    t.transport.greeting = (b"<!hello>",)
    run(t, message(b"a"))
    assert heard == [b"<!hello>"]


def test_on_a_virtual_clock_what_is_left_over_is_read_with_the_next_answer(toy):
    t = toy()
    answers(t, b"a", b"<A>", b"<!alarm>")
    run(t, message(b"a"), message(b"b"))
    assert told(t) == [("a", (b"<A>",), (), b""), ("b", (b"<B>",), (b"<!alarm>",), b"")]


# -- more of where an answer ends --------------------------------------------------------------------------------------


def test_a_link_that_knows_where_an_answer_ends_gives_the_probes(toy):
    assert toy(transport=Complete).executor.probe().data == b"<Pi1,1>"


def test_text_before_and_behind_an_alarm_is_all_kept(toy):
    t = toy()
    answers(t, b"a", b"x<!alarm>y<!alarm>z<A>")
    (exchange,) = run(t, message(b"a"))
    assert (exchange.stray, exchange.unsolicited) == (b"xyz", (b"<!alarm>", b"<!alarm>"))


def test_a_device_that_did_not_answer_is_not_thereby_slow(wall):
    t = wall()
    t.device.planted[b"a"] = lambda _device: []
    run(t, message(b"a"))
    assert clocked(t, lambda: run(t, NO_REPLY)) == pytest.approx(0.02)


def test_a_greeting_in_pieces_is_one_and_none_of_them_a_late_answer(wall):
    t = wall()
    t.device.planted[b"a"] = lambda _device: []
    t.executor.begin()
    t.executor.run((message(b"a"),))
    t.transport.greeting, t.transport.pace = (b"<!hi>", b"<A>", b"<!go>"), 0.015
    t.executor._greeting = 0.1  # as a device that greets is known by its first connection
    t.executor.reopen()
    assert t.executor.greeting == b"<!hi><A><!go>"
    assert t.executor.exchanges[0].replies == ()


# -- one message a connection ------------------------------------------------------------------------------------------


def hangs_up(t, answer=b"<A>", gone=0.0):
    """The device serves one message a connection."""

    def served(_device):
        t.transport.hang_up(gone)
        return [answer] if answer else []

    t.device.planted[b"a"] = served
    return t


def test_a_link_that_was_closed_behind_an_answer_is_opened_anew_for_the_next_message(wall):
    t = hangs_up(wall())
    t.executor.begin()
    t.executor.run((message(b"a"), message(b"a"), message(b"a")), reopens=True)
    assert ([e.answered for e in t.executor.exchanges], t.transport.opened) == ([True] * 3, 3)


def test_where_a_device_must_not_close_the_link_it_is_not_opened_anew(wall):
    t = hangs_up(wall())
    with pytest.raises(LinkClosed):
        run(t, message(b"a"), message(b"a"))
    t.executor.close()
    t.executor.begin()
    with pytest.raises(LinkClosed):  # the permission was for one run
        t.executor.run((message(b"a"),), reopens=True)
        run(t, message(b"a"))


def test_a_link_that_was_closed_instead_of_an_answer_is_not_opened_anew(wall):
    t = hangs_up(wall(), answer=b"")
    t.executor.begin()
    with pytest.raises(LinkClosed):
        t.executor.run((message(b"a"), message(b"p")), reopens=True)
    assert t.transport.opened == 1


def test_a_device_that_is_gone_is_not_waited_for_but_told(wall):
    t = hangs_up(wall(open_timeout=9.0), gone=3.0)
    t.executor.begin()
    began = t.transport.clock
    with pytest.raises(LinkError):
        t.executor.run((message(b"a"), message(b"p")), reopens=True)
    assert t.transport.clock - began < 1.0


def test_a_device_that_hangs_up_a_moment_later_is_given_that_moment_from_then_on(wall):
    t = hangs_up(wall())
    t.executor.begin()
    t.executor.run((message(b"a"), message(b"a")), reopens=True)
    t.device.planted[b"a"] = lambda _device: [b"<A>"]
    assert 0.0 < clocked(t, lambda: t.executor.run((message(b"a"), message(b"a")), reopens=True)) <= 0.08
    assert clocked(t, lambda: t.executor.run((message(b"a"), message(b"a")))) < 0.01


def test_a_device_that_says_that_it_ends_the_connection_is_given_no_moment_for_others(wall):
    t = hangs_up(wall())
    t.executor.protocol.ends = lambda frame: frame.data == b"<A>"
    t.executor.begin()
    t.executor.run((message(b"a"), message(b"a")), reopens=True)
    t.device.planted[b"b"] = lambda _device: [b"<B>"]
    assert clocked(t, lambda: t.executor.run((message(b"b"), message(b"b")), reopens=True)) < 0.01


def test_what_nobody_asked_for_is_bounded_over_a_whole_record(toy):
    t = toy()
    t.executor.begin()
    for _ in range(3000):
        t.executor.notes.unasked(b"", b"x" * 4000, 0.0)
    assert 0 < sum(len(e.stray) for e in t.executor.exchanges) <= 1 << 22
    t.executor.begin()
    t.executor.notes.unasked(b"", b"x", 0.0)
    assert [e.stray for e in t.executor.exchanges] == [b"x"]
