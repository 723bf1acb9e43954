"""11073-20601 against the peer's manager and agent: every message as it stands, in an association and without one."""

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from talking import talking

import harness.transports.listen  # noqa: F401
from harness.bench import Bench
from harness.bench_tables import ExternalTable
from harness.errors import LinkError
from harness.executor import Executor
from harness.guard import Guard
from harness.interfaces import Conversation
from harness.ladder import Ladder
from harness.states import unproven
from harness.transcript import Way
from harness.transports import transport
from protocols.phd import AGENT, MANAGER
from protocols.render import Change
from targets.served import served_target

PEER = Path(__file__).parents[1] / "peers" / "phd_peer.py"
BENCH = Bench(target=ExternalTable(kind="external", name="device"), interfaces={})
RESPONSES = {"configuration": 0x0201, "scan_report_fixed": 0x0201, "scan_report_var": 0x0201}
ASKED = {"get_mds": 0x0203, "get_attributes": 0x0203, "set_time": 0x0207, "set_attribute": 0x0300}


@contextmanager
def peer(*arguments):
    with subprocess.Popen([sys.executable, str(PEER), *arguments], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def executing(protocol, transport, target):
    return Executor(protocol, transport, target, Guard(None, ()), reply_timeout=20.0, open_timeout=30.0, adaptive=True)


@pytest.fixture
def manager():
    """An executor that talks with a manager."""
    with peer("manager", "0") as process, talking(MANAGER, process.stdout.readline().strip()) as executor:
        yield executor


@pytest.fixture
def agent():
    """An executor to which an agent connects."""
    target, ours = served_target(BENCH), transport("listen:tcp:127.0.0.1:0", None)
    with pytest.raises(LinkError, match="nobody connected"):
        ours.open(0.0)
    with peer("agent", ours.place.removeprefix("tcp:")):
        executor = executing(AGENT, ours, target)
        yield executor
        executor.close()
        ours.shut()


def begun(executor, protocol, state):
    executor.close()
    executor.begin(Conversation())
    executor.run(protocol.states[state].preamble)
    executor.begin()


def said(executor, protocol, step):
    """The answer to a step, with nothing left over and nothing wrong."""
    reply = executor.send(step)
    exchange = executor.exchanges[-1]
    assert exchange.stray == b""
    if reply is not None:
        assert protocol.wrong(exchange.sent, reply) == ""
    return reply


def test_the_probe_proves_each_state_of_a_manager(manager):
    begun(manager, MANAGER, "unassociated")
    assert manager.probe().fields["said"] == "accepted-unknown-config"
    begun(manager, MANAGER, "operating")
    for _ in range(2):
        assert unproven(manager.probe(), MANAGER.states["operating"]) == ""


@pytest.mark.parametrize("name", RESPONSES)
def test_a_report_is_confirmed_from_association_to_release(manager, name):
    for form in MANAGER.message(name).valid:
        begun(manager, MANAGER, "operating")
        assert said(manager, MANAGER, form).fields["choice"] == RESPONSES[name]
        assert unproven(manager.probe(), MANAGER.states["operating"]) == ""
        assert said(manager, MANAGER, MANAGER.message("release").send()).fields["apdu"] == "rlre"
        assert said(manager, MANAGER, MANAGER.message("associate").send()).fields["said"] == "accepted-unknown-config"


@pytest.mark.parametrize("name", ["configuration", "scan_report_fixed", "release", "associate_reply"])
def test_what_comes_without_an_association_is_aborted_and_the_manager_serves_on(manager, name):
    begun(manager, MANAGER, "unassociated")
    assert said(manager, MANAGER, MANAGER.message(name).send()).fields["apdu"] == "abrt"
    assert Ladder(manager).climb(closed=False, broken=False, patience=5.0).service.way is Way.AT_ONCE


@pytest.mark.parametrize("name", ["scan_report_unconfirmed", "mds_attributes", "error", "reject_operation", "abort"])
def test_what_wants_no_answer_gets_none_and_the_manager_serves_on(manager, name):
    begun(manager, MANAGER, "operating")
    assert said(manager, MANAGER, MANAGER.message(name).send()) is None
    assert Ladder(manager).climb(closed=False, broken=False, patience=5.0).service.way is Way.AT_ONCE


@pytest.mark.parametrize(
    ("field", "data", "result"),
    [
        ("assoc_version", bytes(4), "rejected-unsupported-assoc-version"),
        ("data_proto_id", b"\xff\xff", "rejected-no-common-protocol"),
        ("encoding_rules", b"\x20\0", "rejected-no-common-parameter"),
    ],
)
def test_what_cannot_be_agreed_on_is_rejected(manager, field, data, result):
    begun(manager, MANAGER, "unassociated")
    message = MANAGER.message("associate")
    reply = said(manager, MANAGER, message.mutated([Change(message.layout.path(field), data)]))
    assert (reply.fields["said"], MANAGER.refuses(reply.data)) == (result, True)


def test_a_manager_that_waits_for_what_a_length_announced_serves(manager):
    begun(manager, MANAGER, "operating")
    manager.timeout = 0.3
    message = MANAGER.message("scan_report_fixed")
    manager.send(message.mutated([Change("apdu_length", b"\x30\0")]))
    assert manager.over
    manager.timeout = 20.0
    assert Ladder(manager).climb(closed=False, broken=False, patience=5.0).service.way is Way.AT_ONCE


def test_an_agent_that_speaks_first_serves_and_says_who_it_is(agent):
    begun(agent, AGENT, "unassociated")
    assert AGENT.wire.identity(agent.probe()).serial == b"AGENT001".hex()


def test_an_agent_is_associated_configured_and_reports(agent):
    begun(agent, AGENT, "operating")
    assert unproven(agent.probe(), AGENT.states["operating"]) == ""
    agent.listen(0.2)
    reports = [frame for frame in agent.frames if frame.fields.get("event_type") == 0x0D1D]
    assert len(reports) > 2 and len({frame.fields["invoke_id"] for frame in reports}) == len(reports)


@pytest.mark.parametrize("name", ASKED)
def test_what_an_agent_is_asked_it_answers_in_every_valid_form(agent, name):
    begun(agent, AGENT, "operating")
    for form in AGENT.message(name).valid:
        reply = said(agent, AGENT, form)
        assert reply.fields["choice"] == ASKED[name]
        if name == "get_mds":
            assert (reply.fields["system_id"], reply.fields["dev_configuration_id"]) == (b"\0\x08AGENT001", b"\x40\0")


@pytest.mark.parametrize("name", ["accept", "accept_unknown_config", "reject"])
def test_an_agent_goes_on_behind_each_answer_to_its_association(agent, name):
    begun(agent, AGENT, "unassociated")
    agent.send(AGENT.message("device_message").send())
    reply = said(agent, AGENT, AGENT.message(name).send())
    event = {"accept": 0x0D1D, "accept_unknown_config": 0x0D1C}.get(name)
    assert reply is None or reply.fields.get("event_type") == event
    assert Ladder(agent).climb(closed=False, broken=False, patience=5.0).service.way is Way.AT_ONCE


@pytest.mark.parametrize("name", ["release", "abort"])
def test_an_agent_that_is_let_go_associates_anew(agent, name):
    begun(agent, AGENT, "operating")
    agent.send(AGENT.message(name).send())
    agent.listen(0.3)
    assert agent.frames[-1].fields["apdu"] == "aarq"
