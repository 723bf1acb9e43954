"""The side channel's parser against everything that can come over a wire: an entry, or a reason in words."""

import contextlib
import json
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.errors import BenchError
from harness.serialize import dumps
from harness.transports.scripted import ScriptedTransport
from targets.channel import Channel
from targets.channel_entry import KINDS, ChannelEntry, parse
from targets.channel_inbox import ChannelInbox

words = st.text(max_size=8) | st.sampled_from(["rate", "alarm", "sync", "\ud800", "\x1b[2J", *KINDS])
scalars = st.none() | st.booleans() | st.integers() | st.floats() | words
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3))
keys = ("time", "signals", "console", "event", "detail", "offers", "sync", "error")
objects = st.fixed_dictionaries({}, optional=dict.fromkeys(keys, values))
likely = st.fixed_dictionaries(
    {},
    optional={
        "time": st.floats(0, 1e6),
        "signals": st.dictionaries(words, st.none() | st.floats(-1e9, 1e9)),
        "console": words,
        "event": st.sampled_from(KINDS),
        "detail": st.dictionaries(words, words | st.integers()),
    },
)
lines = st.binary() | (objects | likely | values).map(lambda value: json.dumps(value).encode())


@given(lines)
@example(b'{"time": 1e400}')
@example(b'{"sync": 1' + b"0" * 5000 + b"}")
@example(b'{"detail": ' + b'{"a":' * 2000 + b"1" + b"}" * 2001)
def test_a_line_is_an_entry_or_a_reason(line):
    try:
        entry = parse(line)
    except ValueError as error:
        assert str(error)
        return
    assert entry.time is None or 0 <= entry.time < math.inf
    assert all(value is None or math.isfinite(value) for value in (entry.signals or {}).values())
    assert entry.event in ("", *KINDS)
    assert all(len(text) <= 400 and text.encode() for text in entry.detail.values() if text)


@given(st.lists(likely.map(lambda value: parse(json.dumps(value).encode()))), st.booleans())
def test_whatever_is_told_can_be_kept_and_shown(entries, anew):
    told = ChannelInbox(["rate", "alarm"])
    for number, entry in enumerate(entries):
        told.take(entry, float(number))
    told.restarted(None, 1.0)
    if anew:
        told.begin_anew()
    samples, events = told.samples(1e3), told.events()
    assert all(math.isfinite(sample.time) and len(sample.values) == 2 for sample in samples)
    assert all(json.loads(dumps(kept)) for kept in (*samples, *events))
    assert all(event.kind != "ready" for event in events)


@given(st.lists(lines, max_size=6), st.lists(st.integers(1, 40)), st.booleans())
def test_a_stream_in_any_pieces_is_entries_or_one_bench_fault(told, cuts, ending):
    stream = b"".join(line + b"\n" for line in told) + (b"{" if ending else b"")
    device = ScriptedTransport(lambda _sent: pieces(stream, cuts))
    channel = Channel(device.open(1.0), "scripted:")
    with contextlib.suppress(BenchError):
        channel.say("reset")
        entries = channel.caught_up()
        entries += channel.caught_up()
        assert all(isinstance(entry, ChannelEntry) and not entry.error for entry in entries)
    channel.last_words()


def pieces(stream, cuts):
    ends = [0, *cuts, len(stream)]
    starts = [sum(ends[: n + 1]) for n in range(len(ends))]
    return [piece for start, end in zip(starts, [*starts[1:], None], strict=True) if (piece := stream[start:end])]


def test_only_the_first_line_may_be_cut_off():
    device = ScriptedTransport(
        lambda sent: [b'rate": 1}}\n{"event": "re', b'ady"}\n'] if sent == b"a\n" else [b"oops\n"]
    )
    channel = Channel(device.open(1.0), "scripted:")
    channel.say("a")
    assert [entry.event for entry in channel.caught_up()] == ["ready"]
    channel.say("b")
    with pytest.raises(BenchError, match="scripted:: the channel said 'oops': it is not JSON"):
        channel.caught_up()
    device.unplugged = True
    assert channel.last_words() == []
