"""ASTM against a host and an analyser written from the standard: every message as it stands is taken, on TCP."""

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from talking import talking

import harness.transports.tcp  # noqa: F401
from harness.interfaces import Conversation
from protocols.astm import CONTROLS
from protocols.astm_wire import EOT
from protocols.load import load_protocol
from protocols.render import Change

PEER = Path(__file__).parents[1] / "peers" / "astm_peer.py"
ROLES = {"host": "astm_host", "analyser": "astm_analyzer"}


@contextmanager
def conversation(role):
    """An executor that talks with a peer of its own, and what the peer prints."""
    command = [sys.executable, str(PEER), role, "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as peer:
        try:
            with talking(load_protocol(ROLES[role]), peer.stdout.readline().strip(), reply_timeout=3.0) as executor:
                yield executor, peer.stdout
        finally:
            peer.kill()


def whole(protocol, message):
    """What leads to a message, the message, and the end of the transfer."""
    rest = () if message.name == "terminator" else (protocol.message("terminator").send(),)
    return [(*protocol.lead_in(message.name), form, *rest, protocol.message("eot").send()) for form in message.valid]


@pytest.mark.parametrize("role", ROLES)
def test_every_record_is_acknowledged_from_the_enq_to_the_eot(role):
    with conversation(role) as (executor, _said):
        protocol = executor.protocol
        for message in (one for name, one in protocol.messages.items() if name not in CONTROLS):
            for steps in whole(protocol, message):
                executor.begin(Conversation())
                assert executor.probe().fields["response"] == "ACK"
                executor.begin(Conversation())
                executor.run(steps)
                talked = [exchange for exchange in executor.exchanges if exchange.sent not in (b"", EOT)]
                assert [exchange.replies for exchange in talked] == [(b"\x06",)] * (len(steps) - 1), message.name
                assert not any(exchange.stray for exchange in executor.exchanges)
                executor.listen(0.05)
        assert executor.probe().fields["response"] == "ACK"


def test_an_analyser_sends_what_it_was_asked_for_and_every_frame_of_it_is_acknowledged():
    with conversation("analyser") as (executor, said):
        executor.run(whole(executor.protocol, executor.protocol.message("query"))[0])
        executor.listen(0.3)
        unsolicited = [data for exchange in executor.exchanges for data in exchange.unsolicited]
        records = [data[2:3] for data in unsolicited if len(data) > 1]
        assert records == [b"H", b"P", b"O", b"R", b"L"]
        assert [said.readline().strip() for _line in range(5)][3:] == ["EOT", "sent"]
        assert executor.probe() is not None


@pytest.mark.parametrize("role", ROLES)
def test_both_states_are_reached_and_kept_by_the_probe(role):
    with conversation(role) as (executor, _said):
        for name in ("idle", "transfer", "idle"):
            executor.begin(Conversation())
            executor.run(executor.protocol.states[name].preamble)
            executor.begin()
            for _again in range(2):
                assert executor.probe().fields["response"] == "ACK"
            frame = executor.send(executor.protocol.message("header").send())
            assert (frame is not None) is (name == "transfer")


def test_a_frame_without_an_end_is_ended_before_the_probe_is_sent_again():
    with conversation("host") as (executor, _said):
        protocol = executor.protocol
        executor.run((protocol.message("enq").send(), protocol.message("header").mutated([Change("cr_lf", b"")])))
        assert executor.probe(0.2) is None
        executor.fill(protocol.resynchronization.filler, 1.0)
        assert executor.probe() is not None


def test_a_wrong_checksum_is_refused_and_the_frame_sent_again_is_taken():
    with conversation("host") as (executor, _said):
        message = executor.protocol.message("header")
        executor.send(executor.protocol.message("enq").send())
        assert executor.send(message.mutated([Change("checksum", b"00")])).fields["response"] == "NAK"
        assert executor.send(message.send()).fields["response"] == "ACK"
