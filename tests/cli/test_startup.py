"""What is loaded before anything is done: nothing heavy for a help, and for a command only what it needs."""

import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli.app import COMMANDS, loaded

ROOT = Path(__file__).parents[2]
HEAVY = {"bleak", "boofuzz", "bumble", "jinja2", "pydantic", "rich", "scapy", "serial", "sqlalchemy", "unicorn"}
START = """
import sys
from harness.cli.main import main
try:
    main()
finally:
    print(*sorted(sys.modules))
"""


def modules(*words):
    """The packages that a command has loaded when it ends."""
    done = subprocess.run(
        [sys.executable, "-c", START, *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}


@pytest.mark.parametrize("words", [("--help",), ("-h",), ("--version",)])
def test_nothing_heavy_is_loaded_for_a_help(words):
    assert modules(*words) & HEAVY == set()


def test_a_command_loads_what_it_needs():
    assert modules("radio", "-h") & (HEAVY - {"pydantic"}) == set()
    assert modules("report", "-h") & {"boofuzz", "scapy", "unicorn", "bumble", "bleak", "serial", "rich"} == set()


LOADED = """
import gc
from harness.cli import app
app.loaded("list")
print(gc.isenabled(), gc.get_freeze_count() > 100_000)
app.COMMANDS["list"] = ("nowhere", "")
try:
    app.loaded("list")
except ModuleNotFoundError:
    print(gc.isenabled())
"""


def test_what_is_loaded_is_not_searched_for_garbage_and_what_comes_then_is_also_after_a_failure():
    done = subprocess.run(
        [sys.executable, "-c", LOADED], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, check=True
    )
    assert done.stdout.split() == [b"True", b"True", b"True"]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_short_help_and_is_listed_with_its_own_first_words(medfuzz, name):
    code, out, err = medfuzz(name, "-h")
    assert (code, err, out[0].startswith(f"Usage: medfuzz {name} ")) == (0, [], True)
    assert medfuzz(name, "--help")[1] == out
    listed = COMMANDS[name][1]
    assert len(listed) <= 64
    first = inspect.getdoc(loaded(name).callback).split()[0]
    assert listed.split()[:1] in ([first], [])  # one without a line is no user's
