"""What a device is asked to bear: bytes a case, resets a campaign."""

from dataclasses import replace

import pytest
from toy import case, message

from harness.errors import GuardRefused, TargetError
from harness.transcript import TargetEvent, Way
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
