"""Each fault of the dirty bench by its name: what a client of the front sees of it, byte for byte."""

import contextlib
import sys
import time
from pathlib import Path

import pytest
from dirty_device import Device

from harness.errors import LinkClosed, LinkError, UsageError
from harness.transports import serial, tcp, transport
from targets.serving.bench_faults import LINK_FAULTS, PTY, TCP, chosen, for_links
from targets.serving.dirty import Proxy
from targets.serving.dirty_process import Supervised

CARRIERS = (serial, tcp)
PROGRAM = Path(__file__).with_name("dirty_device.py")


@pytest.fixture
def device():
    served = Device()
    yield served
    served.close()


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


def ask(link, line=b"hello\n", seconds=2.0, answer=None):
    link.send(line, link.now() + 1.0)
    return b"".join(heard(link, seconds, len(b"ok:" + line) if answer is None else answer))


def wait_for(condition, seconds=3.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def again(front):
    """Another link; a tty's lock may be held for a moment by who looked for an earlier one of its number."""
    deadline = time.monotonic() + 2.0
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
    assert b"".join(heard(link, 2.0, 11)) == b"HELLO 1.0\r\n"
    link.close()
    wait_for(lambda: names(front) == ["greeting"])
    time.sleep(0.05)
    other = again(front)
    assert b"".join(heard(other, 2.0, 11)) == b"HELLO 1.0\r\n"
    other.close()


def test_log_lines_come_between_the_answers(client):
    front, link = client("console=0", True)
    came = [ask(link, answer=len(b"[1234567.123] link: 6 bytes in\r\nok:hello\n") - 2, seconds=0.3) for _ in range(3)]
    assert all(b"link: 6 bytes in\r\nok:hello\n" in piece for piece in came)
    assert names(front) == ["console"] * 3


@pytest.mark.parametrize("pty", [False, True])
def test_a_paced_line_takes_its_time_and_gives_one_byte_at_a_time(client, pty):
    _front, link = client("paced=1200", pty)
    most = []
    while len(most) < 5 and min(most, default=9) > 2:  # who reads late finds several at once
        began = time.monotonic()
        link.send(b"hello\n", link.now() + 1.0)
        pieces = heard(link, 3.0, 9)
        assert b"".join(pieces) == b"ok:hello\n"
        assert 0.09 < time.monotonic() - began < 1.0
        most.append(max(map(len, pieces)))
    assert min(most) <= 2


def test_pieces_are_of_one_or_two_bytes(client):
    _front, link = client("pieces")
    link.send(b"hello\n", link.now() + 1.0)
    pieces = heard(link, 2.0, 9)
    assert (b"".join(pieces), len(pieces) >= 4) == (b"ok:hello\n", True)


def test_what_is_sent_while_it_boots_is_lost(client, device):
    front, link = client("slow-boot=0.3")
    assert ask(link, seconds=0.2) == b""
    until = time.monotonic() + 5.0
    while not (said := ask(link, seconds=1.0)) and time.monotonic() < until:
        """It boots as long as the machine lets it."""
    assert said == b"ok:hello\n"
    assert (device.lines, names(front)) == ([b"hello\n"], ["boot"])


def test_each_opening_of_the_serial_link_restarts_the_device(client):
    front, link = client("dtr-reset=0.2", True)
    for _ in range(2):
        assert ask(link, seconds=0.1).startswith(b"rst:0x1")
        time.sleep(0.2)
        assert ask(link) == b"ok:hello\n"
        link.close()
        time.sleep(0.05)
        link = again(front)
    link.close()
    assert names(front)[:2] == ["boot", "boot"]


def test_lost_and_turned_bytes_are_as_many_as_was_asked_and_the_same_for_a_seed(client):
    sent = b"x" * 2000 + b"\n"
    front, link = client("dropped=0.05,flipped=0.05", seed=4)
    first = ask(link, sent, 0.5)
    assert 100 < names(front).count("dropped") < 350
    assert 100 < names(front).count("flipped") < 350
    second, link = client("dropped=0.05,flipped=0.05", seed=4)
    assert (ask(link, sent, 0.5), names(second)) == (first, names(front))


def test_a_second_connection_is_refused_and_the_slot_stays_busy(client):
    front, link = client("one-slot=0.3")
    carrier = transport(front.moniker, None)
    second = carrier.open(1.0)
    with pytest.raises(LinkClosed):
        ask(second)
    second.close()
    link.close()
    wait_for(lambda: "refused" in names(front))
    time.sleep(0.4)
    third = carrier.open(1.0)
    assert ask(third) == b"ok:hello\n"
    third.close()


def test_a_second_connection_waits_until_the_slot_is_free(client):
    front, link = client("one-slot-waits=0.2")
    second = transport(front.moniker, None).open(1.0)
    assert ask(second, seconds=0.1) == b""
    link.close()
    assert b"".join(heard(second, 2.0, 9)) == b"ok:hello\n"
    second.close()


def test_an_idle_connection_is_ended_and_a_used_one_is_not(client):
    front, link = client("idle-timeout=0.3")
    for _ in range(3):
        time.sleep(0.15)
        assert ask(link) == b"ok:hello\n"
    with pytest.raises(LinkClosed):
        link.receive(link.now() + 2.0)
    assert names(front) == ["idle-timeout"]


def test_a_chatty_device_speaks_by_itself_and_never_into_an_answer(client):
    front, link = client("chatty=0.05", True)
    came = b"".join(heard(link, 0.3))
    assert came.count(b"*IDLE") >= 3
    assert b"ok:hello\n" in ask(link, seconds=0.2, answer=999)
    assert "chatty" in names(front)


def test_an_answer_is_late(client):
    _front, link = client("late=0.2")
    began = time.monotonic()
    assert ask(link) == b"ok:hello\n"
    assert time.monotonic() - began >= 0.2


def test_a_port_that_is_gone_refuses_and_comes_back(client):
    front, link = client("adapter-gone=0.3@0.1")
    with pytest.raises(LinkClosed):
        link.receive(link.now() + 2.0)
    with pytest.raises(LinkError, match="refused"):
        transport(front.moniker, None).open(0.1)
    wait_for(lambda: names(front) == ["adapter-gone", "adapter-back"])
    other = again(front)
    assert ask(other) == b"ok:hello\n"
    other.close()


def test_a_serial_link_that_is_gone_comes_back_as_another_tty(client, tmp_path):
    front, link = client("adapter-gone=0.2@0.1", True)
    before = (tmp_path / "tty").readlink()
    with pytest.raises(LinkClosed):
        link.receive(link.now() + 2.0)
    assert not (tmp_path / "tty").is_symlink()
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
        link.send(b"\xfe\n", link.now() + 1.0)
        with pytest.raises(LinkClosed):
            link.receive(link.now() + 2.0)
        link.close()
        link = opened(front)
        assert (ask(link), front.pid != first) == (b"ok:hello\n", True)
        assert names(front) == ["ended", "watchdog"]
        link.close()


def opened(front):
    """A link that answers: the program needs a moment to start."""
    deadline = time.monotonic() + 5.0
    while True:
        with contextlib.suppress(LinkError), contextlib.ExitStack() as stack:
            link = transport(front.moniker, None).open(1.0)
            stack.callback(link.close)
            if ask(link):
                stack.pop_all()
                return link
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_process_is_held_and_let_go(tmp_path):
    process = Supervised([sys.executable, str(PROGRAM), str(tmp_path / "device"), "crash"])
    with Proxy(f"unix:{tmp_path}/device", "tcp:127.0.0.1:0", "", process=process) as front:
        link = opened(front)
        front.switch("held=0.3@0.01")
        wait_for(lambda: "held" in names(front))
        front.switch("")
        assert ask(link, seconds=0.1) == b""
        assert b"".join(heard(link, 2.0, 9)) == b"ok:hello\n"
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
