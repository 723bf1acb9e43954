"""A user's own monitor and target, in files beside the bench: used, included from elsewhere, refused in one line."""

import sys

import pytest

TARGET = """
from harness.interfaces import Traits
from harness.transports.scripted import ScriptedTransport
from harness.transports import transports

def answer(data):
    return [] if DEVICE["dead"] else [b"ok" + data]

DEVICE, SCRIPTED = {"dead": False}, ScriptedTransport(answer)
if "own" not in transports:
    transports.register("own")(lambda endpoint, target: SCRIPTED)

class Mine:
    name, traits = "mine", Traits(cheap_waits=True)
    def __init__(self, bench, seed):
        self.seed = seed
    def start(self):
        DEVICE["dead"] = False
    stop = calm = reset = start
    def can_reset(self):
        return True
    def advance(self, seconds):
        SCRIPTED.clock += seconds
    def now(self):
        return SCRIPTED.clock
    def take_events(self):
        return ()
    take_samples = take_console = take_events
    def facts(self):
        return {"kind": "mine", "firmware": "7.1"}

TARGET = Mine
"""
MONITOR = """
from harness.verdict import Kind, Observation

class Monitor:
    name = "mine"
    def observe(self, case, transcript):
        seen = [e for e in transcript.exchanges if len(e.sent) > 40]
        return [Observation(Kind.CONSOLE, "mine", "more than 40 bytes", transcript.ended, ("long",))] if seen else []
    def state(self):
        return None
    def restore(self, state):
        pass

MONITOR, NOTHING = Monitor, 7
"""
PROTOCOL = """
import boofuzz
from harness.interfaces import State
from protocols.model import Edge, Message, Protocol
from protocols.wire import Wire

say = Message(boofuzz.Request("say", children=(boofuzz.String("words", "hello"),)))
PROTOCOL = Protocol("mine", {"say": say}, (Edge("", "say"),), Wire(), {"on": State("on", ())}, say.send())
"""
BENCH = """
[target]
kind = "mine/target.py:TARGET"
name = "own"
armed = true
[interfaces.main]
transport = "own:x"
protocol = "mine/protocol.py"
fuzzers = ["enumerate"]
[monitors]
own = ["mine/monitor.py:{monitor}"]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    for name, text in (("target", TARGET), ("monitor", MONITOR), ("protocol", PROTOCOL)):
        (tmp_path / "mine" / f"{name}.py").write_text(text)
    (tmp_path / "b.toml").write_text(BENCH.format(monitor="MONITOR"))
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in ("target", "monitor", "protocol"):
        sys.modules.pop(f"medfuzz_user_{name}", None)


def test_a_users_own_monitor_finds_on_a_users_own_target(folder, medfuzz):
    code, out, _err = medfuzz("run", "b.toml", "--cases", "60", "--out", "run")
    assert (code, any("console" in line and "more than 40 bytes" in line and "3/3" in line for line in out)) == (
        1,
        True,
    )
    assert any(line.startswith("target") and "firmware 7.1" in line for line in medfuzz("check", "b.toml")[1])


def test_a_bench_that_includes_another_finds_its_files(folder, medfuzz):
    (folder / "over").mkdir()
    (folder / "over" / "b.toml").write_text('include = "../b.toml"\n')
    assert medfuzz("run", "over/b.toml", "--cases", "60", "--out", "run")[0] == 1


@pytest.mark.parametrize(
    ("name", "words"), [("NOTHING", "is no monitor: it wants name, observe()"), ("MONITORS", "Did you mean 'MONITOR'?")]
)
def test_what_is_no_monitor_is_refused_in_one_line(folder, medfuzz, name, words):
    (folder / "b.toml").write_text(BENCH.format(monitor=name))
    code, out, err = medfuzz("run", "b.toml", "--cases", "5", "--out", "run")
    assert (code, out, len(err), words in err[0]) == (2, [], 1, True)


def test_an_unknown_kind_names_the_nearest(folder, medfuzz):
    (folder / "b.toml").write_text(BENCH.format(monitor="MONITOR").replace("mine/target.py:TARGET", "emulater"))
    code, _out, err = medfuzz("check", "b.toml")
    assert (code, len(err), "Did you mean 'emulator'?" in err[0]) == (2, 1, True)
