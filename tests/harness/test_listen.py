"""`listen:`: the device connects to us, goes and comes back, comes twice, or never."""

import contextlib
import socket
import ssl
import threading
import time
from types import SimpleNamespace

import pytest
from test_sockets import certificate

import harness.transports.listen as listen_module
from harness.bench import load_bench
from harness.connection import Connection
from harness.errors import BenchError, LinkClosed, LinkError, LinkGone, UsageError
from harness.interfaces import Listens
from harness.transports import transport
from harness.transports.listen import BACKLOG, SILENT_SECONDS
from harness.transports.tcp import SocketLink


@pytest.fixture
def place():
    """Opens a transport that listens, shut at the end."""
    found = []

    def listening(moniker="listen:tcp:127.0.0.1:0"):
        found.append(transport(moniker, None))
        with pytest.raises(LinkError, match="nobody connected"):
            found[-1].open(0.0)
        return found[-1]

    yield listening
    for one in found:
        one.shut()


def device(place):
    """A connection of the device's."""
    host, _colon, port = place.place.removeprefix("tcp:").rpartition(":")
    return socket.create_connection((host, int(port)), 5.0)


def test_a_device_that_connects_is_heard_and_answered(place):
    ours = place()
    with device(ours) as theirs, contextlib.closing(ours.open(5.0)) as link:
        theirs.sendall(b"result")
        assert link.receive(link.now() + 5.0) == b"result"
        link.send(b"taken", link.now() + 20.0)
        assert theirs.recv(100) == b"taken"
        began = link.now()
        assert link.receive(began + 0.1) == b""
        assert 0.08 < link.now() - began < 5.0
        theirs.close()
        with pytest.raises(LinkClosed):
            link.receive(link.now() + 5.0)


def test_a_device_is_waited_for_and_one_that_never_comes_is_told_with_what_to_do(place):
    ours = place()
    with contextlib.ExitStack() as stack:
        comes = threading.Timer(0.3, lambda: stack.enter_context(device(ours)))
        comes.start()
        began = time.monotonic()
        ours.open(60.0).close()
        assert 0.2 < time.monotonic() - began < 30.0
        comes.join()  # or it would be opened behind the end of the stack
    began = time.monotonic()
    with pytest.raises(LinkError, match=r"nobody connected to tcp:127.0.0.1:\d+ within \d+ s: does the device know"):
        ours.open(0.6)
    assert 0.5 < time.monotonic() - began < 30.0


def test_how_long_nobody_came_is_counted_over_all_tries(place, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(listen_module, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    ours = place()
    clock[0] += 1.6
    with pytest.raises(LinkError, match="within 2 s"):
        ours.open(0.0)


def test_who_reconnects_before_we_look_is_served_on_the_newest_connection(place):
    ours = place()
    with device(ours) as old, device(ours) as new:
        new.sendall(b"new")
        with contextlib.closing(ours.open(5.0)) as link:
            assert link.receive(link.now() + 5.0) == b"new"
            assert old.recv(1) == b""


def test_a_second_connection_waits_as_long_as_the_first_one_says_something(place, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(SocketLink, "now", lambda _link: clock[0])
    ours = place()
    with device(ours) as old, contextlib.closing(ours.open(5.0)) as link, device(ours) as new:
        for _ in range(3):
            clock[0] += 0.9 * SILENT_SECONDS
            old.sendall(b"alive")
            assert link.receive(time.monotonic() + 5.0) == b"alive"
            clock[0] += 0.9 * SILENT_SECONDS
            assert link.receive(0.0) == b""
        clock[0] += 0.2 * SILENT_SECONDS
        with pytest.raises(LinkClosed, match="left this one"):
            link.receive(0.0)
        link.close()
        new.sendall(b"back")
        with contextlib.closing(ours.open(5.0)) as again:
            assert again.receive(time.monotonic() + 5.0) == b"back"


def test_a_silent_connection_stays_while_no_other_one_waits(place, monkeypatch):
    monkeypatch.setattr(listen_module, "SILENT_SECONDS", 0.0)
    ours = place()
    with device(ours), contextlib.closing(ours.open(5.0)) as link:
        assert link.receive(link.now() + 0.1) == b""


def test_many_that_wait_are_bounded_and_the_last_one_taken_counts(place):
    ours = place()
    with contextlib.ExitStack() as stack:
        theirs = [stack.enter_context(device(ours)) for _ in range(BACKLOG)]
        theirs[-1].sendall(b"last")
        link = stack.enter_context(contextlib.closing(ours.open(5.0)))
        assert link.receive(link.now() + 5.0) == b"last"
        assert [one.recv(1) for one in theirs[:-1]] == [b""] * (BACKLOG - 1)


def test_it_listens_between_two_connections_and_not_after_it_is_shut(place):
    ours = place()
    with device(ours):
        ours.open(5.0).close()
    with device(ours):
        pass
    ours.shut()
    ours.shut()
    with pytest.raises(OSError, match="refused"):
        device(ours)


def test_the_same_port_is_free_for_the_next_run_at_once(place):
    ours = place()
    with device(ours), contextlib.closing(ours.open(5.0)):
        pass
    ours.shut()
    again = place(f"listen:{ours.place}")
    assert again.place == ours.place


def test_a_place_that_is_taken_is_a_fault_of_the_bench(place):
    ours = place()
    with pytest.raises(BenchError, match="does another program, or another run") as told:
        transport(f"listen:{ours.place}", None).open(1.0)
    assert not isinstance(told.value, LinkError), "trying again would not help"


def test_a_program_that_has_ended_is_not_waited_for(place):
    ours = place()
    ours.give_up_when(lambda: "it ended")
    began = time.monotonic()
    with pytest.raises(LinkGone, match="any more: it ended"):
        ours.open(60.0)
    assert time.monotonic() - began < 30.0


def test_in_the_file_system_it_is_its_owners_alone_and_is_taken_away(tmp_path, place):
    ours = place(f"listen:unix:{tmp_path}/device")
    path = tmp_path / "device"
    assert path.stat().st_mode & 0o777 == 0o600
    with socket.socket(socket.AF_UNIX) as theirs:
        theirs.connect(str(path))
        theirs.sendall(b"a")
        with contextlib.closing(ours.open(5.0)) as link:
            assert link.receive(link.now() + 5.0) == b"a"
    ours.shut()
    assert not path.exists()


@pytest.mark.parametrize(
    ("moniker", "words"),
    [
        ("listen:", "write SCHEME:ADDRESS"),
        ("listen:127.0.0.1:1", "write listen:tcp:HOST:PORT"),
        ("listen:udp:127.0.0.1:1", "write listen:tcp:HOST:PORT"),
        ("listen:tcp:", "write listen:tcp:HOST:PORT"),
        ("listen:tcp:127.0.0.1", "write tcp:HOST:PORT"),
        ("listen:tcp:127.0.0.1:70000", "write tcp:HOST:PORT"),
        ("listen:tcp:127.0.0.1:1?echo=on", "unknown option 'echo'"),
        ("listen:tcp:127.0.0.1:1?open=yes", "open must be one of"),
        ("listen:tcp:0.0.0.0:1", r"write listen:tcp:0.0.0.0:1\?open=true; else listen at 127.0.0.1"),
        ("listen:tcp:[::]:1", "open=true"),
        ("listen:tls:192.0.2.1:1?cert=x", "x&open=true|x&open"),
        ("listen:tls:127.0.0.1:1", "a server needs a certificate"),
        ("listen:tls:127.0.0.1:1?cert=/no/such.pem", "are PEM files"),
        ("listen:unix:", "write listen:tcp:HOST:PORT"),
        ("listen:unix:/x?open=true", "unknown option 'open'"),
    ],
)
def test_what_is_no_place_to_listen_at_is_refused_with_what_to_write(moniker, words):
    with pytest.raises(UsageError, match=words):
        transport(moniker, None)


def test_who_says_so_is_open_to_other_machines(place):
    assert place("listen:tcp:0.0.0.0:0?open=true").place.startswith("tcp:0.0.0.0:")


def test_a_device_that_speaks_tls_is_talked_to_inside_and_one_that_does_not_is_told(tmp_path, place):
    certificate(tmp_path, "ours")
    ours = place(f"listen:tls:127.0.0.1:0?cert={tmp_path}/ours.pem&key={tmp_path}/ours.key")
    trusting = ssl.create_default_context(cafile=tmp_path / "ours.pem")

    def talk():
        with device(ours) as plain, trusting.wrap_socket(plain, server_hostname="127.0.0.1") as theirs:
            theirs.sendall(theirs.recv(100).upper())

    thread = threading.Thread(target=talk)
    thread.start()
    link = ours.open(5.0)
    link.send(b"abc", link.now() + 20.0)
    assert link.receive(link.now() + 5.0) == b"ABC"
    thread.join(5)
    link.close()
    with device(ours) as theirs:
        theirs.sendall(b"MSH|this is no TLS")
        with pytest.raises(LinkError, match="no TLS with the device"):
            ours.open(5.0)


def test_a_device_that_never_shakes_hands_is_given_up_in_time(tmp_path, place, monkeypatch):
    monkeypatch.setattr(listen_module, "_HANDSHAKE_SECONDS", 0.3)
    certificate(tmp_path, "ours")
    ours = place(f"listen:tls:127.0.0.1:0?cert={tmp_path}/ours.pem&key={tmp_path}/ours.key")
    with device(ours):
        began = time.monotonic()
        with pytest.raises(LinkError, match="no TLS"):
            ours.open(5.0)
        assert time.monotonic() - began < 30.0


def test_with_a_ca_the_device_must_show_a_certificate(tmp_path, place):
    certificate(tmp_path, "ours")
    files = f"cert={tmp_path}/ours.pem&key={tmp_path}/ours.key&ca={tmp_path}/ours.pem"
    ours = place(f"listen:tls:127.0.0.1:0?{files}")
    trusting = ssl.create_default_context(cafile=tmp_path / "ours.pem")

    def talk():
        with contextlib.suppress(OSError), trusting.wrap_socket(device(ours), server_hostname="127.0.0.1") as theirs:
            theirs.recv(1)

    thread = threading.Thread(target=talk)
    thread.start()
    with pytest.raises(LinkError, match="no TLS"):
        ours.open(5.0)
    thread.join(5)


def test_the_files_of_a_bench_lie_beside_it(tmp_path):
    (tmp_path / "bench.toml").write_text(
        '[target]\nkind = "external"\nname = "x"\n[interfaces.main]\n'
        'transport = "listen:tls:127.0.0.1:1?cert=c.pem"\nprotocol = "hl7_listener"\n[interfaces.other]\n'
        'transport = "listen:unix:./socket"\nprotocol = "hl7_listener"\n'
    )
    interfaces, here = load_bench(tmp_path / "bench.toml").interfaces, tmp_path.resolve()
    assert interfaces["main"].transport == f"listen:tls:127.0.0.1:1?cert={here}/c.pem"
    assert interfaces["other"].transport == f"listen:unix:{here}/socket"


def test_a_device_that_connects_itself_is_given_the_whole_time_to_come_back(place):
    def opened(carrier):
        return Connection(carrier, None, None, lambda: None, open_timeout=5.0, pause=0.0, lost=lambda _since: 0.0)

    ours = place()
    assert isinstance(ours, Listens)
    assert opened(ours).at_once == 5.0
    assert opened(transport("tcp:127.0.0.1:9", None)).at_once == 0.0
