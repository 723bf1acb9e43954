"""Peripherals as they are in the field: what they do by themselves is handled, and nothing of it is a finding."""

import time
from types import SimpleNamespace

import pytest
from test_procedures import COMMAND
from test_radio_monitor import Bystander

from harness.case import Origin, Procedure, Send, TestCase, Wait
from harness.errors import LinkError, UsageError
from harness.executor import Executor
from harness.guard import Guard
from harness.identity import unlike
from harness.interfaces import Identity
from harness.ladder import Ladder
from harness.monitors.liveness import LivenessMonitor
from harness.monitors.radio import RadioMonitor
from harness.radio.client import RadioClient
from harness.radio.peer import Peer
from harness.runner import Runner
from harness.states import Interface
from harness.transports import transport
from harness.verdict import Kind, Verdict, verdict_of
from protocols.load import load_protocol
from targets.serving.bench_faults import BLE_FAULTS, chosen

READ = Send("read", b"\x0a\x03\x00")
PAIRING_REQUEST = Send("pairing_request", bytes.fromhex("01 03 00 05 10 00 00"))


@pytest.fixture
def bench(radio, attach):
    """A runner in front of a device with faults of the field."""
    made = []

    def wired(faults="", layer="att", query="", open_timeout=1.0):
        process, address = attach(radio.listening[0], "F0:F1:F2:F3:F4:F5", "random", "bench dummy", faults)
        protocol, target = load_protocol(layer), Bystander(radio)
        carrier = transport(f"ble:{address}?layer={layer}{query}", SimpleNamespace(radio=radio))
        executor = Executor(
            protocol, carrier, target, Guard(None, ()), reply_timeout=0.4, open_timeout=open_timeout, adaptive=True
        )
        runner = Runner(
            target,
            {layer: Interface(layer, protocol, executor, carrier, Ladder(executor))},
            [LivenessMonitor(protocol, layer), RadioMonitor(layer)],
            settle=0.0,
        )
        runner.start()
        carrier.open(30.0)
        made.append(executor)

        def run(*steps, survey=True):
            case = TestCase(layer, next(iter(protocol.states)), steps, Origin("test"))
            outcome = runner.run(case, probe=survey)
            return outcome.transcript, list(outcome.observations)

        def say(words):
            return Send("say", b"\x12" + carrier._peer.handle(COMMAND).to_bytes(2, "little") + words)

        return SimpleNamespace(run=run, say=say, process=process, carrier=carrier, peer=carrier._peer)

    yield wired
    for executor in made:
        executor.close()


def kinds(outcome):
    return [observation.kind for observation in outcome[1]]


@pytest.mark.parametrize("faults", ["slow-advertising", "late-advertising"])
def test_a_device_that_advertises_late_is_waited_for(bench, faults):
    b = bench(faults, open_timeout=3.0)
    transcript, observations = b.run(READ)
    assert (observations, transcript.probe_served, transcript.link_error) == ([], True, "")


def test_a_device_that_is_later_than_the_bench_expects_is_silent_no_sooner_than_it_is_known_to_come_back(bench):
    b = bench("late-advertising", open_timeout=0.5)
    transcript, observations = b.run(READ)
    assert (observations, transcript.probe_served, transcript.link_error) == ([], True, "")
    assert b.peer.watch.patience > 2.0


def test_a_device_that_hangs_is_sought_once(bench, monkeypatch):
    """Its host stack stands still with the connection up, and advertises no more."""
    b, patience = bench(open_timeout=3.0), 5.0  # of an interface whose device nothing resets
    ask, asked = RadioClient.ask, []
    monkeypatch.setattr(RadioClient, "ask", lambda *words, **more: asked.append(words[1:]) or ask(*words, **more))
    monkeypatch.setattr(Peer, "_stalled", lambda *_words: 0.0)  # what the machine lost would be given besides
    for _ in range(2):
        b.run(Procedure("disconnect"), READ)
    began = time.monotonic()
    asked.clear()
    transcript, observations = b.run(b.say(b"hang"), READ)
    assert [observation.kind for observation in observations if observation.kind is Kind.SILENCE]
    assert [event.detail["state"] for event in transcript.link_events if event.kind == "advertising"] == ["stopped"]
    assert time.monotonic() - began > patience
    sought = [words for words in asked if words[0] in ("connect", "hear")]
    assert patience <= sum(seconds for _name, seconds in sought) < 2 * patience, sought


@pytest.mark.parametrize(
    "faults", ["odd-name", "mtu-refused", "duplicate-uuids", "odd-name,mtu-refused,duplicate-uuids"]
)
def test_an_odd_device_is_met_and_surveyed(bench, faults):
    b = bench(faults)
    for _ in range(3):
        transcript, observations = b.run(READ)
        assert (observations, transcript.probe_served, transcript.link_error) == ([], True, "")


def test_a_name_that_is_not_utf8_is_shown(radio, attach):
    attach(radio.listening[0], "F0:F1:F2:F3:F4:F5", "random", "bench dummy", "odd-name")
    (found,) = radio.client(1.0).ask("scan", seconds=0.2)["found"]
    assert found["name"] == "P\ufffdmp \ufffd"


def test_a_bonded_device_is_known_under_each_of_its_addresses(bench):
    b = bench("rotating-address", query="&pair=on")
    for steps in ((READ,), (READ,), (Procedure("forget_bond"), READ), (READ,), (READ,)):
        transcript, observations = b.run(*steps)
        assert (observations, transcript.probe_served, transcript.link_error) == ([], True, "")
    assert b.peer.watch._bonded


def test_an_address_that_changed_is_no_silence_of_the_device(bench):
    b = bench("rotating-address", open_timeout=0.5)
    _transcript, observations = b.run(READ)
    assert Kind.SILENCE not in [observation.kind for observation in observations]
    assert verdict_of(observations) is not Verdict.FINDING
    with pytest.raises(LinkError, match="a private one and changes; pair=on"):
        b.carrier.open(0.5)


def test_a_device_that_ends_an_idle_connection_is_connected_to_anew(bench):
    b = bench("idle-disconnect")
    b.run(READ, survey=False)
    transcript, observations = b.run(READ, Wait(1.3), READ, survey=False)
    assert [transcript.exchanges[n].answered for n in (0, -1)] == [True, True]
    assert (observations, transcript.link_error) == ([], "")
    assert [event.detail.get("reason") for event in transcript.link_events] == ["0x13"]


def test_a_survey_behind_half_a_pairing_breaks_it_off(bench):
    b = bench(layer="smp")
    peer = b.peer
    assert peer.exchange([b"\x12" + peer.handle(COMMAND).to_bytes(2, "little") + b"hold"]) == [b"\x13"]
    outcome = b.run(PAIRING_REQUEST)
    started = time.monotonic()
    b.carrier.survey()
    assert time.monotonic() - started < 2.0
    assert kinds(b.run(survey=True)) == []
    assert verdict_of(outcome[1]) is not Verdict.FINDING


def test_what_a_case_corrupted_shows_when_the_link_is_closed(bench):
    b = bench()
    b.run(b.say(b"corrupt"), survey=False)
    link = b.carrier.open(1.0)
    link.close()
    assert b.process.wait(20.0) == 4
    assert not b.peer.connected


def test_the_case_of_a_name_tells_no_two_devices_apart():
    assert unlike(Identity(name="P\ufffdmp"), Identity(name="p\ufffdMP")) == ""
    assert "name" in unlike(Identity(name="pump"), Identity(name="lamp"))


def test_faults_are_told_by_name():
    assert chosen("odd-name, late-advertising", BLE_FAULTS).keys() == {"odd-name", "late-advertising"}
    with pytest.raises(UsageError, match="no 'odd-names' over Bluetooth LE"):
        chosen("odd-names", BLE_FAULTS)
    assert all(fault.what for fault in BLE_FAULTS.values())
