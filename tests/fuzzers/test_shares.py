"""Fuzzers in shares: together they give every case once; one that learns makes choices of its own in each."""

from itertools import islice

import pytest

from fuzzers.registry import FUZZERS
from fuzzers.replayed import ReplayedFuzzer
from harness.assembly.assemble import assemble
from harness.assembly.benches import find_bench
from harness.assembly.fuzzing import make_fuzzers
from harness.deck import Deck
from harness.share import WHOLE, Share
from protocols.load import load_protocol

PUMP = load_protocol("pump_link")


def ids(fuzzer, count=None):
    return [case.id for case in islice(fuzzer.cases(), count)]


@pytest.mark.parametrize("name", ["enumerate", "sequence"])
@pytest.mark.parametrize("of", [2, 3])
def test_the_cases_of_all_shares_are_those_of_the_whole_in_turn(name, of):
    kind = FUZZERS.get(name)
    whole = ids(kind(PUMP, "link", seed=3), 30 * of)
    parts = [kind(PUMP, "link", seed=3, share=Share(index, of)) for index in range(of)]
    dealt = [ids(part, 30) for part in parts]
    assert [case for turn in zip(*dealt, strict=True) for case in turn] == whole
    assert sum(part.forecast() for part in parts) == kind(PUMP, "link", seed=3).forecast()


def test_one_that_learns_has_a_seed_of_its_own_in_each_share():
    bench = assemble(find_bench("pump"), seed=3, only=["network"])
    whole, first, second = (
        make_fuzzers(bench, 3, ["guided", "enumerate"], share) for share in (WHOLE, Share(0, 2), Share(1, 2))
    )
    assert ids(whole[0], 20) == ids(first[0], 20) != ids(second[0], 20)
    assert ids(whole[1], 20)[1::2] == ids(second[1], 10)


def test_kept_cases_come_before_all_others_each_in_one_share():
    bench = assemble(find_bench("pump"), seed=3, only=["network"])
    kept = list(islice(make_fuzzers(bench, 9, ["sequence"])[0].cases(), 5))
    fuzzers = make_fuzzers(bench, 3, ["enumerate"], kept={"network": kept})
    dealt = list(islice(Deck(fuzzers, lambda fuzzer, error: pytest.fail(str(error)), saves=False), 7))
    assert [planned.case for planned in dealt[:5]] == kept
    assert [planned.case.origin.fuzzer for planned in dealt] == ["corpus"] * 5 + ["enumerate"] * 2
    parts = [ids(ReplayedFuzzer("network", kept, Share(index, 2))) for index in (0, 1)]
    assert sorted(parts[0] + parts[1]) == sorted(case.id for case in kept)
