"""The graph of states as it is drawn: what is rare is merged, nothing lies upon another, and all of it is text."""

from itertools import combinations

import pytest
from report_records import record

from harness.functions import FunctionsRun, Unreached
from harness.seen_states import Passage, SeenState, StateGraph
from reports.html import render_html
from reports.state_graph import (
    BOX,
    BOX_HEIGHT,
    MOST_ARROWS,
    MOST_DRAWN,
    MOST_LABELS,
    MOST_ROWS,
    OTHERS,
    WIDTH,
    drawn,
)


def passage(source, target, by="go", outcome="accepted", times=1, **changes):
    words = {"behind": False, "first": 1, "seconds": 0.5, **changes}
    return Passage(source, by, outcome, target, times=times, **words)


def state(name, times=1, declared=False, **changes):
    return SeenState(name, declared, 1, 0.5, times, **changes)


def crowd(count):
    """States of which each leads to the next ones, the later the rarer."""
    states = tuple(state(f"mode {n}, session_open {n % 2}, pending {n}", 500 - n, n < 8) for n in range(count))
    names = [one.name for one in states]
    pairs = [(a, b) for a in range(count) for b in (a - 1, a + 1, a + 5) if 0 <= b < count]
    return StateGraph(
        states, tuple(passage(names[a], names[b], f"message_{a}", times=1 + a * b % 90) for a, b in pairs), left_out=3
    )


def test_all_that_leads_from_a_state_to_another_is_one_arrow():
    graph = StateGraph(
        (state("idle", 9, declared=True, stayed=4), state("odd", 2)),
        (
            passage("idle", "odd", "stop", times=2),
            passage("idle", "odd", "go", "refused", times=5),
            passage("odd", "idle", "reset", "restarted", behind=True),
        ),
    )
    seen = drawn("main", graph)
    assert [(arrow.label, arrow.tone) for arrow in seen.arrows] == [("go +1 7×", "refused"), ("reset 1×", "restarted")]
    assert seen.arrows[0].title == "idle → odd: go refused 5×, stop accepted 2×"
    assert seen.arrows[1].title == "odd → idle: reset restarted behind others 1×"
    assert [(box.lines, box.note, box.declared) for box in seen.boxes] == [
        (("idle",), "9× · stayed 4×", True),
        (("odd",), "new · 2×", False),
    ]
    assert (seen.states, seen.learned, seen.passages, seen.hidden) == (2, 1, 3, 0)


def test_states_for_which_there_is_no_room_are_one_box():
    seen = drawn("main", crowd(44))
    assert len(seen.boxes) == MOST_DRAWN
    (rest,) = [box for box in seen.boxes if box.lines == (OTHERS,)]
    assert rest.note.startswith(f"new · {44 - MOST_DRAWN + 1} states")
    assert len([box for box in seen.boxes if box.declared]) == 8
    assert len(seen.arrows) == MOST_ARROWS
    assert seen.hidden > 0
    assert sum(bool(arrow.label) for arrow in seen.arrows) <= MOST_LABELS
    assert len(drawn("main", crowd(MOST_DRAWN)).boxes) == MOST_DRAWN
    assert OTHERS not in {line for box in drawn("main", crowd(MOST_DRAWN)).boxes for line in box.lines}


@pytest.mark.parametrize("count", [1, 2, 3, 8, 21, 30, 44])
def test_nothing_lies_upon_another_or_beyond_the_picture(count):
    seen = drawn("main", crowd(count))
    for one in seen.boxes:
        assert 0 <= one.x <= WIDTH - BOX
        assert 0 <= one.y <= seen.height - BOX_HEIGHT
    for one, other in combinations(seen.boxes, 2):
        assert abs(one.x - other.x) >= BOX or abs(one.y - other.y) >= BOX_HEIGHT + 4
    labels = [(arrow.x, arrow.y, len(arrow.label) * 5.6 / 2) for arrow in seen.arrows if arrow.label]
    for (x, y, wide), (a, b, w) in combinations(labels, 2):
        assert abs(y - b) > 12 or abs(x - a) > wide + w
    for x, y, wide in labels:
        assert not any(
            box.x < x + wide and x - wide < box.x + BOX and box.y < y + 6 and y - 6 < box.y + BOX_HEIGHT
            for box in seen.boxes
        )
    assert seen == drawn("main", crowd(count))


def test_the_page_shows_it_with_its_passages_as_a_table():
    page = render_html(record(states={"main": crowd(40), "<b>": StateGraph((state("<i>"),)), "none": StateGraph()}))
    assert page.count('class="graph"') == 2
    table = page[page.index('class="passages"') :]
    assert table[: table.index("</table>")].count("<tr>") == 1 + MOST_ROWS // 2
    assert "3 were not kept" in page
    assert "&lt;i&gt;" in page
    assert "States seen over time" in page
    assert "States that were seen" not in render_html(record())


def test_functions_that_never_ran_are_named():
    never = tuple(Unreached(f"handle_{n}<", f"commands.c:{n}", "beside handle_x in table") for n in range(260))
    page = render_html(record(functions=FunctionsRun(1840, never, 40)))
    assert "1,840 ran" in page
    assert "300 never did" in page
    assert "handle_59&lt;" in page
    assert "handle_60" not in page
    assert "And 240 more, of which summary.json names 200" in page
    everything = render_html(record(functions=FunctionsRun(12)))
    assert "12 ran" in everything
    assert "never did" not in everything
    assert "Functions of the program" not in render_html(record())
