"""Whose exception it was: the line of a user's file is named, else ours, else a library's."""

import json
import runpy

import pytest

from harness.errors import BenchError, OwnError
from harness.own import own_error


def raised(act):
    with pytest.raises(Exception) as caught:
        act()
    return caught.value


def test_the_innermost_line_of_a_user_s_file_is_named_even_below_a_library(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("import json\ndef parse(data):\n    return json.loads(data)\n")
    parse = runpy.run_path(str(file))["parse"]
    error = own_error(raised(lambda: parse("{")), "callback 'parse'")
    assert isinstance(error, BenchError)
    assert error.exit_code == 3
    assert str(error).startswith(f"callback 'parse': {file}:3, in parse: JSONDecodeError: Expecting property name")
    assert str(error).endswith("This is no fault of the device; correct the file and run again")


def test_a_library_s_own_line_is_named_where_no_other_is():
    error = raised(lambda: None.x)
    error.__traceback__ = raised(lambda: json.loads("{")).__traceback__.tb_next.tb_next
    words = str(own_error(error, "monitor"))
    assert "/json/" in words
    assert "please report it" in words


def test_it_is_one_line_whatever_the_exception_says():
    assert str(own_error(ValueError("a\n  b"), "here")).startswith("here: ValueError: a b. ")
    assert str(own_error(KeyError(), "here")).startswith("here: KeyError. ")
    assert isinstance(own_error(SystemExit(1), "here"), OwnError)
