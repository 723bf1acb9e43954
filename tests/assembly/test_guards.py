"""What the guard withholds by itself on real hardware, what the bench says about it, and what is refused."""

import re
from pathlib import Path

import pytest

from harness.assembly.guards import described, guard_of
from harness.bench import load_bench
from harness.errors import GuardRefused, UsageError
from protocols.load import load_protocol

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
WARMER = load_protocol("warmer.py", EXAMPLES)
ERASE, STATUS = (WARMER.message(name).send().data for name in ("erase", "status"))


@pytest.fixture
def bench(tmp_path):
    def write(kind="external", **keys):
        path = tmp_path / "bench.toml"
        command = 'command = ["x"]\n' if kind == "process" else "armed = true\n"
        path.write_text(
            f'[target]\nkind = "{kind}"\nname = "x"\n{command}[interfaces.main]\ntransport = "tcp:127.0.0.1:9"\n'
            'protocol = "x"\n' + "".join(f"{key} = {value!r}\n" for key, value in keys.items())
        )
        return load_bench(path)

    return write


@pytest.mark.parametrize(
    ("kind", "keys", "leaves", "words"),
    [
        ("external", {}, False, "withholds erase (marked forbidden_on_hardware)"),
        (
            "external",
            {"forbidden": ["set_label"]},
            False,
            "withholds set_label (forbidden in the bench), erase (marked",
        ),
        ("external", {"forbidden": ["erase"]}, False, "withholds erase (forbidden in the bench)"),
        ("external", {"allowed_on_hardware": ["erase"]}, True, "lets out erase (marked, but allowed_on_hardware)"),
        ("process", {"allowed_on_hardware": ["erase"]}, True, ""),
        ("process", {}, True, ""),
    ],
)
def test_a_marked_message_leaves_for_hardware_only_where_the_bench_allows_it(bench, kind, keys, leaves, words):
    made = bench(kind, **keys)
    found = described(made, "main", WARMER)
    assert found.startswith(words) and bool(found) == bool(words)
    guard = guard_of(made, "main", WARMER)
    guard.check(STATUS)
    if leaves:
        guard.check(ERASE)
    else:
        with pytest.raises(GuardRefused, match="erase"):
            guard.check(ERASE)


def test_a_bench_whose_protocol_marks_nothing_says_so(bench):
    assert described(bench(), "main", load_protocol("pump_link")).startswith("withholds nothing: no message is")


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"allowed_on_hardware": ["ersae"]}, "no message 'ersae'. Did you mean 'erase'"),
        ({"allowed_on_hardware": ["heat"]}, "'heat' is not marked forbidden_on_hardware.* Valid: erase"),
        ({"allowed_on_hardware": ["erase"], "forbidden": ["erase"]}, "'erase' is in `forbidden` too"),
        ({"forbidden": ["heat"]}, r"state '\w+' needs 'heat', which the guard withholds \(heat, erase\)"),
    ],
)
def test_what_a_bench_cannot_mean_is_refused(bench, keys, words):
    with pytest.raises(UsageError, match=words):
        guard_of(bench(**keys), "main", WARMER)


OWN = """
import re
import boofuzz
from harness.interfaces import Mark, State
from protocols.model import Edge, Message, Protocol
from protocols.wire import Wire

class Own(Wire):
    def forbidden(self, messages):
        return {pattern}

ask = Message(boofuzz.Request("ask", children=(boofuzz.Byte("x", 1),)))
wipe = Message(boofuzz.Request("wipe", children=(boofuzz.Byte("x", 2),)), marks={{Mark.FORBIDDEN_ON_HARDWARE}})
PROTOCOL = Protocol("own", {{"ask": ask, "wipe": wipe}}, (), Own(), {{"on": State("on", ())}}, ask.send())
"""


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("super().forbidden(messages)", "cannot recognize 'wipe' (marked forbidden_on_hardware)"),
        ('re.compile(rb"[\\s\\S]+")', "or name what may be sent to this device in `allowed_on_hardware`"),
        ('re.compile(rb"\\x07")', "forbidden() of protocol 'own' does not recognize 'wipe' in 02"),
    ],
)
def test_a_protocol_that_cannot_recognize_what_it_marks_is_refused(bench, tmp_path, pattern, words):
    (tmp_path / "own.py").write_text(OWN.format(pattern=pattern))
    protocol = load_protocol("own.py", tmp_path)
    with pytest.raises(UsageError, match=re.escape(words)):
        guard_of(bench(), "main", protocol)
    guard_of(bench(allowed_on_hardware=["wipe"]), "main", protocol).check(b"\2")
