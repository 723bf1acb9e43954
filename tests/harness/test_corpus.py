"""Kept cases as files: read again as they were, refused by name, and made few without losing what they show."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.case import LiveField, Origin, Send, TestCase, Wait
from harness.corpus.entry import Entry, Shown, entry_in, text_of
from harness.corpus.folder import cover, prune, read_entries, write_entry

PROGRAM = "ab" * 32


def entry(data=b"\1\2", edges=(), marks=(), margins=None, program=PROGRAM, interface="link"):
    send = Send("update", data + b"\0", (LiveField("sequence", len(data), 1),), mutated=True)
    case = TestCase(interface, "idle", (send, Wait(0.5)), Origin("guided", ("update",), "rate", "sweep", 3))
    return Entry("pump_link", case, Shown(program, tuple(edges), tuple(marks), margins or {}))


SETS = st.lists(st.tuples(st.sets(st.integers(0, 9)), st.sets(st.integers(0, 9))), max_size=8)


def test_what_is_written_is_read_again(tmp_path):
    kept = entry(edges=(5, 2**40), marks=(7,), margins={"PUMP-01": -0.25})
    write_entry(tmp_path, kept)
    assert read_entries(tmp_path) == ({kept.file_name: kept}, {})
    assert [path.name for path in tmp_path.iterdir()] == [kept.file_name]
    assert (tmp_path / kept.file_name).stat().st_mode & 0o777 == 0o600


def changed(**values):
    return json.dumps({**json.loads(text_of(entry())), **values})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON, or cut off"),
        (text_of(entry())[:-9], "not JSON, or cut off"),
        ("[1]", "no case of medfuzz"),
        (changed(medfuzz="finding"), "no case of medfuzz"),
        (changed(version=2), "version 2 is not the one"),
        (changed(version="1"), "version '1' is not the one"),
        (changed(case={}), "damaged"),
        (text_of(entry()).replace('"seconds":0.5', '"seconds":1e9'), "it waits for too long"),
        (text_of(entry()).replace('"seconds":0.5', '"seconds":NaN'), "it waits for too long"),
        (text_of(entry()).replace('"length":1', '"length":99'), "a live field lies outside its message"),
        (text_of(entry()).replace('"data":"010200"', '"data":"zz"'), "damaged"),
        (changed(case={**json.loads(text_of(entry()))["case"], "steps": []}), "it has no steps"),
        ("[" * 100_000, "not JSON, or cut off"),
    ],
)
def test_what_is_no_entry_says_why(text, words):
    with pytest.raises(ValueError, match=words):
        entry_in(text)


def test_a_damaged_file_is_left_out_by_name_and_the_others_are_read(tmp_path):
    write_entry(tmp_path, entry())
    (tmp_path / "cut.json").write_text(text_of(entry())[:40])
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\0")
    (tmp_path / "notes.txt").write_text("mine")
    found, refused = read_entries(tmp_path)
    assert list(found.values()) == [entry()]
    assert sorted(refused) == ["binary.json", "cut.json"]


def test_a_folder_that_is_not_there_is_empty(tmp_path):
    assert read_entries(tmp_path / "none") == ({}, {})


@given(SETS)
def test_a_cover_shows_all_and_none_of_it_is_idle(sets):
    entries = [entry(bytes([n]), edges, marks) for n, (edges, marks) in enumerate(sets)]

    def shown(some):
        return {x for one in some for x in one.shown.edges}, {x for one in some for x in one.shown.marks}

    kept = cover(entries)
    assert shown(kept) == shown(entries)
    assert len(kept) == len({one.case.id for one in kept})
    for n in range(len(kept)):  # greedily: the last one adds something to those before it
        assert shown(kept[: n + 1]) != shown(kept[:n])


def test_of_equal_ones_the_smaller_is_kept_and_who_came_nearest():
    small, large = entry(b"\1", edges=(1,)), entry(b"\1" * 9, edges=(1,))
    assert cover([large, small]) == [small]
    near, far = entry(b"\2", margins={"A": 0.1}), entry(b"\3", margins={"A": 0.4})
    assert cover([far, near]) == [near]


def test_a_mark_is_one_of_its_interface():
    here, there = entry(b"\1", marks=(4,)), entry(b"\1", marks=(4,), interface="other")
    assert len(cover([here, there])) == 2


def test_what_only_another_program_has_met_is_not_judged(tmp_path):
    old, idle, good = entry(b"\1", edges=(1,), program="cd"), entry(b"\2\2", edges=(1,)), entry(b"\3", edges=(1, 2))
    for one in (old, idle, good):
        write_entry(tmp_path, one)
    (tmp_path / "cut.json").write_text("{")
    assert prune(tmp_path, PROGRAM) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([old.file_name, good.file_name, "cut.json"])


def test_what_another_program_showed_is_forgotten_when_it_is_played_again():
    again = entry(edges=(1, 2), marks=(3,), program="cd").seen(Shown(PROGRAM, (5,), (6,)))
    assert again.shown == Shown(PROGRAM, (5,), (3, 6))
