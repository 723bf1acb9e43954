"""Peers that refuse, hang, cut, flood, trickle and play with the terminal: bounded in time and memory on each carrier.

Each is met by the whole way from a link to "it serves" or "it does not", as a campaign meets it.
"""

import contextlib
import socket
import ssl
import threading
import time

import pytest
from test_sockets import certificate

import harness.transports.listen
import harness.transports.tcp
import harness.transports.udp  # noqa: F401
from harness.bench import Bench
from harness.bench_tables import ExternalTable
from harness.errors import LinkError
from harness.executor import Executor
from harness.guard import Guard
from harness.interfaces import Conversation
from harness.ladder import Ladder
from harness.transcript import Way
from harness.transports import transport
from protocols.hl7_wire import END, START
from protocols.load import load_protocol
from reports.text import visible
from targets.served import served_target

CARRIERS = ("tcp", "unix", "tls", "udp", "listen")
STREAMS = tuple(name for name in CARRIERS if name != "udp")
BENCH = Bench(target=ExternalTable(kind="external", name="peer"), interfaces={})
MOST_KEPT = 24_000_000
HEADER = b"MSH|^~\\&|A|B|C|D|1||%s|1|P|2.5\r"
TIMEOUT, PATIENCE = 0.2, 0.5


def cuts(stream):
    """Closes in the middle of a frame."""
    with contextlib.suppress(OSError):
        stream.sendall(START + HEADER[:20])
        stream.close()


def pours(piece):
    """Sends the same without end: a gigabyte, if anybody took it."""

    def pour(stream):
        until = time.monotonic() + 120.0
        with contextlib.suppress(OSError):
            while time.monotonic() < until:
                stream.sendall(piece)

    return pour


def trickles(stream):
    """A byte now and then, of a frame that never ends."""
    with contextlib.suppress(OSError):
        for byte in START + HEADER * 50:
            stream.sendall(bytes([byte]))
            time.sleep(0.05)


def hangs(stream):
    """Takes the connection and no byte from it."""
    with contextlib.suppress(OSError):
        time.sleep(120.0)


POURED = {
    "zeros": bytes(1 << 20),
    "noise": bytes(range(12, 256)) * 4096,
    "a frame without end": START + HEADER + b"a" * (1 << 20),
    "frames": (START + HEADER % b"ACK" + b"MSA|AA|7\r" + END) * 8192,
}


class Peers:
    """Peers behave as they are told, over any carrier; `transport` is ours to them."""

    def __init__(self, folder):
        self.folder, self.open = folder, []

    def __call__(self, carrier, behave):
        if carrier == "listen":
            return self._calling(behave)
        if carrier == "udp":
            return self._datagrams(behave)
        listener = socket.socket(socket.AF_UNIX) if carrier == "unix" else socket.create_server(("127.0.0.1", 0))
        if carrier == "unix":
            listener.bind(str(self.folder / "peer"))
            listener.listen()
        self.open.append(listener)
        wrap = self._tls() if carrier == "tls" else lambda stream: stream
        threading.Thread(target=self._serve, args=(listener, wrap, behave), daemon=True).start()
        where = f"unix:{self.folder}/peer" if carrier == "unix" else f"127.0.0.1:{listener.getsockname()[1]}"
        return {"tcp": f"tcp:{where}", "unix": where, "tls": f"tls:{where}?verify=off"}[carrier]

    def _tls(self):
        certificate(self.folder, "peer")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "peer.pem", self.folder / "peer.key")
        return lambda stream: context.wrap_socket(stream, server_side=True)

    def _serve(self, listener, wrap, behave):
        while True:
            try:
                stream = listener.accept()[0]
            except OSError:
                return
            with contextlib.suppress(OSError):
                stream = wrap(stream)
                self.open.append(stream)
                threading.Thread(target=self._behave, args=(stream, behave), daemon=True).start()

    def _behave(self, stream, behave):
        """Whoever came while the others were closed is closed here."""
        with stream:
            behave(stream)

    def _datagrams(self, behave):
        peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        peer.bind(("127.0.0.1", 0))
        self.open.append(peer)

        def serve():
            with contextlib.suppress(OSError):
                _data, sender = peer.recvfrom(65535)
                peer.connect(sender)
                behave(peer)

        threading.Thread(target=serve, daemon=True).start()
        return f"udp:127.0.0.1:{peer.getsockname()[1]}"

    def _calling(self, behave):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        over = threading.Event()
        self.open.append(type("Event", (), {"close": over.set}))

        def call():
            while not over.is_set():
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)) as stream:
                    behave(stream)
                time.sleep(0.05)

        threading.Thread(target=call, daemon=True).start()
        return f"listen:tcp:127.0.0.1:{port}"

    def close(self):
        for one in self.open:
            one.close()


@pytest.fixture
def peers(tmp_path):
    found = Peers(tmp_path)
    yield found
    found.close()


@contextlib.contextmanager
def executor_to(moniker):
    protocol = load_protocol("hl7_listener" if moniker.startswith("listen:") else "hl7_mllp")
    target = served_target(BENCH)
    carrier = transport(moniker, target)
    executor = Executor(
        protocol, carrier, target, Guard(None, ()), reply_timeout=TIMEOUT, open_timeout=PATIENCE, adaptive=True
    )
    executor.begin(Conversation())
    try:
        yield executor
    finally:
        executor.close()
        if moniker.startswith("listen:"):
            carrier.shut()


def way_back(executor):
    """How it came to serve, or the error of a link that does not open; in bounded time."""
    began, way = time.monotonic(), None
    try:
        executor.run((next(iter(executor.protocol.messages.values())).send(),))
    except LinkError:
        executor.close()
    try:
        way = Ladder(executor).climb(closed=False, broken=False, patience=PATIENCE).service.way
    except LinkError as error:
        way = error
    assert time.monotonic() - began < 60.0
    return way


def kept(executor):
    """Bytes on record, and how many entries they are in."""
    exchanges = executor.exchanges
    pieces = [piece for one in exchanges for piece in (*one.replies, *one.unsolicited, one.stray)]
    return sum(map(len, pieces)) + sum(len(frame.data) for frame in executor.frames), len(exchanges) + len(
        executor.frames
    )


def test_a_port_that_refuses_is_told_with_what_to_do_over_each_carrier(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    places = (f"tcp:127.0.0.1:{port}", f"unix:{tmp_path}/nobody", f"tls:127.0.0.1:{port}?verify=off")
    for moniker in (*places, f"listen:tcp:127.0.0.1:{port}"):
        with executor_to(moniker) as executor:
            way = way_back(executor)
            assert isinstance(way, LinkError)
            assert "Is the device on" in str(way) or "does the device know this address? Is it on?" in str(way)


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_peer_that_takes_a_connection_and_says_nothing_does_not_serve(peers, carrier):
    with executor_to(peers(carrier, hangs)) as executor:
        way = way_back(executor)
        assert way is Way.NEVER or isinstance(way, LinkError)
        assert kept(executor)[0] == 0


@pytest.mark.parametrize("carrier", STREAMS)
def test_a_peer_that_closes_in_the_middle_of_a_frame_does_not_serve(peers, carrier):
    with executor_to(peers(carrier, cuts)) as executor:
        way = way_back(executor)
        assert way is Way.NEVER or isinstance(way, LinkError)
        assert kept(executor)[0] < 1000


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("what", POURED)
def test_a_peer_that_sends_without_end_fills_no_memory(peers, carrier, what):
    piece = POURED[what][:8192] if carrier == "udp" else POURED[what]
    with executor_to(peers(carrier, pours(piece))) as executor:
        way = way_back(executor)
        size, entries = kept(executor)
        assert (size < MOST_KEPT, entries < 10_000) == (True, True)
        assert way is Way.NEVER or isinstance(way, LinkError) or what == "frames"


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_peer_that_trickles_does_not_put_the_deadline_off(peers, carrier):
    with executor_to(peers(carrier, trickles)) as executor:
        way = way_back(executor)
        assert way is Way.NEVER or isinstance(way, LinkError)


@pytest.mark.parametrize("carrier", CARRIERS)
def test_what_would_play_with_a_terminal_is_kept_as_it_came_and_shown_harmless(peers, carrier):
    tricks = b"\x1b[2J\x1b]0;mine\x07\x9b31m\r\n\x08\x08"
    block = START + HEADER % b"ORU^R01" + tricks + END

    def play(stream):
        with contextlib.suppress(OSError):
            stream.sendall(block)
            time.sleep(5.0)

    with executor_to(peers(carrier, play)) as executor:
        with contextlib.suppress(LinkError):
            executor.probe()
        came = b"".join(p for one in executor.exchanges for p in (*one.replies, *one.unsolicited, one.stray))
        assert tricks in came
        shown = visible(came.decode("latin-1"))
        assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in shown.replace("\n", ""))
