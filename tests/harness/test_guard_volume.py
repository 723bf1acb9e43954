"""A million bent, split and spliced cases through the guard: a second parser finds no forbidden frame in the output."""

import itertools

import pytest
from guard_cases import BLOCK, CASES, Wire, base_frames, cases_of, forbidden_frames, through, withheld_of_a_million

from harness.assembly.assemble import assemble
from harness.guard import Guard, GuardedLink
from targets.pump.protocol.link import PROTOCOL

MARKED = {"bolus": b"\x14", "set_clock": b"\x0a", "update_commit": b"\x2a"}
MARKING = f"""
from dataclasses import replace
from harness.interfaces import Mark
from targets.pump.protocol.link import PROTOCOL as PUMP
MARK = frozenset({{Mark.FORBIDDEN_ON_HARDWARE}})
marked = {{n: replace(m, marks=m.marks | MARK) if n in {list(MARKED)} else m for n, m in PUMP.messages.items()}}
PROTOCOL = replace(PUMP, messages=marked)
"""
EXTERNAL = """
[target]
kind = "external"
armed = true
name = "pump"
[interfaces.main]
transport = "tcp:127.0.0.1:9"
protocol = "marked.py"
states = ["idle", "session"]
"""


def guarded(guard):
    wire = Wire()
    return GuardedLink(wire, guard).send, wire


def first_cases():
    return itertools.islice(cases_of(*base_frames(), 1), BLOCK)


def test_the_second_parser_sees_what_the_guard_is_for():
    send, wire = guarded(Guard(None, ()))
    assert through(send, first_cases()) == 0
    assert len(forbidden_frames(wire.taken())) > BLOCK // 10


class Forgetful(Guard):
    """What the guard would be if it looked at each send alone."""

    def check(self, data):
        self.forget()
        super().check(data)


def test_the_cases_hold_forbidden_frames_that_only_show_across_sends():
    send, wire = guarded(Forgetful(PROTOCOL.forbidden(("bolus",)), ("bolus",)))
    assert through(send, first_cases()) > 0
    assert len(forbidden_frames(wire.taken())) > BLOCK // 100


@pytest.mark.slow
def test_no_forbidden_frame_leaves_in_a_million_cases():
    withheld, sent = withheld_of_a_million(*guarded(Guard(PROTOCOL.forbidden(("bolus",)), ("bolus",))))
    assert CASES // 4 < withheld < 9 * CASES // 10
    assert sent > 5 * CASES


@pytest.fixture
def armed(tmp_path, monkeypatch):
    """The link of an armed external bench as `run` assembles it, onto a wire that keeps everything."""

    def link(more=""):
        (tmp_path / "marked.py").write_text(MARKING)
        (tmp_path / "bench.toml").write_text(EXTERNAL + more)
        wire = Wire()
        monkeypatch.setattr("harness.assembly.interfaces.transport", lambda *_: wire)
        executor = assemble(tmp_path / "bench.toml", seed=0).runner.interfaces["main"].executor
        return executor.link.send, wire

    return link


@pytest.mark.slow
def test_no_marked_message_leaves_an_armed_external_bench_that_forbids_nothing(armed):
    withheld, sent = withheld_of_a_million(*armed(), tuple(MARKED.values()))
    assert CASES // 4 < withheld < 9 * CASES // 10
    assert sent > 5 * CASES


def test_a_message_that_the_bench_allows_on_hardware_leaves(armed):
    send, wire = armed('allowed_on_hardware = ["bolus", "set_clock", "update_commit"]\n')
    assert through(send, first_cases()) == 0
    assert len(forbidden_frames(wire.taken())) > BLOCK // 10
