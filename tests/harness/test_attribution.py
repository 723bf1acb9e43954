"""Whose doing it was: a program's last words, else the message and its unusual fields."""

import math
from dataclasses import replace

import pytest
from toy import case, message

from harness.attribution import attributed, growth
from harness.case import Send
from harness.finding import LINK_GONE, RESTART, UNSERVED, Finding, bucket_of, upgraded
from harness.transcript import Transcript, Way
from harness.verdict import Kind, Observation
from protocols.render import Change
from targets.pump.protocol.hl7 import PROTOCOL as HL7
from targets.pump.protocol.link import PROTOCOL as LINK

TRACEBACK = b'Traceback (most recent call last):\n  File "s.py", line %d, in parse\n    f()\nKeyError: 12\n'


def sight(kind=Kind.EXIT, sign="exit status 1", blames="order", **words):
    return Observation(kind, "m", "it ended", 1.0, (sign,), blames=blames, **words)


def order(**fields):
    return HL7.messages["order"].send(**fields)


def bent(name, data):
    """An order with one field bent, as a fuzzer makes it."""
    return HL7.in_place(HL7.messages["order"].mutated((Change(name, data),)))


def seen(*steps, console=b"", observation=None):
    of = replace(case(message(b"x")), steps=steps)
    transcript = Transcript(of.id, (), 0.0, 1.0, console=((0.5, console),) if console else ())
    (found,) = attributed((observation or sight(),), of, transcript, HL7)
    return found


def test_every_observation_says_of_which_protocol_it_is():
    assert seen(order(), observation=Observation(Kind.CRASH, "m", "", 0.0, ("bad access", "f"))).protocol == HL7.name


@pytest.mark.parametrize(
    ("kind", "sign"),
    [
        (Kind.EXIT, "exit status 1"),
        (Kind.REBOOT, RESTART),
        (Kind.SILENCE, UNSERVED),
        (Kind.SILENCE, LINK_GONE),
    ],
)
def test_two_fields_of_one_message_are_two_faults_where_nothing_better_is_known(kind, sign):
    gone = sight(kind, sign)
    one = seen(bent("message.PID.given_name", b"A" * 80), observation=gone)
    other = seen(bent("message.PID.name", b"P"), observation=gone)
    assert (one.unusual, other.unusual) == (("message.PID.given_name",), ("message.PID.name",))
    assert bucket_of(one) != bucket_of(other)
    assert bucket_of(one) == bucket_of(seen(bent("message.PID.given_name", b"B" * 99), observation=gone))


@pytest.mark.parametrize("way", [Way.LATE, Way.FILLED, Way.RECONNECTED])
def test_how_a_framer_treats_a_message_is_one_fault_whatever_field_was_unusual(way):
    slow = sight(Kind.SILENCE, way.value)
    assert seen(bent("message.PID.name", b"P"), observation=slow).unusual == ()


def test_a_usual_message_has_no_unusual_field_and_bytes_that_nobody_knows_have_none():
    assert seen(order()).unusual == ()
    assert seen(Send("order", b"\x0b?", mutated=True)).unusual == ()


def test_last_words_tell_more_than_the_message():
    one = seen(bent("message.PID.name", b"P"), console=TRACEBACK % 7)
    assert (one.fingerprint, one.blames, one.unusual) == (
        ("exit status 1", "KeyError", "s.py, line 7, in parse"),
        "",
        (),
    )
    assert one.summary == "it ended; it said: KeyError at s.py, line 7, in parse"
    elsewhere = seen(order(), console=TRACEBACK % 7, observation=sight(blames="query"))
    assert bucket_of(elsewhere) == bucket_of(one)
    assert bucket_of(seen(order(), console=TRACEBACK % 8)) != bucket_of(one)


def test_what_a_program_says_that_goes_on_serving_is_not_its_death():
    crash = Observation(Kind.CRASH, "m", "", 0.0, ("bad access", "f"))
    assert seen(order(), console=TRACEBACK % 7, observation=crash).fingerprint == crash.fingerprint


@pytest.mark.parametrize(
    ("kind", "monitor", "before", "after", "blames"),
    [
        (Kind.EXIT, "device", ("139", "order"), ("139",), "order"),
        (Kind.SILENCE, "liveness", ("order",), (UNSERVED,), "order"),
        (Kind.SILENCE, "liveness", ("after a while", "order"), ("after a while",), "order"),
        (Kind.REBOOT, "liveness", (RESTART, "order"), (RESTART,), "order"),
        (Kind.LEAK, "leak", ("order",), (), "order"),
        (Kind.UNSAFE_STATE, "safety", ("R-1", "order"), ("R-1",), "order"),
        (Kind.CRASH, "device", ("bad access", "f"), ("bad access", "f"), ""),
        (Kind.HANG, "device", ("f",), ("f",), ""),
        (Kind.CONSOLE, "console", ("panic",), ("panic",), ""),
    ],
)
def test_a_finding_of_an_older_file_blames_what_it_blamed(kind, monitor, before, after, blames):
    old = Finding(Observation(kind, monitor, "", 0.0, before), "b" * 16, (), Transcript("", (), 0.0, 0.0), 1, 0.0)
    now = upgraded(old, "p").observation
    assert (now.fingerprint, now.blames, now.protocol) == (after, blames, "p")
    assert upgraded(upgraded(old, "p"), "q") == upgraded(old, "p")


def test_a_restart_at_a_known_place_blames_no_message():
    seen = Observation(Kind.REBOOT, "device", "", 0.0, ("watchdog", "take", "main"), detail={"symbol": "take"})
    old = Finding(seen, "b" * 16, (), Transcript("", (), 0.0, 0.0), 1, 0.0)
    assert upgraded(old, "p").observation == replace(seen, protocol="p")


@pytest.mark.parametrize(("code", "blamed"), [(0x05, "echo"), (0x63, "close_session"), (0x04, "close_session")])
def test_a_message_with_another_ones_code_is_that_one(code, blamed):
    message = LINK.messages["close_session"]
    step = message.mutated([message.layout.change(message.layout.leaf("opcode"), code)])
    leak = Observation(Kind.LEAK, "leak", "the reply holds the PIN", 1.0, blames="close_session")
    of = replace(case(step), interface="toy")
    (found,) = attributed((leak,), of, Transcript(of.id, (), 0.0, 1.0), LINK)
    assert found.blames == blamed


def test_messages_that_no_one_field_tells_apart_are_what_they_are_called():
    assert seen(bent("message.MSH.message_code", b"ADT")).blames == "order"


@pytest.mark.parametrize("sign", [UNSERVED, Way.FILLED.value, Way.RECONNECTED.value])
def test_a_program_that_says_why_and_is_deaf_behind_it_hangs_by_that(sign):
    deaf = Observation(Kind.SILENCE, "liveness", "nothing is served", 1.0, (sign,), blames="order")
    one = seen(order(), console=TRACEBACK % 7, observation=deaf)
    assert (one.kind, one.summary) == (Kind.HANG, "nothing is served; it said: KeyError at s.py, line 7, in parse")
    assert bucket_of(one) == bucket_of(seen(bent("message.PID.name", b"P"), console=TRACEBACK % 7, observation=deaf))
    assert bucket_of(one) != bucket_of(seen(order(), console=TRACEBACK % 8, observation=deaf))
    assert one.timed  # a held machine is as deaf, and a traceback in the same second may be another matter


def test_one_that_is_only_late_is_late_whatever_it_says():
    late = Observation(Kind.SILENCE, "liveness", "late", 1.0, (Way.LATE.value,), blames="order")
    assert seen(order(), console=TRACEBACK % 7, observation=late).kind is Kind.SILENCE


def test_a_hang_that_the_device_tells_of_is_no_matter_of_time():
    assert not Observation(Kind.HANG, "device", "the firmware hangs", 1.0, ("loop",)).timed


def test_a_case_has_grown_by_what_its_fields_are_longer_than_usual():
    def told(*steps, protocol=HL7):
        return growth([replace(case(message(b"x")), steps=steps)], protocol)

    name = "message.PID.given_name"
    usual = next(span.length for span in order().spans if span.name == name)
    assert told(order()) == told(bent(name, b"%s")) == told(bent(name, b"x" * usual)) == 0
    assert told(bent(name, b"x" * (usual + 3)), order(), bent(name, b""), bent(name, b"x" * (usual + 2))) == 5
    assert told(Send("nobody knows it", b"x")) == told(order(), protocol=object()) == math.inf
