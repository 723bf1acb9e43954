"""Given these bytes, expect this transcript."""

import pytest
from toy import message

from harness.case import LiveField, Procedure, Reconnect, Reset, Send, Stimulate, Wait
from harness.errors import GuardRefused, LinkClosed, LinkError, UsageError
from harness.interfaces import AFTER_CASE, BEFORE_CASE, ON_CONNECTION, Conversation, Frame, FrameKind, Resynchronization
from harness.ladder import Ladder
from harness.transcript import Way


def run(toy, *steps):
    toy.executor.begin()
    toy.executor.run(steps)
    return toy.executor.exchanges


class ChattyPieces(list):
    """What a device sends that says something by itself whenever it is listened to."""

    def __bool__(self):
        return True

    def __getitem__(self, place):
        return super().__getitem__(place) if len(self) else (0.0, b"<!r>")

    def pop(self, place):
        return super().pop(place) if len(self) else self[place]


def test_a_reply_in_pieces_is_put_together(toy):
    t = toy()
    (exchange,) = run(t, message(b"l"))
    assert (exchange.replies, exchange.answered, exchange.stray) == ((b"<L>",), True, b"")


def test_silence_ends_at_the_deadline_and_not_before(toy):
    t = toy()
    t.device.dead = True
    (exchange,) = run(t, message(b"a"))
    assert not exchange.answered
    assert exchange.ended_at - exchange.sent_at == pytest.approx(1.0)


def test_unsolicited_frames_and_console_text_are_told_apart_from_the_reply(toy):
    t = toy()
    t.device.planted[b"a"] = lambda _device: [b"boot ok\r\n<!alarm>", b"<A>"]
    (exchange,) = run(t, message(b"a"))
    assert (exchange.replies, exchange.unsolicited, exchange.stray) == ((b"<A>",), (b"<!alarm>",), b"boot ok\r\n")


def test_a_keep_alive_is_answered_at_once(toy):
    t = toy()
    t.device.planted[b"a"] = lambda _device: [b"<!k>", b"<A>"]
    run(t, message(b"a"))
    assert t.transport.sent == [b"<a>", b"<k!>"]


def test_a_live_field_takes_what_the_device_said_before(toy):
    t = toy()
    t.device.planted[b"t"] = lambda _device: [b"<Tz>"]
    run(t, message(b"t"), message(b"u_", live=(LiveField("token", 2, 1),)))
    assert t.transport.sent[-1] == b"<uz>"


def test_a_replay_repeats_the_very_bytes_of_an_earlier_step(toy):
    t = toy()
    t.device.planted[b"t"] = lambda _device: [b"<Tz>"]
    live = message(b"u_", live=(LiveField("token", 2, 1),))
    run(t, live, message(b"t"), Send("u_", b"<u_>", replay_of=0))
    assert [t.transport.sent[i] for i in (0, 2)] == [b"<u\0>", b"<u\0>"]


def at_once(data):
    return message(data, wait=False)


def test_messages_at_once_go_out_before_anything_is_read_and_each_gets_its_own_answer(toy):
    t = toy()
    t.device.planted[b"b"] = lambda _device: [b"<B1>", b"<A1>", b"<A2>"]
    t.device.planted[b"a"] = lambda _device: []
    first, second, last = run(t, at_once(b"a"), at_once(b"a"), message(b"b"))
    assert t.transport.sent == [b"<a>", b"<a>", b"<b>"]
    assert (first.replies, second.replies, last.replies) == ((b"<A1>",), (b"<A2>",), (b"<B1>",))
    assert first.sent_at == last.sent_at and last.ended_at - last.sent_at < 0.1


def answers_no_frame(names):
    """As the toy does, but to bytes that are no frame any reply may belong, and to frames where nothing `names` one."""

    def answers(sent, frame):
        return not names or sent in (b"a", b"<c>") or frame.data[1:2].lower() == sent[1:2]

    return answers


@pytest.mark.parametrize(
    ("behind", "names", "own"),
    [
        ([message(b"a")], True, ((), (b"<A>",))),
        ([at_once(b"a"), message(b"b")], True, ((), (b"<A>",), (b"<B>",))),
        ([message(b"p")], True, ((b"<Pi0,0>",), ())),
        ([message(b"a")], False, ((b"<A>",), ())),
    ],
    ids=["the last", "the second of three", "one like the probe's", "nothing in it names one"],
)
def test_a_reply_that_names_a_message_is_not_taken_for_that_of_bytes_which_are_no_frame(toy, behind, names, own):
    t = toy()
    t.executor.protocol.answers = answers_no_frame(names)
    t.device.planted[b"p"] = lambda _device: [b"<Pi0,0>"]
    exchanges = run(t, Send("bent", b"a", wait=False, mutated=True), *behind)
    assert tuple(exchange.replies for exchange in exchanges) == own


@pytest.mark.parametrize(("names", "own"), [(True, ((b"<B>",), ())), (False, ((), (b"<B>",)))])
def test_a_late_answer_that_names_its_message_is_not_taken_for_that_of_bytes_which_are_no_frame(toy, names, own):
    t = toy()
    t.executor.protocol.answers = answers_no_frame(names)
    t.device.planted[b"b"] = lambda _device: []
    t.device.planted[b"c"] = lambda _device: [b"<B>"]
    t.executor.protocol.expects_reply = lambda sent: sent != b"<c>"
    exchanges = run(t, message(b"b"), message(b"c", mutated=True))
    assert tuple(exchange.replies for exchange in exchanges) == own


def test_a_message_at_once_that_is_the_last_is_waited_for_in_the_end(toy):
    t = toy()
    first, second = run(t, at_once(b"a"), at_once(b"b"))
    assert (first.replies, second.replies) == ((b"<A>",), (b"<B>",))


def test_what_is_done_behind_a_message_at_once_is_done_before_its_answer(toy):
    t = toy()
    (cut,) = run(t, at_once(b"a"), Reconnect())
    assert (cut.sent, cut.answered, cut.reply_expected) == (b"<a>", False, False)
    (waited, after) = run(t, at_once(b"a"), Wait(0.5), message(b"b"))
    assert waited.replies == (b"<A>",) and after.sent_at >= waited.sent_at + 0.5


def test_messages_at_once_answer_late_at_the_deadline_only(toy):
    t = toy()
    t.device.planted[b"a"] = lambda _device: []
    first, last = run(t, at_once(b"a"), message(b"b"))
    assert (first.answered, last.answered) == (False, True)
    assert last.ended_at - last.sent_at == pytest.approx(1.0)


def test_a_replay_repeats_a_message_at_once(toy):
    t = toy()
    run(t, message(b"u_", live=(LiveField("token", 2, 1),), wait=False), Send("u_", b"<u_>", replay_of=0))
    assert t.transport.sent == [b"<u\0>", b"<u\0>"]


def test_the_guard_withholds_all_that_would_go_out_with_a_forbidden_message(toy):
    t = toy(forbidden=["shock"])
    with pytest.raises(GuardRefused, match="shock"):
        run(t, message(b"a"), at_once(b"b"), message(b"shock"))
    assert t.transport.sent == [b"<a>"]
    t.executor.probe()
    assert t.transport.sent[1:] == [b"<p>"]


def test_a_link_without_procedures_says_so(toy):
    t = toy()
    with pytest.raises(UsageError, match="'pair': scripted: does nothing but carry messages"):
        run(t, message(b"a"), Procedure("pair"))


def test_an_edge_callback_runs_at_send_time_and_may_replace_the_bytes(toy):
    t = toy(callbacks={"l->a": lambda conversation, data, socket: b"<a" + conversation.last_received[1:2] + b">"})
    run(t, message(b"l"), message(b"a", callback="l->a"))
    assert t.transport.sent[-1] == b"<aL>"


def greet(conversation, data, socket):
    socket.send(b"<g>")
    assert socket.receive() == b"<G>"


def test_what_an_edge_callback_sends_goes_through_the_guard_and_is_on_record(toy):
    def ask(conversation, data, socket):
        socket.send(b"<c>")
        return b"<a" + socket.receive()[1:2] + socket.last_received[1:2] + b">"

    t = toy(callbacks={"l->a": ask})
    found = run(t, message(b"l"), message(b"a", callback="l->a"))
    assert t.transport.sent == [b"<l>", b"<c>", b"<aCL>"]
    assert [(e.message, e.sent, e.replies, e.reply_expected) for e in found] == [
        ("l", b"<l>", (b"<L>",), True),
        ("callback", b"<c>", (b"<C>",), False),
        ("a", b"<aCL>", (b"<ACL>",), True),
    ]


def test_a_forbidden_message_does_not_leave_through_a_callback(toy):
    t = toy(forbidden=["shock"], callbacks={"l->a": lambda conversation, data, socket: socket.send(b"<shock>")})
    with pytest.raises(GuardRefused, match="shock"):
        run(t, message(b"l"), message(b"a", callback="l->a"))
    assert t.transport.sent == [b"<l>"]


def test_what_was_held_back_is_sent_and_answered_before_an_edge_callback_talks(toy):
    t = toy(callbacks={"l->a": greet})
    found = run(t, at_once(b"l"), at_once(b"m"), message(b"a", callback="l->a"))
    assert t.transport.sent == [b"<l>", b"<m>", b"<g>", b"<a>"]
    assert [exchange.replies for exchange in found] == [(b"<L>",), (b"<M>",), (b"<G>",), (b"<A>",)]


def test_each_connection_is_introduced_before_its_first_message_probes_too(toy):
    t = toy(callbacks={ON_CONNECTION: greet})
    run(t, message(b"a"), message(b"b"))
    run(t, message(b"c"), Reconnect(), message(b"d"))
    found = run(t, Reconnect(), Wait(1.0), message(b"e"))
    assert [exchange.message for exchange in found] == ["callback", "e"]
    t.executor.close()
    assert t.executor.probe() is not None
    assert b"".join(t.transport.sent) == b"<g><a><b><c><g><d><g><e><g><p>"


def test_each_case_is_introduced_where_the_connection_stays(toy):
    t = toy(callbacks={BEFORE_CASE: greet})
    run(t, message(b"a"), message(b"b"))
    run(t)
    t.executor.probe()
    run(t, message(b"c"))
    assert b"".join(t.transport.sent) == b"<g><a><b><p><g><c>"


@pytest.mark.parametrize("when", [ON_CONNECTION, BEFORE_CASE, "l->a"])
def test_a_callback_may_make_another_connection(toy, when):
    def again(conversation, data, socket):
        socket.reopen()
        greet(conversation, data, socket)

    t = toy(callbacks={when: again})
    found = run(t, message(b"l", callback="l->a"))
    assert t.transport.sent == [b"<g>", b"<l>"]
    assert found[-1].answered


def test_a_callback_knows_whether_a_mutated_message_went_before(toy):
    seen = []
    t = toy(callbacks={"l->a": lambda conversation, data, socket: seen.append(socket.mutated)})
    edge = message(b"a", callback="l->a", mutated=True)
    run(t, message(b"l"), edge, edge)
    run(t, message(b"l"), edge)
    assert seen == [False, True, False]


def test_the_end_of_a_case_is_told_also_when_its_link_broke(toy):
    seen = []

    def after(conversation, data, socket):
        seen.append((socket.last_sent, socket.last_received, list(socket.messages)))
        socket.send(b"<z>")

    t = toy(callbacks={AFTER_CASE: after})
    run(t, message(b"a"), message(b"b"))
    t.device.planted[b"c"] = lambda _device: setattr(t.transport, "unplugged", True)
    with pytest.raises(LinkClosed, match="the link is closed"):
        run(t, message(b"c"))
    run(t)
    assert seen == [(b"<b>", b"<B>", ["a", "b"]), (b"<c>", b"", ["c"])]
    assert t.transport.sent == [b"<a>", b"<b>", b"<z>", b"<c>"]


def test_waits_reconnects_resets_and_stimuli_reach_their_owners(toy):
    t = toy()
    before = t.transport.clock
    run(t, Wait(2.5), Reconnect(), Stimulate("uptime", 7.0), Reset(), message(b"a"))
    assert t.transport.clock >= before + 2.5
    assert (t.target.resets, t.executor.exchanges[-1].answered) == (1, True)


def test_a_flood_is_bounded(toy):
    t = toy()
    t.device.planted[b"a"] = lambda _device: [b"x" * 1000] * 50
    (exchange,) = run(t, message(b"a"))
    assert len(exchange.stray) <= t.protocol.max_reply + 1000


def test_a_link_that_breaks_is_an_error_and_the_exchange_is_kept(toy):
    t = toy()

    def pull(_device):
        t.transport.unplugged = True

    t.device.planted[b"a"] = pull
    with pytest.raises(LinkClosed):
        run(t, message(b"a"))
    assert t.executor.exchanges[-1].sent == b"<a>"


def test_a_forbidden_message_never_leaves(toy):
    t = toy(forbidden=["shock"])
    with pytest.raises(GuardRefused, match="shock"):
        run(t, message(b"a"), Send("bent", b"<a><sho"), Send("bent", b"ck>"))
    assert t.transport.sent == [b"<a>", b"<a><sho"]


def test_the_echo_of_the_filler_is_no_answer_to_the_probe(toy):
    t = toy()
    t.transport.answer = lambda data: [data]
    t.protocol.split = lambda buffer: (((Frame(FrameKind.REPLY, buffer),) if buffer else ()), b"")
    t.protocol.answers = lambda sent, frame: frame.data != sent
    t.protocol.served = lambda frame: True
    t.protocol.resynchronization = Resynchronization(0.1)
    served = Ladder(t.executor).climb(closed=False, broken=False, patience=1.0)
    assert (served.answer, served.service.way) == (None, Way.NEVER)


def test_a_device_that_takes_one_more_connection_on_its_way_out_was_gone(toy):
    t = toy()
    opened, ways = t.transport.open, iter(["dying", "away", "away"])

    def dying(timeout):
        way = next(ways, "back")
        if way == "away":
            raise LinkError("nothing is listening")
        link = opened(timeout)
        if way == "dying":
            link.close()
        return link

    t.transport.open = dying
    served = Ladder(t.executor).climb(closed=True, broken=True, patience=1.0)
    assert (served.answer is not None, served.service.way) == (True, Way.RETURNED)
    assert served.service.seconds > 0


def test_a_device_that_is_never_quiet_is_asked_all_the_same(toy):
    t = toy()
    t.executor._adaptive = True
    open_quietly = t.transport.open

    def open_and_report(timeout):
        link = open_quietly(timeout)
        link._pending = ChattyPieces()
        return link

    t.transport.open = open_and_report
    t.executor.close()
    assert t.executor.probe() is not None
    assert t.transport.clock < 5.0


def test_a_probe_is_served_after_resynchronization(toy):
    t = toy()
    t.executor.link.send(b"<aaaa", 1.0)
    t.device.planted[b"p"] = lambda device: device.planted.clear()
    served = Ladder(t.executor).climb(closed=False, broken=False, patience=1.0)
    assert (served.answer is not None, served.service.way) == (True, Way.AT_ONCE)
    assert b">" in t.transport.sent


def test_behind_the_end_of_a_connection_nothing_is_due_nor_waited_for(toy):
    t = toy(adaptive=True)
    t.device.planted[b"e"] = lambda _device: [b"<E>"]
    t.device.planted[b"a"] = lambda _device: []
    t.executor.run((message(b"e"), message(b"a")))
    first, second = t.executor.exchanges[-2:]
    assert (first.reply_expected, second.reply_expected, t.executor.over) == (True, False, True)
    t.executor.reopen()
    assert not t.executor.over


def test_a_message_that_may_have_a_connection_of_its_own_has_another_one_behind_the_end_of_the_first(toy):
    t = toy(adaptive=True)
    t.device.planted[b"e"] = lambda _device: [b"<E>"]
    t.executor.run((message(b"e"), message(b"a")), reopens=True)
    assert (t.transport.opened, t.executor.exchanges[-1].answered) == (2, True)


def test_what_holds_on_a_connection_is_forgotten_on_another_one(toy):
    t = toy()
    t.executor.begin(Conversation({"token": b"t"}, connected={"session": 1}))
    assert t.executor.conversation.connected == {"session": 1}
    t.executor.reopen()
    assert (t.executor.conversation.values, t.executor.conversation.connected) == ({"token": b"t"}, {})
