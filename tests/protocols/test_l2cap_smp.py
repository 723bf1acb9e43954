"""Wires of SMP, signalling and whole frames: what answers what, and what has to be answered."""

import inspect

import pytest
from scapy.layers import bluetooth

from harness.interfaces import Conversation, FrameKind
from protocols.derive import derive
from protocols.l2cap import PROTOCOL as SIGNALLING
from protocols.l2cap import WHOLE_FRAMES
from protocols.smp import PROTOCOL as SMP


def heard(protocol, data):
    (frame,), _rest = protocol.split(bytes.fromhex(data))
    return frame


COMMANDS = [
    cls
    for name, cls in inspect.getmembers(bluetooth, inspect.isclass)
    if name.startswith("L2CAP_") and name not in ("L2CAP_Hdr", "L2CAP_CmdHdr")
]


@pytest.mark.parametrize("cls", COMMANDS, ids=lambda cls: cls.__name__)
def test_every_command_of_scapys_is_derived_with_both_lengths(cls):
    packet = bluetooth.L2CAP_Hdr(cid=5) / bluetooth.L2CAP_CmdHdr() / cls()
    assert derive("m", packet).render() == bytes(packet)
    assert int.from_bytes(bytes(packet)[:2], "little") == len(bytes(packet)) - 4


@pytest.mark.parametrize("name", [name for name in SMP.messages if name != "failed"])
def test_pairing_failed_answers_any_smp_command(name):
    assert SMP.answers(SMP.message(name).send().data, heard(SMP, "05 03"))


def test_a_pairing_request_is_answered_and_must_be():
    request = SMP.probe.data
    assert SMP.expects_reply(request) and not SMP.expects_reply(request[:-1])
    response = heard(SMP, "02 03 00 01 10 07 07")
    assert SMP.answers(request, response) and SMP.served(response)
    assert heard(SMP, "05 06").fields["reason"] == "encryption key size"
    assert heard(SMP, "0b 01").kind is FrameKind.UNSOLICITED
    assert heard(SMP, "77 01").kind is FrameKind.STRAY


def test_the_debug_key_is_on_the_curve():
    data = SMP.message("public_key").send().data
    x, y = (int.from_bytes(data[start : start + 32], "little") for start in (1, 33))
    prime = 2**256 - 2**224 + 2**192 + 2**96 - 1
    b = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
    assert (y * y - (x**3 - 3 * x + b)) % prime == 0


def test_a_signalling_answer_has_the_request_s_identifier():
    request = bytes.fromhex("14 07 0a00 ef00 4000 4000 4000 0100")
    assert SIGNALLING.expects_reply(request)
    refused = heard(SIGNALLING, "15 07 0a00 0000 0000 0000 0000 0200")
    assert SIGNALLING.answers(request, refused)
    assert refused.fields["result"] == 2
    assert SIGNALLING.answers(request, heard(SIGNALLING, "01 07 0200 0000"))
    assert not SIGNALLING.answers(request, heard(SIGNALLING, "01 08 0200 0000"))
    assert heard(SIGNALLING, "12 01 0800 0600 0c00 0000 c800").kind is FrameKind.UNSOLICITED


@pytest.mark.parametrize("command", ["14 00 0000", "14 07 0100", "14 07", "15 07 0000", "16 07 0400 4000 0100", ""])
def test_what_no_device_has_to_answer(command):
    assert not SIGNALLING.expects_reply(bytes.fromhex(command))


def test_a_frame_is_answered_over_its_own_channel():
    read = bytes.fromhex("0300 0400 0a0300")
    assert WHOLE_FRAMES.expects_reply(read)
    assert WHOLE_FRAMES.answers(read, heard(WHOLE_FRAMES, "0200 0400 0b41"))
    assert not WHOLE_FRAMES.answers(read, heard(WHOLE_FRAMES, "0200 0500 0b41"))
    assert not WHOLE_FRAMES.expects_reply(bytes.fromhex("0400 0400 0a0300"))
    assert heard(WHOLE_FRAMES, "0100 4000 00").kind is FrameKind.UNSOLICITED


def test_an_indication_in_a_frame_is_confirmed_in_a_frame():
    frame = heard(WHOLE_FRAMES, "0400 0400 1d210001")
    assert WHOLE_FRAMES.learn(frame, Conversation()) == bytes.fromhex("0100 0400 1e")
