"""A finding in plain words: what was unusual, whether it takes a session, where it was seen, what it resembles."""

import re
from dataclasses import replace

import pytest

from harness.case import FieldSpan, Origin, Send, TestCase
from harness.finding import Condition, Finding, Minimized, Size
from harness.telling.explanation import explain
from harness.telling.resemblance import TABLE, resemblance_of
from harness.telling.session import Session, Sessions, sessions_in
from harness.telling.unusual import Unusual, classes_of, unusual_words
from harness.transcript import Transcript
from harness.verdict import Kind, Observation

SESSIONS = Sessions(frozenset({"session", "infusing"}), {"maintenance": frozenset({"open_session"})})


def sent(message, data=b"", *, field="", **words):
    spans = (FieldSpan(field, 0, len(data)),) if field else ()
    return Send(message, data, spans=spans, mutated=bool(field), **words)


def finding(*sends, kind=Kind.CRASH, state="idle", field="", mutation="", detail=None, requirement="", conditions=None):
    """Made as small as it gets where `conditions` are given."""
    case = TestCase("maintenance", state, sends, Origin("enumerate", (), field, mutation))
    observation = Observation(kind, "device", "something in show_name", 1.0, (), requirement, detail or {})
    size = Size(1, 1)
    small = None if conditions is None else Minimized(size, size, 1, 0.1, True, (case,), tuple(conditions))
    return Finding(
        observation, "0123456789abcdef", (case,), Transcript(case.id, (), 0.0, 1.0), 1, 1.0, 3, 3, minimized=small
    )


LONG_NAME = Condition("set_name", "body.name", "19 bytes or more, usually 'x'; 18 are served", 19, None, of_length=True)


def test_the_sentence_names_message_field_boundary_session_states_and_likeness():
    found = finding(sent("open_session"), sent("set_name", b"A" * 19, field="body.name"), conditions=[LONG_NAME])
    told = explain(found, SESSIONS, {"idle": 2, "alarm": 1})
    assert told.sentence == (
        "The device crashes on set_name, in a session, seen in states idle and alarm, when body.name is 19 bytes or "
        "more, usually 'x' (18 are served): something in show_name; it resembles CWE-120 and CWE-121 (more bytes are "
        "copied than there is room for; CVE-2015-3955, CVE-2017-12718, CVE-2018-10601)."
    )
    assert (told.session, dict(told.states)) == (Session.NEEDED, {"idle": 2, "alarm": 1})


def test_the_message_to_blame_is_named_and_not_the_last_one_of_a_case_that_was_not_made_smaller():
    found = finding(sent("read"), sent("write", b"x", field="value"), sent("release"), kind=Kind.WRONG_REPLY)
    blamed = replace(found, observation=replace(found.observation, blames="read"))
    assert explain(blamed).sentence.startswith("The device answers what cannot be right on read,")
    assert explain(found).sentence.startswith("The device answers what cannot be right on write,")


def test_a_violated_requirement_is_named_first():
    found = finding(
        sent("bolus"), sent("bolus", replay_of=0), kind=Kind.UNSAFE_STATE, requirement="PUMP-09", conditions=[]
    )
    words = explain(found).sentence
    assert words.startswith("PUMP-09 is violated on bolus, seen in state idle, although every message is well formed")
    assert "(the bytes of bolus are sent again)" in words
    assert "CWE-294" in words


@pytest.mark.parametrize(
    ("mutation", "words"),
    [
        ("sweep 41414141… (300 bytes)", "body.name: 'AAAA' (another length)"),
        ("boofuzz 0480", "body.name: 'AAAA' (a value from a library of unusual ones)"),
        ("edge ffff of walk 3", "body.name: 'AAAA' (a number at a limit)"),
        ("wrong checksum 00", "body.name: 'AAAA' (a wrong checksum)"),
    ],
)
def test_no_fuzzers_word_is_told(mutation, words):
    found = finding(sent("set_name", b"AAAA", field="body.name"), field="body.name", mutation=mutation)
    assert unusual_words(found) == words


def test_of_the_smallest_reproducer_without_conditions_nothing_of_the_first_one_is_told():
    found = finding(
        sent("order"), sent("order"), field="message.RXG.name", mutation="long 52 (512 bytes)", conditions=[]
    )
    assert unusual_words(found) == "every message is well formed; order 2 times"
    assert classes_of(found) == {Unusual.REPEATED}


def test_where_there_may_be_a_smaller_reproducer_what_was_sent_resembles_nothing():
    again = (sent("bolus"), sent("bolus", replay_of=0))
    assert Unusual.REPLAYED in classes_of(finding(*again, conditions=[]))
    assert classes_of(finding(*again, mutation="long 41 (99 bytes)")) == frozenset()
    assert explain(finding(*again, kind=Kind.UNSAFE_STATE)).resembles is None


def test_a_message_that_was_cut_down_is_not_called_well_formed():
    cut = replace(sent("order"), mutated=True)
    assert unusual_words(finding(cut, cut, conditions=[])) == "no unusual field is known to be needed; order 2 times"
    told = explain(finding(cut, cut, conditions=[])).sentence
    assert "although no unusual field is known to be needed (order 2 times): something" in told


def test_a_message_that_was_changed_inside_a_walk_is_named():
    found = finding(sent("hello"), replace(sent("order"), mutated=True), mutation="walk: hello, order; order: x bent")
    assert unusual_words(found) == "order was changed"
    assert "where order was changed: something" in explain(found).sentence


def test_what_comes_right_behind_another_is_said():
    found = finding(sent("order", wait=False), sent("admit"), conditions=[])
    assert unusual_words(found) == "every message is well formed; admit comes right behind order"
    assert Unusual.AT_ONCE in classes_of(found)


@pytest.mark.parametrize(
    ("sends", "state", "done", "session"),
    [
        (["open_session", "status"], "idle", True, Session.NEEDED),
        (["open_session", "status"], "idle", False, Session.OPEN),
        (["status"], "session", True, Session.NEEDED),
        (["open_session"], "idle", True, Session.NOT_NEEDED),  # it is the one that does it
        (["status"], "idle", False, Session.NOT_NEEDED),
    ],
)
def test_a_session_is_needed_where_nothing_can_be_left_out(sends, state, done, session):
    found = finding(*map(sent, sends), state=state, conditions=[] if done else None)
    assert SESSIONS.of(found) is session
    assert Sessions().of(found) is Session.UNKNOWN


def test_sessions_come_from_the_manifest():
    manifest = {
        "configuration": {"monitors": {"session_states": ["session", "infusing"]}},
        "interfaces": {"maintenance": {"authentication": ["open_session"]}},
    }
    assert sessions_in(manifest) == SESSIONS
    for nonsense in ({}, {"interfaces": {"a": "b"}}, {"configuration": [1], "interfaces": 3}):
        assert sessions_in(nonsense).of(finding(sent("status"))) is Session.UNKNOWN


@pytest.mark.parametrize(
    ("kind", "classes", "weakness"),
    [
        (Kind.CRASH, {Unusual.NULL_POINTER, Unusual.LONG}, "CWE-476"),
        (Kind.CONSOLE, {Unusual.FORMAT}, "CWE-134"),
        (Kind.REBOOT, {Unusual.LENGTH}, "CWE-130"),
        (Kind.REBOOT, {Unusual.WATCHDOG, Unusual.REPEATED}, "CWE-400"),
        (Kind.HANG, set(), "CWE-400"),
        (Kind.HANG, {Unusual.AT_ONCE}, "CWE-667"),
        (Kind.LEAK, set(), "CWE-200"),
        (Kind.DRIFT, {Unusual.NO_SESSION}, "CWE-306"),
        (Kind.CRASH, {Unusual.VALUE}, "CWE-20"),
    ],
)
def test_the_first_row_that_fits_counts(kind, classes, weakness):
    assert resemblance_of(kind, classes).weaknesses[0] == weakness


def test_nothing_is_invented_where_the_table_has_nothing():
    assert resemblance_of(Kind.CRASH, set()) is None
    assert resemblance_of(Kind.LINK_LOST, {Unusual.VALUE}) is None
    assert "resembles" not in explain(finding(sent("status"), kind=Kind.CONSOLE)).sentence


def test_every_row_of_the_table_is_well_formed_and_can_be_met():
    for kinds, classes, told in TABLE:
        assert all(re.fullmatch(r"CWE-\d+", word) for word in told.weaknesses)
        assert all(re.fullmatch(r"CVE-20\d\d-\d{4,5}", word) for word in told.advisories)
        assert any(resemblance_of(kind, {one}) is told for kind in kinds for one in classes)


def test_a_null_pointer_is_known_by_what_the_device_did():
    found = finding(sent("order"), detail={"type": "null pointer write"}, conditions=[])
    assert "CVE-2019-17520" in explain(found).sentence
    assert "CVE-2019-17520" not in explain(replace(found, observation=replace(found.observation, detail={}))).sentence
