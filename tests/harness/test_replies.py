"""Replies that cannot be right and those that are missing: what is told, and that the near miss is not."""

import pytest
from toy import ToyProtocol, case, message

from harness.case import Send, Wait
from harness.interfaces import Related
from harness.monitors.replies import ACCEPTED_ABSENT, CHANGED, ReplyMonitor
from harness.transcript import Exchange, Service, Transcript, Way
from harness.verdict import Kind

READ, WRITE, OTHER = message(b"r"), message(b"w"), message(b"o")
BENT = Send("w", b"<w!>", mutated=True)


class Expecting(ToyProtocol):
    """`<R…>` tells what is there, `<-…>` refuses, `<W?>` cannot be right; `<w>` has readings and another write."""

    def answers(self, sent, frame):
        return frame.data[1:2].lower() == sent[1:2]

    def refuses(self, reply):
        return b"-" in reply

    def wrong(self, sent, reply):
        return "a question" if b"?" in reply.data else ""

    def demands(self, sent):
        return sent.endswith(b">")

    def ends(self, frame):
        return b"/" in frame.data

    def around(self, sent):
        return Related(READ, (OTHER,)) if sent[1:2] == b"w" else None

    def absent(self, reply):
        return b"-2" in reply.data

    def content(self, reply):
        return reply.data


def seen(*steps, replies, way=Way.AT_ONCE, served=True, **options):
    """What the monitor says of steps and the reply to each, None for none."""
    sends = [step for step in steps if isinstance(step, Send)]
    exchanges = tuple(
        Exchange(s.message, s.data, (r,) if r else (), (), b"", float(i), i + 0.5, r is not None, s.data.endswith(b">"))
        for i, (s, r) in enumerate(zip(sends, replies, strict=True))
    )
    transcript = Transcript("id", exchanges, 0.0, 9.0, probe_served=served, service=Service(way), **options)
    return ReplyMonitor(Expecting(), "toy").observe(case(*steps), transcript)


def signs(*steps, replies, **options):
    return [(o.kind, o.fingerprint, o.blames) for o in seen(*steps, replies=replies, **options)]


def test_a_reply_that_cannot_be_right_is_told_with_its_message_and_a_right_one_is_not():
    assert signs(WRITE, replies=[b"<W?>"]) == [(Kind.WRONG_REPLY, ("a question",), "w")]
    assert signs(WRITE, replies=[b"<W1>"]) == []


def test_behind_an_unanswered_message_no_reply_is_looked_at_as_it_may_be_another_ones():
    assert signs(BENT, WRITE, replies=[None, b"<W?>"], way=Way.LATE) == []


def test_a_bent_message_that_another_went_out_with_may_not_be_the_one_that_is_answered():
    together, alone = Send("w", b"<w", mutated=True, wait=False), Send("w", b"<w", mutated=True)
    assert signs(together, WRITE, replies=[b"<W?>", None], way=Way.LATE) == []
    assert signs(alone, WRITE, replies=[b"<W?>", None], way=Way.LATE) == [(Kind.WRONG_REPLY, ("a question",), "w")]


def test_a_message_with_another_ones_code_is_told_as_that_one():
    """Whoever reads `write` in a ticket, where the device was asked to read, looks at the wrong function."""

    class Dissecting(Expecting):
        def parts(self, _send):
            return ()

        texts = composed = parts

        def meant(self, send):
            return "other" if send.data[:2] == b"<w" else send.message

    for step, name in ((BENT, "other"), (WRITE, "w")):
        exchange = Exchange("w", step.data, (b"<W?>",), (), b"", 0.0, 0.5, True, True)
        (told,) = ReplyMonitor(Dissecting(), "toy").observe(case(step), Transcript("id", (exchange,), 0.0, 1.0))
        assert (told.blames, told.summary) == (name, f"the reply to {name} cannot be right: a question")


def test_another_interface_is_none_of_its_business():
    monitor = ReplyMonitor(Expecting(), "other")
    exchange = Exchange("w", b"<w>", (b"<W?>",), (), b"", 0.0, 0.5, True)
    assert monitor.observe(case(WRITE), Transcript("id", (exchange,), 0.0, 1.0)) == ()


def test_a_write_that_is_refused_and_done_is_told_where_both_readings_stand_right_beside_it():
    changed = [(Kind.WRONG_REPLY, (CHANGED,), "w")]
    assert signs(READ, BENT, READ, replies=[b"<R1>", b"<W-3>", b"<R2>"]) == changed
    assert signs(READ, BENT, READ, replies=[b"<R1>", b"<W-3>", b"<R1>"]) == []
    assert signs(READ, BENT, READ, replies=[b"<R1>", b"<W>", b"<R2>"]) == []
    assert signs(READ, OTHER, BENT, READ, replies=[b"<R1>", b"<O>", b"<W-3>", b"<R2>"]) == []
    assert signs(READ, BENT, READ, replies=[b"<R-2>", b"<W-3>", b"<R1>"]) == []


def test_a_write_that_is_accepted_where_another_one_says_that_nothing_is_there_is_told():
    absent = [(Kind.WRONG_REPLY, (ACCEPTED_ABSENT,), "w")]
    assert signs(BENT, OTHER, replies=[b"<W>", b"<O-2>"]) == absent
    assert signs(OTHER, BENT, replies=[b"<O-2>", b"<W>"]) == absent
    assert signs(BENT, OTHER, replies=[b"<W>", b"<O-1>"]) == []
    assert signs(BENT, OTHER, replies=[b"<W-2>", b"<O-2>"]) == []
    assert signs(BENT, READ, replies=[b"<W>", b"<R-2>"]) == []  # a register may be for writing only


@pytest.mark.parametrize(("sent", "blames"), [(WRITE, "w"), (BENT, "")])
def test_what_must_be_answered_and_is_not_while_the_device_serves_is_told_once(sent, blames):
    assert signs(sent, WRITE, replies=[None, None]) == [(Kind.NO_REPLY, ("unanswered",), blames)]


@pytest.mark.parametrize(
    "options",
    [
        {"way": Way.LATE},
        {"way": Way.RECONNECTED},
        {"served": False},
        {"served": None},
        {"link_error": "gone"},
    ],
)
def test_a_device_that_does_not_serve_at_once_behind_it_has_left_nothing_unanswered(options):
    assert signs(WRITE, replies=[None], **options) == []


def test_nothing_is_missing_where_no_answer_is_demanded_or_the_next_message_did_not_wait_for_it():
    assert signs(Send("w", b"<w", mutated=True), replies=[None]) == []
    assert signs(Send("w", b"<w>", wait=False), OTHER, replies=[None, b"<O>"]) == []


@pytest.mark.parametrize(("first", "expected", "told"), [(b"<O/>", False, 0), (b"<O/>", True, 1), (b"<O>", False, 1)])
def test_behind_a_reply_that_ended_the_connection_nothing_is_owed_on_it(first, expected, told):
    exchanges = (
        Exchange("o", b"<o>", (first,), (), b"", 0.0, 0.5, True),
        Exchange("w", b"<w>", (), (), b"", 1.0, 1.5, False, expected),
    )
    transcript = Transcript("id", exchanges, 0.0, 9.0, probe_served=True, service=Service(Way.AT_ONCE))
    assert len(ReplyMonitor(Expecting(), "toy").observe(case(OTHER, WRITE), transcript)) == told


def test_a_message_that_is_lost_behind_a_bent_one_is_nobodys_to_tell():
    assert signs(BENT, WRITE, replies=[b"<W>", None]) == []


def test_an_answer_that_came_later_is_an_answer():
    exchanges = (
        Exchange("w", b"<w>", (), (), b"", 0.0, 0.5, False),
        Exchange("", b"", (), (b"<W>",), b"", 0.5, 1.0, False),
    )
    transcript = Transcript("id", exchanges, 0.0, 2.0, probe_served=True, service=Service(Way.AT_ONCE))
    assert ReplyMonitor(Expecting(), "toy").observe(case(WRITE, Wait(0.5)), transcript) == []
