"""HL7 over a link: which answers a message and a probe get where a server answers in its own way."""

import pytest

from harness.bench import Bench
from harness.bench_tables import ExternalTable
from harness.executor import Executor
from harness.guard import Guard
from harness.transports.scripted import ScriptedTransport
from protocols.hl7_mllp import hl7_mllp
from protocols.hl7_wire import ASKED
from targets.served import served_target

PROTOCOL = hl7_mllp()
MESSAGES = PROTOCOL.messages
BENCH = Bench(target=ExternalTable(kind="external", name="server"), interfaces={})


def ack(code, identifier):
    return b"\x0bMSH|^~\\&|R|H|G|H|||ACK|9|P|2.5\rMSA|" + code + b"|" + identifier + b"\r\x1c\r"


def talk(*pieces):
    """A conversation with a server that answers each message with the pieces that `pieces` make of its control id."""

    def answer(data):
        asked = ASKED.search(data)
        return [piece(data, asked[2]) for piece in pieces] if asked else []

    device = ScriptedTransport(answer)
    executor = Executor(
        PROTOCOL, device, served_target(BENCH), Guard(None, ()), reply_timeout=1.0, open_timeout=1.0, adaptive=True
    )
    executor.begin()
    return device, executor


def commit(_data, identifier):
    return ack(b"CA", identifier)


def application(_data, identifier):
    return ack(b"AA", identifier)


def both(data, identifier):
    return commit(data, identifier) + application(data, identifier)


def echo(data, _identifier):
    return data


@pytest.mark.parametrize("code", [b"AA", b"AE", b"AR", b"CA"])
def test_any_acknowledgement_of_the_probe_proves_that_it_serves(code):
    _device, executor = talk(lambda _data, identifier: ack(code, identifier))
    answer = executor.probe()
    assert answer is not None and answer.fields["control_id"] == "MSG00001"


@pytest.mark.parametrize(
    "piece",
    [
        echo,
        lambda _data, _identifier: b"\x0bgarbage\x1c\r",
        lambda _data, _identifier: ack(b"AA", b"MSG09999"),
        lambda _data, identifier: ack(b"AA", identifier)[:-2],
        lambda _data, _identifier: b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ],
)
def test_what_proves_nothing(piece):
    _device, executor = talk(piece)
    assert executor.probe() is None


def test_an_echo_before_the_acknowledgement_is_passed_over():
    _device, executor = talk(echo, application)
    assert executor.probe().fields["acknowledgement"] == "AA"


def test_an_answer_in_pieces_is_put_together():
    _device, executor = talk(
        lambda _data, identifier: ack(b"AA", identifier)[:20],
        lambda _data, identifier: ack(b"AA", identifier)[20:-1],
        lambda _data, _identifier: b"\r",
    )
    assert executor.send(MESSAGES["observe"].send()).fields["acknowledgement"] == "AA"


def test_two_acknowledgements_in_one_read_are_both_replies():
    _device, executor = talk(both)
    executor.send(MESSAGES["observe"].send())
    (exchange,) = executor.exchanges
    assert [b"|CA|" in reply for reply in exchange.replies] == [True, False]
    assert exchange.unsolicited == ()


def test_an_application_acknowledgement_that_comes_late_is_not_the_next_message_s():
    device, executor = talk(commit, application)
    device.pace = 0.3
    for name in ("observe", "order"):
        assert executor.send(MESSAGES[name].send()).fields["acknowledgement"] == "CA"
        device.clock += 0.3
    assert executor.probe().fields["control_id"] == "MSG00003"
