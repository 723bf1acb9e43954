"""IntelliVue Data Export: bytes as published, what answers what, and a monitor of our own from start to end."""

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import harness.transports.udp  # noqa: F401
from harness.bench import Bench
from harness.bench_tables import ExternalTable
from harness.executor import Executor
from harness.guard import Guard
from harness.interfaces import Conversation, FrameKind, Mark
from harness.states import unproven
from harness.transports import transport
from protocols import intellivue_pdu as pdu
from protocols.intellivue import MESSAGES, PROTOCOL, RELEASE, REQUEST
from protocols.render import Change
from targets.served import served_target

MONITOR = Path(__file__).parents[1] / "peers" / "intellivue_monitor.py"
PUBLISHED = {
    "associate": "0dec0508130100160102800014020002c1dc3180a0808001010000a280a003000001a4803080020101060452010001308006"
    "025101000000003080020102060c2a8648ce14020100000001013080060c2a8648ce140201000000020100000000000061803080020101a0"
    "806080a180060c2a8648ce14020100000003010000be802880060c2a8648ce14020100000001010201028148800000004000000000000000"
    "800000002000000000000000000"
    "1002c00010028800000000000"
    "09c4000009c4000003e8ffffffff600000000001000cf00100088c00000000000000" + "00" * 16,
    "release": "0918c11661803080020101a08062808001000000000000000000",
    "abort": "192e110103c129a080a0803080020101060251010000000061803080020101a080648080010100000000000000000000",
    "poll_numerics": "e10000020001001c000100070016002100000000000000000c1600080001000100060000",
}
ACCEPTED = bytes([pdu.ACCEPT, 2]) + b"\xc1\0"
CREATED = pdu.operation(pdu.INVOKE, 7, pdu.CONFIRMED_EVENT_REPORT, bytes.fromhex("0021 0000 0000 00000001 0d06 0000"))
OPERATIONS = [name for name, message in MESSAGES.items() if message.send().data[:1] == b"\xe1"]


def whole(data):
    (frame,), rest = PROTOCOL.split(data)
    assert (frame.data, rest) == (data, b"")
    return frame


def result(asked, body, *, kind=pdu.RESULT, invoke_id=None, command=None):
    told = pdu.operation_of(asked)
    return pdu.operation(kind, told.invoke_id if invoke_id is None else invoke_id, command or told.command, body)


def reply_to_poll(asked, contexts, count=1, number=None):
    """A monitor's result with one context of these bytes."""
    argument = pdu.operation_of(asked).argument
    head = (argument[14:16] if number is None else number) + bytes(12) + argument[16:22]
    listed = count.to_bytes(2) + len(contexts).to_bytes(2) + contexts
    return result(asked, argument[:6] + argument[10:12] + len(head + listed).to_bytes(2) + head + listed)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_message_is_what_everybody_sends(name):
    values = {"min_poll_period": 2500, "max_mtu_rx": 2500} if name == "associate" else {}
    assert MESSAGES[name].send(**values).data.hex() == PUBLISHED[name]


@given(st.binary(max_size=100))
def test_lengths_follow_what_is_bent(data):
    bent = MESSAGES["associate"].mutated((Change("session.presentation.user_data.option_list", data),))
    assert pdu.size_of(bent.data) == len(bent.data) if len(data) < 17 else pdu.size_of(bent.data)
    poll = MESSAGES["poll_numerics"].mutated((Change("operation.argument.poll.polled_attr_grp", data),)).data
    told = pdu.operation_of(poll)
    assert told.whole and told.argument.endswith(data)


def test_results_are_told_from_the_monitor_s_own_requests_and_from_what_is_none():
    poll = MESSAGES["poll_numerics"].send().data
    event = pdu.operation(pdu.INVOKE, 1, pdu.CONFIRMED_EVENT_REPORT, bytes(14))
    frames, rest = PROTOCOL.split(ACCEPTED + event + b"??" + result(poll, b"x") + b"\xe1\0\0\2\0\2")
    kinds = [FrameKind.REPLY, FrameKind.UNSOLICITED, FrameKind.STRAY, FrameKind.REPLY, FrameKind.STRAY]
    assert ([frame.kind for frame in frames], rest) == (kinds, b"")


def test_only_the_same_invoke_id_answers():
    poll = MESSAGES["poll_numerics"].send().data
    for kind in (pdu.RESULT, pdu.ERROR):
        assert PROTOCOL.answers(poll, whole(result(poll, b"", kind=kind)))
        assert not PROTOCOL.answers(poll, whole(result(poll, b"", kind=kind, invoke_id=9)))
    linked = result(poll, b"x")
    linked = linked[:4] + b"\0\5" + (len(linked) - 6).to_bytes(2) + b"\1\1" + linked[8:]
    assert PROTOCOL.answers(poll, whole(linked))
    assert not PROTOCOL.answers(REQUEST.data, whole(ACCEPTED)), "polls are in vain before the event"
    assert PROTOCOL.answers(REQUEST.data, whole(CREATED)) and not PROTOCOL.answers(poll, whole(CREATED))
    released, aborted = (whole(bytes([kind, 1, 0])) for kind in (pdu.DISCONNECT, pdu.ABORT))
    assert PROTOCOL.answers(RELEASE.data, released) and not PROTOCOL.answers(poll, released)
    assert PROTOCOL.answers(poll, aborted) and PROTOCOL.refuses(aborted.data) and PROTOCOL.session_lapsed(aborted)


def test_what_a_result_cannot_be_is_told():
    poll = MESSAGES["poll_numerics"].send().data
    observed = bytes.fromhex("0000 0001 000a 0050 0001 0004 0950 0000")
    assert PROTOCOL.wrong(poll, whole(reply_to_poll(poll, observed))) == ""
    assert PROTOCOL.wrong(poll, whole(reply_to_poll(poll, b"", count=0))) == ""
    assert PROTOCOL.wrong(poll, whole(result(poll, b"", kind=pdu.ERROR, command=9))) == ""
    cut = result(poll, b"abc")
    for words, reply in {
        "do not hold what they count": reply_to_poll(poll, observed, count=2),
        "lists of a poll's result": reply_to_poll(poll, observed[:-1]),
        "another poll": reply_to_poll(poll, observed, number=b"\0\7"),
        "another command": result(poll, b"", command=pdu.GET),
        "the length in a result": cut[:12] + b"\0\2" + cut[14:],
    }.items():
        assert words in PROTOCOL.wrong(poll, whole(reply))


def test_an_event_is_confirmed_at_once_with_its_own_id_and_type():
    conversation = Conversation()
    told = pdu.operation_of(PROTOCOL.learn(whole(CREATED), conversation))
    assert (told.kind, told.invoke_id, told.command) == (pdu.RESULT, 7, pdu.CONFIRMED_EVENT_REPORT)
    assert told.argument.hex() == "002100000000000000010d060000"
    own = MESSAGES["mds_create_result"].send().filled(lambda live, data: PROTOCOL.resolve(live, data, conversation))
    assert pdu.operation_of(own).invoke_id == 7


def test_the_probe_is_a_poll_in_an_association_and_what_was_not_answered_is_not_asked_again():
    conversation = Conversation()

    def probe():
        return PROTOCOL.probe.filled(lambda live, data: PROTOCOL.resolve(live, data, conversation))

    assert [probe()[:1] for _ in range(3)] == [b"\x0d", b"\xe1", b"\x0d"]
    PROTOCOL.learn(whole(ACCEPTED), conversation)
    assert [probe()[:1] for _ in range(3)] == [b"\xe1", b"\x0d", b"\xe1"]
    RELEASE.filled(lambda live, data: PROTOCOL.resolve(live, data, conversation))
    PROTOCOL.learn(whole(bytes([pdu.DISCONNECT, 1, 0])), conversation)
    assert probe()[:1] == b"\x0d"


@settings(deadline=None)
@given(st.binary(max_size=120), st.binary(max_size=120))
def test_no_bytes_make_it_raise_and_none_are_lost(sent, came):
    for data in (came, b"\xe1\0\0\2\0\2" + came, MESSAGES["poll_numerics"].send().data + came):
        frames, rest = PROTOCOL.split(data)
        assert b"".join(frame.data for frame in frames) + rest == data
        for frame in frames:
            PROTOCOL.answers(sent, frame)
            PROTOCOL.wrong(sent, frame)
            PROTOCOL.wrong(MESSAGES["poll_numerics"].send().data, frame)
            PROTOCOL.learn(frame, Conversation())
            assert dict(frame.fields) is not None
    PROTOCOL.expects_reply(sent)


def test_a_result_s_observations_are_read_by_handle_and_attribute():
    poll = MESSAGES["poll_mds"].send().data
    model = bytes.fromhex("0928 0012 0008") + b"Philips\0" + b"\0\6MP70  "
    observed = bytes.fromhex("0000 0001 001c 0000 0001 0016") + model
    frame = whole(reply_to_poll(poll, observed))
    assert PROTOCOL.wrong(poll, frame) == ""
    assert (frame.fields["model"], frame.fields["poll_number"]) == ("Philips MP70", 1)
    assert PROTOCOL.identity(frame).model == "Philips MP70"
    head = bytes.fromhex("0021 0000 0000 00000001 0d06 0020 0021 0000 0000 0001 0016")
    event = whole(pdu.operation(pdu.INVOKE, 1, pdu.CONFIRMED_EVENT_REPORT, head + model))
    assert PROTOCOL.identity(event).model == "Philips MP70"
    refused = whole(result(poll, b"", kind=pdu.ERROR, command=9))
    assert (refused.fields["error"], PROTOCOL.refuses(refused.data)) == ("no such action", True)


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_guard_tells_an_operation_from_the_others(name):
    pattern = PROTOCOL.forbidden([name])
    assert pattern.search(MESSAGES[name].send().data)
    alike = {other for other in OPERATIONS if pattern.search(MESSAGES[other].send().data)}
    assert alike <= {name, "set_numeric_priority_list", "set_wave_priority_list"}


def test_what_tells_of_a_patient_and_what_configures_is_marked():
    assert Mark.DISCLOSES_PATIENT_DATA in PROTOCOL.marks["poll_patient"]
    assert Mark.PRIVILEGED in PROTOCOL.marks["set_wave_priority_list"]


# -- a monitor ---------------------------------------------------------------------------------------------------------


@contextmanager
def monitor(fault=""):
    command = [sys.executable, str(MONITOR), "0", *([fault] if fault else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        bench = Bench(target=ExternalTable(kind="external", name="monitor"), interfaces={})
        carrier = transport(f"udp:127.0.0.1:{process.stdout.readline().strip()}", None)
        times = {"reply_timeout": 20.0, "open_timeout": 30.0}
        executor = Executor(PROTOCOL, carrier, served_target(bench), Guard(None, ()), adaptive=True, **times)
        executor.begin(Conversation())
        try:
            yield executor
        finally:
            executor.close()
            process.kill()


def test_each_state_is_reached_and_proven_from_any_other():
    with monitor() as executor:
        for name in ("associated", "unassociated", "associated", "associated", "unassociated"):
            executor.run(PROTOCOL.states[name].preamble)
            answer = executor.probe()
            assert answer is not None
            assert unproven(answer, PROTOCOL.states[name]) == "", name


@pytest.mark.parametrize("name", [name for name in MESSAGES if name not in ("associate", "release", "abort")])
def test_every_operation_as_it_stands_is_taken(name):
    with monitor() as executor:
        executor.run(PROTOCOL.states["associated"].preamble)
        executor.run((MESSAGES[name].send(),))
        last = executor.exchanges[-1]
        told = [pdu.operation_of(reply) for reply in last.replies]
        if MESSAGES[name].reply_expected:
            assert [one.kind for one in told] == [pdu.RESULT], name
            assert PROTOCOL.wrong(last.sent, whole(last.replies[0])) == ""
        probed = executor.probe()
        assert probed is not None and probed.fields["type"] == pdu.RESULT


@pytest.mark.parametrize("name", ["release", "abort"])
def test_behind_the_end_of_an_association_the_next_probe_opens_one(name):
    with monitor() as executor:
        executor.run((*PROTOCOL.states["associated"].preamble, MESSAGES[name].send()))
        assert executor.probe().fields["message"] == "ROIV"
        assert executor.probe().fields["message"] == "RORS"


def test_lists_that_do_not_hold_what_they_count_are_seen_in_a_monitor_s_results():
    with monitor("lists") as executor:
        executor.run((*PROTOCOL.states["associated"].preamble, MESSAGES["poll_waves"].send()))
        last = executor.exchanges[-1]
        assert "do not hold" in PROTOCOL.wrong(last.sent, whole(last.replies[0]))
