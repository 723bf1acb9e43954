"""Which case a process was in when it died, and which ones are run no more."""

import os

import pytest

from harness.campaigns.trail import AT, DEATHS, Trail
from harness.errors import BenchError


def died_in(folder, place):
    """A process that dies says nothing more."""
    trail = Trail(folder)
    trail.at(place)
    os.close(trail._descriptor)


def test_a_case_that_was_under_way_twice_is_passed_over(tmp_path):
    died_in(tmp_path, 41)
    died_in(tmp_path, 7)
    assert Trail(tmp_path).passed_over == frozenset()
    died_in(tmp_path, 41)
    trail = Trail(tmp_path)
    assert trail.passed_over == {41}
    trail.close()
    assert Trail(tmp_path).passed_over == {41}


def test_between_cases_and_behind_the_end_nobody_is_blamed(tmp_path):
    for _ in range(3):
        died_in(tmp_path, None)
    for _ in range(3):
        trail = Trail(tmp_path)
        trail.at(3)
        trail.close()
    assert Trail(tmp_path).passed_over == frozenset()
    assert not (tmp_path / DEATHS).exists()


@pytest.mark.parametrize("text", ["", "[", "[1]", '{"x": 2}', '{"1": []}'])
def test_what_cannot_be_read_blames_nobody(tmp_path, text):
    (tmp_path / DEATHS).write_text(text)
    (tmp_path / AT).write_text("nowhere")
    assert Trail(tmp_path).passed_over == frozenset()


def test_a_folder_that_takes_no_file_is_told(tmp_path):
    with pytest.raises(BenchError, match="cannot write"):
        Trail(tmp_path / "none")
