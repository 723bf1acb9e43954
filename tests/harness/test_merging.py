"""What several workers counted and found, as one: sums, what is new once, and one finding a bucket."""

from collections import Counter
from dataclasses import replace

from nouns import finding

from harness.deck import DeckState
from harness.finding import Minimized, Size
from harness.floors import Tally
from harness.ledger import LedgerState
from harness.merging import Part, merged_findings, merged_state, never_told
from harness.novelty import NoveltyState
from harness.position import CampaignState, Position
from harness.record import RecordState
from harness.residual import Discovery
from harness.share import Share
from harness.slow_lane import SlowLaneState
from harness.sparing import SparingState
from harness.summary import GroupTotals
from harness.temporal.statistics import TotalsState
from harness.triage.desk import DeskState
from harness.verdict import Kind, Observation


def part(index, findings=(), of=2, *, cases=3, edges=(), novelty=None, missing=None, **record):
    state = CampaignState(
        seconds=1.0,
        cases=cases,
        refused=0,
        quiet=0,
        deck=DeckState(),
        effort=0.0,
        history=(),
        sparing=SparingState(),
        places=(),
        ledger=LedgerState({}, {}, {}, {}),
        desk=DeskState(),
        suspect=0,
        slow_lane=SlowLaneState(),
        walked=(),
        edges=tuple(edges),
        resets=0,
        novelty={"link": novelty or NoveltyState()},
    )
    counted = {
        "verdicts": {"pass": cases},
        "tallies": {"link": Tally("ask", cases=cases, asked=2, answered=1, states=Counter({"idle": cases}))},
        "probes": {"link": 1},
        "groups": (GroupTotals("link", "enumerate", cases),),
        "findings": (),
        "known": (),
        "bench_faults": (),
        "bench_failed": False,
        "stride": 1,
        "refused": 1,
        "left_out": 0,
        "totals": TotalsState(2.0, {"R-1": (1, 0.5, 0.0, 0, 0.75 - index / 2)}),
        "seen": {},
        "discovery": {},
        **record,
    }
    return Part(Share(index, of), Position(state, RecordState(**counted), missing or {}), findings)


def shown(bucket, number=1, reproduced=3, **changes):
    return finding(bucket, reproduced=reproduced, fingerprint=(bucket,), case_number=number, **changes)


def small(found, octets):
    size = Size(1, octets)
    return replace(found, minimized=Minimized(Size(2, 99), size, 5, 0.1, True, found.window))


def told(parts, announced=()):
    return [(found.bucket, found.case_number) for found in merged_findings(parts, announced)]


def test_counts_are_added_up_and_margins_are_the_smallest():
    merged = merged_state([part(0, cases=3), part(1, cases=2, bench_faults=("x",), bench_failed=True)], ())
    assert (merged.verdicts, merged.probes, merged.refused) == ({"pass": 5}, {"link": 2}, 2)
    assert merged.groups == (GroupTotals("link", "enumerate", 5),)
    tally = merged.tallies["link"]
    assert (tally.probe, tally.cases, tally.asked, tally.answered, tally.states) == ("ask", 5, 4, 2, {"idle": 5})
    assert merged.totals == TotalsState(4.0, {"R-1": (2, 1.0, 0.0, 0, 0.25)})
    assert (merged.bench_faults, merged.bench_failed) == (("x",), True)


def test_what_two_have_seen_is_discovered_once():
    one = part(
        0,
        edges=(1, 2, 3, 4),
        novelty=NoveltyState(once=(2, 5), more=(4,)),
        discovery={"link": Discovery(3, 2, quiet=1)},
    )
    two = part(
        1, edges=(1, 2, 3, 9), novelty=NoveltyState(once=(2,), more=(7,)), discovery={"link": Discovery(3, 2, quiet=2)}
    )
    merged = merged_state([one, two], ()).discovery["link"]
    assert (merged.cases, merged.replies, merged.orders, merged.once) == (6, 2, 2, 1)  # 2 and 4; 5 and 7; 5 alone
    assert merged.edges == 3  # 3, and either of 4 and 9 besides: the two before their first cases are nobody's
    assert merged.quiet == 2


def test_a_signal_is_missing_where_none_had_it():
    parts = [part(0, missing={"R-1": ("a", "b"), "R-2": ("c",)}), part(1, missing={"R-1": ("b",)})]
    assert never_told(parts) == {"R-1": ("b",)}


def test_a_bucket_that_two_have_found_is_one_finding_with_its_number_in_the_whole():
    parts = [part(0, [shown("a", 2)]), part(1, [shown("a", 1), shown("b", 4)])]
    assert told(parts) == [("a", 2), ("b", 8)]  # the first case of the second worker is the second of all


def test_of_one_bucket_the_confirmed_one_is_kept_then_the_smallest():
    parts = [part(0, [shown("a", 1, reproduced=0)]), part(1, [shown("a", 5)])]
    assert told(parts) == [("a", 10)]
    parts = [part(0, [small(shown("a", 1), 50)]), part(1, [small(shown("a", 5), 20)])]
    assert told(parts) == [("a", 10)]


def test_further_ways_to_what_was_found_in_three_are_left_out_unless_they_were_announced():
    def violation(bucket, number):
        seen = Observation(Kind.UNSAFE_STATE, "safety", "", 0.0, (bucket,), requirement="R-1")
        return replace(shown(bucket, number), observation=seen)

    parts = [
        part(0, [violation("a", 1), violation("b", 2), violation("c", 3)]),
        part(1, [violation("d", 1), violation("e", 2), violation("f", 3)]),
    ]
    assert told(parts) == [("a", 1), ("d", 2), ("b", 3)]
    assert told(parts, {"F-f"}) == [("a", 1), ("d", 2), ("b", 3), ("f", 6)]
