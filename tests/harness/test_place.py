"""Places of stream sockets: parsed, connected to, listened at; a socket in the file system is its owner's alone."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.place import connected, is_ours_alone, listening, path_of, place_of, remove


@pytest.mark.parametrize(
    ("moniker", "place"),
    [("tcp:host:1", ("host", 1)), ("tcp::80", ("127.0.0.1", 80)), ("tcp:[::1]:80", ("::1", 80))],
)
def test_a_tcp_moniker_is_a_host_and_a_port(moniker: str, place: tuple[str, int]) -> None:
    assert place_of(moniker) == place


@pytest.mark.parametrize("moniker", ["tcp:host", "tcp:host:0", "tcp:host:65536", "unix:/x", "host:80"])
def test_another_moniker_is_refused_with_what_to_write(moniker: str) -> None:
    with pytest.raises(UsageError, match="write tcp:HOST:PORT"):
        place_of(moniker)


@pytest.mark.parametrize(("path", "words"), [("", "write unix:PATH"), ("/" + "x" * 107, "at most 107 bytes")])
def test_a_path_that_no_socket_can_have_is_refused(path: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        path_of(f"unix:{path}")


@pytest.mark.parametrize("moniker", ["tcp:127.0.0.1:0", "unix:{folder}/channel"])
def test_who_listens_is_reached_by_the_moniker_that_it_is_told(moniker: str, tmp_path: Path) -> None:
    listener, reached = listening(moniker.format(folder=tmp_path))
    with listener, connected(reached, 1.0) as near:
        far, _address = listener.accept()
        with far:
            near.sendall(b"x")
            assert far.recv(1) == b"x"
            assert near.gettimeout() == 1.0
    remove(reached)
    assert list(tmp_path.iterdir()) == []


def test_a_socket_in_the_file_system_is_its_owners_alone(tmp_path: Path) -> None:
    listener, _moniker = listening(f"unix:{tmp_path}/channel")
    with listener:
        assert stat.S_IMODE((tmp_path / "channel").stat().st_mode) == 0o600


def test_a_socket_that_a_killed_program_left_is_replaced_and_a_served_one_is_not(tmp_path: Path) -> None:
    place = f"unix:{tmp_path}/channel"
    listening(place)[0].close()
    second, _moniker = listening(place)
    with second, pytest.raises(OSError, match="already in use"):
        listening(place)


def test_a_file_of_somebody_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "channel").write_text("mine")
    with pytest.raises(OSError, match="already in use"):
        listening(f"unix:{tmp_path}/channel")
    remove(f"unix:{tmp_path}/channel")
    assert (tmp_path / "channel").read_text() == "mine"


def test_nobody_at_a_place_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        connected(f"unix:{tmp_path}/nobody", 1.0)


@pytest.mark.parametrize(
    ("moniker", "alone"),
    [("unix:/x", True), ("tcp:127.0.0.5:1", True), ("tcp:[::1]:1", True), ("tcp:0.0.0.0:1", False), ("tcp:x:1", False)],
)
def test_other_machines_come_in_only_where_the_address_is_not_this_machines_own(moniker: str, *, alone: bool) -> None:
    assert is_ours_alone(moniker) is alone


def test_two_sockets_at_one_port_do_not_meet() -> None:
    listener, place = listening("tcp:127.0.0.1:0")
    with listener, pytest.raises(OSError, match="already in use"):
        listening(place)
