"""A store with truncated or flipped bytes: told in one sentence, with the right exit code."""

import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from harness.campaigns.options import Options
from harness.campaigns.session import run_campaign
from harness.store import STORE_NAME

COMMANDS = {
    "report": ("report",),
    "findings": ("list", "findings"),
    "compare": ("compare", "whole"),
    "resume": ("run", "--quiet", "--resume"),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of a few cases with a finding, that was killed."""
    home = tmp_path_factory.mktemp("home")
    pump = Path(__file__).parents[2] / "targets" / "pump" / "bench.toml"
    (home / "quick.toml").write_text(f'include = "{pump}"\n[limits]\ntriage = 0\n')
    run_campaign(Options(home / "quick.toml", "quick", seed=1, cases=6, out=home / "whole"))
    with sqlite3.connect(home / "whole" / STORE_NAME) as connection:
        connection.execute("UPDATE campaign SET state = 'running', end = '{}'")
    connection.close()
    return home / "whole"


def damaged(data, seed):
    """Truncated for one seed in three, else with some bits flipped, mostly in the first page."""
    randomly = random.Random(seed)
    if seed % 3 == 0:
        return data[: randomly.randrange(len(data))]
    bent = bytearray(data)
    for _ in range(randomly.choice((1, 1, 8, 200))):
        place = randomly.randrange(4096 if randomly.random() < 0.3 else len(bent))
        bent[place] ^= 1 << randomly.randrange(8)
    return bytes(bent)


@pytest.mark.parametrize("command", COMMANDS)
def test_damage_is_told_in_one_sentence(medfuzz, whole, tmp_path, command):
    shutil.copytree(whole, tmp_path / "whole")
    data = (whole / STORE_NAME).read_bytes()
    codes = []
    for seed in range(60 if command != "resume" else 24):
        folder = tmp_path / f"run-{seed}"
        folder.mkdir()
        (folder / STORE_NAME).write_bytes(damaged(data, seed))
        code, _out, err = medfuzz(*COMMANDS[command], folder)
        codes.append(code)
        assert code in (0, 1, 2, 3), (seed, code, err)
        if code > 1:
            assert len(err) == 1, (seed, err)
        assert not (folder / "crash-report.txt").exists(), seed
    assert codes.count(3) >= 8
