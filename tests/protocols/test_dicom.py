"""DICOM PDUs as pynetdicom reads them; what is a frame, an answer, an end, and what a reply cannot be."""

import zlib

import pynetdicom.pdu as peer
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.datadict import dictionary_keyword, dictionary_VR
from pydicom.encaps import generate_frames
from pydicom.filebase import DicomBytesIO
from pydicom.pixels.decoders.rle import _rle_decode_frame as rle_decode_frame
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)
from pynetdicom.dsutils import decode, encode

from harness.case import LiveField
from harness.errors import UsageError
from harness.interfaces import Conversation, Frame, FrameKind
from protocols.dicom import COMMANDS, CONTEXTS, PROTOCOL, dicom
from protocols.dicom_objects import AMBIGUOUS, COMMITTED, EVERY_VR, IDENTIFIER, STEP_BEGUN, STEP_DONE, Items, image
from protocols.dicom_pdu import (
    COMMAND,
    LAST,
    NO_DATA_SET,
    REQUESTS,
    command_of,
    command_pdu,
    items_of,
    message_of,
    pdu,
    pdus_of,
    pdvs_of,
)
from protocols.dicom_read import contexts_proposed
from protocols.dicom_structures import DEEP, LITTLE, NESTED, SELECTED
from protocols.dicom_uids import SOP_CLASSES, TRANSFER_SYNTAXES, VRS
from protocols.load import load_protocol
from protocols.render import Change

CLASSES = (
    peer.A_ASSOCIATE_RQ,
    peer.A_ASSOCIATE_AC,
    peer.A_ASSOCIATE_RJ,
    peer.P_DATA_TF,
    peer.A_RELEASE_RQ,
    peer.A_RELEASE_RP,
    peer.A_ABORT_RQ,
)
ABORT, RELEASED = pdu(7, bytes(4)), pdu(6, bytes(4))
REJECTED, BUSY = pdu(3, b"\0\1\1\1"), pdu(3, b"\0\2\3\2")
ECHOED = {
    "affected_sop_class_uid": b"1.2.840.10008.1.1",
    "command_field": 0x8030,
    "message_id_being_responded_to": 1,
    "command_data_set_type": NO_DATA_SET,
    "status": 0,
}
NAMES = sorted(PROTOCOL.messages)


def sent(name, **values):
    return PROTOCOL.message(name).send(**values).data


def bent(name, field, data):
    return PROTOCOL.message(name).mutated([Change(field, data)]).data


def whole(data):
    (frame,), rest = PROTOCOL.split(data)
    assert (frame.kind, frame.data, rest) == (FrameKind.REPLY, data, b"")
    return frame


def echoed(**values):
    return command_pdu(1, {**ECHOED, **values})


def accepted(**values):
    """The answer to an association, from the message that carries one."""
    return sent("accept", **values)


def in_halves(fragment, context=1):
    """A command in the PDVs of two PDUs."""
    half = len(fragment) // 2
    pieces = ((COMMAND, fragment[:half]), (COMMAND | LAST, fragment[half:]))
    parts = ((len(piece) + 2).to_bytes(4) + bytes([context, header]) + piece for header, piece in pieces)
    return b"".join(pdu(4, part) for part in parts)


@pytest.mark.parametrize("name", NAMES)
def test_pynetdicom_reads_each_pdu_and_writes_the_same(name):
    for form in PROTOCOL.message(name).valid:
        pdus, rest = pdus_of(form.data)
        assert rest == b""
        for one in pdus:
            raw = pdu(one.kind, one.body)
            read = CLASSES[one.kind - 1]()
            read.decode(raw)
            assert read.encode() == raw


def test_pynetdicom_reads_what_an_association_proposes():
    read = peer.A_ASSOCIATE_RQ()
    read.decode(sent("associate_negotiating"))
    primitive = read.to_primitive()
    proposed = {one.context_id: str(one.abstract_syntax) for one in primitive.presentation_context_definition_list}
    assert sorted(proposed) == sorted(CONTEXTS.values())
    assert proposed[1] == "1.2.840.10008.1.1"
    kinds = {type(one).__name__ for one in primitive.user_information}
    assert {"AsynchronousOperationsWindowNegotiation", "SCP_SCU_RoleSelectionNegotiation"} <= kinds
    assert {"SOPClassExtendedNegotiation", "SOPClassCommonExtendedNegotiation", "UserIdentityNegotiation"} <= kinds


WITHOUT_DATA = {"c_echo", "c_echo_fragmented", "c_cancel", "n_get", "n_get_misplaced", "n_delete", "n_delete_misplaced"}
WITH_DATA = {*COMMANDS} - {f"{name}_response" for name in REQUESTS} - WITHOUT_DATA
STORES = {
    "c_store": ImplicitVRLittleEndian,
    "c_store_fragmented": ImplicitVRLittleEndian,
    "c_store_explicit": ExplicitVRLittleEndian,
    "c_store_big_endian": ExplicitVRBigEndian,
    "c_store_encapsulated": RLELossless,
    "c_store_deflated": DeflatedExplicitVRLittleEndian,
    "c_store_joined": ImplicitVRLittleEndian,
    "c_store_crowded": ImplicitVRLittleEndian,
    "c_store_pieces": ImplicitVRLittleEndian,
    "c_store_pieces_explicit": ExplicitVRLittleEndian,
    "c_store_pieces_big_endian": ExplicitVRBigEndian,
}
REWRITTEN = {"c_store_explicit", "c_store_pieces", "c_store_pieces_explicit", "c_store_pieces_big_endian"}
"""Of what pydicom makes something else: group lengths are left out, a sequence of an unknown VR is known."""


@pytest.mark.parametrize("name", sorted(WITH_DATA))
def test_pydicom_reads_each_data_set_to_its_end_and_writes_the_same(name):
    message, syntax = message_of(pdus_of(sent(name))[0]), STORES.get(name, ImplicitVRLittleEndian)
    form = (syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated)
    read = decode(DicomBytesIO(message.data_set), *form)
    assert len(read.to_json_dict()) >= 2
    written = encode(read, *form)
    if name in REWRITTEN:
        again = decode(DicomBytesIO(written), *form)
        assert again == Dataset({element.tag: element for element in read if element.tag.element})
    elif syntax.is_deflated:  # whose packing is anybody's
        assert inflated(written) == inflated(message.data_set)
    else:
        assert written == message.data_set
    if name in STORES:
        assert (read.Rows, read.Columns, read.PatientID) == (2, 2, "PAT-0001")
        assert read.SourceImageSequence[0].ReferencedSOPClassUID == read.SOPClassUID
        proposed = {one[0]: one[2] for one in contexts_proposed(pdus_of(sent("associate"))[0][0].body)}
        assert proposed[message.context] == (str(syntax).encode(),)


def inflated(data):
    return zlib.decompressobj(wbits=-zlib.MAX_WBITS).decompress(data)


def test_an_object_has_a_value_of_every_representation_and_a_compressed_one_its_pixels():
    every = decode(DicomBytesIO(message_of(pdus_of(sent("c_store_explicit"))[0]).data_set), False, True)
    missing = {vr.decode() for vr in VRS} - {element.VR for element in every.iterall()}
    assert missing == {"OD", "OV", "SV"}  # which belong to other objects
    pieces = decode(DicomBytesIO(message_of(pdus_of(sent("c_store_pieces_explicit"))[0]).data_set), False, True)
    assert {vr.decode() for vr in VRS} == {element.VR for element in pieces.iterall()}
    compressed = decode(DicomBytesIO(message_of(pdus_of(sent("c_store_encapsulated"))[0]).data_set), False, True)
    (frame,) = generate_frames(compressed.PixelData, number_of_frames=1)
    assert rle_decode_frame(frame, 2, 2, 1, 8) == b"\x00\x55\xaa\xff"


def test_what_is_registered_is_known_to_pydicom_by_the_same_name():
    assert all(UID(uid).name != uid for uid in (*SOP_CLASSES, *TRANSFER_SYNTAXES))
    assert all(UID(uid).is_transfer_syntax for uid in TRANSFER_SYNTAXES)
    assert not any(UID(uid).is_transfer_syntax for uid in SOP_CLASSES)
    every = (*image(), *EVERY_VR, *SELECTED, *NESTED, *DEEP, *LITTLE, *STEP_BEGUN, *STEP_DONE, *COMMITTED, *IDENTIFIER)
    for tag, vr, name, _value in with_inner(every):
        if not tag >> 16 & 1:  # those of odd groups are private
            assert vr in dictionary_VR(tag).split(" or ")
            assert name.replace("_", "") == dictionary_keyword(tag).lower()


def with_inner(elements):
    """They, and those of their sequences' items."""
    for element in elements:
        yield element
        value = element[3]
        for item in value.items if isinstance(value, Items) else [value] if isinstance(value, tuple) else []:
            yield from with_inner(item)


@pytest.mark.parametrize("name", [name for name in COMMANDS if "pieces" in name])
def test_a_data_set_in_pieces_is_cut_within_everything(name):
    (_command, *pdus), rest = pdus_of(sent(name))
    cut = [pdv for one in pdus for pdv in pdvs_of(one.body)]
    lengths = {len(pdv.fragment) for pdv in cut[:-1]}
    assert (rest, len(pdus), lengths, {pdv.header for pdv in cut[:-1]}) == (b"", len(cut), {2, 4, 6, 14, 30}, {0})
    assert (cut[-1].header, len(cut[-1].fragment) % 2) == (LAST, 0)


def test_a_command_comes_in_two_pdus_or_in_one_with_its_data_set():
    (begun, ended), rest = pdus_of(sent("c_echo_fragmented"))
    headers = [pdv.header for one in (begun, ended) for pdv in pdvs_of(one.body)]
    assert (rest, headers) == (b"", [COMMAND, COMMAND | LAST])
    (one,), rest = pdus_of(sent("c_store_joined"))
    assert (rest, [pdv.header for pdv in pdvs_of(one.body)]) == (b"", [COMMAND | LAST, LAST])


def test_a_data_set_comes_also_in_many_fragments_of_one_pdu():
    (_command, one), rest = pdus_of(sent("c_store_crowded"))
    *between, last = [pdv.header for pdv in pdvs_of(one.body)]
    assert (rest, {*between}, last, len(between) > 20) == (b"", {0}, LAST, True)


def test_a_command_comes_also_without_the_data_set_that_it_announces():
    message = PROTOCOL.message("c_store")
    (one,), rest = pdus_of(message.mutated([Change("data_set_pdus", b"")]).data)
    assert (rest, message_of((one,)).whole) == (b"", False)


def test_fragments_are_cut_behind_tags():
    (command, first, second), rest = pdus_of(sent("c_store_fragmented"))
    cut = [pdv for one in (first, second) for pdv in pdvs_of(one.body)]
    assert (rest, [pdv.header for pdv in cut], command.kind) == (b"", [0, 0, 0, LAST], 4)
    ends = [pdv.fragment[-4:] for pdv in cut[:-1]]
    tags = [element[0] for element in image(more=(*EVERY_VR, *AMBIGUOUS))]
    assert all((int.from_bytes(e[:2], "little") << 16 | int.from_bytes(e[2:], "little")) in tags for e in ends)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_its_code_and_a_right_group_length(name):
    message = message_of(pdus_of(sent(name))[0])
    assert (message.whole, message.command["command_field"]) == (True, COMMANDS[name])
    parts = [pdv.fragment for one in pdus_of(sent(name))[0] for pdv in pdvs_of(one.body) if pdv.header & COMMAND]
    assert message.command["command_group_length"] == len(b"".join(parts)) - 12


@settings(deadline=None)
@given(st.text(st.characters(codec="ascii"), max_size=70))
def test_lengths_follow_what_is_in_an_association(name):
    data = sent("associate_negotiating", primary_field=name, implementation_version_name=name)
    (one,), rest = pdus_of(data)
    items = dict(items_of(one.body[68:]))
    assert (rest, dict(items_of(items[0x50]))[0x55]) == (b"", name.encode())
    identity = dict(items_of(items[0x50]))[0x58]
    assert identity == b"\2\1" + b"".join(len(f).to_bytes(2) + f for f in (name.encode(), b"passcode"))


@settings(deadline=None)
@given(patient=st.binary(max_size=60), uid=st.binary(max_size=70))
def test_lengths_follow_what_is_in_a_data_set_and_its_command(patient, uid):
    message = PROTOCOL.message("c_store")
    changes = [
        Change(message.layout.path("patient_name"), patient),
        Change(message.layout.path("affected_sop_instance_uid"), uid),
    ]
    read = message_of(pdus_of(message.mutated(changes).data)[0])
    assert (read.whole, read.command["affected_sop_instance_uid"]) == (True, uid)
    assert b"\x10\0\x10\0" + len(patient).to_bytes(4, "little") + patient in read.data_set


@given(
    context=st.integers(0, 255).map(lambda number: 2 * (number // 2) + 1),
    message_id=st.integers(0, 0xFFFF),
    status=st.sampled_from([0, 0x0122, 0xA700, 0xC000]),
    uid=st.binary(min_size=2, max_size=64).map(lambda raw: raw[: len(raw) // 2 * 2]),
    halved=st.booleans(),
)
def test_a_response_that_is_written_is_read_the_same_also_from_two_pdus(context, message_id, status, uid, halved):
    command = {**ECHOED, "affected_sop_class_uid": uid, "message_id_being_responded_to": message_id, "status": status}
    data = command_pdu(context, command)
    fragment = pdvs_of(pdus_of(data)[0][0].body)[0].fragment
    assert command_of(fragment) == {"command_group_length": len(fragment) - 12, **command}
    frame = whole(in_halves(fragment, context) if halved else data)
    told = (frame.fields["presentation_context_id"], frame.fields["message_id_being_responded_to"])
    assert (*told, frame.fields["status"]) == (context, message_id, status)


@given(
    st.lists(st.sampled_from([ABORT, RELEASED, REJECTED, echoed(), accepted()]), max_size=4),
    st.lists(st.integers(0, 400), max_size=5),
)
def test_frames_are_found_however_the_stream_is_cut(parts, cuts):
    stream, found, rest = b"".join(parts), [], b""
    for start, stop in zip([0, *sorted(cuts)], [*sorted(cuts), len(stream)], strict=True):
        frames, rest = PROTOCOL.split(rest + stream[start:stop])
        found += [frame.data for frame in frames]
    assert (found, rest) == (parts, b"")


PIECES = st.sampled_from(
    [b"\0", b"\4\0\0\0", b"\2\0\0\0\0\x06", b"\7\0\0\0\0\4", b"\1\2", b"\xff" * 5, ABORT, echoed()]
)


@given(st.lists(st.one_of(PIECES, st.binary(max_size=12)), max_size=12), st.lists(st.integers(0, 120), max_size=4))
def test_any_bytes_are_split_without_loss_in_any_pieces_and_never_raise(parts, cuts):
    stream, frames, rest = b"".join(parts), [], b""
    for start, stop in zip([0, *sorted(cuts)], [*sorted(cuts), len(stream)], strict=True):
        more, rest = PROTOCOL.split(rest + stream[start:stop])
        frames += more
    assert b"".join(frame.data for frame in frames) + rest == stream
    for frame in frames:
        assert isinstance(dict(frame.fields), dict)
        assert isinstance(PROTOCOL.wire.wrong(stream, frame) + PROTOCOL.wire.wrong(sent("associate"), frame), str)
        PROTOCOL.learn(frame, Conversation())
        for judged in (PROTOCOL.served(frame), PROTOCOL.ends(frame), PROTOCOL.answers(stream, frame)):
            assert isinstance(judged, bool)
        PROTOCOL.identity(frame)
    assert PROTOCOL.wire.unfinished(stream) == pdus_of(stream)[1]
    assert isinstance(PROTOCOL.expects_reply(stream) or PROTOCOL.wire.demands(stream), bool)


@given(st.sampled_from([2, 3, 4, 6, 7]), st.binary(max_size=80))
def test_hostile_replies_never_raise(kind, body):
    for frame in PROTOCOL.split(pdu(kind, body))[0]:
        assert isinstance(PROTOCOL.wire.wrong(sent("c_echo"), frame), str)
        assert isinstance(dict(frame.fields), dict)
        PROTOCOL.learn(frame, Conversation())
        PROTOCOL.refuses(frame.data)
        PROTOCOL.served(frame)


def test_what_cannot_be_a_header_is_stray():
    stray, frame = PROTOCOL.split(b"HTTP/1.1 400" + ABORT)[0]
    assert (stray.kind, stray.data, frame.data) == (FrameKind.STRAY, b"HTTP/1.1 400", ABORT)


@pytest.mark.parametrize(
    ("name", "reply", "answers"),
    [
        ("associate", accepted(), True),
        ("associate", REJECTED, True),
        ("associate", ABORT, True),
        ("associate", RELEASED, False),
        ("associate", echoed(), False),
        ("release", RELEASED, True),
        ("release", ABORT, True),
        ("release", accepted(), False),
        ("c_echo", echoed(), True),
        ("c_echo", echoed(message_id_being_responded_to=2), False),
        ("c_echo", echoed(status=0xFF00), False),
        ("c_echo", echoed(command_field=0x30), False),
        ("c_echo", ABORT, True),
        ("c_echo", accepted(), False),
        ("abort", ABORT, False),
        ("c_cancel", echoed(command_field=0x8020), True),
        ("c_cancel", echoed(command_field=0x8020, message_id_being_responded_to=2), False),
        ("c_cancel", echoed(), False),
        ("c_echo_response", echoed(), False),
    ],
)
def test_what_answers_what(name, reply, answers):
    assert PROTOCOL.answers(sent(name), whole(reply)) is answers


def test_an_echo_of_what_was_sent_answers_nothing():
    assert not PROTOCOL.answers(sent("c_echo"), whole(sent("c_echo")))
    assert not PROTOCOL.served(whole(sent("c_echo")))


@pytest.mark.parametrize(
    ("reply", "served", "refuses", "ends"),
    [
        (accepted(), True, False, False),
        (REJECTED, True, True, True),
        (BUSY, False, True, True),
        (ABORT, True, True, True),
        (RELEASED, False, False, True),
        (echoed(), True, False, False),
        (echoed(status=0x0122), True, True, False),
        (echoed(status=0xB000), True, False, False),
        (echoed(command_field=0x8001), False, False, False),
    ],
)
def test_what_proves_service_what_refuses_and_what_ends_a_connection(reply, served, refuses, ends):
    frame = whole(reply)
    assert (PROTOCOL.served(frame), PROTOCOL.refuses(reply), PROTOCOL.ends(frame)) == (served, refuses, ends)


def test_stray_bytes_prove_and_end_nothing():
    frame = Frame(FrameKind.STRAY, ABORT)
    assert not (PROTOCOL.served(frame) or PROTOCOL.ends(frame) or PROTOCOL.wire.wrong(sent("release"), frame))


@pytest.mark.parametrize("name", NAMES)
def test_each_whole_request_is_answered_and_none_that_is_cut(name):
    due = name.startswith("associate") or name == "release" or COMMANDS.get(name) in REQUESTS.values()
    for form in PROTOCOL.message(name).valid:
        assert PROTOCOL.expects_reply(form.data) is due
        assert PROTOCOL.wire.demands(form.data) is name.startswith("associate")
        for cut in range(1, len(form.data)):
            assert not PROTOCOL.expects_reply(form.data[:cut])


def test_a_pdu_that_says_it_is_longer_is_unfinished():
    data = bent("c_echo", "command_pdu_pdu_length", b"\0\0\xff\xff")
    assert PROTOCOL.unfinished(data) == data
    assert PROTOCOL.unfinished(sent("associate") + data[:7]) == data[:7]
    assert PROTOCOL.unfinished(sent("c_store")) == b""


def probe_in(conversation):
    (live,) = PROTOCOL.probe.live
    return PROTOCOL.resolve(live, PROTOCOL.probe.data, conversation)


def test_the_probe_asks_for_an_association_where_there_is_none_and_verifies_where_there_is_one():
    conversation = Conversation()
    assert probe_in(conversation) == sent("associate")
    PROTOCOL.learn(whole(accepted()), conversation)
    first, second = probe_in(conversation), probe_in(conversation)
    assert [message_of(pdus_of(one)[0]).command["message_id"] for one in (first, second)] == [1, 2]
    read = peer.P_DATA_TF()
    read.decode(first)
    assert read.encode() == first
    for end in (ABORT, RELEASED, REJECTED):
        PROTOCOL.learn(whole(accepted()), conversation)
        PROTOCOL.learn(whole(end), conversation)
        assert probe_in(conversation) == sent("associate")
    PROTOCOL.learn(whole(accepted(result=3)), conversation)
    assert probe_in(conversation) == sent("associate")


def test_each_request_has_a_message_id_of_its_own_and_a_cancel_the_last_one():
    conversation, (live,) = Conversation(), PROTOCOL.message("c_echo").send().live
    ids = [PROTOCOL.resolve(live, sent("c_echo"), conversation) for _ in range(2)]
    (last,) = PROTOCOL.message("c_cancel").send().live
    assert [*ids, PROTOCOL.resolve(last, sent("c_cancel"), conversation)] == [b"\1\0", b"\2\0", b"\2\0"]
    with pytest.raises(UsageError, match="no resolver"):
        PROTOCOL.resolve(LiveField("other", 0, 2), b"\0\0", conversation)


def test_what_a_c_get_brings_is_answered_behind_its_last_byte():
    conversation, parts = Conversation(), pdus_of(sent("c_store"))[0]
    assert PROTOCOL.learn(whole(pdu(4, parts[0].body)), conversation) == b""
    reply = PROTOCOL.learn(whole(pdu(4, parts[1].body)), conversation)
    answer = message_of(pdus_of(reply)[0])
    told = (answer.context, answer.command["command_field"], answer.command["status"])
    assert told == (CONTEXTS["storage"], 0x8001, 0)
    assert PROTOCOL.learn(whole(pdu(4, parts[1].body)), conversation) == b""


@pytest.mark.parametrize(
    ("name", "reply", "why"),
    [
        ("associate", accepted(), ""),
        ("associate", accepted(protocol_version=2), "bit 0 of its protocol version is not set"),
        ("associate", accepted(presentation_context_id=2), "a presentation context that was not proposed"),
        ("associate", accepted(presentation_context_id=201), "a presentation context that was not proposed"),
        ("associate", accepted(transfer_syntax_name="1.2.840.10008.1.2\0"), ""),
        ("associate", accepted(transfer_syntax_name="1.2"), "a transfer syntax that was not proposed"),
        ("associate", accepted(transfer_syntax_name="1.2", result=4), ""),
        ("associate", pdu(3, b"\0\1\1\1\0"), "its PDU-length is not 4"),
        ("associate", pdu(2, accepted()[6:] + b"\0"), "do not fit its PDU-length"),
        ("c_echo", echoed(), ""),
        ("c_echo", echoed(message_id_being_responded_to=9), "it responds to another message id"),
        ("c_echo", echoed(command_field=0x8001), "its command field is that of another response"),
        ("c_echo", command_pdu(2, ECHOED), "an even presentation context id"),
        ("c_echo", echoed()[:-1] + b"", "leaves"),
        ("c_echo", echoed().replace(b"\x42\0\0\0", b"\x43\0\0\0", 1), "command group length"),
        ("c_echo", pdu(4, echoed()[6:] + b"\0\0"), "PDVs do not fit"),
        ("c_echo", ABORT, ""),
    ],
)
def test_what_a_reply_cannot_be(name, reply, why):
    found = PROTOCOL.wire.wrong(sent(name), Frame(FrameKind.REPLY, reply))
    assert why in found
    assert bool(why) == bool(found)


def test_an_association_may_not_be_accepted_for_another_protocol_version():
    data = bent("associate", "pdu.protocol_version", b"\0\2")
    assert "was not proposed: bit 0 is not set" in PROTOCOL.wire.wrong(data, whole(accepted()))
    assert PROTOCOL.wire.wrong(bent("associate", "pdu_length", b"\0\0\0\1"), whole(accepted())) == ""


def test_what_a_server_makes_of_bent_contexts_syntaxes_and_elements_is_not_judged():
    judge = PROTOCOL.wire.wrong
    even = bent("associate", "pdu.verification_item.verification.presentation_context_id", b"\2")
    assert judge(even, whole(accepted(presentation_context_id=2))) == ""
    answered = bent(
        "associate", "pdu.verification_item.verification_item_type", b"\x21"
    )  # one that an acceptance has, in a request
    assert judge(answered, whole(accepted())) == ""
    nonsense = bent(
        "associate", "pdu.verification_item.verification.transfer_syntax_name_item.transfer_syntax_name", b"\xffno uid"
    )
    assert judge(nonsense, whole(accepted(transfer_syntax_name="1.2"))) == ""
    unknown = bent(
        "c_echo", "command_pdu.command_pdv.command.elements.command_field_element.command_field", b"\xff\x7f"
    )
    assert judge(unknown, whole(echoed(command_field=0x8001))) == ""
    field = "command_pdu.command_pdv.command.elements.command_data_set_type_element.command_data_set_type"
    again = bent("c_echo", field, b"\1\1" + b"\0\0\x10\1\2\0\0\0\7\0")
    assert judge(again, whole(echoed())) == ""
    on_even = bent("c_echo", "command_pdu.command_pdv.presentation_context_id", b"\2")
    assert judge(on_even, whole(command_pdu(2, ECHOED))) == ""


@pytest.mark.parametrize("name", [*COMMANDS, "release", "abort"])
def test_the_guard_withholds_a_message_in_all_its_forms_and_lets_the_probe_out(name):
    pattern = PROTOCOL.forbidden([name])
    assert all(pattern.search(form.data) for form in PROTOCOL.message(name).valid)
    assert not pattern.search(PROTOCOL.probe.data)
    code = COMMANDS.get(name)
    others = [other for other in COMMANDS if COMMANDS[other] != code and name != "abort"]
    others = [other for other in others if not other.startswith("c_store_")]  # an image may hold anything
    assert not any(pattern.search(sent(other)) for other in others)


def test_what_an_acceptance_says_of_the_server_is_its_identity():
    identity = PROTOCOL.identity(whole(accepted()))
    assert (identity.model, identity.firmware) == ("1.2.826.0.1.3680043.8.498.1", "MEDFUZZ")


@pytest.mark.parametrize("title", ["", "  ", "A" * 17, "BAD\n", "Ä"])
def test_what_is_no_ae_title_is_a_usage_error(title):
    with pytest.raises(UsageError, match="AE title"):
        dicom(called=title)


def test_a_protocol_of_ones_own_has_its_titles_in_all_requests():
    own = dicom(called="PACS", calling="MODALITY")
    for data in (own.probe.data, own.message("associate").send().data):
        assert (data[10:26], data[26:42]) == (b"PACS".ljust(16), b"MODALITY".ljust(16))
    assert load_protocol("dicom") is PROTOCOL
