"""SDC against a provider of sdc11073: every message as it stands, with a subscription and without one."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("sdc11073", reason="no sdc11073: pip install sdc11073")

from talking import talking

from harness.ladder import Ladder
from harness.states import unproven
from harness.transcript import Way
from protocols.load import load_protocol
from protocols.render import Change
from protocols.sdc import PAYLOADS

PROVIDER = Path(__file__).parents[2] / "examples" / "sdc" / "provider.py"
PROTOCOL = load_protocol("sdc")
ANSWERS = {"get": "Metadata", "probe": "ProbeMatches", "get_metadata": "Metadata"}
ABOUT_SUBSCRIPTION = ("renew", "get_status", "unsubscribe")
READS = [name for name in PROTOCOL.messages if name.startswith(("get", "probe")) and name not in ABOUT_SUBSCRIPTION]
WAYS = [("0",), ("100", "reference")]


@pytest.fixture(scope="module", params=WAYS, ids=["counted", "chunked"])
def port(request):
    """Where a provider listens; the second one answers in chunks, and names subscriptions by a reference parameter."""
    command = [sys.executable, "-W", "ignore", str(PROVIDER), "0", *request.param]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as provider:
        try:
            yield int(provider.stdout.readline())
        finally:
            provider.kill()


@pytest.fixture
def executor(port):
    """One that talks with the provider."""
    with talking(PROTOCOL, port) as executor:
        yield executor


def subscribed(executor):
    """In the state; the record is empty."""
    executor.run(PROTOCOL.states["subscribed"].preamble)
    assert unproven(executor.probe(), PROTOCOL.states["subscribed"]) == ""
    executor.begin()


def said(executor, step):
    """The answer to a step, with nothing left over and nothing wrong."""
    reply = executor.send(step)
    exchange = executor.exchanges[-1]
    assert (exchange.stray, exchange.unsolicited, exchange.replies) == (b"", (), (reply.data,))
    assert PROTOCOL.wrong(exchange.sent, reply) == ""
    assert PROTOCOL.split(reply.data) == ((reply,), b"")
    return reply


def test_the_probe_tells_who_the_device_is(executor):
    identity = PROTOCOL.wire.identity(executor.probe())
    assert (identity.model, identity.serial, identity.firmware) == ("Pump", "P-17", "3.0.0")


@pytest.mark.parametrize("name", READS)
def test_what_is_read_is_answered_by_what_the_standard_has_for_it(executor, name):
    for form in PROTOCOL.message(name).valid:
        reply = said(executor, form)
        assert (reply.fields["status"], reply.fields["message"]) == (
            200,
            ANSWERS.get(name, f"{PAYLOADS.get(name)}Response"),
        )


def test_the_services_paths_are_told(executor):
    told = said(executor, PROTOCOL.message("get").send()).fields
    assert (told["hosted_GetService"], told["hosted_SetService"]) == ("/device/Get", "/device/Set")
    assert told["hosted_ContextService"] == told["hosted_StateEventService"] == "/device/StateEvent"


@pytest.mark.parametrize("name", ["set_value", "set_string", "activate"])
def test_an_operation_is_carried_out(executor, name):
    reply = said(executor, PROTOCOL.message(name).send())
    assert (reply.fields["message"], reply.fields["InvocationState"]) == (f"{PAYLOADS[name]}Response", "Fin")


def test_a_value_that_was_set_is_read_back(executor):
    said(executor, PROTOCOL.message("set_value").send(RequestedNumericValue="2.5"))
    told = said(executor, PROTOCOL.message("get_md_state").send()).fields
    assert told["value_rate"] == "2.5"


def test_a_subscription_is_renewed_looked_at_and_ended_under_its_own_address(executor):
    subscribed(executor)
    for name in ("renew", "get_status", "renew"):
        reply = said(executor, PROTOCOL.message(name).send())
        assert (reply.fields["status"], reply.fields["message"]) == (200, f"{PAYLOADS[name]}Response")
    assert said(executor, PROTOCOL.message("unsubscribe").send()).fields["message"] == "UnsubscribeResponse"
    assert unproven(executor.probe(), PROTOCOL.states["subscribed"]) != ""


STATUS = "a fault comes with an HTTP status of success"


def told(executor, step, why):
    """Refused as the standard wants it, or told: sdc11073 3.0.0 has faults of its own that another version may not."""
    reply = executor.send(step)
    found = PROTOCOL.wrong(executor.exchanges[-1].sent, reply)
    return found == why or (PROTOCOL.refuses(reply.data) and found == "")


@pytest.mark.parametrize("name", ABOUT_SUBSCRIPTION)
def test_without_a_subscription_there_is_a_fault_and_a_wrong_status_is_told(executor, name):
    """Faults have 400 or 500 (SOAP 1.2, part 2, 7.5.2.2)."""
    assert told(executor, PROTOCOL.message(name).send(), STATUS)
    assert executor.probe().fields["message"] == "Metadata"


@pytest.mark.parametrize(
    ("field", "data", "why"),
    [
        ("Dialect", b"urn:nothing", "it grants a filter of an unknown dialect"),
        ("Expires", b"PT0S", "it grants a subscription of no duration"),
    ],
)
def test_what_eventing_says_must_fail_is_refused_or_told(executor, field, data, why):
    message = PROTOCOL.message("subscribe")
    assert told(executor, message.mutated([Change(message.layout.path(field), data)]), why)


def test_a_subscription_that_expired_is_told_by_the_probe_and_does_not_count_as_silence(executor):
    executor.send(PROTOCOL.message("subscribe").send(Expires="PT1S"))
    time.sleep(2.5)
    gone = executor.probe()
    assert (gone.fields["message"], PROTOCOL.session_lapsed(gone)) == ("Fault", True)
    assert executor.probe().fields["message"] == "Metadata"


@pytest.mark.parametrize(
    ("name", "field", "data"),
    [
        ("get_mdib", "Body_end", b""),
        ("get_mdib", "Envelope_namespace", b"http://www.w3.org/2001/12/soap-envelope"),
        ("get_mdib", "Action", b"urn:nothing"),
        ("set_value", "RequestedNumericValue", b"fast"),
        ("set_value", "OperationHandleRef", b""),
        ("subscribe", "Filter_element", b""),
        ("resolve", "Action", b""),
    ],
)
def test_what_must_fail_is_refused_and_the_provider_serves_on(executor, name, field, data):
    message = PROTOCOL.message(name)
    reply = said(executor, message.mutated([Change(message.layout.path(field), data)]))
    assert PROTOCOL.refuses(reply.data)
    assert executor.probe().fields["message"] == "Metadata"


def test_a_provider_that_waits_for_what_a_length_announced_serves(executor):
    message = PROTOCOL.message("get_mdib")
    executor.timeout = 0.3
    executor.send(message.mutated([Change(message.layout.path("Content-Length"), b"99999")]))
    assert executor.over
    executor.timeout = 20.0
    assert Ladder(executor).climb(closed=False, broken=False, patience=5.0).service.way is Way.AT_ONCE
