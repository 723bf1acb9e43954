"""Known findings played before the cases: fixed, still there, or why nobody knows; a tenth of the run at most."""

from dataclasses import replace

import pytest
from test_campaign import ListFuzzer
from test_replay import A, X, crashes, dies, sight
from toy import case, message

from harness.budget import Budget
from harness.campaign import Campaign
from harness.document import Handover, text_of
from harness.events import FindingConfirmed, FindingDismissed
from harness.known.baseline import Baseline, KnownFinding
from harness.known.corpus import Allowance, replay_known
from harness.verdict import Kind

DAY = "2026-06-15"
CRASH = replace(sight(Kind.CRASH, ("bad access", "f")), reproduced=3, tries=3)
SILENCE = replace(sight(), reproduced=3, tries=3)


@pytest.fixture
def known(tmp_path):
    """A baseline of saved findings; `changes` are of its entries."""

    def made(*findings, **changes):
        entries = []
        for found in findings:
            (tmp_path / f"{found.id}.json").write_text(text_of(Handover(found)))
            words = {"decision": "defer", "reproducer": f"{found.id}.json", **changes}
            entries.append(KnownFinding(found.bucket, **words))
        return Baseline(str(tmp_path / "known.toml"), "", DAY, tuple(entries))

    return made


def allowance(t, *, seconds=None, resets=0, stop=lambda: False, clock=lambda: 0.0):
    return Allowance(t.runner, seconds=seconds, resets=resets, stop=stop, clock=clock)


def played(t, baseline, *, tries=3, **limits):
    return [(s.seen, s.why, f) for s, f in replay_known(baseline, t.runner, allowance(t, **limits), tries)]


def test_one_that_stays_away_in_every_replay_is_fixed(toy, known):
    t = toy()
    assert played(t, known(CRASH)) == [("fixed", "it did not come back in 3 replays", None)]
    assert t.transport.sent.count(b"<x>") == 3


def test_one_that_came_and_went_is_fixed_after_more_replays(toy, known):
    t = toy()
    ((seen, why, _),) = played(t, known(replace(CRASH, reproduced=1)))
    assert (seen, why) == ("fixed", "it did not come back in 10 replays")


@pytest.mark.parametrize("changes", [{}, {"expires": DAY}])
def test_one_that_comes_back_is_still_there_and_needs_no_more_replays(toy, known, changes):
    t = toy()
    t.device.planted[b"x"] = crashes(t)
    assert played(t, known(CRASH, **changes)) == [("still there", "", None)]
    assert t.transport.sent.count(b"<x>") == 1


@pytest.mark.parametrize("changes", [{"expires": "2026-06-14"}, {"fixed": True}])
def test_one_whose_decision_holds_no_more_is_confirmed_like_any_finding(toy, known, changes):
    t = toy()
    t.device.planted[b"x"] = crashes(t)
    ((seen, why, found),) = played(t, known(CRASH, **changes))
    assert (seen, why) == ("still there", "3 of 3 replays")
    assert (found.confirmed, found.bucket, found.case_number) == (True, CRASH.bucket, 0)


def test_one_that_comes_back_once_by_chance_is_not_believed(toy, known):
    t, times = toy(), []

    def dies_once(device):
        times.append(1)
        device.dead = len(times) == 1

    t.device.planted[b"x"] = dies_once
    ((seen, why, found),) = played(t, known(SILENCE, fixed=True))
    assert (seen, found) == ("not tested", None)
    assert "not believed" in why


def test_another_fault_says_nothing_of_it(toy, known):
    t = toy()
    t.device.planted[b"x"] = dies
    ((seen, why, _),) = played(t, known(CRASH))
    assert seen == "not tested"
    assert why.startswith("another fault came: ")


def test_what_is_withheld_on_this_bench_is_not_tested(toy, known):
    ((seen, why, _),) = played(toy(forbidden=("x",)), known(CRASH))
    assert seen == "not tested"
    assert "withheld" in why


def test_an_interface_that_is_left_out_is_not_tested(toy, known):
    elsewhere = replace(CRASH, window=(case(message(b"x"), interface="other"),))
    ((seen, why, _),) = played(toy(), known(elsewhere))
    assert (seen, why) == ("not tested", "interface 'other' is not fuzzed in this run")


def test_a_device_that_nothing_brings_back_is_not_killed_before_its_night(toy, known):
    t = toy()
    t.target.resettable = False
    ((seen, why, _),) = played(t, known(CRASH))
    assert seen == "not tested"
    assert "reset_command" in why
    assert b"<x>" not in t.transport.sent


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot be read: No such file"),
        ("", "cut off"),
        ("{}", "no finding of medfuzz"),
        ("[1]", "no finding of medfuzz"),
        (text_of(Handover(replace(CRASH, window=()))), "has no cases"),
        (text_of(Handover(replace(CRASH, bucket="f" * 16))), "is that of F-ffffffff"),
    ],
)
def test_a_reproducer_that_is_nonsense_is_not_tested(toy, known, tmp_path, text, words):
    baseline, path = known(CRASH), tmp_path / f"{CRASH.id}.json"
    path.unlink()
    if text is not None:
        path.write_text(text)
    ((seen, why, _),) = played(toy(), baseline)
    assert seen == "not tested"
    assert words in why


def test_an_entry_without_reproducer_is_not_tested(toy, known):
    assert played(toy(), known(CRASH, reproducer="")) == [("not tested", "it has no reproducer", None)]


def test_a_tenth_of_the_runs_time_is_the_most(toy, known):
    t, now = toy(), [0.0]

    def clock():
        now[0] += 1.0
        return now[0]

    told = played(t, known(CRASH, SILENCE), seconds=70.0, clock=clock)
    assert told[-1][:2] == ("not tested", "a tenth of the run's time was used up")
    assert t.transport.sent.count(b"<x>") < 6


@pytest.mark.parametrize(("resets", "replays"), [(0, 3), (10, 1), (20, 2), (40, 3)])
def test_a_tenth_of_the_resets_is_the_most(toy, known, resets, replays):
    t = toy(max_resets=resets)
    ((seen, why, _),) = played(t, known(CRASH), resets=resets)
    assert t.transport.sent.count(b"<x>") == replays
    assert seen == ("fixed" if replays == 3 else "not tested")
    assert why == (
        "it did not come back in 3 replays" if replays == 3 else "a tenth of [limits] max_resets was used up"
    )


def test_an_interrupted_run_plays_nothing(toy, known):
    t = toy()
    assert played(t, known(CRASH), stop=lambda: True) == [("not tested", "the run was interrupted", None)]
    assert t.target.resets == 0


def test_the_campaign_begins_on_a_fresh_device(toy, known):
    t = toy()
    t.device.planted[b"x"] = dies
    played(t, known(SILENCE))
    assert not t.device.dead
    assert t.target.resets == 2


def test_what_was_confirmed_before_the_cases_counts_like_the_campaigns_own(toy, known):
    t = toy()
    t.device.planted[b"x"] = crashes(t)
    ((_, _, found),) = played(t, known(CRASH, fixed=True))
    events = []
    limits = {"budget": Budget(), "tries": 3, "horizon": 9.0}
    run = Campaign("c", t.runner, [ListFuzzer(A, X)], None, manifest={}, listeners=[events.append], **limits)
    run.take(found)
    run.take(found)
    before = t.transport.sent.count(b"<x>")
    run.run()
    assert [event.finding.id for event in events if isinstance(event, FindingConfirmed)] == [CRASH.id]
    assert not [event for event in events if isinstance(event, FindingDismissed)]
    assert set(run.findings) == {CRASH.bucket}
    assert t.transport.sent.count(b"<x>") > before
