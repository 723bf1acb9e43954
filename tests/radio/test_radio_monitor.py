"""Faults of a device that only the radio sees, each with its near miss; and what is the radio's own."""

import os
import signal
from types import SimpleNamespace

import pytest
from test_procedures import COMMAND
from wall_clock import WallClock

from harness.case import Origin, Procedure, Reset, Send, TestCase
from harness.errors import BenchError, LinkError
from harness.executor import Executor
from harness.guard import Guard
from harness.ladder import Ladder
from harness.monitors.liveness import LivenessMonitor
from harness.monitors.radio import RadioMonitor
from harness.radio import peer
from harness.runner import Runner
from harness.states import Interface
from harness.transcript import TargetEvent, Transcript
from harness.transports import transport
from harness.verdict import Kind, Verdict, verdict_of
from protocols.load import load_protocol

READ = Send("read", b"\x0a\x03\x00")


class Bystander(WallClock):
    """A target that nothing is asked of: the peripheral is the fixture's."""

    name, radio = "dummy", None

    def __init__(self, radio):
        self.radio = radio

    def start(self):
        pass

    stop = reset = calm = start

    def can_reset(self):
        return False

    def take_events(self):
        return ()

    take_samples = take_console = take_events


@pytest.fixture
def bench(radio, attach):
    """Runs steps as a case on a device that was met; the kinds that were seen, by their signs."""
    made = []

    def wired(query="?layer=att"):
        process, address = attach(radio.listening[0])
        target, protocol = Bystander(radio), load_protocol("att")
        carrier = transport(f"ble:{address}{query}", SimpleNamespace(radio=radio))
        executor = Executor(
            protocol, carrier, target, Guard(None, ()), reply_timeout=0.4, open_timeout=1.0, adaptive=True
        )
        monitors = [LivenessMonitor(protocol, "att"), RadioMonitor("att")]
        interface = Interface("att", protocol, executor, carrier, Ladder(executor))
        runner = Runner(target, {"att": interface}, monitors, settle=0.0)
        runner.start()
        made.append(executor)

        def run(*steps, survey=False):
            case = TestCase("att", "connected", steps, Origin("test"))
            outcome = runner.run(case, probe=survey)
            transcript, observations = outcome.transcript, list(outcome.observations)
            return transcript, {o.fingerprint[0]: o.kind for o in observations if o.kind is not Kind.LINK_LOST}

        def say(words):
            return Send("say", b"\x12" + carrier._peer.handle(COMMAND).to_bytes(2, "little") + words)

        run(READ, survey=True)
        return SimpleNamespace(run=run, say=say, process=process, carrier=carrier)

    yield wired
    for executor in made:
        executor.close()


def test_a_device_that_disconnects_and_comes_back_is_no_fault(bench):
    b = bench()
    transcript, seen = b.run(b.say(b"bye"), READ, survey=True)
    assert seen == {}
    assert ("disconnected", "0x13") in [(event.kind, event.detail.get("reason")) for event in transcript.link_events]


def test_a_device_that_stops_advertising_is_told_with_how_its_connection_ended(bench):
    b = bench()
    transcript, seen = b.run(b.say(b"hush"), READ)
    assert seen["advertising stopped"] is Kind.SILENCE
    (stopped,) = RadioMonitor("att").observe(TestCase("att", "", (), Origin("")), transcript)
    assert stopped.summary.endswith("the connection ended with HCI reason 0x13 (the device ended it)")
    assert "HCI reason 0x13" in transcript.link_error


@pytest.mark.parametrize(
    ("words", "sign", "query"),
    [
        (b"rename", "advertisement", "?layer=att"),
        (b"table", "GATT table", "?layer=att"),
        (b"amnesia", "bond lost", "?layer=att&pair=on"),
    ],
)
def test_a_device_that_is_not_what_it_was_is_seen_by_a_survey(bench, words, sign, query):
    b = bench(query)
    assert b.run(b.say(b"nothing"), survey=True)[1] == {}
    assert b.run(b.say(words), survey=True)[1] == {sign: Kind.DRIFT}
    assert b.run(READ, survey=True)[1] == {}


def test_a_bond_that_we_forgot_is_not_the_devices_loss(bench):
    b = bench("?layer=att&pair=on")
    assert b.run(Procedure("forget_bond"), READ, survey=True)[1] == {}
    assert b.run(Procedure("change_address", (("kind", 1),)), READ, survey=True)[1] == {}
    assert b.run(READ, survey=True)[1] == {}


def test_a_pairing_that_is_broken_off_does_not_end_the_bond(bench):
    b = bench("?layer=att&pair=on")
    for arguments in ((("fail_at", 2),), (("cut_at", 3),)):
        assert b.run(Procedure("pair", arguments), READ, survey=True)[1] == {}


def test_a_key_of_zeros_that_is_taken_is_access_without_pairing(bench):
    b = bench()
    zeros = Procedure("encrypt", (("key", 0),))
    assert b.run(zeros)[1] == {}
    assert b.run(b.say(b"zero"), zeros)[1] == {"zero key": Kind.ACCESS}


def test_a_device_that_is_silent_is_told_from_one_that_is_gone(bench, monkeypatch):
    monkeypatch.setattr(peer, "_SETUP_SECONDS", 0.5)
    b = bench()
    transcript, seen = b.run(b.say(b"mute"))
    assert (list(seen.values()), transcript.link_error) == ([Kind.SILENCE], "")


def test_a_device_that_is_stopped_is_not_taken_for_one_that_serves(bench):
    b = bench()
    b.run(READ)
    os.kill(b.process.pid, signal.SIGSTOP)
    transcript, _seen = b.run(READ)
    assert not transcript.exchanges[0].answered and transcript.probe_served is not True
    os.kill(b.process.pid, signal.SIGCONT)


def test_a_radio_that_is_killed_is_the_benchs_fault_and_never_an_observation(bench, radio):
    b = bench()
    os.kill(radio.pid, signal.SIGKILL)
    with pytest.raises(BenchError, match="the radio process ended") as caught:
        b.run(READ, Procedure("disconnect"), READ)
    assert not isinstance(caught.value, LinkError)


@pytest.mark.parametrize(
    ("reason", "steps", "found"), [("0x08", (READ,), 1), ("0x13", (READ,), 0), ("0x08", (Reset(),), 0)]
)
def test_a_timeout_of_the_connection_is_a_restart_unless_we_asked_for_it(reason, steps, found):
    event = TargetEvent("disconnected", 1.0, {"reason": reason, "words": f"HCI reason {reason}"})
    transcript = Transcript("id", (), 0.0, 2.0, link_events=(event,))
    observations = RadioMonitor("att").observe(TestCase("att", "connected", steps, Origin("test")), transcript)
    assert [o.kind for o in observations] == [Kind.REBOOT] * found
    assert (verdict_of(observations) is Verdict.FINDING) == bool(found)
    late = Transcript("id", (), 1.5, 2.0, link_events=(event,))
    assert RadioMonitor("att").observe(TestCase("att", "connected", steps, Origin("test")), late) == []
    assert RadioMonitor("gatt").observe(TestCase("att", "connected", steps, Origin("test")), transcript) == ()
