"""HL7 where the device sends: what its messages are, what is acknowledged, and a passive probe."""

import contextlib
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import harness.transports.listen  # noqa: F401
from harness.bench import Bench
from harness.bench_tables import ExternalTable
from harness.case import LiveField
from harness.errors import LinkError
from harness.executor import Executor
from harness.guard import Guard
from harness.interfaces import Conversation, FrameKind
from harness.transports import transport
from protocols.hl7_listener import ANSWERED, CODES, DEVICE_MESSAGE, GO_ON, PROTOCOL, identifier
from protocols.hl7_wire import END, START, acknowledged
from protocols.render import Change
from targets.served import served_target

PEER = Path(__file__).parents[1] / "peers" / "hl7_sender.py"
BENCH = Bench(target=ExternalTable(kind="external", name="peer"), interfaces={})


def oru(control_id="42"):
    return START + f"MSH|^~\\&|A|B|C|D|1||ORU^R01|{control_id}|P|2.5\rPID|1\r".encode() + END


def frame(data):
    (found,), rest = PROTOCOL.split(data)
    assert rest == b""
    return found


def learned(data):
    conversation = Conversation()
    PROTOCOL.learn(frame(data), conversation)
    return conversation


@contextmanager
def conversation(*options, timeout=20.0):
    """An executor that a sender of its own talks to."""
    target = served_target(BENCH)
    carrier = transport("listen:tcp:127.0.0.1:0", target)
    with pytest.raises(LinkError):
        carrier.open(0.0)
    command = [sys.executable, str(PEER), carrier.place.removeprefix("tcp:"), "--interval", "0.02", *options]
    with subprocess.Popen(command) as peer:
        try:
            executor = Executor(
                PROTOCOL, carrier, target, Guard(None, ()), reply_timeout=timeout, open_timeout=30.0, adaptive=True
            )
            executor.begin(Conversation())
            yield executor
            executor.close()
        finally:
            peer.kill()
            carrier.shut()


def own(executor):
    """What was sent or waited for, without what the device said on its own account."""
    return [exchange for exchange in executor.exchanges if exchange.message]


def ids(executor):
    return [identifier(reply) for exchange in own(executor) for reply in exchange.replies]


def test_what_a_device_sends_is_its_own_message_and_what_acknowledges_is_none():
    its, ack = frame(oru()), frame(START + b"MSH|^~\\&|A|B|C|D|1||ACK|9|P|2.5\rMSA|AA|42\r" + END)
    noise = frame(START + b"hello" + END)
    assert [PROTOCOL.served(one) for one in (its, ack, noise)] == [True, False, False]
    assert [PROTOCOL.answers(b"", one) for one in (its, ack, noise)] == [True, False, False]
    assert PROTOCOL.answers(PROTOCOL.messages["accept"].send().data, its)
    assert not PROTOCOL.answers(its.data, its), "an echo"
    assert its.kind is FrameKind.REPLY


def test_an_acknowledgement_names_the_message_that_the_device_sent_last():
    told = learned(oru("R-7"))
    PROTOCOL.learn(frame(START + b"hello" + END), told)
    assert PROTOCOL.resolve(LiveField(ANSWERED, 0, 8), b"MSG00001", told) == b"R-7"
    assert PROTOCOL.resolve(LiveField(ANSWERED, 0, 8), b"MSG00001", Conversation()) == b"MSG00001"


def test_the_probe_says_nothing_before_the_device_has_and_then_what_it_may_wait_for():
    assert PROTOCOL.probe.data == b""
    assert PROTOCOL.resolve(PROTOCOL.probe.live[0], b"", Conversation()) == b""
    said = PROTOCOL.resolve(LiveField(GO_ON, 0, 0), b"", learned(oru("R-7")))
    assert acknowledged(said) == (b"AA", b"R-7")


def test_what_was_said_on_another_connection_is_not_acknowledged():
    told = learned(oru("R-7"))
    told.connected.clear()
    assert PROTOCOL.resolve(LiveField(GO_ON, 0, 0), b"", told) == b""


@given(st.binary(max_size=300))
def test_hostile_identifiers_are_bounded_and_never_raise(data):
    told = learned_or_not(START + b"MSH|^~\\&|A|B|C|D|1||ORU^R01|" + data + b"|P|2.5\r" + END)
    assert len(PROTOCOL.resolve(LiveField(ANSWERED, 0, 8), b"MSG00001", told)) <= 199


def learned_or_not(data):
    told = Conversation()
    for one in PROTOCOL.split(data)[0]:
        PROTOCOL.learn(one, told)
    return told


def test_every_acknowledgement_waits_for_a_message_first():
    for name in CODES:
        assert [step.message for step in PROTOCOL.lead_in(name)] == [DEVICE_MESSAGE]


@pytest.mark.parametrize("name", ["accept", "reject", "commit_accept"])
def test_a_device_goes_on_behind_what_settles_its_message(name):
    with conversation() as executor:
        executor.run((*PROTOCOL.lead_in(name), PROTOCOL.messages[name].send()))
        first, second = ids(executor)
        assert first != second
        assert [exchange.answered for exchange in own(executor)] == [True, True]


def test_a_device_sends_again_what_is_not_accepted():
    with conversation() as executor:
        executor.run((*PROTOCOL.lead_in("error"), PROTOCOL.messages["error"].send()))
        first, second = ids(executor)
        assert first == second


def test_what_the_device_said_last_serves_a_probe_that_says_nothing():
    with conversation("--patience", "60", timeout=60.0) as executor:
        executor.run((*PROTOCOL.lead_in("accept"), PROTOCOL.messages["accept"].send()))
        began = executor.now()
        answer = executor.probe()
        assert (answer.data, executor.exchanges[-1].sent) == (own(executor)[1].replies[0], b"")
        assert executor.now() - began < 30.0
        executor.run(PROTOCOL.lead_in("accept"))
        assert ids(executor)[-1] == identifier(answer.data)


def test_a_device_that_waits_for_its_acknowledgement_is_given_one_by_the_probe():
    wrong = PROTOCOL.messages["accept"].mutated((Change("message.MSA.2", b"nothing"),))
    with conversation("--patience", "60", timeout=0.3) as executor:
        executor.run((*PROTOCOL.lead_in("accept"), wrong))
        assert [exchange.answered for exchange in own(executor)] == [True, False]
        assert executor.probe() is not None
        assert acknowledged(executor.exchanges[-1].sent) == (b"AA", ids(executor)[0])


def test_in_another_conversation_on_the_same_connection_the_last_message_is_acknowledged():
    with conversation() as executor:
        assert executor.probe() is not None
        executor.begin(Conversation())
        executor.run((*PROTOCOL.lead_in("accept"), PROTOCOL.messages["accept"].send()))
        asked, sent = own(executor)
        assert acknowledged(sent.sent)[1] == identifier(asked.replies[0])


def test_a_device_with_a_connection_for_each_message_is_waited_for():
    with conversation("--once") as executor:
        for _ in range(3):
            executor.begin()
            with contextlib.suppress(LinkError):
                executor.run((*PROTOCOL.lead_in("accept"), PROTOCOL.messages["accept"].send()), reopens=True)
            assert own(executor)[0].answered
            executor.close()
