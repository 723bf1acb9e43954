"""Places that are listened at: reached by the moniker that is told, their owner's alone in the file system."""

import stat

import pytest

from harness.place import connected, listening, vacate


@pytest.mark.parametrize("moniker", ["tcp:127.0.0.1:0", "unix:{folder}/channel"])
def test_who_listens_is_reached_by_the_moniker_that_it_is_told(moniker, tmp_path):
    listener, reached = listening(moniker.format(folder=tmp_path))
    with listener, connected(reached, 1.0) as near:
        far, _address = listener.accept()
        with far:
            near.sendall(b"x")
            assert far.recv(1) == b"x"
    vacate(reached)
    assert list(tmp_path.iterdir()) == []


def test_a_socket_in_the_file_system_is_its_owners_alone(tmp_path):
    listener, _moniker = listening(f"unix:{tmp_path}/channel")
    with listener:
        assert stat.S_IMODE((tmp_path / "channel").stat().st_mode) == 0o600


def test_a_socket_that_a_killed_program_left_is_replaced_and_a_served_one_is_not(tmp_path):
    place = f"unix:{tmp_path}/channel"
    listening(place)[0].close()
    second, _moniker = listening(place)
    with second, pytest.raises(OSError, match="listens there already"):
        listening(place)


def test_a_file_of_somebody_is_never_replaced(tmp_path):
    (tmp_path / "channel").write_text("mine")
    with pytest.raises(OSError, match="already in use"):
        listening(f"unix:{tmp_path}/channel")
    vacate(f"unix:{tmp_path}/channel")
    assert (tmp_path / "channel").read_text() == "mine"


def test_two_do_not_listen_at_one_port():
    listener, place = listening("tcp:127.0.0.1:0")
    with listener, pytest.raises(OSError, match="already in use"):
        listening(place)
