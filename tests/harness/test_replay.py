"""What one replay says: reproduced, clean, untested, or a failure of the bench; and when two faults are the same."""

from dataclasses import replace

import pytest
from signs import seen, sign_of
from toy import case, message

from harness.errors import TargetError, UsageError
from harness.finding import LINK_GONE, RESTART, Finding, bucket_of
from harness.transcript import TargetEvent, Transcript, Way
from harness.triage.replay import OVER, Replay, replay_once, same_fault
from harness.verdict import Kind, Observation

X, A, B = case(message(b"x")), case(message(b"a")), case(message(b"b"))
SILENT = ("unserved", "x")


def sight(kind=Kind.SILENCE, sign=SILENT, *, of=X, requirement="", monitor="m"):
    """A finding as it was first seen."""
    fault = seen(kind, monitor, f"{kind} was seen", 0.0, sign, requirement)
    return Finding(fault, bucket_of(fault), (of,), Transcript(of.id, (), 0.0, 1.0), 1, 0.0)


def dies(device):
    device.dead = True


def crashes(t, symbol="f"):
    def crash(_device):
        t.target.events.append(TargetEvent("fault", t.target.now(), {"type": "bad access", "symbol": symbol}))
        return [b"<X>"]

    return crash


# -- what a window shows -----------------------------------------------------------------------------------------------


def test_a_fault_that_comes_again_is_reproduced_with_the_case_that_shows_it(toy):
    t = toy()
    t.device.planted[b"x"] = dies
    again = replay_once(t.runner, (A, X, B), sight())
    assert (again.reproduced, again.case, again.again.kind, again.clean) == (True, X, Kind.SILENCE, False)
    assert again.transcript.case_id == X.id
    assert again.observations == (again.again,) == again.faults
    assert b"<b>" not in t.transport.sent


def test_a_replay_begins_on_a_fresh_device(toy):
    t = toy()
    replay_once(t.runner, (A,), sight())
    assert (t.target.resets, t.runner.lives) == (1, 2)


def test_a_window_that_shows_nothing_on_a_device_that_serves_is_clean(toy):
    again = replay_once(toy().runner, (A, X), sight())
    assert again.clean
    assert (again.reproduced, again.untested, again.bench_error, again.faults) == (False, "", "", ())
    assert again.transcript.service.way is Way.AT_ONCE


def test_another_fault_is_neither_the_finding_nor_clean(toy):
    t = toy()
    t.device.planted[b"x"] = crashes(t)
    again = replay_once(t.runner, (X, A), sight())
    assert (again.reproduced, again.clean, again.untested) == (False, False, "")
    assert [o.kind for o in again.faults] == [Kind.CRASH]
    assert again.transcript.case_id == A.id


def test_every_case_is_probed_whatever_the_bench_says(toy):
    t = toy(probe_every=1 << 30, snapshots=True)
    t.device.planted[b"x"] = lambda device: (dies(device), [b"<X>"])[1]
    assert replay_once(t.runner, (X,), sight()).reproduced


def test_a_fault_that_shows_when_the_link_is_cut_is_reproduced_at_the_sessions_end(toy):
    t = toy()

    def arm(device):
        t.transport.sent.append(b"armed")
        return [b"<X>"]

    t.device.planted[b"x"] = arm
    closes = t.executor.connection.close

    def close():
        if b"armed" in t.transport.sent[-3:]:
            t.device.dead = True
        closes()

    t.executor.connection.close = close
    again = replay_once(t.runner, (A, X), sight())
    assert (again.reproduced, again.case, sign_of(again.again)) == (True, X, SILENT)
    assert again.transcript.exchanges[-1].message == "probe"
    assert again.observations == (again.again,)


def test_a_session_that_showed_a_fault_already_is_not_ended(toy):
    t = toy()
    t.device.planted[b"x"] = crashes(t)
    replay_once(t.runner, (X,), sight())
    assert t.transport.opened == 1


@pytest.mark.parametrize("after", [0.05, 0.3, 0.45])
def test_a_slow_death_is_waited_for(toy, after):
    t = toy()
    t.target.resettable = True
    tried = sight(Kind.REBOOT, (RESTART, "x"))
    listens = t.executor.listen

    def listen(seconds):
        t.transport.hang_up(after)
        listens(seconds)

    t.executor.listen = listen
    again = replay_once(t.runner, (X,), tried)
    assert (again.reproduced, again.transcript.service.way) == (True, Way.RETURNED)


@pytest.mark.parametrize("after", [0.0005, 0.03, 0.3])
def test_what_a_device_had_left_before_it_was_sent_is_sent_again(toy, after):
    """One message a connection: what comes behind an answer is not read, and no device is fixed by that."""
    t = toy(adaptive=True, may_close=True, reconnect=False)
    t.transport.leaves_in = after
    t.device.planted[b"x"] = crashes(t)
    again = [replay_once(t.runner, (X,), sight(Kind.CRASH, ("bad access", "f"))) for _ in range(3)]
    assert [(one.untested, len(one.faults)) for one in again] == [("", 1)] * 3


@pytest.mark.parametrize("after", [0.0, 0.4])
def test_a_device_that_refuses_by_hanging_up_was_tested(toy, after):
    t = toy(adaptive=True, may_close=True)

    def refuses(_device):
        t.transport.clock += after
        t.transport.hang_up()

    t.device.planted[b"x"] = refuses
    again = [replay_once(t.runner, (X,), sight(Kind.CRASH, ("bad access", "f"))) for _ in range(3)]
    assert [(one.reproduced, one.untested) for one in again] == [(False, "")] * 3


# -- what tests nothing ------------------------------------------------------------------------------------------------


def test_a_case_whose_state_is_not_reached_was_not_tested(toy):
    t = toy()
    t.device.planted[b"l"] = lambda _device: [b"<L?>"]
    tried = case(message(b"x"), state="in")
    again = replay_once(t.runner, (tried,), sight())
    assert (again.reproduced, again.clean) == (False, False)
    assert again.untested == (
        "state 'in' could not be reached, so that the case was not run: wanted state = s; got state = i"
    )
    assert b"<x>" not in t.transport.sent


def test_a_case_of_which_the_guard_withheld_a_part_was_not_tested(toy):
    t = toy(forbidden=["shock"])
    again = replay_once(t.runner, (case(message(b"a"), message(b"shock")),), sight())
    assert again.untested.startswith("the case was withheld in part: withheld 7 bytes")
    assert (again.reproduced, again.clean) == (False, False)


def test_a_case_that_the_guard_withholds_at_once_is_the_benchs(toy):
    t = toy(forbidden=["shock"])
    again = replay_once(t.runner, (case(message(b"shock")),), sight())
    assert again.bench_error.startswith("the case is withheld on this bench: withheld 7 bytes")
    assert (again.reproduced, again.clean, again.untested) == (False, False, "")


def test_a_fault_earlier_in_the_window_is_told_although_a_later_state_is_not_reached(toy):
    t = toy()
    t.device.planted[b"l"] = lambda _device: [b"<L?>"]
    t.device.planted[b"x"] = crashes(t)
    again = replay_once(t.runner, (X, case(message(b"a"), state="in")), sight())
    assert (again.untested, [o.kind for o in again.faults]) == ("", [Kind.CRASH])


def test_a_device_that_ends_in_every_try_is_never_clean(toy):
    t = toy()
    t.device.planted[b"x"] = lambda _device: t.target.events.append(TargetEvent("exit", 0.0, {"status": "139"}))
    again = replay_once(t.runner, (X,), sight(Kind.EXIT, ("139", "another message")))
    assert again.reproduced
    other = replay_once(t.runner, (X,), sight(Kind.EXIT, ("1", "x")))
    assert (other.reproduced, other.clean, [o.kind for o in other.faults]) == (False, False, [Kind.EXIT])


def test_a_target_that_cannot_be_made_fresh_is_the_benchs(toy):
    t = toy()

    def no_reset():
        raise TargetError("the relay does not answer")

    t.target.reset = no_reset
    again = replay_once(t.runner, (X,), sight())
    assert (again.bench_error, again.untested, again.clean) == ("the relay does not answer", "", False)
    assert again.transcript is None


def test_a_step_that_this_bench_does_not_have_was_not_tested(toy):
    t = toy()

    def no_such_thing(_steps, **_options):
        raise UsageError("there is no stimulus 'air'")

    t.executor.run = no_such_thing
    t.runner.states.enter = lambda _interface, _state: True
    again = replay_once(t.runner, (X,), sight())
    assert (again.untested, again.bench_error, again.clean) == ("there is no stimulus 'air'", "", False)
    assert again.reproduced is False


def test_an_exception_of_our_own_is_the_benchs_and_names_the_finding(toy):
    t = toy()

    def bug(_sent, _frame):
        raise ZeroDivisionError("by zero")

    t.protocol.answers = bug
    again = replay_once(t.runner, (X,), sight())
    assert again.bench_error.startswith(f"replay of {sight().id}: ")
    assert "ZeroDivisionError: by zero" in again.bench_error and not again.clean
    assert again.reproduced is False


def test_a_replay_that_the_time_ends_says_nothing(toy):
    t = toy()
    t.device.planted[b"x"] = dies
    turns = iter([False, True])
    again = replay_once(t.runner, (A, X), sight(), lambda: next(turns))
    assert (again.untested, again.reproduced, again.clean) == (OVER, False, False)
    assert b"<a>" in t.transport.sent and b"<x>" not in t.transport.sent


def test_a_device_that_is_gone_for_good_was_not_tested(toy):
    t = toy()
    t.device.planted[b"x"] = lambda _device: setattr(t.transport, "unplugged", True)
    again = replay_once(t.runner, (X,), sight(Kind.LEAK, ("x",)))
    assert again.untested == "the link was lost: scripted: nothing is listening"
    assert (again.clean, again.bench_error) == (False, "")


def test_a_state_that_lapsed_was_not_tested(toy):
    t = toy()
    t.device.planted[b"x"] = lambda _device: [b"<X?>"]
    again = replay_once(t.runner, (case(message(b"x"), state="in"),), sight())
    assert (again.untested, again.clean) == ("the session of state 'in' had lapsed before the case", False)


def test_an_independent_device_that_serves_at_the_end_is_clean_and_one_that_was_not_asked_is_not(toy):
    t = toy(snapshots=True)
    assert replay_once(t.runner, (X,), sight()).clean
    t.target.take_events = lambda: ()
    t.interface.ladder.climb = None
    assert Replay(False, Transcript(X.id, (), 0.0, 1.0)).clean  # what it says; that it served is `replay_once`'s


def test_an_empty_window_is_only_a_session_that_ends(toy):
    t = toy()
    again = replay_once(t.runner, (case(),), sight())
    assert again.clean and again.transcript.probe_served


def test_a_replay_is_played_without_fences_which_come_back(toy):
    t = toy()
    t.transport.fenced = True
    seen = []
    t.device.planted[b"x"] = lambda _device: seen.append(t.transport.fenced) or [b"<X>"]
    replay_once(t.runner, (X,), sight())
    assert (seen, t.transport.fenced) == ([False], True)


# -- the same fault ----------------------------------------------------------------------------------------------------


def same(first, again):
    """Whether an observation `again` in a case is the fault that was first seen as `first`."""
    (kind, sign, *rest), (other_kind, other_sign, *other_rest) = first, again
    finding = sight(kind, sign, requirement=rest[0] if rest else "")
    return same_fault(seen(other_kind, "m", "", 1.0, other_sign, other_rest[0] if other_rest else ""), finding)


LATE, DEAD = Way.LATE.value, Way.RECONNECTED.value


@pytest.mark.parametrize(
    ("first", "again"),
    [
        ((Kind.LEAK, ("x",)), (Kind.LEAK, ("x",))),
        ((Kind.CRASH, ("bad access", "f")), (Kind.CRASH, ("bad access", "g"))),
        ((Kind.UNSAFE_STATE, ("R-1", "x"), "R-1"), (Kind.UNSAFE_STATE, ("R-1", "a"), "R-1")),
        ((Kind.EXIT, ("139", "x")), (Kind.EXIT, ("139", "a"))),
        ((Kind.SILENCE, ("unserved", "x")), (Kind.SILENCE, ("unserved", "a"))),
        ((Kind.SILENCE, (LATE, "x")), (Kind.SILENCE, (LATE, "a"))),
        ((Kind.DISCONNECT, (DEAD, "x")), (Kind.DISCONNECT, (DEAD, "a"))),
        ((Kind.REBOOT, (RESTART, "x")), (Kind.REBOOT, (RESTART, "a"))),
        ((Kind.REBOOT, (RESTART, "x")), (Kind.LINK_LOST, ())),
        ((Kind.REBOOT, (RESTART, "x")), (Kind.SILENCE, (LINK_GONE, "a"))),
        ((Kind.SILENCE, (LINK_GONE, "x")), (Kind.LINK_LOST, ())),
        ((Kind.SILENCE, (LINK_GONE, "x")), (Kind.REBOOT, (RESTART, "x"))),
    ],
)
def test_the_same_fault_may_be_seen_elsewhere_or_on_its_way_out(first, again):
    assert same(first, again)


@pytest.mark.parametrize(
    ("first", "again"),
    [
        ((Kind.LEAK, ("x",)), (Kind.LEAK, ("a",))),
        ((Kind.LEAK, ("x",)), (Kind.ACCESS, ("x",))),
        ((Kind.LEAK, ("x",)), (Kind.LINK_LOST, ())),
        ((Kind.CRASH, ("bad access", "f")), (Kind.HANG, ("f",))),
        ((Kind.HANG, ("f",)), (Kind.HANG, ("g",))),
        ((Kind.UNSAFE_STATE, ("R-1", "x"), "R-1"), (Kind.UNSAFE_STATE, ("R-2", "x"), "R-2")),
        ((Kind.EXIT, ("139", "x")), (Kind.EXIT, ("1", "x"))),
        ((Kind.EXIT, (RESTART, "x")), (Kind.LINK_LOST, ())),
        ((Kind.SILENCE, ("unserved", "x")), (Kind.SILENCE, (LATE, "x"))),
        ((Kind.SILENCE, (LATE, "x")), (Kind.SILENCE, (DEAD, "a"))),
        ((Kind.SILENCE, (DEAD, "x")), (Kind.DISCONNECT, (DEAD, "x"))),
        ((Kind.REBOOT, ("watchdog", "x")), (Kind.REBOOT, ("brown-out", "x"))),
        ((Kind.REBOOT, ("watchdog", "x")), (Kind.REBOOT, (RESTART, "x"))),
        ((Kind.REBOOT, (RESTART, "x")), (Kind.REBOOT, ("counter", "x"))),
        ((Kind.REBOOT, (RESTART, "x")), (Kind.EXIT, (RESTART, "x"))),
    ],
)
def test_another_fault_is_another(first, again):
    assert not same(first, again)


def test_the_same_sign_is_the_same_fault_whatever_its_interface_is_called_and_another_in_another_protocol():
    first = Finding(leak("p"), bucket_of(leak("p")), (X,), Transcript("", (), 0.0, 0.0), 1, 0.0)
    assert same_fault(leak("p"), first)
    assert not same_fault(leak("q"), first)


def leak(protocol):
    return Observation(Kind.LEAK, "m", "", 1.0, blames="x", protocol=protocol)


def silence(*sign):
    return seen(Kind.SILENCE, "liveness", "silent", 0.0, sign)


@pytest.mark.parametrize(
    ("again", "same"),
    [
        (("after more bytes", ""), True),
        (("on a new connection", "x"), True),
        (("after a while", "y"), True),
        (("never", "x"), False),
    ],
)
def test_a_framer_that_waits_for_bytes_may_look_late_or_dead_when_it_is_asked_again(again, same):
    first = silence("after more bytes", "")
    finding = Finding(first, bucket_of(first), (X,), Transcript("", (), 0.0, 0.0), 1, 0.0)
    assert same_fault(silence(*again), finding) is same


# -- a device that is gone ---------------------------------------------------------------------------------------------


@pytest.fixture
def leaving(toy):
    """A toy of ten seconds' patience, gone behind `<x>` until it is reset; and seconds of a replay of that."""
    t, began = toy(open_timeout=10.0), 0.0
    restart = t.target.reset

    def reset():
        t.transport.unplugged = False
        restart()

    def leave(_device):
        t.transport.unplugged = True

    def again(link_error):
        nonlocal began
        transcript = Transcript(X.id, (), 0.0, 10.0, link_error=link_error)
        began = t.transport.clock
        played = replay_once(t.runner, (X,), replace(sight(sign=(LINK_GONE, "x")), transcript=transcript))
        return played, t.transport.clock - began

    t.target.reset, t.device.planted[b"x"], t.again = reset, leave, again
    return t


def test_a_device_that_was_gone_for_all_of_the_patience_is_seen_gone_again_in_less(leaving):
    first, all_of_it = leaving.again("")
    second, less = leaving.again("no link opens")
    assert first.reproduced
    assert second.reproduced
    assert all_of_it > 9.0
    assert 1.5 < less < 4.0


def test_what_nothing_can_reset_has_all_of_its_patience_again(leaving):
    leaving.target.can_reset = lambda: False
    _played, seconds = leaving.again("no link opens")
    assert seconds > 4.0


def test_one_that_is_back_soon_is_not_taken_for_gone(leaving):
    leaving.device.planted[b"x"] = lambda _device: leaving.transport.hang_up(1.5)
    played, _seconds = leaving.again("no link opens")
    assert played.transcript.service.way is Way.RETURNED
