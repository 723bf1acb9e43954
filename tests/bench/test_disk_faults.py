"""A process that is gone, a disk that is full or read-only, at every operation on the disk of a small campaign."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
HOWS = ("cut", "torn", "full", "read-only")
EVERY = int(os.environ.get("MEDFUZZ_DISK_STEP", "9"))  # 1: at every operation, which takes some ten minutes
STEPS = [("cut", 1), *((how, EVERY) for how in HOWS[1:])]


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    """The disk's faults, built with the compiler that builds the firmware."""
    path = tmp_path_factory.mktemp("library") / "disk_faults.so"
    compiler = [sys.executable, "-m", "ziglang", "cc", "-shared", "-fPIC", "-O1"]
    subprocess.run([*compiler, "-o", str(path), str(HERE / "disk_faults.c")], check=True, timeout=120)
    return path


def faults(library, place, first, step, *hows):
    environment = {**os.environ, "LD_PRELOAD": str(library), "PYTHONPATH": os.pathsep.join([str(ROOT), str(HERE)])}
    command = [sys.executable, str(HERE / "disk_faults.py"), str(library), str(place), str(first), str(step), *hows]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, timeout=1800, check=True)
    *wrong, end = map(json.loads, done.stdout.splitlines())
    return wrong, end


def test_nothing_announced_is_lost_and_no_store_unreadable_at_some_operations(library, tmp_path):
    wrong, end = faults(library, tmp_path, 7, 31, *HOWS)
    assert wrong == []
    assert (end["operations"] > 150, end["runs"] >= 20, end["resumed"] >= 1) == (True, True, True)


@pytest.mark.slow
@pytest.mark.parametrize(("how", "step"), STEPS)
def test_nothing_announced_is_lost_and_no_store_unreadable_at_any_operation(library, tmp_path, how, step):
    wrong, end = faults(library, tmp_path, 1, step, how)
    assert wrong == []
    assert end["runs"] == math.ceil(end["operations"] / step)
