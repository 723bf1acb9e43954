"""Exported scripts: run without medfuzz, against servers that behave, fall silent, close, or restart."""

import hashlib
import runpy
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer

import pytest

from harness.case import LiveField, Origin, Procedure, Reconnect, Reset, Send, Stimulate, TestCase, Wait
from harness.document import read_document
from harness.errors import UsageError
from harness.handover.player import Script
from harness.handover.script import script_text, write_script
from harness.verdict import Kind

ROOT = Path(__file__).parents[2]
CRASH = read_document(ROOT / "targets" / "pump" / "controls" / "crash.json")
WIRE = '''
import hashlib as secret
from dataclasses import dataclass
from harness.case import LiveField, Send
from harness.interfaces import Conversation, Frame, FrameKind, State
from protocols.wire import Wire
from protocols.model import Edge, Message, Protocol
import boofuzz

END = b"\\n"


def tell(data):
    """Named as a function of the player's."""
    return secret.sha256(data).hexdigest()[:4].encode()


def read(line):
    return {"uptime": int(line.split()[1])} if line.startswith(b"ok ") else {}


class LineWire(Wire):
    def __init__(self, key):
        self._key, self._unused = key, boofuzz

    def split(self, buffer):
        *lines, rest = buffer.split(END)
        return tuple(Frame(FrameKind.REPLY, line, read(line)) for line in lines), rest

    def resolve(self, live, data, conversation):
        if live.name == "token":
            return tell(self._key + conversation.values.get("challenge", b""))
        return super().resolve(live, data, conversation)

    def learn(self, frame, conversation):
        if frame.data.startswith(b"challenge "):
            conversation.values["challenge"] = frame.data[10:]
        return b"pong\\n" if frame.data == b"ping" else b""

    def answers(self, sent, frame):
        return frame.data != b"ping"

    def served(self, frame):
        return frame.data.startswith(b"ok")


def message(name, text):
    return Message(boofuzz.Request(name, children=(boofuzz.Static("text", text),)))


PROTOCOL = Protocol(
    name="lines",
    messages={one.name: one for one in (message("probe", b"probe\\n"), message("login", b"login\\n"))},
    edges=(Edge("", "login"),),
    wire=LineWire(b"key"),
    states={
        "idle": State("idle", ()),
        "in": State("in", (Send("login", b"login\\n"), Send("token", b"tttt\\n", (LiveField("token", 0, 4),)))),
    },
    probe=Send("probe", b"probe\\n"),
    reply_timeout=0.4,
)
'''


class Device(StreamRequestHandler):
    """One line in, one line out, as `server.says` has it; None is silence, "close" ends the connection."""

    def handle(self):
        while line := self.rfile.readline():
            self.server.heard.append(line)
            said = self.server.says(line, len(self.server.heard))
            if said == "close":
                return
            if said is not None:
                self.wfile.write(said)


@pytest.fixture
def device():
    with ThreadingTCPServer(("127.0.0.1", 0), Device) as server:
        server.heard, server.says, server.daemon_threads = [], lambda _line, number: b"ok %d\n" % number, True
        server.place = f"tcp:127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def bench(tmp_path):
    (tmp_path / "lines.py").write_text(WIRE)
    (tmp_path / "b.toml").write_text(
        '[target]\nkind = "external"\nname = "x"\n[interfaces.main]\nprotocol = "lines.py:PROTOCOL"\n'
        'transport = "tcp:127.0.0.1:9"\n[monitors]\nuptime_field = "uptime"\n'
    )
    return tmp_path / "b.toml"


def finding(bench, *steps, state="idle", kind=Kind.CRASH, transport="tcp:127.0.0.1:9", cases=1):
    case = TestCase("main", state, steps or (Send("bad", b"bad\n"),), Origin("f"))
    observation = replace(CRASH.finding.observation, kind=kind)
    found = replace(CRASH.finding, window=(case,) * cases, observation=observation)
    return replace(CRASH, finding=found, bench=str(bench), transports={"main": transport}, protocols={})


def play(tmp_path, handover, *words, told=""):
    """Exit code and output of the script in a Python that sees no medfuzz."""
    (script,) = write_script(tmp_path / "play.py", handover)
    command = [sys.executable, "-I", str(script), *words]
    done = subprocess.run(command, cwd=tmp_path, input=told, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == "" or done.returncode == 2
    return done.returncode, done.stdout + done.stderr


FAST = ("--timeout", "0.4")
ANSWERS = {
    "serves": (lambda line, n: b"ok %d\n" % n, 0, "the device serves"),
    "falls silent": (lambda line, n: None if n > 2 else b"ok %d\n" % n, 1, "not answered any more"),
    "closes": (lambda line, n: "close" if line == b"bad\n" else b"ok %d\n" % n, 1, "closed the connection"),
    "restarts": (lambda line, n: b"ok %d\n" % (100 - n), 1, "restarted: uptime was 98 and is 96"),
    "does not answer once": (lambda line, n: None if line == b"bad\n" else b"ok %d\n" % n, 4, "cannot see"),
    "never served": (lambda line, n: None, 3, "not tested"),
    "says another thing": (lambda line, n: b"no\n", 3, "not tested"),
}


@pytest.mark.parametrize("behaviour", ANSWERS)
def test_the_exit_code_is_what_the_device_does(tmp_path, bench, device, behaviour):
    device.says, code, said = ANSWERS[behaviour]
    ended, text = play(tmp_path, finding(bench), device.place, *FAST)
    assert (ended, said in text.splitlines()[-1]) == (code, True), text


UNANSWERED = {
    "serves": (0, "the device serves"),
    "falls silent": (1, "not answered any more"),
    "closes": (4, "hangs up"),
    "does not answer once": (1, "FAULT: the message is not answered, as it must be, and the probe is"),
    "never served": (3, "not tested"),
}


@pytest.mark.parametrize("behaviour", UNANSWERED)
def test_a_message_that_must_be_answered_is_judged_where_it_is_the_only_one(tmp_path, bench, device, behaviour):
    bench.write_text(bench.read_text().replace("[monitors]", "may_close = true\n[monitors]"))
    device.says, (code, said) = ANSWERS[behaviour][0], UNANSWERED[behaviour]
    ended, text = play(tmp_path, finding(bench, kind=Kind.NO_REPLY), device.place, *FAST)
    assert (ended, said in text.splitlines()[-1]) == (code, True), text
    if behaviour == "does not answer once":
        two = finding(bench, Send("bad", b"bad\n"), Send("x", b"x\n"), kind=Kind.NO_REPLY)
        assert play(tmp_path, two, device.place, *FAST)[0] == 4


def test_nobody_at_the_address_means_not_tested_and_nonsense_is_a_usage_error(tmp_path, bench):
    code, text = play(tmp_path, finding(bench), *FAST)
    assert (code, "not tested: no connection: Connection refused" in text) == (3, True)
    for place in (
        "127.0.0.1:80",
        "tcp:127.0.0.1",
        "tcp:host:port",
        "serial:/dev/x?baudrate=fast",
        "serial:/dev/x?colour=1",
    ):
        assert play(tmp_path, finding(bench), place)[0] == 2


def test_live_fields_are_computed_from_what_comes_and_keep_alives_are_answered(tmp_path, bench, device):
    replies = {b"login\n": b"ping\nchallenge 77\n"}
    device.says = lambda line, n: None if line == b"pong\n" else replies.get(line, b"ok %d\n" % n)
    code, text = play(tmp_path, finding(bench, state="in"), device.place, *FAST)
    assert code == 0, text
    token = hashlib.sha256(b"key77").hexdigest()[:4].encode()
    assert device.heard == [b"probe\n", b"login\n", b"pong\n", token + b"\n", b"probe\n", b"bad\n", b"probe\n"]


def test_a_state_that_is_not_reached_is_not_tested(tmp_path, bench, device):
    device.says = lambda line, n: None if line == b"login\n" else b"ok %d\n" % n
    code, text = play(tmp_path, finding(bench, state="in"), device.place, *FAST)
    assert (code, "state in was not reached" in text) == (3, True)
    assert b"bad\n" not in device.heard


def test_steps_of_all_kinds_are_played_in_order_and_a_window_case_by_case(tmp_path, bench, device):
    steps = (
        Send("one", b"one\n", wait=False),
        Wait(0.05),
        Reconnect(),
        Send("again", b"", replay_of=0),
        Send("two", b"two\n"),
    )
    code, text = play(tmp_path, finding(bench, *steps, cases=2), device.place, *FAST)
    assert code == 0, text
    assert device.heard == [b"probe\n"] * 2 + [b"one\n", b"one\n", b"two\n"] * 2 + [b"probe\n"]


def test_what_a_person_must_do_is_asked_and_what_nobody_did_is_not_tested(tmp_path, bench, device):
    device.says = lambda line, n: b"ok\n"
    handover = finding(bench, Stimulate("air", 500), Reset(), Send("bad", b"bad\n"))
    code, text = play(tmp_path, handover, device.place, *FAST, told="\n\n")
    assert (code, "please set air to 500, then press Enter" in text) == (0, True)
    assert "please switch the device off and on again" in text
    assert play(tmp_path, handover, device.place, *FAST)[0] == 3
    code, text = play(tmp_path, handover, device.place, *FAST, "--yes")
    assert (code, "nobody did this: set air to 500" in text) == (3, True)


@pytest.mark.parametrize("kind", [Kind.UNSAFE_STATE, Kind.LEAK, Kind.DRIFT, Kind.CONSOLE])  # a leak of nothing named
def test_a_fault_that_a_probe_cannot_see_is_never_called_gone(tmp_path, bench, device, kind):
    code, text = play(tmp_path, finding(bench, kind=kind), device.place, *FAST)
    assert (code, "this script cannot see" in text) == (4, True)


def test_a_leak_is_seen_in_the_replies_to_the_message_that_leaked(tmp_path, bench, device):
    bench.write_text(bench.read_text() + 'canaries = { PIN = "4711", name = "hex:deadbeef" }\n')
    leak = finding(bench, kind=Kind.LEAK)
    seen = replace(leak.finding.observation, fingerprint=("bad",))
    leak = replace(leak, finding=replace(leak.finding, observation=seen))
    assert play(tmp_path, leak, device.place, *FAST)[0] == 0
    device.says = lambda line, n: b"ok %d 4711 \xde\xad\xbe\xef\n" % n if line == b"probe\n" else b"ok %d\n" % n
    assert play(tmp_path, leak, device.place, *FAST)[0] == 0
    device.says = lambda line, n: b"ok 4711 \xde\xad\xbe\xef\n" if line == b"bad\n" else b"ok %d\n" % n
    code, text = play(tmp_path, leak, device.place, *FAST)
    assert (code, text.splitlines()[-1]) == (1, "FAULT: the reply to bad holds PIN, name")


def test_a_restart_is_seen_where_the_probe_tells_the_uptime(tmp_path, bench, device):
    assert play(tmp_path, finding(bench, kind=Kind.REBOOT), device.place, *FAST)[0] == 0
    device.says = lambda line, n: b"ok\n"
    assert play(tmp_path, finding(bench, kind=Kind.REBOOT), device.place, *FAST)[0] == 4


def test_a_device_that_may_close_is_asked_on_another_connection(tmp_path, bench, device):
    bench.write_text(bench.read_text().replace("[monitors]", "may_close = true\n[monitors]"))
    device.says = ANSWERS["closes"][0]
    assert play(tmp_path, finding(bench), device.place, *FAST)[0] == 0


def test_a_serial_port_is_spoken_to_by_pyserial(tmp_path, bench, device):
    url = device.place.replace("tcp:", "serial:socket://")
    assert play(tmp_path, finding(bench, transport=url), *FAST)[0] == 0
    assert "default: serial:socket" in play(tmp_path, finding(bench, transport=url), "--help")[1].replace("\n", " ")


LIVE = LiveField("colour", 0, 2)
REFUSED = {
    "a procedure": ({}, (Procedure("pair"),), "procedure 'pair'"),
    "an unknown live field": (
        {},
        (Send("x", b"abcd", (LIVE,)),),
        "'colour'",
    ),
    "a checksum of its own": ({}, (Send("x", b"abcd", (replace(LIVE, name="checksum:x.crc"),)),), "'x.crc'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_script_cannot_do_is_refused_by_its_name(bench, name):
    options, steps, said = REFUSED[name]
    with pytest.raises(UsageError, match=said) as refused:
        script_text(finding(bench, *steps, **options), "x.py")
    assert "Use --json or --pytest" in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("tell(self._key", "boofuzz.tell(self._key", "'boofuzz'"),
        ("self._key, self._unused = key, boofuzz", "self._key = object()", "_key"),
        ("wire=LineWire", "callbacks={'greet': print}, wire=LineWire", "'greet'"),
    ],
)
def test_code_that_cannot_be_copied_is_refused_by_its_name(bench, old, new, said):
    (bench.parent / "lines.py").write_text(WIRE.replace(old, new))
    with pytest.raises(UsageError, match=said):
        script_text(finding(bench), "x.py")


def test_cases_on_two_interfaces_and_a_bench_without_the_interface_are_refused(bench):
    one = finding(bench)
    other = TestCase("other", "idle", (), Origin("f"))
    with pytest.raises(UsageError, match="several interfaces"):
        script_text(replace(one, finding=replace(one.finding, window=(other, one.finding.case))), "x.py")
    with pytest.raises(UsageError, match="no interface 'other'"):
        script_text(replace(one, finding=replace(one.finding, window=(other,))), "x.py")


@pytest.mark.parametrize("path", sorted((ROOT / "targets" / "pump" / "controls").glob("*.json")), ids=lambda p: p.stem)
def test_every_shipped_finding_of_the_pump_has_a_script_that_imports_nothing_of_medfuzz(tmp_path, path):
    (script,) = write_script(tmp_path / "x.py", read_document(path))
    names, text = runpy.run_path(str(script)), script.read_text()
    assert not [
        line for line in text.splitlines() if line.startswith(("from harness", "from protocols", "from targets"))
    ]
    described = names["FINDING"]
    assert type(described).__name__ == Script.__name__
    assert described.cases[-1].steps[0].data == read_document(path).finding.case.steps[0].data
