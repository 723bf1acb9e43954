"""DICOM against pynetdicom and dcmtk: every message as it stands, in an association and without one."""

import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from talking import talking

import harness.transports.tcp  # noqa: F401
from harness.errors import LinkClosed
from harness.interfaces import Conversation
from harness.ladder import Ladder
from harness.states import unproven
from harness.transcript import Way
from protocols.dicom import COMMANDS
from protocols.load import load_protocol
from protocols.render import Change

SCP = Path(__file__).parents[1] / "peers" / "pynetdicom_scp.py"
PROTOCOL = load_protocol("dicom")
RESPONSE, ABORT, SUCCESS = 4, 7, 0
ANSWERED = {
    "associate": 2,
    "associate_negotiating": 2,
    "release": 6,
    "accept": ABORT,
    "reject": ABORT,
    "release_reply": ABORT,
}
"""PDU types of the answers: in an association those to its release, else those without one."""
BESIDE = tuple(name for name in COMMANDS if name.endswith(("_response", "_misplaced")))
CARRIED_OUT = [name for name in COMMANDS if name not in ("c_get", "c_move", "c_cancel", *BESIDE)]
REFUSED = ("c_find", "c_store_encapsulated", "c_store_deflated")
"""By a storage server that knows nothing compressed."""
ENDS_STORESCP = "c_store_crowded"
"""dcmtk 3.6.7 loses its place in a P-DATA-TF of PDVs whose lengths differ, and dies of it."""
STORESCP = "/usr/bin/storescp"  # dcmtk's; pynetdicom has one, too
without_storescp = pytest.mark.skipif(shutil.which(STORESCP) is None, reason="no storescp: apt-get install dcmtk")


@contextmanager
def pynetdicom(_folder):
    command = [sys.executable, "-W", "ignore", str(SCP), "0"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        try:
            yield int(server.stdout.readline())
        finally:
            server.kill()


@contextmanager
def storescp(folder):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [STORESCP, "--output-directory", str(folder), str(port)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ, "TCP_NODELAY": "1"}) as server:
        try:
            yield port
        finally:
            server.kill()


SERVERS = [pynetdicom, pytest.param(storescp, marks=without_storescp)]


@pytest.fixture(scope="module", params=SERVERS)
def port(request, tmp_path_factory):
    """Where a server listens."""
    with request.param(tmp_path_factory.mktemp("received")) as port:
        yield port


@pytest.fixture
def executor(port):
    """One that talks with the server."""
    with talking(PROTOCOL, port) as executor:
        yield executor


def begun(executor, state):
    """On a new connection, in a state; the record is empty."""
    executor.close()
    executor.begin(Conversation())
    executor.run(PROTOCOL.states[state].preamble)
    executor.begin()


def said(executor, step):
    """The answer to a step, with nothing left over."""
    reply = executor.send(step)
    exchange = executor.exchanges[-1]
    assert exchange.stray == b"", step.message
    for data in (*exchange.replies, *exchange.unsolicited):
        (frame,), rest = PROTOCOL.split(data)
        assert (rest, PROTOCOL.wire.wrong(exchange.sent, frame) if frame.data in exchange.replies else "") == (b"", "")
    return reply


def test_the_probe_is_served_in_both_states_and_proves_the_association(executor):
    begun(executor, "idle")
    assert executor.probe().fields["pdu_type"] == 2
    begun(executor, "associated")
    for _ in range(2):
        assert unproven(executor.probe(), PROTOCOL.states["associated"]) == ""


def carried_out(executor, name):
    """An operation in each of its valid forms, each in an association of its own."""
    for form in PROTOCOL.message(name).valid:
        begun(executor, "associated")
        reply = said(executor, form)
        if reply.fields["pdu_type"] == ABORT:
            assert name in REFUSED or name.startswith("n_")
            assert "storescp" in str(os.environ.get("PYTEST_CURRENT_TEST"))
            continue
        told = (reply.fields["command_field"], reply.fields["status"])
        assert told == (COMMANDS[name] | 0x8000, SUCCESS)
        assert len(executor.exchanges[-1].unsolicited) == (4 if name == "c_find" else 0)
        assert unproven(executor.probe(), PROTOCOL.states["associated"]) == ""
        assert said(executor, PROTOCOL.message("release").send()).fields["pdu_type"] == 6


@pytest.mark.parametrize("name", [name for name in CARRIED_OUT if name != ENDS_STORESCP])
def test_an_operation_is_carried_out_from_association_to_release(executor, name):
    carried_out(executor, name)


@pytest.mark.parametrize("port", [pynetdicom], indirect=True)
def test_what_storescp_does_not_survive_is_carried_out_by_another(executor):
    carried_out(executor, ENDS_STORESCP)


@pytest.mark.parametrize("name", ["associate", "associate_negotiating"])
def test_an_association_is_accepted_in_every_valid_form(executor, name):
    for form in PROTOCOL.message(name).valid:
        begun(executor, "idle")
        reply = said(executor, form)
        told = (
            reply.fields["pdu_type"],
            reply.fields["presentation_context_1"],
            reply.fields["presentation_context_3"],
        )
        assert told == (2, 0, 0)
        assert unproven(executor.probe(), PROTOCOL.states["associated"]) == ""


@pytest.mark.parametrize("name", [name for name in PROTOCOL.messages if not name.startswith(("associate", "abort"))])
def test_what_comes_without_an_association_is_aborted_and_the_server_serves_on(executor, name):
    begun(executor, "idle")
    assert said(executor, PROTOCOL.message(name).send()).fields["pdu_type"] == ABORT
    assert executor.over
    assert Ladder(executor).climb(closed=False, broken=False, patience=5.0).service.way is Way.AT_ONCE


@pytest.mark.parametrize("name", ["associate", "accept", "reject", "release_reply"])
def test_what_does_not_fit_an_association_aborts_it_and_the_server_serves_on(executor, name):
    begun(executor, "associated")
    assert said(executor, PROTOCOL.message(name).send()).fields["pdu_type"] == ABORT
    assert Ladder(executor).climb(closed=False, broken=False, patience=5.0).service.way is Way.AT_ONCE


@pytest.mark.parametrize("name", BESIDE)
def test_what_nobody_asked_for_or_in_another_context_is_answered_or_borne_and_the_server_serves_on(executor, name):
    begun(executor, "associated")
    reply = executor.send(PROTOCOL.message(name).send())
    assert reply is None or reply.fields["pdu_type"] in (ABORT, RESPONSE)
    assert Ladder(executor).climb(closed=False, broken=False, patience=5.0).service.way is not Way.NEVER


@pytest.mark.parametrize("state", ["idle", "associated"])
def test_behind_an_abort_the_server_closes_and_serves_on(executor, state):
    begun(executor, state)
    with pytest.raises(LinkClosed):
        executor.send(PROTOCOL.message("abort").send())
        executor.listen(2.0)
    served = Ladder(executor).climb(closed=True, broken=True, patience=5.0).service
    assert (served.way, served.closed) == (Way.RECONNECTED, True)


@pytest.mark.parametrize(
    ("name", "field", "state"),
    [("associate", "pdu_length", "idle"), ("c_echo", "command_pdu_pdu_length", "associated")],
)
def test_a_server_that_waits_for_what_a_length_announced_serves(executor, name, field, state):
    begun(executor, state)
    began = time.monotonic()
    executor.send(PROTOCOL.message(name).mutated([Change(field, b"\0\0\x30\0")]))
    assert executor.over or executor.exchanges[-1].answered
    served = Ladder(executor).climb(closed=False, broken=False, patience=5.0).service
    assert (served.way, time.monotonic() - began < 20.0) == (Way.AT_ONCE, True)
