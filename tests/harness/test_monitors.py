"""Given this transcript, expect these observations, and none on the near miss."""

from dataclasses import replace

import pytest
from signs import sign_of
from toy import ToyProtocol, case, message

from harness.case import Reset, Send
from harness.errors import UsageError
from harness.interfaces import Mark
from harness.monitors.console import ConsoleMonitor
from harness.monitors.device import DeviceMonitor
from harness.monitors.drift import DriftMonitor
from harness.monitors.leak import LeakMonitor
from harness.monitors.liveness import LivenessMonitor
from harness.monitors.session import SessionMonitor
from harness.transcript import Exchange, TargetEvent, Transcript
from harness.verdict import Kind
from reports.text import visible

A = message(b"a")


def said(name, *replies, sent=None, unsolicited=(), stray=b"", at=1.0):
    """One exchange: a message of that name and what came back."""
    sent = b"<" + name.encode() + b">" if sent is None else sent
    return Exchange(name, sent, replies, tuple(unsolicited), stray, at, at + 0.5, bool(replies))


def transcript(*exchanges, **options):
    return Transcript("id", exchanges, 0.0, 9.0, **options)


def kinds(observations):
    return [observation.kind for observation in observations]


# -- what the target reports ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ((), []),
        ((("fault", {"type": "null write", "symbol": "parse", "line": "a.c:3"}),), [Kind.CRASH]),
        ((("fault", {"type": "null write"}), ("reset", {"cause": "watchdog"})), [Kind.CRASH]),
        ((("hang", {"symbol": "walk"}), ("reset", {"cause": "watchdog"})), [Kind.HANG]),
        ((("reset", {"cause": "software"}),), [Kind.REBOOT]),
        ((("exit", {"status": "exit status 1"}),), [Kind.EXIT]),
        ((("fault", {"type": "null write"}), ("exit", {"status": "signal SIGSEGV"})), [Kind.CRASH, Kind.EXIT]),
    ],
)
def test_each_event_of_the_target_is_seen_once_and_a_reboot_after_a_crash_is_not_news(events, expected):
    seen = transcript(said("a"), events=tuple(TargetEvent(kind, 1.2, detail) for kind, detail in events))
    assert kinds(DeviceMonitor().observe(case(A), seen)) == expected


def test_a_reset_that_the_case_asked_for_is_no_fault_but_a_crash_beside_it_is():
    reset, crash = TargetEvent("reset", 1.0, {"cause": "power-on"}), TargetEvent("fault", 1.2, {"type": "null write"})
    asked = case(Reset(), A)
    assert kinds(DeviceMonitor().observe(asked, transcript(said("a"), events=(reset,)))) == []
    assert kinds(DeviceMonitor().observe(asked, transcript(said("a"), events=(reset, crash)))) == [Kind.CRASH]


def test_a_crash_is_bucketed_by_type_and_place_and_wild_jumps_by_place_alone():
    def bucket(kind, symbol):
        event = TargetEvent("fault", 1.2, {"type": kind, "symbol": symbol})
        return DeviceMonitor().observe(case(A), transcript(said("a"), events=(event,)))[0].fingerprint

    assert bucket("null write", "parse") != bucket("null write", "reply")
    assert bucket("undefined instruction", "parse") == bucket("execution outside the code", "parse")


# -- liveness -------------------------------------------------------------------------------------------------------


def liveness():
    return LivenessMonitor(ToyProtocol(), "toy", "uptime", "boots")


def probed(answer):
    return transcript(said("probe", answer, sent=b"<p>"), probe_served=True)


@pytest.mark.parametrize(
    ("first", "then", "expected"),
    [
        (b"<Pi1,10>", b"<Pi1,11>", []),
        (b"<Pi1,10>", b"<Pi1,10>", []),
        (b"<Pi1,10>", b"<Pi1,3>", [Kind.REBOOT]),
        (b"<Pi1,10>", b"<Pi2,11>", [Kind.REBOOT]),
    ],
)
def test_a_reboot_shows_in_uptime_or_boot_counter_without_a_console(first, then, expected):
    monitor = liveness()
    assert kinds(monitor.observe(case(A), probed(first))) == []
    assert kinds(monitor.observe(case(A), probed(then))) == expected


def test_a_counter_that_fell_after_an_asked_reset_or_on_another_interface_is_no_reboot():
    monitor = liveness()
    monitor.observe(case(A), probed(b"<Pi1,10>"))
    assert kinds(monitor.observe(case(A, interface="other"), probed(b"<Pi9,1>"))) == []
    assert kinds(monitor.observe(case(Reset(), A), probed(b"<Pi2,1>"))) == []


def test_a_probe_that_is_not_served_is_silence_and_one_not_sent_is_not():
    assert kinds(liveness().observe(case(A), transcript(said("a"), probe_served=False))) == [Kind.SILENCE]
    assert kinds(liveness().observe(case(A), transcript(said("a"), probe_served=None))) == []
    other = case(A, interface="other")
    assert kinds(liveness().observe(other, transcript(said("a"), probe_served=False))) == []


def test_counters_go_back_with_the_snapshot():
    monitor = liveness()
    monitor.observe(case(A), probed(b"<Pi1,10>"))
    early = monitor.state()
    monitor.observe(case(A), probed(b"<Pi1,90>"))
    monitor.restore(early)
    assert kinds(monitor.observe(case(A), probed(b"<Pi1,11>"))) == []


# -- sessions -------------------------------------------------------------------------------------------------------


def lapsed(*exchanges, step=A, state="in", **options):
    monitor = SessionMonitor(ToyProtocol(), "toy", frozenset({"in"}))
    found = monitor.observe(case(step, state=state), transcript(*exchanges, **options))
    monitor.restore(monitor.state())
    return kinds(found)


def test_a_session_that_was_gone_before_the_case_is_told_and_a_refused_mutation_is_not():
    no_session, fine = said("a", b"<A?>"), said("a", b"<A>")
    assert lapsed(no_session) == [Kind.SESSION_LAPSED]
    assert lapsed(fine) == []
    assert lapsed(fine, said("b", b"<B?>")) == []
    assert lapsed(no_session, step=Send("a", b"<a>", mutated=True)) == []
    assert lapsed(no_session, state="idle") == []


def test_a_state_that_was_not_reached_is_told():
    assert lapsed(state="idle", state_reached=False) == [Kind.SESSION_LAPSED]


# -- console --------------------------------------------------------------------------------------------------------


def console(*patterns):
    return ConsoleMonitor(patterns or ("(?i)panic at \\w+",))


def test_a_pattern_on_the_consoles_own_port_is_seen():
    found = console().observe(case(A), transcript(said("a"), console=((1.2, b"boot\r\nPANIC at main\r\n"),)))
    assert kinds(found) == [Kind.CONSOLE]
    assert (found[0].time, found[0].detail["message"]) == (1.2, "a")
    assert kinds(console().observe(case(A), transcript(said("a"), console=((1.2, b"no panic\r\n"),)))) == []


def test_a_pattern_between_the_frames_of_the_fuzzed_link_is_seen_but_not_inside_a_reply():
    assert kinds(console().observe(case(A), transcript(said("a", stray=b"panic at x")))) == [Kind.CONSOLE]
    assert kinds(console().observe(case(A), transcript(said("a", b"<panic at x>")))) == []


def test_a_line_cut_over_two_cases_is_recognized_once_whatever_the_other_stream_says():
    monitor = console()
    assert kinds(monitor.observe(case(A), transcript(said("a", stray=b"noise"), console=((1.0, b"pan"),)))) == []
    then = transcript(said("a", stray=b"noise"), console=((1.0, b"ic at main\n"),))
    assert kinds(monitor.observe(case(A), then)) == [Kind.CONSOLE]
    assert kinds(monitor.observe(case(A), transcript(said("a"), console=((1.0, b"fine\n"),)))) == []


def test_the_same_words_again_are_seen_again_and_each_pattern_by_itself():
    monitor = console("panic", "overflow")
    both = transcript(said("a"), console=((1.0, b"panic: overflow\n"),))
    assert kinds(monitor.observe(case(A), both)) == [Kind.CONSOLE, Kind.CONSOLE]
    assert kinds(monitor.observe(case(A), transcript(said("a"), console=((1.0, b"panic\n"),)))) == [Kind.CONSOLE]


def test_the_unfinished_line_goes_back_with_the_snapshot():
    monitor = console()
    monitor.observe(case(A), transcript(said("a"), console=((1.0, b"pan"),)))
    half = monitor.state()
    monitor.observe(case(A), transcript(said("a"), console=((1.0, b"orama\n"),)))
    monitor.restore(half)
    found = monitor.observe(case(A), transcript(said("a"), console=((1.0, b"ic at main"),)))
    assert kinds(found) == [Kind.CONSOLE]


def test_what_a_device_says_is_never_interpreted_by_a_terminal():
    text = b"panic at x\x1b[2J\x9b31m\x07"
    (found,) = console("(?s)panic.*").observe(case(A), transcript(said("a"), console=((1.0, text),)))
    shown = visible(found.summary)
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in shown)
    assert "panic at x" in shown


def test_a_pattern_that_is_no_regular_expression_is_named():
    with pytest.raises(UsageError, match=r"\[monitors\] console_patterns: '\(panic'"):
        ConsoleMonitor(["(panic"])


# -- leaks ----------------------------------------------------------------------------------------------------------

MARKS = {"toy": {"read": frozenset({Mark.DISCLOSES_PATIENT_DATA}), "prove": frozenset({Mark.AUTHENTICATION})}}


def leaked(*exchanges, state="idle", steps=(), **canaries):
    monitor = LeakMonitor({"name": "DOE", **canaries}, MARKS, frozenset({"in"}))
    found = monitor.observe(case(*(steps or (A,)), state=state), transcript(*exchanges))
    monitor.restore(monitor.state())
    return [(observation.kind, sign_of(observation)) for observation in found]


def test_a_canary_that_leaves_in_a_reply_unasked_or_between_frames_is_a_leak():
    leak = [(Kind.LEAK, ("a",))]
    assert leaked(said("a", b"<A DOE>")) == leak
    assert leaked(said("a", unsolicited=[b"<!DOE>"])) == leak
    assert leaked(said("a", stray=b"..DOE..")) == leak
    assert leaked(said("a", b"<A D", b"OE>")) == leak
    assert leaked(said("a", b"<A DO>")) == []


def test_what_a_bent_message_carried_is_not_disclosed_when_it_comes_back_later():
    bent = message(b"a", mutated=True)
    put = said("a", sent=b"<A DOE>")
    assert leaked(put, said("b", b"<from DOE>"), steps=(bent, message(b"b"))) == []
    assert leaked(put, said("b", b"<from DOE>"), steps=(A, message(b"b"))) == [(Kind.LEAK, ("b",))]  # as a login has it
    assert leaked(said("b", b"<from DOE>"), put, steps=(message(b"b"), bent)) == [(Kind.LEAK, ("b",))]


def test_what_answers_a_bent_message_may_be_of_one_that_went_out_together_with_it():
    proper = said("a", b"<A DOE>")
    bent, told = replace(proper, reply_expected=False), said("read")
    assert leaked(bent, told, state="in") == []
    assert leaked(proper, told, state="in") == leaked(bent, said("b"), state="in") == [(Kind.LEAK, ("a",))]
    assert leaked(bent, said("read", at=1.5), state="in") == [(Kind.LEAK, ("a",))]


def test_an_echo_of_what_was_sent_is_no_leak():
    assert leaked(said("a", b"<A DOE>", sent=b"<a DOE>")) == []
    assert leaked(said("a", b"<A DOE PIN>", sent=b"<a DOE>"), pin="PIN") == [(Kind.LEAK, ("a",))]


def test_a_message_may_disclose_in_a_session_and_only_there():
    disclosed = said("read", b"<R DOE>")
    assert leaked(disclosed) == [(Kind.LEAK, ("read",))]
    assert leaked(disclosed, state="in") == []
    assert leaked(said("prove", b"<ok>"), disclosed) == []
    assert leaked(said("prove"), disclosed) == [(Kind.LEAK, ("read",))]
    assert leaked(said("a", b"<A DOE>"), state="in") == [(Kind.LEAK, ("a",))]


def test_what_comes_unasked_behind_a_message_that_may_disclose_may_be_its_late_reply():
    asked = said("read", b"<?>")
    nothing = said("", b"<READ DOE>")
    for late in (nothing, said("a", b"<A>", unsolicited=[b"<READ DOE>"]), said("a", b"<A>", stray=b"DOE")):
        assert leaked(asked, late, state="in") == []
        assert leaked(late, asked, state="in") != []
        assert leaked(asked, late) != []
    assert leaked(asked, said("a", b"<A DOE>"), state="in") == [(Kind.LEAK, ("a",))]


def test_so_may_what_comes_in_the_time_that_a_case_is_followed_for():
    """The transcript is of that time only."""
    late, read, prove = said("", b"<READ DOE>"), Send("read", b"r"), Send("prove", b"p")
    assert leaked(late, steps=(read,), state="in") == []
    assert leaked(late, steps=(prove, read)) == []
    assert leaked(late, steps=(read,)) == leaked(late, steps=(read, prove)) == [(Kind.LEAK, ("",))]
    assert leaked(late, state="in") == [(Kind.LEAK, ("",))]


def test_the_answer_to_one_that_may_disclose_may_be_filed_with_another_message():
    """Its framer swallowed bytes of a bent one: the reply came when another message had made up for them."""
    bent, read, filed = (message(b"a", mutated=True),), said("read"), said("a", b"<R DOE>")
    assert leaked(read, filed, state="in", steps=bent) == []
    assert leaked(said("prove", b"<ok>"), read, filed, steps=bent) == []
    assert leaked(replace(filed, ended_at=2.0), read, state="in", steps=bent) == []
    leak = [(Kind.LEAK, ("a",))]
    assert leaked(read, filed, state="in") == leak  # nothing was bent
    assert leaked(read, filed, steps=bent) == leak  # nobody has logged in
    assert leaked(said("read", b"<?>"), filed, state="in", steps=bent) == []  # which is of another one, too
    assert leaked(said("read", b"<R DOE>"), filed, state="in", steps=bent) == leak  # it has its answer
    assert leaked(replace(filed, ended_at=0.5), read, state="in", steps=bent) == leak  # it was sent later


def test_canaries_may_be_bytes_and_short_or_odd_ones_are_refused():
    assert leaked(said("a", b"<A\xde\xad\xbe>"), key="hex:deadbe") == [(Kind.LEAK, ("a",))]
    for text, words in (("ab", "shorter than 3"), ("hex:xyz", "not hex")):
        with pytest.raises(UsageError, match=words):
            LeakMonitor({"key": text}, {}, frozenset())


# -- configuration drift --------------------------------------------------------------------------------------------


def drifted(*answers, writes=""):
    """The toy's uptime stands for the configuration, its boots for the count of accepted writes."""
    monitor = DriftMonitor(ToyProtocol(), "toy", ["uptime"], writes)
    return [kinds(monitor.observe(case(A), probed(answer))) for answer in answers]


def test_without_a_write_count_every_change_is_drift_and_told_once():
    assert drifted(b"<Pi1,5>", b"<Pi1,5>", b"<Pi1,6>", b"<Pi1,6>") == [[], [], [Kind.DRIFT], []]


def test_with_a_write_count_only_a_change_that_was_not_accepted_is_drift():
    assert drifted(b"<Pi1,5>", b"<Pi2,6>", b"<Pi2,6>", writes="boots") == [[], [], []]
    assert drifted(b"<Pi1,5>", b"<Pi1,6>", writes="boots") == [[], [Kind.DRIFT]]
    assert drifted(b"<Pi2,5>", b"<Pi1,5>", writes="boots") == [[], [Kind.DRIFT]]


def test_drift_is_judged_on_its_own_interface_and_goes_back_with_the_snapshot():
    monitor = DriftMonitor(ToyProtocol(), "toy", ["uptime"])
    monitor.observe(case(A), probed(b"<Pi1,5>"))
    early = monitor.state()
    assert kinds(monitor.observe(case(A, interface="other"), probed(b"<Pi1,9>"))) == []
    monitor.observe(case(A), probed(b"<Pi1,6>"))
    monitor.restore(early)
    assert kinds(monitor.observe(case(A), probed(b"<Pi1,5>"))) == []
    assert kinds(DriftMonitor(ToyProtocol(), "toy", []).observe(case(A), probed(b"<Pi1,5>"))) == []
