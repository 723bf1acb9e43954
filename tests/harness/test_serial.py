"""Serial ports with all their settings, over ptys and over ser2net; boards that restart; lines that echo."""

import contextlib
import os
import random
import shutil
import socket
import subprocess
import termios
import threading
import time
import tty

import pytest
import serial as pyserial
from hypothesis import given
from hypothesis import strategies as st

from harness.bench import load_bench
from harness.errors import LinkClosed, LinkError, UsageError
from harness.interfaces import HearsEchoes
from harness.transports import parse_moniker, serial, tcp, transport
from harness.transports.echo import EchoLink, WatchedTransport
from harness.transports.serial_settings import settings_of
from targets.served import ServedTarget

CARRIERS = (serial, tcp)
SBIN = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
SER2NET, SOCAT = shutil.which("ser2net", path=SBIN), shutil.which("socat", path=SBIN)
LEGACY = pytest.mark.filterwarnings("ignore:setDaemon:DeprecationWarning", "ignore:setName:DeprecationWarning")


class Pty:
    """The device's end of a pty; `path` is ours."""

    def __init__(self):
        self.controller, device = os.openpty()
        tty.setraw(device)
        self.path = os.ttyname(device)
        os.close(device)

    def read(self, size, seconds=20.0):
        got, deadline = b"", time.monotonic() + seconds
        while len(got) < size and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                got += os.read(self.controller, size - len(got))
        return got

    def close(self):
        os.close(self.controller)


@pytest.fixture
def pty():
    made = Pty()
    yield made
    with contextlib.suppress(OSError):
        made.close()


@pytest.fixture
def link():
    """Opens a moniker, and closes it in the end."""
    with contextlib.ExitStack() as stack:

        def opened(moniker, timeout=2.0):
            made = transport(moniker, None).open(timeout)
            stack.callback(made.close)
            return made

        yield opened


@pytest.mark.parametrize(
    "options",
    [
        *("bytesize=7", "stopbits=1.5", "stopbits=2", "baudrate=123456", "dtr=off&rts=off", "rtscts=on"),
        *("xonxoff=on", "dsrdtr=on", "exclusive=off"),
    ],
)
def test_a_port_opens_with_every_setting(link, pty, options):
    opened = link(f"serial:{pty.path}?{options}")
    opened.send(b"ping", opened.now() + 20.0)
    assert pty.read(4) == b"ping"


def settings(options, address="/dev/ttyS0"):
    return settings_of(parse_moniker(f"serial:{address}?{options}"))


def test_settings_are_those_of_pyserial():
    line = settings("baudrate=9600&bytesize=7&parity=e&stopbits=1.5&rtscts=on").line
    assert line == {
        **{"baudrate": 9600, "bytesize": 7, "parity": "E", "stopbits": 1.5},
        **{"rtscts": True, "xonxoff": False, "dsrdtr": False},
    }
    assert settings("dtr=off&rts=on").lines == {"dtr": False, "rts": True}
    assert settings("").lines == {}
    assert (settings("").exclusive, settings("exclusive=off").exclusive) == (True, False)
    rs485 = settings("rs485=on&rts_level_for_tx=off&rts_level_for_rx=on&delay_before_tx=0.002").rs485
    assert (rs485.rts_level_for_tx, rs485.rts_level_for_rx, rs485.loopback) == (False, True, False)
    assert (rs485.delay_before_tx, rs485.delay_before_rx) == (0.002, None)
    assert settings("boot=2.5").boot == 2.5


def test_levels_are_set_before_the_port_is_opened(monkeypatch):
    opened = {}

    class Port(pyserial.Serial):
        def open(self):
            opened.update(dtr=self.dtr, rts=self.rts, rs485=self.rs485_mode, exclusive=self.exclusive)
            raise pyserial.SerialException("enough")

    monkeypatch.setattr(pyserial, "serial_for_url", lambda _url, do_not_open, **words: Port(None, **words))
    with pytest.raises(LinkError, match="enough"):
        transport("serial:/dev/ttyS0?dtr=off&rs485=on", None).open(1.0)
    assert (opened["dtr"], opened["rts"], opened["exclusive"]) == (False, True, True)
    assert opened["rs485"].rts_level_for_tx is True


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("bytesize=9", "5, 6, 7, 8"),
        ("stopbits=3", "1, 1.5, 2"),
        ("baudrate=0", "no line has 0 baud"),
        ("baudrate=99999999999", "no line has"),
        ("dtr=high", "on or off"),
        ("boot=soon", "number of seconds"),
        ("rtscts=on&xonxoff=on", "two flow controls"),
        ("delay_before_tx=1", "is for rs485=on"),
        ("echo=yes", "on or off"),
        ("rtsct=on", "Did you mean 'rtscts'"),
    ],
)
def test_a_setting_that_there_is_not_is_a_usage_error(options, words):
    with pytest.raises(UsageError, match=words):
        transport(f"serial:/dev/ttyS0?{options}", None)


@pytest.mark.parametrize("options", ["exclusive=on", "rs485=on", "dsrdtr=on"])
def test_what_only_a_port_of_this_machine_has_is_refused_for_another(options):
    with pytest.raises(UsageError):
        transport(f"serial:rfc2217://127.0.0.1:9?{options}", None)


@pytest.mark.parametrize("options", ["parity=E", "rs485=on"])
def test_settings_that_a_driver_refuses_are_a_usage_error(pty, link, options):
    link(f"serial:{pty.path}").close()  # else the driver takes a part of them
    with pytest.raises(UsageError, match="refuses its settings"):
        transport(f"serial:{pty.path}?{options}", None).open(1.0)


REFUSALS = [
    (termios.error(22, "Invalid argument"), UsageError),
    (termios.error(5, "Input/output error"), LinkError),
    (ValueError("Invalid baud rate"), UsageError),
    (NotImplementedError("write_timeout"), UsageError),
    (pyserial.SerialException("device busy"), LinkError),
    (OSError(19, "No such device"), LinkError),
]


@pytest.mark.parametrize(("error", "kind"), REFUSALS)
def test_what_a_driver_raises_at_opening_is_ours(monkeypatch, error, kind):
    def fail(_port):
        raise error

    monkeypatch.setattr(pyserial.Serial, "open", fail)
    with pytest.raises(kind) as seen:
        transport("serial:/dev/ttyS0", None).open(1.0)
    assert type(seen.value) is kind


@pytest.mark.parametrize("error", [termios.error(5, "Input/output error"), ValueError("x"), OSError(5, "I/O")])
def test_what_a_driver_raises_later_is_a_link_that_is_gone(monkeypatch, pty, link, error):
    def fail(*_words):
        raise error

    opened = link(f"serial:{pty.path}")
    monkeypatch.setattr(pyserial.Serial, "read", fail)
    monkeypatch.setattr(pyserial.Serial, "write", fail)
    with pytest.raises(LinkClosed, match="the port is gone"):
        opened.receive(opened.now() + 20.0)
    with pytest.raises(LinkClosed, match="the port is gone"):
        opened.send(b"x", opened.now() + 20.0)


def board(pty):
    """Answers `ok` to each byte."""

    def run():
        with contextlib.suppress(OSError):
            while os.read(pty.controller, 1):
                os.write(pty.controller, b"ok")

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


class Booting(serial.SerialLink):
    """On virtual time; each text comes a pause behind the one before."""

    def __init__(self, texts):
        self.clock, self._texts = 0.0, list(texts)

    def now(self):
        return self.clock

    def receive(self, deadline):
        pause, text = self._texts.pop(0) if self._texts else (float("inf"), b"")
        self.clock = min(deadline, self.clock + pause)
        return text if self.clock < deadline else b""


@pytest.mark.parametrize(
    ("texts", "seconds"),
    [([(0.1, b"rst:0x1\r\n"), (0.15, b"ready\r\n")], 0.55), ([], 1.2), ([(0.05, b"tick\r\n")] * 60, 1.2)],
)
def test_a_board_that_restarts_at_opening_is_waited_for_until_it_is_quiet(texts, seconds):
    link = Booting(texts)
    link.booted(1.2)
    assert link.now() == pytest.approx(seconds)


def test_a_board_that_restarts_silently_at_opening_is_given_its_time(pty):
    held = os.open(pty.path, os.O_RDWR | os.O_NOCTTY)
    thread = board(pty)
    began = time.monotonic()
    opened = transport(f"serial:{pty.path}?boot=0.4", None).open(1.0)
    assert time.monotonic() - began >= 0.4
    opened.send(b"x", opened.now() + 20.0)
    assert opened.receive(opened.now() + 20.0) in (b"o", b"ok")
    opened.close()
    os.close(held)
    pty.close()
    thread.join(5.0)


# -- lines that echo -------------------------------------------------------------------------------------------------


class Line:
    """A link on virtual time that gives its pieces one by one."""

    whole, stream = False, True

    def __init__(self, pieces=()):
        self.pieces, self.clock, self.sent = list(pieces), 0.0, b""

    def send(self, data, _deadline):
        self.sent += data

    def receive(self, deadline):
        if self.pieces:
            self.clock += 0.001
            return self.pieces.pop(0)
        self.clock = max(self.clock, deadline)
        return b""

    def close(self):
        pass

    def now(self):
        return self.clock


def through(sent, pieces, deadline=1.0):
    """What a filtered link hands on of `pieces` after it sent each of `sent`, and the moment at the end."""
    line = Line(pieces)
    filtered = EchoLink(line)
    for data in sent:
        filtered.send(data, 1.0)
    got = b""
    while piece := filtered.receive(deadline):
        got += piece
    assert line.sent == b"".join(sent)
    return got, line.clock


@given(
    st.lists(st.binary(min_size=1, max_size=12), min_size=1, max_size=4),
    st.binary(max_size=12),
    st.integers(0, 2**32),
)
def test_copies_are_dropped_in_whatever_pieces_and_the_answer_is_left(sent, answer, seed):
    stream, chance, pieces = b"".join(sent) + answer, random.Random(seed), []
    while stream:
        size = chance.randint(1, 4)
        pieces.append(stream[:size])
        stream = stream[size:]
    assert through(sent, pieces)[0] == answer


@pytest.mark.parametrize(
    ("pieces", "own"),
    [
        ([b"\x00\xffhello", b"ok"], b"\x00\xffok"),  # noise before the copy
        ([b"he", b"lloh", b"ello"], b"hello"),  # an answer that is like what was sent, as Modbus gives
        ([b"ok"], b"ok"),  # no copy
        ([b"hel", b"p!"], b"help!"),  # an answer that begins as the copy would
        ([b"hexlo", b"ok"], b"hexlook"),  # a copy with a turned bit
        ([b"hel"], b"hel"),  # a copy that is broken off
        ([b"o", b"k", b"h"], b"okh"),
    ],
)
def test_nothing_but_the_copy_is_dropped(pieces, own):
    assert through([b"hello"], pieces)[0] == own


def test_a_beginning_that_may_be_the_copys_is_waited_for_a_quarter_of_a_second_and_then_handed_on():
    got, moment = through([b"hello"], [b"okh"], deadline=0.01)
    assert got == b"okh"
    assert moment == pytest.approx(0.251)


def test_what_was_held_back_is_handed_on_before_the_end_is_told():
    class Closing(Line):
        def receive(self, deadline):
            if not self.pieces:
                raise LinkClosed("the other end")
            return super().receive(deadline)

    filtered = EchoLink(Closing([b"okh"]))
    filtered.send(b"hello", 1.0)
    assert filtered.receive(1.0) + filtered.receive(1.0) == b"okh"
    with pytest.raises(LinkClosed):
        filtered.receive(1.0)


def test_a_copy_that_never_came_does_not_take_the_next_ones_place():
    line = Line()
    filtered = EchoLink(line)
    filtered.send(b"first", 1.0)
    assert filtered.receive(1.0) == b""
    filtered.send(b"second", 2.0)
    line.pieces = [b"second", b"ok"]
    assert filtered.receive(2.0) == b"ok"
    line.pieces = [b"first"]
    assert filtered.receive(3.0) == b"first"


def test_an_echo_is_dropped_on_a_serial_port_and_on_tcp(pty, link):
    opened = link(f"serial:{pty.path}?echo=on")
    opened.send(b"ping", opened.now() + 20.0)
    os.write(pty.controller, pty.read(4) + b"pong")
    assert opened.receive(opened.now() + 20.0) == b"pong"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        opened = link(f"tcp:127.0.0.1:{listener.getsockname()[1]}?echo=on")
        with listener.accept()[0] as peer:
            opened.send(b"ping", opened.now() + 20.0)
            peer.sendall(peer.recv(4) + b"pong")
            assert opened.receive(opened.now() + 20.0) == b"pong"


# -- programs of others ----------------------------------------------------------------------------------------------


class Lines:
    """Opens links that give these pieces, one list for each."""

    moniker, quiet_gap, byte_seconds = "serial:/dev/ttyS0", 0.0, 0.0

    def __init__(self, *lines):
        self.lines = list(lines)

    def open(self, _timeout):
        return Line(self.lines.pop(0))


def watched(*sessions):
    """A watched transport after sessions of (what is sent, the pieces that come)."""
    transport = WatchedTransport(Lines(*(pieces for _sent, pieces in sessions)))
    for sent, _pieces in sessions:
        opened = transport.open(1.0)
        for data in sent:
            opened.send(data, 1.0)
        while opened.receive(opened.now() + 0.1):
            pass
        opened.close()
    return transport


@pytest.mark.parametrize(
    "sessions",
    [
        [([b"read 1\n"], [b"read 1\n"])],
        [([b"read 1\n", b"read 2\n"], [b"r", b"ead 1", b"\nread 2\n"])],
        [([b"read 1\n"], []), ([b"read 2\n"], [b"read 2\n"])],
        [([b"read 1\n"], []), ([b"read 2\n"], [b"read 1\nread 2\n"])],  # the line kept it
        [([b"read one\n", b"x"], [b"read"]), ([b"y"], [b"one\nx"]), ([b"z"], [b"z"])],
        [([], [b"READY"]), ([b"read 1\n"], [b"read 1\n"])],  # a greeting answers nothing
        [([bytes(200_000), b"x" * 70_000], [b"x" * 65_536])],
    ],
)
def test_a_line_on_which_nothing_but_copies_came_is_known(sessions):
    assert watched(*sessions).only_copies


@pytest.mark.parametrize(
    "sessions",
    [
        [],
        [([b"read 1\n"], [])],
        [([b"read 1\n", b"read 2\n"], [b"read 2\n"])],  # as much was lost as came back
        [([b"read 1\n"], [b"read 1\n", b"1"])],  # what was given back once is not there any more
        [([b"read 1\n"], [b"read 1\nOK"])],
        [([b"\x02\x10\x06\x03"], [b"\x06"])],  # an acknowledgement that happens to stand in the message
        [([b"read 1\n"], [b"OK\n"]), ([b"read 2\n"], [b"read 2\n"])],
    ],
)
def test_what_a_device_must_have_made_is_no_copy(sessions):
    assert not watched(*sessions).only_copies


@pytest.mark.parametrize(("option", "known"), [("", True), ("?echo=off", False), ("?echo=on", False)])
def test_a_bench_that_says_whether_its_line_echoes_is_believed(option, known):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        opened = transport(f"tcp:127.0.0.1:{listener.getsockname()[1]}{option}", None)
        assert isinstance(opened, HearsEchoes) == known
        with contextlib.closing(opened.open(2.0)) as ours, listener.accept()[0] as peer:
            ours.send(b"<Q1>", ours.now() + 20.0)
            peer.sendall(peer.recv(9))
            ours.receive(ours.now() + 20.0)
        assert getattr(opened, "only_copies", False) == known


def test_a_process_of_our_own_hides_no_echo(tmp_path):
    bench = '[target]\nkind = "process"\nname = "d"\ncommand = ["true"]\n'
    bench += '[interfaces.main]\ntransport = "serial:/dev/ttyS0"\nprotocol = "pump_link"\n'
    (tmp_path / "b.toml").write_text(bench)
    target = ServedTarget(load_bench(tmp_path / "b.toml"))
    for pieces in ([b"read 1\n"], [b"OK\n"]):
        carrier = watched(([b"read 1\n"], pieces))
        owned = target.watch(carrier)
        assert isinstance(owned, HearsEchoes)
        assert owned.only_copies == carrier.only_copies == (pieces == [b"read 1\n"])


@pytest.fixture
def program():
    """Starts one, and ends it."""
    with contextlib.ExitStack() as stack:

        def started(*command):
            process = stack.enter_context(subprocess.Popen(command, stderr=subprocess.DEVNULL))
            stack.callback(process.terminate)

        yield started


def patiently(moniker, seconds=30.0):
    deadline = time.monotonic() + seconds
    while True:
        try:
            return transport(moniker, None).open(1.0)
        except LinkError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@LEGACY
@pytest.mark.skipif(SER2NET is None, reason="ser2net is not installed")
def test_a_port_of_ser2net_is_talked_to_by_rfc2217(pty, port, program, tmp_path):
    (tmp_path / "ser2net.yaml").write_text(
        f"connection: &one\n  accepter: telnet(rfc2217),tcp,127.0.0.1,{port}\n"
        f"  connector: serialdev,{pty.path},115200n81,local\n"
    )
    program(SER2NET, "-n", "-u", "-c", tmp_path / "ser2net.yaml")
    opened = patiently(f"serial:rfc2217://127.0.0.1:{port}?baudrate=9600&dtr=off&ign_set_control=1")
    opened.send(b"ping\xff", opened.now() + 20.0)
    assert pty.read(5) == b"ping\xff"
    os.write(pty.controller, b"pong\xff")
    got, deadline = b"", opened.now() + 20.0
    while len(got) < 5 and (piece := opened.receive(deadline)):
        got += piece
    assert got == b"pong\xff"
    began = time.monotonic()
    assert opened.receive(opened.now() + 0.2) == b""
    assert 0.15 < time.monotonic() - began < 5.0
    opened.close()


@LEGACY
@pytest.mark.skipif(SER2NET is None, reason="ser2net is not installed")
def test_an_end_of_ser2net_is_a_link_that_is_gone(pty, port, tmp_path):
    (tmp_path / "ser2net.yaml").write_text(
        f"connection: &one\n  accepter: telnet(rfc2217),tcp,127.0.0.1,{port}\n"
        f"  connector: serialdev,{pty.path},115200n81,local\n"
    )
    with subprocess.Popen([SER2NET, "-n", "-u", "-c", tmp_path / "ser2net.yaml"]) as server:
        opened = patiently(f"serial:rfc2217://127.0.0.1:{port}?ign_set_control=1")
        server.kill()
        with pytest.raises(LinkClosed):
            opened.receive(opened.now() + 3.0)
        opened.close()


@pytest.mark.skipif(SOCAT is None, reason="socat is not installed")
def test_a_pty_of_socat_and_a_socket_url_are_links(port, program, tmp_path):
    program(SOCAT, f"PTY,link={tmp_path}/tty,raw,echo=0", f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr")
    network = patiently(f"serial:socket://127.0.0.1:{port}")
    cable = patiently(f"serial:{tmp_path}/tty")
    cable.send(b"ping", cable.now() + 20.0)
    assert network.receive(network.now() + 20.0)
    network.send(b"pong", network.now() + 20.0)
    assert cable.receive(cable.now() + 20.0)
    network.close()
    cable.close()


@pytest.mark.parametrize(
    ("moniker", "seconds"),
    [
        ("serial:/dev/ttyS0?baudrate=9600", 10 / 9600),
        ("serial:/dev/ttyS0", 10 / 115200),
        ("serial:socket://[::1]:7", 0.0),
    ],
)
def test_a_line_knows_how_long_a_byte_takes(moniker, seconds):
    assert transport(moniker, None).byte_seconds == pytest.approx(seconds)
