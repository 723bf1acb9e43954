"""HTTP/1.1 as Python's own client and server read it; what is a frame, an end, and what a response cannot be."""

import http.client
import http.server
import io
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from talking import talking

from harness.errors import UsageError
from harness.interfaces import FrameKind
from harness.ladder import Ladder
from harness.transcript import Way
from protocols.http import METHODS
from protocols.http import http as http_protocol
from protocols.http_message import request_of, response_of
from protocols.load import load_protocol
from protocols.render import Change

PROTOCOL = http_protocol(path="/status", change="/settings", body='{"rate": 1}')
OK = b"HTTP/1.1 200 OK\r\n"
NAMES = sorted(PROTOCOL.messages)


class FakeSocket:
    """What http.client reads a response from."""

    def __init__(self, data):
        self._data = data

    def makefile(self, _mode):
        return io.BytesIO(self._data)


def read_by_python(data):
    response = http.client.HTTPResponse(FakeSocket(data), method="GET")
    response.begin()
    return response.status, response.reason, response.read()


def chunked(pieces):
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def frames_of(data):
    frames, rest = PROTOCOL.split(data)
    return frames, rest


def wrong(sent, reply):
    (frame,), rest = PROTOCOL.split(reply)
    assert rest == b""
    return PROTOCOL.wrong(sent, frame)


def sent(name="get", **values):
    return PROTOCOL.message(name).send(**values).data


def bent(name, field, data):
    message = PROTOCOL.message(name)
    return message.mutated([Change(message.layout.path(field), data)]).data


STATUS = st.integers(200, 599).filter(lambda status: status not in (204, 304))
RESPONSES = st.one_of(
    st.tuples(STATUS, st.binary(max_size=300)).map(
        lambda told: b"HTTP/1.1 %d OK\r\nContent-Length: %d\r\n\r\n%s" % (told[0], len(told[1]), told[1])
    ),
    st.tuples(STATUS, st.lists(st.binary(min_size=1, max_size=90), max_size=5)).map(
        lambda told: b"HTTP/1.1 %d OK\r\nTransfer-Encoding: chunked\r\n\r\n%s" % (told[0], chunked(told[1]))
    ),
)


@given(RESPONSES)
def test_a_response_says_what_python_s_client_reads(data):
    (frame,), rest = frames_of(data)
    status, reason, body = read_by_python(data)
    assert (frame.data, rest, frame.kind) == (data, b"", FrameKind.REPLY)
    response = response_of(data)
    assert (response.status, response.reason, response.body.data) == (status, reason, body)
    assert (frame.fields["status"], frame.fields.get("body", b"")) == (status, body)
    assert (PROTOCOL.wrong(sent(), frame), PROTOCOL.ends(frame)) == ("", False)


@given(st.lists(RESPONSES, min_size=1, max_size=4), st.data())
def test_responses_are_found_one_by_one_wherever_they_are_cut(responses, data):
    stream = b"".join(responses)
    cut = data.draw(st.integers(0, len(stream)))
    early, rest = frames_of(stream[:cut])
    late, end = frames_of(rest + stream[cut:])
    assert [frame.data for frame in (*early, *late)] == responses
    assert end == b""


@given(
    st.one_of(st.binary(max_size=400), RESPONSES.flatmap(lambda one: st.binary(max_size=40).map(lambda t: t + one + t)))
)
def test_nothing_is_lost_of_what_is_no_response(data):
    frames, rest = frames_of(data)
    assert b"".join(frame.data for frame in frames) + rest == data
    for frame in frames:
        dict(frame.fields)
        for asked in (b"", sent(), data):
            PROTOCOL.wrong(asked, frame), PROTOCOL.answers(asked, frame), PROTOCOL.served(frame), PROTOCOL.ends(frame)
    PROTOCOL.wire.unfinished(data), PROTOCOL.wire.demands(data), PROTOCOL.refuses(data)


class Recorder(http.server.BaseHTTPRequestHandler):
    """Python's own parser of requests, without a connection."""

    def __init__(self, data):
        self.rfile, self.wfile, self.client_address = io.BytesIO(data), io.BytesIO(), ("", 0)
        self.raw_requestline = self.rfile.readline(65537)
        self.good = self.parse_request()

    def log_message(self, *_):
        pass


@pytest.mark.parametrize("name", NAMES)
def test_python_s_server_reads_each_request_and_its_body(name):
    for form in PROTOCOL.message(name).valid:
        read = Recorder(form.data)
        assert (read.good, read.command) == (True, METHODS[name])
        length = int(read.headers.get("Content-Length", 0))
        assert len(read.rfile.read()) == length
        assert request_of(form.data).size == len(form.data)
        assert PROTOCOL.wire.demands(form.data) and PROTOCOL.wire.unfinished(form.data) == b""


def test_the_length_follows_the_body_unless_it_is_what_is_bent():
    assert b"Content-Length: 3\r\n" in bent("post", "content", b"abc")
    assert b"Content-Length: 0x10\r\n" in bent("post", "Content-Length", b"0x10")


@pytest.mark.parametrize(
    ("data", "waits"),
    [
        (sent("post")[:-1], True),
        (sent("post").replace(b"Content-Length: 11", b"Content-Length: 99999"), True),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", True),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", True),
        (sent("post").replace(b"Content-Length: 11", b"Content-Length: -1")[:-11], False),
        (sent("get") + sent("post"), False),
    ],
)
def test_a_server_may_wait_for_the_rest_of_what_was_begun(data, waits):
    assert bool(PROTOCOL.wire.unfinished(data)) is waits
    assert not (waits and PROTOCOL.wire.expects_reply(data))


@pytest.mark.parametrize(
    ("request_", "reply", "why"),
    [
        (sent(), OK + b"Transfer-Encoding: chunked\r\n\r\nz\r\n", "the size of a chunk cannot be read"),
        (sent(), OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n", "a chunk is longer than its size"),
        (sent(), OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", "its Content-Length is no number"),
        (sent(), OK + b"Content-Length: +1\r\n\r\nab", "its Content-Length is no number"),
        (
            sent(),
            OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "it has both Content-Length and Transfer-Encoding",
        ),
        (sent(), OK + b"no field\r\nContent-Length: 0\r\n\r\n", "its head is not in the standard's form"),
        (
            bent("post", "Content-Length", b"+11"),
            OK + b"Content-Length: 0\r\n\r\n",
            "it accepts a request whose Content-Length is no number",
        ),
        (
            bent("get", "Host_field", b""),
            OK + b"Content-Length: 0\r\n\r\n",
            "it accepts a request without exactly one Host",
        ),
        (
            bent("get", "Host_field", b"Host: a\r\nHost: b\r\n"),
            OK + b"Content-Length: 0\r\n\r\n",
            "it accepts a request without exactly one Host",
        ),
        (bent("get", "Host_field", b""), b"HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n", ""),
        (bent("post", "Host_field", b""), OK + b"Content-Length: 0\r\n\r\n", ""),
        (bent("get", "Host_field", b"Host : a\r\n"), OK + b"Content-Length: 0\r\n\r\n", ""),
        (
            bent("get", "HTTP-version", b"HTTP/1.0").replace(b"Host: 127.0.0.1\r\n", b""),
            OK + b"Content-Length: 0\r\n\r\n",
            "",
        ),
        (bent("post", "Content-Length", b"11, 11"), OK + b"Content-Length: 0\r\n\r\n", ""),
        (b"\0", OK + b"\r\nall the rest", ""),
    ],
)
def test_what_a_response_cannot_be(request_, reply, why):
    assert wrong(request_, reply) == why


@pytest.mark.parametrize(
    ("reply", "ends", "served", "refuses"),
    [
        (OK + b"Content-Length: 0\r\n\r\n", False, True, False),
        (OK + b"Connection: close\r\nContent-Length: 0\r\n\r\n", True, True, False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", True, True, False),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n", False, True, False),
        (OK + b"\r\nup to the end", True, True, False),
        (b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", False, True, True),
        (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", False, False, True),
        (b"HTTP/1.1 204 Empty\r\n\r\n", False, True, False),
    ],
)
def test_what_a_response_means(reply, ends, served, refuses):
    (frame,), _rest = PROTOCOL.split(reply)
    assert (PROTOCOL.ends(frame), PROTOCOL.served(frame), PROTOCOL.refuses(reply)) == (ends, served, refuses)


def test_an_interim_response_answers_nothing():
    interim, final = frames_of(b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 0\r\n\r\n")[0]
    assert (interim.kind, PROTOCOL.answers(sent(), interim)) == (FrameKind.UNSOLICITED, False)
    assert PROTOCOL.answers(sent(), final)


@pytest.mark.parametrize("name", NAMES)
def test_the_guard_withholds_a_method_and_lets_the_others_out(name):
    pattern = PROTOCOL.forbidden([name])
    found = {other for other in NAMES if pattern.search(sent(other))}
    assert found == {name}


def test_paths_are_options_of_the_bench():
    protocol = load_protocol("http?path=/api/v1&change=/api/v2&host=device.local")
    assert protocol.probe.data.startswith(b"GET /api/v1 HTTP/1.1\r\nHost: device.local\r\n")
    assert protocol.message("delete").send().data.startswith(b"DELETE /api/v2 ")
    for wrong_one in ("http?path=status", "http?path=/a b", "http?way=/"):
        with pytest.raises(UsageError, match=r"path|option 'way'"):
            load_protocol(wrong_one)


class Device(http.server.BaseHTTPRequestHandler):
    """A REST device of Python's own server."""

    protocol_version, server_version = "HTTP/1.1", "Device/7"

    def answer(self):
        length = int(self.headers.get("Content-Length", 0))
        self.rfile.read(length)
        told = b'{"state": "idle"}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    do_GET = do_OPTIONS = do_POST = do_PUT = do_DELETE = answer

    def log_message(self, *_):
        pass


@pytest.fixture
def executor():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Device) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with talking(PROTOCOL, server.server_port) as executor:
            yield executor
        server.shutdown()
        thread.join()


def test_python_s_server_answers_every_request_on_one_connection(executor):
    for name in NAMES:
        for form in PROTOCOL.message(name).valid:
            answer = executor.send(form)
            exchange = executor.exchanges[-1]
            assert (answer.fields["status"], answer.fields["body"], exchange.stray) == (200, b'{"state": "idle"}', b"")
            assert PROTOCOL.wrong(exchange.sent, answer) == ""
    assert PROTOCOL.wire.identity(executor.probe()).model.startswith("Device/7")


def test_a_server_that_waits_for_a_body_serves_on_another_connection(executor):
    executor.send(PROTOCOL.message("post").mutated([Change("head.Content-Length_field.Content-Length", b"5000")]))
    assert executor.over
    assert Ladder(executor).climb(closed=False, broken=False, patience=5.0).service.way is Way.AT_ONCE
