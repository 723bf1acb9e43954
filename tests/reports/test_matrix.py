"""What was tried of each message: counted in the store, shown by state and by way, the rest together."""

from report_records import record

from harness.case import Origin, Send, TestCase
from harness.store import Store
from harness.tried import Tried, tried_in
from harness.verdict import Verdict
from reports.html import render_html
from reports.matrix import MOST_WAYS, OTHER, Cell, matrices_of


def stored(path, *origins):
    """A store with a passing case of each (state, messages, mutation), and what was tried in it."""
    with Store.create(path / "store.sqlite", {"campaign": "night"}) as store:
        for number, (state, messages, mutation) in enumerate(origins, 1):
            steps = tuple(Send(name, b"x") for name in messages)
            case = TestCase("main", state, steps, Origin("enumerate", messages, "field", mutation))
            store.add_case(number, case, Verdict.PASS, 0.1)
        store.flush()
        return tried_in(store)


def test_cases_are_counted_by_what_the_words_of_their_mutation_begin_with(tmp_path):
    tried = stored(
        tmp_path,
        ("idle", ("order",), "sweep 41:4141"),
        ("idle", ("order",), "sweep nothing"),
        ("idle", ("order", "stop"), "pair out of place: order, stop"),
        ("alarm", ("order",), "fill 00ff… (a long text that goes on): and on"),
        ("alarm", ("order",), ""),
    )
    assert {(one.state, one.way): one.cases for one in tried} == {
        ("idle", "sweep 41"): 1,
        ("idle", "sweep"): 1,
        ("idle", "pair out of place"): 1,
        ("alarm", "fill"): 1,
        ("alarm", ""): 1,
    }


def test_rows_add_up_over_states_and_over_ways():
    (matrix,) = matrices_of(
        [
            Tried("main", "idle", "stop", "flip", 3),
            Tried("main", "alarm", "stop", "edge", 40),
            Tried("main", "idle", "go", "flip", 1),
        ]
    )
    assert (matrix.states, matrix.ways) == (("alarm", "idle"), ("edge", "flip"))
    assert [(row.message, row.total.cases) for row in matrix.rows] == [("go", 1), ("stop", 43)]
    assert matrix.rows[1].states == (Cell(40), Cell(3))
    assert matrix.rows[1].ways == (Cell(40), Cell(3))
    assert [Cell(count).heat for count in (0, 9, 10, 99_999, 10**9)] == [0, 1, 2, 5, 5]


def test_the_rarest_of_many_ways_are_shown_together():
    ways = [Tried("main", "idle", "go", f"way {number:02}", 100 - number) for number in range(MOST_WAYS + 3)]
    (matrix,) = matrices_of(ways)
    assert (len(matrix.ways), matrix.ways[-1]) == (MOST_WAYS, OTHER)
    assert matrix.rows[0].ways[-1].cases == sum(100 - number for number in range(MOST_WAYS - 1, MOST_WAYS + 3))


def test_the_page_has_a_table_for_each_interface_and_none_without_cases():
    tried = (Tried("main", "idle", "<go>", "flip", 3), Tried("other", "idle", "go", "edge", 1))
    page = render_html(record(tried=tried))
    assert page.count('class="tried"') == 2
    assert "&lt;go&gt;" in page
    assert "What was tried" not in render_html(record())
