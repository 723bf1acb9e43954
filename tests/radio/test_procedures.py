"""Procedures of the carrier on a foreign host stack: what each does, what came of it, and that all of it is undone."""

from types import SimpleNamespace

import pytest
from wall_clock import WallClock

from harness.case import Procedure, Reconnect, Send, Wait
from harness.errors import UsageError
from harness.executor import Executor
from harness.guard import Guard
from harness.radio.perform import PROCEDURES
from harness.transports import ble, transport
from harness.transports.ble_procedures import FORGET, PAIR, offered
from protocols.load import load_protocol

assert ble.CHANNELS  # its import registers the scheme
SECRET, COMMAND = "a0000005-0000-4000-8000-000000000000", "a0000004-0000-4000-8000-000000000000"
SLOW = (("low", 80), ("high", 80), ("latency", 0), ("timeout", 300))


class Device:
    """The peripheral behind an executor of the `att` protocol."""

    def __init__(self, radio, address, query):
        self.carrier = transport(f"ble:{address}{query}", SimpleNamespace(radio=radio))
        protocol = load_protocol("smp" if "smp" in query else "att")
        self.executor = Executor(
            protocol, self.carrier, WallClock(), Guard(None, ()), reply_timeout=5.0, open_timeout=30.0, adaptive=False
        )

    def run(self, *steps):
        """The answers' bytes, in the order of the sends."""
        self.executor.begin()
        self.executor.run(steps)
        return [exchange.replies[0] if exchange.replies else b"" for exchange in self.executor.exchanges]

    def handle(self, uuid):
        return self.carrier._peer.handle(uuid)

    def read(self, uuid, **options):
        return Send("read", b"\x0a" + self.handle(uuid).to_bytes(2, "little"), **options)

    def say(self, words):
        return self.run(Send("say", b"\x12" + self.handle(COMMAND).to_bytes(2, "little") + words))

    def events(self, kind):
        return [event.detail for event in self.carrier.take_events() if event.kind == kind]

    def outcomes(self):
        return [detail["outcome"] for detail in self.events("procedure")]


@pytest.fixture
def device(radio, attach):
    """A device for a moniker's query, met already."""
    _process, address = attach(radio.listening[0])
    made = []

    def wired(query="?layer=att"):
        found = Device(radio, address, query)
        made.append(found)
        assert found.executor.probe() is not None
        return found

    yield wired
    for found in made:
        found.executor.close()


@pytest.mark.parametrize("name", offered(pairs=True))
def test_every_procedure_that_is_offered_leaves_a_device_that_serves(device, name):
    d = device()
    steps = offered(pairs=True)[name]
    assert d.run(d.read("2a00"), *steps, d.read("2a00"))[-1] == b"\x0bbench dummy"
    assert len(d.outcomes()) == len([step for step in steps if isinstance(step, Procedure)])
    d.carrier.restore()
    assert d.executor.probe() is not None


def test_what_is_offered_is_what_can_be_performed():
    steps = [step for steps in offered(pairs=True).values() for step in steps if isinstance(step, Procedure)]
    assert {step.name for step in steps} == set(PROCEDURES)
    assert "pair" not in {s.name for steps in offered(pairs=False).values() for s in steps if isinstance(s, Procedure)}


def test_a_disconnection_right_behind_a_request_comes_before_its_answer(device):
    d = device()
    assert d.run(d.read("2a00", wait=False), Procedure("disconnect", (("reason", 0x15),)), d.read("2a00")) == [
        b"",
        b"\x0bbench dummy",
    ]
    assert d.outcomes() == ["done"]


def test_there_are_never_two_fences_under_way(device):
    d = device()
    link = d.executor.connection.handles
    sent, put = [], link._peer.send
    link._peer.send = lambda kind, *bodies: (sent.extend(bodies), put(kind, *bodies))
    d.run(d.read("2a00", wait=False), Procedure("update_parameters", SLOW), d.read("2a00"))
    assert sum(body[2:] in ble.FENCES for body in sent) == 1


def test_of_two_fences_the_later_one_may_be_answered_first(device):
    d = device()
    link = d.executor.connection.handles
    for _ in range(2):
        link.send(d.read("2a00").data, link.now() + 1.0)
    heard = sorted((link._peer.receive(link.now() + 1.0) for _ in range(4)), key=lambda message: message.body[2:4])
    assert [message.body[2:4] for message in heard] == [b"\x01\x04", b"\x01\x0c", b"\x0bb", b"\x0bb"]
    in_turn = iter([heard[2], heard[0], heard[3], heard[1]])
    link._peer.receive = lambda deadline: next(in_turn)
    assert [link.receive(0.0) for _ in range(3)] == [b"\x0bbench dummy", b"\x0bbench dummy", b""]


def test_pairing_encrypts_and_the_bond_does_so_again(device):
    d = device()
    before, after = d.run(d.read(SECRET), PAIR, d.read(SECRET))
    assert (before[:2], after) == (b"\x01\x0a", b"\x0bsecret")
    unencrypted, again = d.run(Reconnect(), d.read(SECRET), Procedure("encrypt", (("key", 1),)), d.read(SECRET))
    assert (unencrypted[:2], again) == (b"\x01\x0a", b"\x0bsecret")
    assert d.run(FORGET, Reconnect(), Procedure("encrypt", (("key", 1),)), d.read(SECRET))[0][:2] == b"\x01\x0a"
    assert d.outcomes() == ["done", "done", "done", "no key"]


@pytest.mark.parametrize("arguments", [(("secure", 0),), (("secure", 0), ("bonding", 0)), (("key_size", 7),)])
def test_ways_to_pair(device, arguments):
    d = device()
    assert d.run(Procedure("pair", arguments), d.read(SECRET)) == [b"\x0bsecret"]
    assert d.outcomes() == ["done"]


def test_a_pairing_that_is_broken_off_ends_there(device):
    d = device()
    d.run(Procedure("pair", (("fail_at", 3),)))
    d.run(Procedure("pair", (("cut_at", 3),)))
    failed, cut = d.outcomes()
    assert failed.startswith("failed") and cut == "the connection was lost"
    assert d.run(d.read(SECRET))[0][:2] == b"\x01\x0a"


def test_the_device_sees_another_address_until_it_is_restored(device):
    """The device has stored its keys where it answers behind a pairing: cut before that, Bumble's host has none."""
    d = device()
    move = Procedure("change_address", (("kind", 3),))
    d.run(PAIR, d.read(SECRET), move, Reconnect(), Procedure("encrypt", (("key", 1),)))
    assert d.outcomes() == ["done", "done", "refused: PIN_OR_KEY_MISSING_ERROR"]
    assert d.carrier.restore() and not d.carrier.restore()
    d.run(Procedure("encrypt", (("key", 1),)))
    assert d.outcomes() == ["done"]


def test_a_key_of_zeros_is_refused_and_noted_where_it_is_not(device):
    d = device()
    zeros = Procedure("encrypt", (("key", 0),))
    d.run(zeros)
    assert d.outcomes() == ["refused: PIN_OR_KEY_MISSING_ERROR"]
    d.say(b"zero")
    d.run(zeros)
    assert {"state": "zero key"} in d.events("bond")


def test_subscriptions_at_once_are_all_answered(device):
    d = device()
    d.run(Procedure("subscribe", (("value", 1),)), Wait(0.05))
    assert [outcome.split()[::2] for outcome in d.outcomes()] in ([["3", "3"]], [["4", "4"]])


def test_an_mtu_is_exchanged(device):
    d = device()
    d.run(Procedure("exchange_mtu", (("mtu", 64),)))
    assert d.outcomes()[0].startswith("03")


def test_a_layer_that_has_the_security_manager_does_not_pair(device):
    d = device("?layer=smp")
    with pytest.raises(UsageError, match=r"'pair': ble:.*layer=smp has none such"):
        d.run(PAIR)


def test_a_procedure_that_is_none_names_the_nearest(device):
    with pytest.raises(UsageError, match="Did you mean 'encrypt'"):
        device().run(Procedure("encript"))
