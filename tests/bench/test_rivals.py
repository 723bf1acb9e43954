"""What guidance is compared with, and how the comparison is told."""

import itertools

from benchmarks.guided import told
from benchmarks.guided_table import markdown, reach
from benchmarks.rivals import BoofuzzOrder, RandomBytes
from protocols.load import load_protocol

LINK = load_protocol("pump_link")


def cases(kind, seed=1, count=400, **options):
    return list(itertools.islice(kind(LINK, "maintenance", seed=seed, **options).cases(), count))


def test_boofuzz_has_each_mutation_of_a_message_in_its_own_order_and_a_seed_shuffles_messages():
    first, again, other = cases(BoofuzzOrder), cases(BoofuzzOrder), cases(BoofuzzOrder, seed=2)
    assert [case.id for case in first] == [case.id for case in again] != [case.id for case in other]
    message = LINK.message(first[0].origin.path[0])
    wanted = list(itertools.islice(message.request.get_mutations(), 50))
    names = [", ".join(f"{one.qualified_name}:{one.index}" for one in several) for several in wanted]
    assert [case.origin.mutation for case in first[:50]] == names
    assert BoofuzzOrder(LINK, "maintenance").forecast() > 20_000


def test_random_bytes_are_the_same_for_a_seed_and_know_no_field():
    assert [c.steps[-1].data for c in cases(RandomBytes)] == [c.steps[-1].data for c in cases(RandomBytes)]
    usual = {send.data for send in LINK.usual.values()}
    assert sum(case.steps[-1].data in usual for case in cases(RandomBytes)) < 20


def found(**cases_and_seconds):
    return {"limit": [], "cases": 100, "seconds": 9.0, "found": cases_and_seconds}


def test_what_a_campaign_found_is_each_faults_first_confirmed_sight():
    sights = [("a", 9, True), ("a", 4, True), ("a", 2, False), ("b", 7, True), ("", 1, True)]
    findings = [{"fault": f, "case": c, "confirmed": sure, "found_after": c / 10} for f, c, sure in sights]
    summary = {"cases": 10, "seconds": 2.0, "findings": findings}
    assert told(summary)["found"] == {"a": (4, 0.4), "b": (7, 0.7)}


def test_the_table_has_the_middle_seed_and_both_ends_and_never_is_later_than_any():
    runs = [found(a=(10, 1.0), b=(50, 5.0)), found(a=(30, 3.0)), found(a=(20, 2.0))]
    text = markdown({"guided": runs, "random": [found()] * 3}, "--cases 100")
    assert "| `a` | 20 (10 – 30) | never |" in text
    assert "| `b` | never (50 – never) | never |" in text
    assert "| `a` | 2.0 (1.0 – 3.0) | never |" in text
    assert "| faults | 1 (1 – 2) | 0 (0 – 0) |" in text
    assert (reach(runs), reach(())) == (1, 0.0)
