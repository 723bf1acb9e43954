"""Each fault of the dirty bench by its name: what a client of the front sees of it, byte for byte."""

import contextlib
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from dirty_device import Device

from harness.errors import LinkClosed, LinkError, UsageError
from harness.load import is_held
from harness.transports import serial, tcp, transport
from targets.serving import dirty, dirty_pair
from targets.serving.bench_faults import LINK_FAULTS, PTY, TCP, chosen, for_links
from targets.serving.dirty import Proxy
from targets.serving.dirty_pair import Setup
from targets.serving.dirty_process import Supervised

CARRIERS = (serial, tcp)
PROGRAM = Path(__file__).with_name("dirty_device.py")


@pytest.fixture
def device():
    served = Device()
    yield served
    served.close()


@pytest.fixture
def clock(monkeypatch):
    """The time of fronts that are made from now on: it stands still until it is moved."""
    moved = Clock()
    for module in (dirty, dirty_pair):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: moved.now))
    return moved


class Clock:
    """Seconds, that pass where the test says so."""

    now = 1000.0

    def move(self, seconds):
        self.now += seconds


@pytest.fixture
def client(device, tmp_path):
    """Call it with faults for (the front, an open link to it); `pty` for a serial one."""
    with contextlib.ExitStack() as stack:

        def make(faults, pty=False, seed=1):
            place = f"pty:{tmp_path / 'tty'}" if pty else "tcp:127.0.0.1:0"
            front = stack.enter_context(Proxy(device.moniker, place, faults, seed))
            link = again(front)
            stack.callback(link.close)
            return front, link

        yield make


def heard(link, seconds, size=1 << 20):
    """The pieces that come within `seconds`, until `size` bytes are there."""
    deadline, pieces = link.now() + seconds, []
    while sum(map(len, pieces)) < size and (piece := link.receive(deadline)):
        pieces.append(piece)
    return pieces


def heard_until(link, words, count=1, seconds=20.0):
    """What came when the words had come so many times."""
    deadline, came = link.now() + seconds, b""
    while came.count(words) < count and (piece := link.receive(deadline)):
        came += piece
    return came


def ask(link, line=b"hello\n", seconds=20.0, answer=None):
    link.send(line, link.now() + 20.0)
    return b"".join(heard(link, seconds, len(b"ok:" + line) if answer is None else answer))


def wait_for(condition, seconds=30.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def again(front):
    """Another link; a tty's lock may be held for a moment by who looked for an earlier one of its number."""
    deadline = time.monotonic() + 30.0
    while True:
        try:
            return transport(front.moniker, None).open(1.0)
        except LinkError:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def names(front):
    return [name for _moment, name in front.events]


@pytest.mark.parametrize("pty", [False, True])
def test_without_faults_it_only_hands_on(client, pty):
    front, link = client("", pty)
    assert ask(link) == b"ok:hello\n"
    assert (
        ask(link, bytes(range(1, 10)) * 9999 + b"\n") == b"ok:" + bytes(range(1, 10)).replace(b"\n", b"") * 9999 + b"\n"
    )
    assert front.events == []


def test_echo_comes_first(client):
    assert ask(client("echo")[1], answer=15) == b"hello\nok:hello\n"


@pytest.mark.parametrize("pty", [False, True])
def test_a_greeting_comes_on_each_connection(client, pty):
    front, link = client("greeting=HELLO 1.0", pty)
    assert b"".join(heard(link, 20.0, 11)) == b"HELLO 1.0\r\n"
    link.close()
    wait_for(lambda: not front._pairs)
    assert names(front) == ["greeting"]
    other = again(front)
    assert b"".join(heard(other, 20.0, 11)) == b"HELLO 1.0\r\n"
    other.close()


def test_log_lines_come_between_the_answers(client):
    front, link = client("console=0", True)
    for _ in range(3):
        link.send(b"hello\n", link.now() + 20.0)
        assert b"link: 6 bytes in\r\nok:hello\n" in heard_until(link, b"ok:hello\n")
    assert names(front) == ["console"] * 3


@pytest.mark.parametrize("pty", [False, True])
def test_a_paced_line_takes_its_time_and_gives_one_byte_at_a_time(client, pty):
    _front, link = client("paced=1200", pty)
    most = []
    while len(most) < 5 and min(most, default=9) > 2:  # who reads late finds several at once
        began = time.monotonic()
        link.send(b"hello\n", link.now() + 20.0)
        pieces = heard(link, 20.0, 9)
        assert b"".join(pieces) == b"ok:hello\n"
        assert time.monotonic() - began > 0.09
        most.append(max(map(len, pieces)))
    assert min(most) <= 2


def test_pieces_are_of_one_or_two_bytes(client):
    _front, link = client("pieces")
    counts = []
    while len(counts) < 9 and max(counts, default=0) < 4:  # who reads late finds several at once
        link.send(b"hello\n", link.now() + 20.0)
        pieces = heard(link, 20.0, 9)
        assert b"".join(pieces) == b"ok:hello\n"
        counts.append(len(pieces))
    assert max(counts) >= 4


def test_what_is_sent_while_it_boots_is_lost(client, device, clock):
    front, link = client("slow-boot=0.3")
    assert ask(link, seconds=0.2) == b""
    clock.move(0.3)
    assert ask(link) == b"ok:hello\n"
    assert (device.lines, names(front)) == ([b"hello\n"], ["boot"])


def test_each_opening_of_the_serial_link_restarts_the_device(client, clock):
    front, link = client("dtr-reset=0.2", True)
    for opened in (1, 2):
        wait_for(lambda opened=opened: names(front) == ["boot"] * opened)
        clock.move(0.1)
        assert b"".join(heard(link, 20.0, 1)).startswith(b"rst:0x1")
        assert ask(link, seconds=0.1) == b""
        clock.move(0.1)
        assert ask(link) == b"ok:hello\n"
        link.close()
        wait_for(lambda: not front._pairs)
        link = again(front)
    link.close()


def test_lost_and_turned_bytes_are_as_many_as_was_asked_and_the_same_for_a_seed(client):
    sent, faults = b"x" * 2000 + b"\n", "dropped=0.05,flipped=0.05"
    bad = Setup(chosen(faults, LINK_FAULTS), 4)
    size = len(bad.noise(b"ok:" + bad.noise(sent)))
    front, link = client(faults, seed=4)
    first = ask(link, sent, answer=size)
    assert 100 < names(front).count("dropped") < 350
    assert 100 < names(front).count("flipped") < 350
    second, link = client(faults, seed=4)
    assert (ask(link, sent, answer=size), names(second)) == (first, names(front))


def is_refused(carrier):
    """A connection that is reset may be gone before we hear that it was made."""
    try:
        other = carrier.open(20.0)
    except LinkError as error:
        return "reset" in str(error)
    with pytest.raises(LinkClosed):
        ask(other)
    other.close()
    return True


def test_a_second_connection_is_refused_and_the_slot_stays_busy(client, clock):
    front, link = client("one-slot=0.3")
    carrier = transport(front.moniker, None)
    for _ in range(2):
        assert is_refused(carrier)
        link.close()
        wait_for(lambda: not front._pairs)
    assert names(front) == ["refused"] * 2
    clock.move(0.3)
    third = carrier.open(20.0)
    assert ask(third) == b"ok:hello\n"
    third.close()


def test_a_second_connection_waits_until_the_slot_is_free(client):
    front, link = client("one-slot-waits=0.2")
    second = transport(front.moniker, None).open(1.0)
    assert ask(second, seconds=0.1) == b""
    link.close()
    assert b"".join(heard(second, 20.0, 9)) == b"ok:hello\n"
    second.close()


def test_an_idle_connection_is_ended_and_a_used_one_is_not(client, clock):
    front, link = client("idle-timeout=0.3")
    for _ in range(3):
        assert ask(link) == b"ok:hello\n"
        clock.move(0.2)
    clock.move(0.1)
    with pytest.raises(LinkClosed):
        link.receive(link.now() + 20.0)
    assert names(front) == ["idle-timeout"]


def test_a_chatty_device_speaks_by_itself_and_never_into_an_answer(client):
    front, link = client("chatty=0.05", True)
    assert heard_until(link, b"*IDLE", 3).count(b"*IDLE") >= 3
    link.send(b"hello\n", link.now() + 20.0)
    assert b"ok:hello\n" in heard_until(link, b"ok:hello\n")
    assert "chatty" in names(front)


def test_an_answer_is_late(client):
    _front, link = client("late=0.2")
    began = time.monotonic()
    assert ask(link) == b"ok:hello\n"
    assert time.monotonic() - began >= 0.2


def test_a_port_that_is_gone_refuses_and_comes_back(client, clock):
    front, link = client("adapter-gone=0.3@0.1")
    clock.move(0.1)
    with pytest.raises(LinkClosed):
        link.receive(link.now() + 20.0)
    with pytest.raises(LinkError, match="refused"):
        transport(front.moniker, None).open(0.1)
    clock.move(0.3)
    wait_for(lambda: names(front) == ["adapter-gone", "adapter-back"])
    other = again(front)
    assert ask(other) == b"ok:hello\n"
    other.close()


def test_a_serial_link_that_is_gone_comes_back_as_another_tty(client, clock, tmp_path):
    front, link = client("adapter-gone=0.2@0.1", True)
    before = (tmp_path / "tty").readlink()
    clock.move(0.1)
    with pytest.raises(LinkClosed):
        link.receive(link.now() + 20.0)
    assert not (tmp_path / "tty").is_symlink()
    clock.move(0.2)
    wait_for(lambda: names(front) == ["adapter-gone", "adapter-back"])
    other = again(front)
    assert ask(other) == b"ok:hello\n"
    assert (tmp_path / "tty").readlink() != before
    other.close()


def test_a_process_that_ended_is_started_again(tmp_path):
    process = Supervised([sys.executable, str(PROGRAM), str(tmp_path / "device"), "crash"])
    with Proxy(f"unix:{tmp_path}/device", "tcp:127.0.0.1:0", "watchdog=0.3", process=process) as front:
        first = front.pid
        link = opened(front)
        link.send(b"\xfe\n", link.now() + 20.0)
        with pytest.raises(LinkClosed):
            link.receive(link.now() + 20.0)
        link.close()
        link = opened(front)
        assert (ask(link), front.pid != first) == (b"ok:hello\n", True)
        assert names(front) == ["ended", "watchdog"]
        link.close()


def opened(front):
    """A link that answers: the program needs a moment to start."""
    deadline = time.monotonic() + 60.0
    while True:
        with contextlib.suppress(LinkError), contextlib.ExitStack() as stack:
            link = transport(front.moniker, None).open(1.0)
            stack.callback(link.close)
            if ask(link, seconds=5.0):
                stack.pop_all()
                return link
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_process_is_held_and_let_go(tmp_path, clock):
    process = Supervised([sys.executable, str(PROGRAM), str(tmp_path / "device"), "crash"])
    with Proxy(f"unix:{tmp_path}/device", "tcp:127.0.0.1:0", "", process=process) as front:
        link = opened(front)
        front.switch("held=30@0.01")
        while "held" not in names(front):
            clock.move(0.01)
            time.sleep(0.01)
        front.switch("")
        wait_for(lambda: is_held(process.pid))  # a thread of it may answer until another has taken the signal
        assert ask(link, seconds=0.1) == b""
        clock.move(30.0)
        assert b"".join(heard(link, 20.0, 9)) == b"ok:hello\n"
        assert names(front) == ["held", "released"]
        link.close()


def test_faults_are_switched_while_it_serves(client):
    front, link = client("")
    assert ask(link) == b"ok:hello\n"
    front.switch("echo")
    assert ask(link, answer=15) == b"hello\nok:hello\n"
    front.switch("")
    assert ask(link) == b"ok:hello\n"


def test_a_device_that_is_dead_takes_no_connection(device, tmp_path):
    device.close()
    with Proxy(device.moniker, "tcp:127.0.0.1:0") as front:
        link = transport(front.moniker, None).open(1.0)
        with pytest.raises(LinkError):
            ask(link)
        link.close()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("ecko", "no 'ecko' on a TCP or serial link.*echo"),
        ("echo=1", "takes no value"),
        ("paced=fast", "paced=BAUD"),
        ("paced=0", "paced=BAUD"),
        ("late=-1", "late=SECONDS"),
        ("late=nan", "late=SECONDS"),
        ("dtr-reset", "none of a TCP link"),
        ("held", "medfuzz front LISTEN UPSTREAM --bench-faults held -- COMMAND"),
    ],
)
def test_words_that_are_none_are_refused_with_the_nearest(words, said):
    with pytest.raises(UsageError, match=said):
        Proxy("tcp:127.0.0.1:9", "tcp:127.0.0.1:0", words)


def test_each_link_gets_the_faults_that_it_can_have():
    assert for_links("echo,one-slot=2,dtr-reset", [TCP, PTY]) == {TCP: "echo,one-slot=2", PTY: "echo,dtr-reset"}
    with pytest.raises(UsageError, match="dtr-reset"):
        for_links("dtr-reset", [TCP])


def test_each_default_is_one_that_is_taken():
    assert chosen(",".join(LINK_FAULTS), LINK_FAULTS).keys() == LINK_FAULTS.keys()
