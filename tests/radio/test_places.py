"""Who may come in: a radio of ours is in a folder of its own, and the network is let in by a word only."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import BenchError, UsageError
from harness.place import connected, is_open, own_folder, socket_path, vacated
from harness.radio.__main__ import _reachable
from harness.radio.process import Radio, command


def radio_process(*options):
    return subprocess.run(
        [sys.executable, "-m", "harness.radio", *options], capture_output=True, text=True, timeout=60, check=False
    )


def test_a_radio_of_ours_is_in_a_folder_that_nobody_else_may_enter():
    radio = Radio(listen=["unix:"])
    try:
        radio.start()
        places = [Path(place.removeprefix("unix:")) for place in (radio._control, *radio.listening)]
        folder = places[0].parent
        assert [place.parent for place in places] == [folder, folder]
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        connected(radio.listening[0], 1.0).close()
    finally:
        radio.stop()
    assert not folder.exists()


def test_a_name_stands_in_a_folder_of_the_users_own(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert socket_path("unix:radio") == tmp_path / "medfuzz" / "radio"
    assert stat.S_IMODE((tmp_path / "medfuzz").stat().st_mode) == 0o700
    assert socket_path("unix:./radio") == Path("radio")
    assert socket_path("tcp:127.0.0.1:1") is None
    (tmp_path / "medfuzz").chmod(0o755)
    with pytest.raises(BenchError, match="not a folder that is yours alone"):
        own_folder()
    (tmp_path / "medfuzz").rmdir()
    (tmp_path / "medfuzz").symlink_to(tmp_path)
    with pytest.raises(BenchError, match="not a folder that is yours alone"):
        own_folder()
    with pytest.raises(UsageError, match="write unix:PATH"):
        socket_path("unix:")


@pytest.mark.parametrize(
    ("moniker", "reachable"),
    [
        ("tcp:127.0.0.1:1", False),
        ("tcp::1", False),
        ("tcp:localhost:1", False),
        ("tcp:[::1]:1", False),
        ("tcp:0.0.0.0:1", True),
        ("tcp:[::]:1", True),
        ("tcp:bench.example:1", True),
        ("pty:h4", False),
        ("unix:h4", False),
    ],
)
def test_a_place_that_other_machines_may_reach_is_told_from_one_that_they_may_not(moniker, reachable):
    assert is_open(moniker) is reachable


@pytest.mark.parametrize("option", ["--listen", "--control"])
def test_the_network_is_let_in_by_a_word_only(option):
    done = radio_process("--control", "tcp:127.0.0.1:0", option, "tcp:0.0.0.0:0")
    assert (done.returncode, done.stdout) == (2, "")
    assert "tcp:0.0.0.0:0 is open to other machines. If that is meant, say --open" in done.stderr


def test_what_is_let_in_by_that_word_is_told():
    assert _reachable(["tcp:127.0.0.1:1", "tcp:0.0.0.0:1"], wished=True) == ["tcp:0.0.0.0:1"]
    assert command("virtual", "unix:radio", [], reachable=True)[-1] == "--open"


def test_a_socket_that_was_left_is_replaced_and_one_that_is_listened_at_is_not(tmp_path):
    place = f"unix:{tmp_path}/radio"
    radio = Radio(listen=[place])
    radio.start()
    try:
        done = radio_process("--control", place)
        assert done.returncode == 3
        assert "somebody listens there already" in done.stderr
        os.kill(radio.pid, 9)
        radio._process.wait(20.0)
        assert (tmp_path / "radio").is_socket()
        assert vacated(tmp_path / "radio") == str(tmp_path / "radio")
        assert not (tmp_path / "radio").exists()
    finally:
        radio.stop()


def test_a_radio_whose_owner_is_gone_leaves_no_folder_behind():
    radio = Radio(listen=["unix:"])
    radio.start()
    folder = Path(radio._control.removeprefix("unix:")).parent
    radio._process.stdin.close()
    assert radio._process.wait(20.0) == 0
    assert not folder.exists()
    radio.stop()
