"""SDC's messages as XML, live values of any length, and what a provider's response means and cannot be."""

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.case import LiveField
from harness.errors import UsageError
from harness.interfaces import Conversation, Identity
from protocols.http_message import request_of
from protocols.load import load_protocol
from protocols.render import Change
from protocols.sdc import PAYLOADS
from protocols.sdc_fields import ADDRESSING, EVENTING, MESSAGE
from protocols.soap import SOAP12, envelope_of, kind_of, message_id

PROTOCOL = load_protocol("sdc")
NAMES = sorted(PROTOCOL.messages)
ABOUT_SUBSCRIPTION = ("get_status", "renew", "unsubscribe")
ADDRESS = "http://10.0.0.9:6464/device/events/8f1d"
FORBIDDEN_TEXT = "<>&\r\n"


def filled(step, conversation=None):
    """The bytes as they go out, as the executor fills them in."""
    talk = conversation or Conversation()
    return step.filled(lambda live, data: PROTOCOL.resolve(live, data, talk))


def sent(name="get_mdib", conversation=None, **values):
    return filled(PROTOCOL.message(name).send(**values), conversation)


def bent(name, field, data):
    message = PROTOCOL.message(name)
    return filled(message.mutated([Change(message.layout.path(field), data)]))


def id_of(data):
    return envelope_of(request_of(data).body.data).message_ids[0]


def response(payload, asked="", *, status=200, action="urn:x", relates=True, version=SOAP12):
    related = f"<a:RelatesTo>{asked}</a:RelatesTo>" if relates else ""
    body = (
        f'<s:Envelope xmlns:s="{version}" xmlns:a="{ADDRESSING}" xmlns:e="{EVENTING}" xmlns:m="{MESSAGE}">'
        f"<s:Header><a:Action>{action}</a:Action>{related}</s:Header><s:Body>{payload}</s:Body></s:Envelope>"
    ).encode()
    return http_response(body, status)


def http_response(body, status=200, kind=b"application/soap+xml; charset=utf-8"):
    return b"HTTP/1.1 %d OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s" % (status, kind, len(body), body)


FAULT = (
    "<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>e:UnableToRenew</s:Value></s:Subcode></s:Code>"
    "<s:Reason><s:Text xml:lang='en'>gone</s:Text></s:Reason></s:Fault>"
)


def subscribed(address=ADDRESS, parameters=""):
    return response(
        f"<e:SubscribeResponse><e:SubscriptionManager><a:Address>{address}</a:Address>"
        f"<a:ReferenceParameters>{parameters}</a:ReferenceParameters></e:SubscriptionManager>"
        "<e:Expires>PT10S</e:Expires></e:SubscribeResponse>"
    )


def learned(*replies):
    conversation = Conversation()
    for reply in replies:
        (frame,), rest = PROTOCOL.split(reply)
        assert (rest, PROTOCOL.learn(frame, conversation)) == (b"", b"")
    return conversation


def frame_of(reply):
    (frame,), _rest = PROTOCOL.split(reply)
    return frame


def probed(conversation):
    return filled(PROTOCOL.probe, conversation)


@pytest.mark.parametrize("name", NAMES)
def test_each_message_is_a_request_with_an_envelope_of_its_action(name):
    for form in PROTOCOL.message(name).valid:
        request = request_of(filled(form))
        assert (request.size, request.head.plain, request.request_line[0]) == (len(filled(form)), True, "POST")
        envelope = envelope_of(request.body.data)
        wanted = PAYLOADS.get(name, "")
        assert (envelope.version, envelope.name) == (SOAP12, wanted)
        assert wanted in envelope.action
        assert PROTOCOL.wire.demands(filled(form))


def test_no_two_message_ids_are_the_same_and_each_tells_its_kind():
    found = [id_of(sent(name)) for name in NAMES for _ in range(5)]
    assert len(set(found)) == len(found)
    assert {kind_of(one) for one in found} == {0, 1}
    assert kind_of(message_id(2).decode()) == 2
    assert kind_of("urn:uuid:00000000-0000-4000-8000-000000000000") is None


@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=300).map(
        lambda path: "http://h/" + re.sub(r"[\[\]#?<>&\\]", "", path)
    ),
    st.lists(st.text(st.characters(codec="utf-8", exclude_categories=("C",)), max_size=40), max_size=3),
    st.sampled_from(ABOUT_SUBSCRIPTION),
)
def test_a_subscription_of_any_length_is_named_and_the_content_length_follows(address, names, name):
    parameters = "".join(f"<id xmlns='urn:device'>{escaped(value)}</id>" for value in names)
    conversation = learned(subscribed(address, parameters))
    request = request_of(sent(name, conversation))
    assert request.size == len(sent(name, conversation))
    assert request.request_line[1] == address.removeprefix("http://h")
    header = ElementTree.fromstring(request.body.data).find(f"{{{SOAP12}}}Header")
    assert header.findtext(f"{{{ADDRESSING}}}To").strip() == address
    blocks = header.findall("{urn:device}id")
    assert [block.get(f"{{{ADDRESSING}}}IsReferenceParameter") for block in blocks] == ["true"] * len(names)


def escaped(text):
    return "".join(f"&#{ord(one)};" if one in FORBIDDEN_TEXT else one for one in text)


@given(st.binary(max_size=600))
def test_a_body_of_any_length_is_counted(body):
    request = request_of(bent("set_value", "body", body))
    assert (request.body.data, request.body.size) == (body, len(body))


@pytest.mark.parametrize(
    "address", ["", "no address", "/path", "http://h/a b", "http://h/\r\nX:1", "http://[", "x" * 5000]
)
def test_an_address_that_cannot_stand_in_a_request_is_not_taken(address):
    conversation = learned(subscribed(ADDRESS), subscribed(escaped(address)))
    assert b"/device/events/8f1d HTTP/1.1" in sent("renew", conversation)


def test_what_is_bent_goes_out_as_it_is_although_a_subscription_is_known():
    conversation = learned(subscribed())
    message = PROTOCOL.message("renew")
    path = message.layout.path("request_target")
    data = filled(message.mutated([Change(path, b"/else")]), conversation)
    assert data.startswith(b"POST /else HTTP/1.1\r\n") and ADDRESS.encode() in data


def test_the_probe_asks_for_what_there_is():
    assert b"transfer/Get<" in probed(Conversation())
    known = learned(subscribed())
    asked = probed(known)
    assert asked.startswith(b"POST /device/events/8f1d ") and b"eventing/GetStatus<" in asked
    assert kind_of(id_of(asked)) == 2
    assert b"transfer/Get<" in probed(learned(subscribed(), response(FAULT, id_of(asked), status=400)))
    assert b"transfer/Get<" in probed(learned(subscribed(), response("", action=f"{EVENTING}/UnsubscribeResponse")))
    still = learned(subscribed(), response(FAULT, id_of(sent("renew", known)), status=400))
    assert b"eventing/GetStatus<" in probed(still)


def test_what_serves_and_what_lapsed():
    about, probe = id_of(sent("renew")), id_of(probed(learned(subscribed())))
    metadata = response("<x:Metadata xmlns:x='http://schemas.xmlsoap.org/ws/2004/09/mex'/>", id_of(sent("get")))
    status = response("<e:GetStatusResponse/>", probe)
    gone = response(FAULT, probe, status=400)
    refused = response(FAULT, id_of(sent("get")), status=500)
    assert [PROTOCOL.served(frame_of(one)) for one in (metadata, status, gone, refused)] == [True, True, True, False]
    assert not PROTOCOL.served(frame_of(http_response(b"", 404)))
    lapsed = [gone, response(FAULT, about, status=400), refused, status]
    assert [PROTOCOL.session_lapsed(frame_of(one)) for one in lapsed] == [True, True, False, False]


def test_a_response_to_another_of_our_messages_is_no_answer():
    first, second = sent(), sent()
    reply = frame_of(response("<m:GetMdibResponse/>", id_of(first)))
    assert (PROTOCOL.answers(first, reply), PROTOCOL.answers(second, reply)) == (True, False)
    assert PROTOCOL.answers(second, frame_of(http_response(b"", 500)))


MDIB, GRANTED = "<m:GetMdibResponse/>", "<e:SubscribeResponse/>"
VALUE = (
    "<m:SetValueResponse><m:InvocationInfo><m:TransactionId>1</m:TransactionId>"
    "<m:InvocationState>{}</m:InvocationState></m:InvocationInfo></m:SetValueResponse>"
)


def says(payload=MDIB, asked=None, **options):
    """The response to a message id, or to another one."""
    return lambda one: response(payload, one if asked is None else asked, **options)


def value(state):
    return says(VALUE.format(state))


def number(text):
    return bent("set_value", "RequestedNumericValue", text)


OTHER, NOT_XML, NO_DECIMAL = (
    "it relates to another message",
    "it accepts what is not well-formed XML",
    "it carries out a value that is no decimal",
)


@pytest.mark.parametrize(
    ("asked", "reply", "why"),
    [
        (sent(), says(), ""),
        (sent(), says(asked="urn:uuid:1"), OTHER),
        (sent(), says(FAULT, "urn:uuid:1", status=400), OTHER),
        (sent(), says(FAULT, f"{ADDRESSING}/unspecified", status=400), ""),
        (sent(), says(relates=False), "it does not say which message it answers"),
        (sent(), says(FAULT, relates=False, status=400), ""),
        (sent(), says(FAULT), "a fault comes with an HTTP status of success"),
        (sent(), says("<m:SetValueResponse/>"), "its payload is another request's answer"),
        (sent(), says("<m:GetMdibResponse>"), "its body is not well-formed XML"),
        (sent(), lambda _: http_response(b"<!DOCTYPE a><a/>"), "its body has a document type declaration"),
        (sent(), lambda _: http_response(b"<a", kind=b"text/plain"), ""),
        (sent(), lambda _: http_response(b"\xff<a", kind=b"text/xml; charset=shift_jis"), ""),
        (sent(), lambda _: http_response(b"<?xml version='1.0' encoding='shift_jis'?>\xff<a", kind=b"text/xml"), ""),
        (sent(), lambda _: http_response(b"\xff<a", kind=b"text/xml"), "its body is not well-formed XML"),
        (sent(), lambda _: http_response(b"", 500), ""),
        (bent("get_mdib", "MessageID", b" urn:x:7\n"), says(asked="urn:x:7"), ""),
        (bent("get_mdib", "MessageID", b"urn:x:7"), says(asked="urn:x:8"), OTHER),
        (bent("get_mdib", "MessageID", b""), says(asked="urn:x:8"), ""),
        (bent("get_mdib", "MessageID_element", b""), says(asked="urn:x:8"), ""),
        (bent("get_mdib", "Body_end", b""), says(), NOT_XML),
        (bent("get_mdib", "Body_end", b""), says(FAULT, status=400), ""),
        (bent("get_mdib", "Body_end", "é".encode()), says(), ""),
        (bent("get_mdib", "XML_declaration", b"<?xml version='1.0' encoding='x'?>"), says(), ""),
        (bent("get_mdib", "Envelope_namespace", b"urn:x"), says(), "it accepts an envelope of an unknown version"),
        (bent("get_mdib", "Envelope", b"<a/>"), says(), "it accepts what is no SOAP envelope"),
        (sent("set_value"), value("Fin"), ""),
        (number(b"1e5"), value("Wait"), NO_DECIMAL),
        (number(b"1e5"), value("Fail"), ""),
        (number(b"1e5"), says(FAULT, status=400), ""),
        (number(b" -.5\n"), value("Fin"), ""),
        (number(b"<!-- -->1"), value("Fin"), ""),
        (sent("subscribe"), says(GRANTED), ""),
        (bent("subscribe", "Dialect", b"urn:x"), says(GRANTED), "it grants a filter of an unknown dialect"),
        (bent("subscribe", "Dialect", b"urn:x"), says(FAULT, status=400), ""),
        (bent("subscribe", "Expires", b" PT0S "), says(GRANTED), "it grants a subscription of no duration"),
        (bent("subscribe", "Expires", b"P0DT0.00S"), says(GRANTED), "it grants a subscription of no duration"),
        (bent("subscribe", "Expires", b"PT0.01S"), says(GRANTED), ""),
        (bent("subscribe", "Expires", b"P"), says(GRANTED), ""),
    ],
)
def test_what_a_response_cannot_be(asked, reply, why):
    envelope = envelope_of(request_of(asked).body.data)
    one = envelope.message_ids[0] if envelope and envelope.message_ids else ""
    assert PROTOCOL.wrong(asked, frame_of(reply(one))) == why


def test_what_is_refused():
    states = {state: PROTOCOL.refuses(response(VALUE.format(state))) for state in ("Fin", "Wait", "Fail", "Cnclld")}
    assert states == {"Fin": False, "Wait": False, "Fail": True, "Cnclld": True}
    assert PROTOCOL.refuses(response(FAULT)) and PROTOCOL.refuses(http_response(b"", 503))


def test_two_responses_that_differ_in_their_header_alone_say_the_same():
    one, other = (frame_of(response("<m:GetMdibResponse/>", id_of(sent()))) for _ in range(2))
    assert one.data != other.data
    assert PROTOCOL.content(one) == PROTOCOL.content(other) != PROTOCOL.content(frame_of(response("<m:X/>")))


@pytest.mark.parametrize("name", NAMES)
def test_the_guard_withholds_a_message_in_all_its_forms_and_lets_the_probes_out(name):
    pattern = PROTOCOL.forbidden([name])
    assert all(pattern.search(filled(form)) for form in PROTOCOL.message(name).valid)
    if name == "get":  # it has no element of its own: nothing can be told from it
        return
    assert {other for other in NAMES if pattern.search(sent(other))} == {name}
    for field in ("Action", f"{PAYLOADS[name]}_element"):
        assert pattern.search(bent(name, field, b""))
    if name != "get_status":
        assert not any(map(pattern.search, (probed(Conversation()), probed(learned(subscribed())))))


@given(st.binary(max_size=300))
def test_hostile_responses_raise_nothing(data):
    for body in (data, b"<a>" + data, b"<s:Envelope xmlns:s='x'><s:Body>" + data + b"</s:Body></s:Envelope>"):
        frame = frame_of(http_response(body))
        assert "message" not in frame.fields or isinstance(frame.fields["message"], str)
        assert PROTOCOL.learn(frame, Conversation()) == b""
        for asked in (b"", data, sent()):
            assert not PROTOCOL.answers(asked, frame) or isinstance(PROTOCOL.wrong(asked, frame), str)
        assert not PROTOCOL.served(frame) and PROTOCOL.identity(frame) == Identity()
        assert PROTOCOL.content(frame) == PROTOCOL.content(frame) and not PROTOCOL.session_lapsed(frame)


def test_paths_and_handles_are_options_of_the_bench():
    protocol = load_protocol(
        "sdc?device=/pump&set=/pump/services/set&value_operation=rate.sco&value=5.5&notify=http://h/n"
    )
    value, subscribe = (protocol.message(name).send().data for name in ("set_value", "subscribe"))
    assert value.startswith(b"POST /pump/services/set ")
    assert b">rate.sco<" in value and b">5.5<" in value and b">http://h/n<" in subscribe
    assert protocol.message("get_mdib").send().data.startswith(b"POST /pump/Get ")
    with pytest.raises(UsageError, match="sdc: event is the path of a service"):
        load_protocol("sdc?event=StateEvent")


def test_a_message_that_stretches_has_no_checksum():
    import boofuzz

    from protocols.model import Message

    summed = boofuzz.Request(
        "m", children=(boofuzz.Block("b", children=(boofuzz.Byte("x"),)), boofuzz.Checksum("c", "b"))
    )
    with pytest.raises(UsageError, match="stretching, so that its checksum 'c' cannot follow"):
        Message(summed, stretching=True).send()


def test_a_live_field_that_nothing_resolves_is_told():
    with pytest.raises(UsageError, match="no resolver"):
        PROTOCOL.wire.resolve(LiveField("else", 0, 1), b"x", Conversation())
