"""The side channel of a device outside: what an adapter may say, what it may not break, and whose time counts."""

import contextlib
import json
import socket
import threading
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import harness.transports.tcp  # noqa: F401
from harness.bench import load_bench
from harness.errors import LinkError, TargetError
from targets.clock import DeviceClock
from targets.served import ServedTarget

SIGNALS = "[signals.rate]\nrange = [0, 10]\n[signals.alarm]\nkind = 'boolean'\n"


@pytest.fixture
def adapter(tmp_path):
    """A target whose adapter answers by `says(words)`: a list of lines, or None to hang up."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads, connections, heard = [], [], []

    def serve(hello, says):
        connection, _address = listener.accept()
        connections.append(connection)
        with contextlib.suppress(ConnectionError), connection, connection.makefile("rwb") as lines:
            lines.write(b"".join(line + b"\n" for line in hello))
            lines.flush()
            for line in lines:
                heard.append(line.decode().strip())
                answers = says(heard[-1])
                if answers is None:
                    return
                lines.write(b"".join(answer + b"\n" for answer in answers))
                lines.flush()

    def wired(says=lambda words: [b'{"event": "ready"}'] if words == "reset" else [], hello=(), more=""):
        threads.append(threading.Thread(target=serve, args=(hello, says)))
        threads[-1].start()
        bench = tmp_path / "b.toml"
        bench.write_text(
            f'[target]\nkind = "external"\nname = "x"\nreset_timeout = 0.5\nsettle = 0.0\n{more}\n'
            f'channel = "tcp:127.0.0.1:{listener.getsockname()[1]}"\n'
            f'[interfaces.main]\ntransport = "tcp:127.0.0.1:1"\nprotocol = "pump_link"\n{SIGNALS}'
        )
        target = ServedTarget(load_bench(bench))
        target.start()
        return target

    yield SimpleNamespace(wired=wired, heard=heard, connections=connections)
    for connection in connections:
        connection.close()
    listener.close()
    for thread in threads:
        thread.join(5.0)


def answering(*entries):
    """An adapter that tells the entries whenever it is asked to catch up."""

    def says(words):
        if words == "reset":
            return [b'{"time": 0, "event": "ready"}']
        told = [entry if isinstance(entry, bytes) else json.dumps(entry).encode() for entry in entries]
        return [*told, json.dumps({"sync": int(words.split()[1])}).encode()] if words.startswith("sync") else []

    return says


OFFERS = (b'{"offers": ["sync"]}',)


def test_signals_console_and_events_arrive_with_the_devices_own_times(adapter):
    target = adapter.wired(
        answering(
            {"time": 1.0, "signals": {"rate": 3, "alarm": False}},
            {"time": 3.5, "signals": {"alarm": True}},
            {"time": 3.6, "console": "boot \x1b[2J"},
            {"time": 3.7, "event": "fault", "detail": {"type": "null write"}},
        ),
        OFFERS,
    )
    (event,) = target.take_events()
    (_moment, text), *_ = target.take_console()
    first, second, *_ = target.take_samples()
    assert (first.values, second.values) == ((3.0, 0.0), (3.0, 1.0))
    assert second.time - first.time == pytest.approx(2.5)
    assert event.time - first.time == pytest.approx(2.7)
    assert (event.kind, dict(event.detail), text) == ("fault", {"type": "null write"}, b"boot \x1b[2J")
    target.stop()


GARBAGE = {
    b"\xff\xfe\x00": "not UTF-8",
    b"boot ok": "not JSON",
    b"[" * 100_000: "nested too deeply",
    b"[1, 2]": "not a JSON object",
    b'{"signals": 3}': "signals is not an object",
    b'{"signals": {"rate": "fast"}}': "signal 'rate' is not a number",
    b'{"signals": {"rate": NaN}}': "NaN is no JSON",
    b'{"signals": {"rate": 1e999}}': "signal 'rate' is not a number",
    b'{"signals": {"rate": 1' + b"0" * 400 + b"}}": "signal 'rate' is not a number",
    b'{"signals": {"rate": 1' + b"0" * 5000 + b"}}": "limit",
    b'{"event": "crash"}': "event is none of",
    b'{"event": ["fault"]}': "event is none of",
    b'{"event": "fault", "detail": [1]}': "detail is not an object",
    b'{"time": -1, "signals": {"rate": 1}}': "time is not in seconds",
    b'{"time": 1e308, "signals": {"rate": 1}}': "time is not in seconds",
    b'{"time": true}': "time is not in seconds",
    b'{"time": "late"}': "time is not a number",
    b'{"console": 5}': "console is not text",
    b'{"offers": "sync"}': "offers is not a list",
    b'{"sync": "1"}': "sync is not a whole number",
    b'{"error": "unknown words"}': "refuses: 'unknown words'",
    b'{"console": "' + b"x" * 1_100_000: "a line has at most",
}


@pytest.mark.parametrize("said", GARBAGE, ids=lambda said: said[:20].decode("ascii", "replace"))
def test_what_an_adapter_gets_wrong_is_one_bench_fault_and_stays_one(device, said):
    target = device.started()
    device.table.update(next=[said])
    with pytest.raises(TargetError, match=GARBAGE[said]) as fault:
        target.take_events()
    assert len(str(fault.value)) < 400
    assert str(fault.value).isprintable()
    with pytest.raises(TargetError, match="lost"):
        target.take_samples()
    target.stop()


def test_what_an_adapter_may_say_beyond_the_rules(adapter):
    hello = (b'one": 3}}', b"", b'{"offers": ["sync"], "version": 2}', b"{}\r", b'{"temper": [1, {"a": 2}]}')
    odd = {"console": "\ud800", "event": "fault", "detail": {"\udc00": ["\ud800"], "n": 1, "long": "x" * 5000}}
    told = [{"signals": {"rate": None, "alarm": True, "other": 5}}, odd]
    target = adapter.wired(answering(*told), hello)
    (event, *_) = target.take_events()
    assert [sample.values for sample in target.take_samples()[:1]] == [(None, 1.0)]
    assert dict(event.detail) == {"?": "['\\ud800']", "n": "1", "long": "x" * 400}
    target.stop()


def test_an_adapter_that_talks_without_end_is_a_bench_fault(device):
    target = device.started()
    device.table.update(next=[b'{"console": "' + b"x" * 1_000_000 + b'"}'] * 40)
    with pytest.raises(TargetError, match="tells without end"):
        target.take_console()
    target.stop()


def test_a_device_that_tells_and_tells_but_never_comes_back_is_told(adapter):
    answers = {"reset": [b'{"event": "ready"}']}
    target = adapter.wired(lambda words: answers.get(words, []))
    stop = threading.Event()

    def chatter():
        while not stop.wait(0.01):
            adapter.connections[0].sendall(b'{"signals": {"rate": 1}}\n')

    talker = threading.Thread(target=chatter)
    talker.start()
    answers.clear()
    with pytest.raises(TargetError, match="did not come back"):
        target.reset()
    stop.set()
    talker.join(5.0)
    target.stop()


def test_the_last_words_of_a_device_that_takes_its_channel_down_are_heard(adapter):
    lines = {"sync 1": [b'{"sync": 1}'], "reset": [b'{"event": "ready"}'], "sync 2": None}
    target = adapter.wired(lines.get, OFFERS)
    adapter.connections[0].sendall(b'{"event": "fault", "detail": {"type": "null write"}}\n')
    assert [event.kind for event in target.take_events()] == ["fault"]
    assert target.take_samples() == []
    with pytest.raises(TargetError, match="did not come back"):
        target.reset()
    target.stop()


def test_an_adapter_that_offers_nothing_is_not_asked_to_catch_up(adapter):
    target = adapter.wired()
    assert target.take_events() == []
    assert adapter.heard == ["reset"]
    target.stop()


def test_an_adapter_that_hangs_up_is_a_bench_fault_and_stays_one_until_a_reset(adapter):
    answers = {"sync 1": [b'{"sync": 1}'], "reset": [b'{"event": "ready"}']}
    target = adapter.wired(answers.get, OFFERS)
    for _ in range(2):
        with pytest.raises(TargetError, match="signals and events are lost"):
            target.take_samples()
    target.stop()


def test_a_device_that_does_not_come_back_from_a_reset_is_told(adapter):
    with pytest.raises(TargetError, match=r"did not come back in 0\.5 s"):
        adapter.wired(lambda words: [])


def test_after_a_reset_what_holds_is_told_although_nothing_changes(adapter):
    answers = {"reset": [b'{"time": 0, "event": "ready"}', b'{"time": 0, "signals": {"rate": 2, "alarm": 0}}']}
    target = adapter.wired(lambda words: answers.get(words, []))
    target.take_samples()
    (held,) = target.take_samples()
    assert held.values == (2.0, 0.0)
    assert target.take_samples() == []
    target.stop()


BOTH = (b'{"offers": ["sync", "baseline"]}',)


@pytest.fixture
def device(adapter):
    """A started target, and what its adapter answers to each word; `sync N` is answered behind what else it tells."""
    table = {"baseline": [ready(0.0)], "reset": [ready(0.0)]}

    def says(words):
        entries = table.get(words, [])
        if words.startswith("sync"):
            entries = [*table.pop("next", []), *entries, {"sync": int(words.split()[1])}]
        return [entry if isinstance(entry, bytes) else json.dumps(entry).encode() for entry in entries]

    def started(more=""):
        target = adapter.wired(says, BOTH, more=more)
        target.take_samples()
        adapter.heard.clear()
        return target

    yield SimpleNamespace(started=started, table=table, heard=adapter.heard)


def signals(time, rate):
    return {"time": time, "signals": {"rate": rate, "alarm": 0}}


def ready(time):
    return {"time": time, "event": "ready"}


def rates(samples):
    return [sample.values[0] for sample in samples]


def test_a_baseline_is_set_with_the_next_reset_and_its_ready_is_not_the_resets(device):
    target = device.started()
    device.table.update(baseline=[signals(70.0, 7), ready(3.0), signals(3.0, 8)])
    device.table.update(reset=[signals(3.5, 9), ready(6.0), signals(6.0, 1)])
    target.calm()
    assert target.take_events() == []
    assert not {"baseline", "reset"} & set(device.heard)
    target.reset()
    assert [words for words in device.heard if "sync" not in words] == ["baseline", "reset"]
    assert rates(target.take_samples()) == [1.0]
    target.reset()
    assert device.heard.count("baseline") == 1
    target.stop()


def test_an_earlier_ready_is_not_the_resets(device):
    target = device.started()
    device.table.update(next=[ready(7.0)], reset=[signals(7.5, 9), ready(10.0), signals(10.0, 1)])
    target.calm()
    target.reset()
    assert rates(target.take_samples()) == [1.0]
    target.stop()


def test_a_reset_within_a_case_keeps_what_the_case_showed_and_time_goes_on(device):
    target = device.started()
    restart = [signals(51.0, 6), {"event": "reset"}, signals(0.0, 0), ready(2.0), signals(2.0, 1)]
    device.table.update(next=[signals(50.0, 5)], reset=restart)
    target.reset()
    samples = target.take_samples()
    assert rates(samples) == [5.0, 6.0, 0.0, 1.0]
    assert [sample.time for sample in samples] == sorted(sample.time for sample in samples)
    assert target.take_events() == []
    target.stop()


def test_what_came_before_a_reset_command_does_not_count_after_it(device):
    target = device.started(more='reset_command = ["true"]')
    device.table.update(next=[signals(100.0, 7)])
    assert rates(target.take_samples()) == [7.0]
    device.table.update(next=[signals(101.0, 8)])
    target.calm()
    target.reset()
    device.table.update(next=[signals(0.5, 2)])
    (sample,) = target.take_samples()
    assert sample.values[0] == 2.0
    assert abs(sample.time - target.now()) < 30.0
    target.stop()


def test_a_baseline_that_is_not_answered_is_told(device):
    target = device.started()
    device.table.update(baseline=[])
    target.calm()
    with pytest.raises(TargetError, match="after a baseline"):
        target.reset()
    target.stop()


def test_a_channel_that_does_not_open_is_told(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    bench = tmp_path / "b.toml"
    bench.write_text(
        f'[target]\nkind = "external"\nname = "x"\nchannel = "tcp:127.0.0.1:{port}"\n'
        '[interfaces.main]\ntransport = "tcp:127.0.0.1:1"\nprotocol = "pump_link"\n'
    )
    with pytest.raises(LinkError, match="Is the device on"):
        ServedTarget(load_bench(bench)).start()


def test_link_time_follows_the_device_and_never_goes_back_over_a_reset():
    clock = DeviceClock()
    clock.anchor(100.0, 5.0)
    assert clock.link_time(102.0, 5.1) == 7.0
    clock.anchor(0.0, 5.2)
    assert clock.link_time(0.5, 5.3) == 7.5
    clock.forget()
    assert clock.link_time(9.0, 6.0) == 6.0
    assert clock.link_time(None, 6.5) == 6.5
    assert clock.link_time(1e300, 6.6) == 6.6


def test_a_device_clock_that_begins_again_by_itself_does_not_turn_link_time_back():
    clock = DeviceClock()
    clock.anchor(500.0, 10.0)
    assert clock.link_time(530.0, 40.1) == 40.0
    assert clock.link_time(529.5, 40.1) == 39.5
    assert clock.link_time(0.2, 45.0) == 45.0
    assert clock.link_time(1.2, 46.5) == 46.0
    clock.restart()
    assert clock.link_time(2.0, 45.5) == 46.0


@given(st.lists(st.tuples(st.floats(0, 1e12), st.floats(0, 5)), max_size=30))
def test_link_time_goes_back_by_no_more_than_a_second_whatever_the_device_says(told):
    clock, now, latest = DeviceClock(), 0.0, 0.0
    for device, passed in told:
        now += passed
        moment = clock.link_time(device, now)
        assert moment >= latest - 1.001
        latest = max(latest, moment)


def test_an_emulator_that_offers_it_lets_time_pass_in_pieces_and_tells_what_it_did_meanwhile(adapter):
    def says(words):
        *what, number = words.split()
        told = [{"time": 4.0, "signals": {"rate": 3, "alarm": 1}}] if what[:1] == ["pass"] else []
        return [json.dumps(one).encode() for one in (*told, {"sync": int(number)})] if what else [b'{"event": "ready"}']

    target = adapter.wired(says, (b'{"offers": ["sync", "pass"]}',))
    assert target.let_pass(2.5)
    assert [words.split()[1] for words in adapter.heard if words.startswith("pass")] == ["1.000000"] * 2 + ["0.500000"]
    assert rates(target.take_samples()) == [3.0] * 3
    target.stop()


def test_time_does_not_pass_where_the_other_side_does_not_offer_it(device):
    target = device.started()
    assert not target.let_pass(2.0)
    assert not any(words.startswith("pass") for words in device.heard)
    target.stop()


def test_a_channel_that_ends_while_time_passes_is_a_fault_of_the_bench(adapter):
    def says(words):
        return None if words.startswith("pass") else [b'{"event": "ready"}'] if words == "reset" else sync(words)

    def sync(words):
        return [json.dumps({"sync": int(words.split()[1])}).encode()]

    target = adapter.wired(says, (b'{"offers": ["sync", "pass"]}',))
    with pytest.raises(TargetError, match="signals and events are lost"):
        target.let_pass(1.0)
    target.stop()
