"""HL7 messages taken apart by their own delimiters: names, real feeds as seeds, what others read."""

import hl7
import pytest
from hl7apy.parser import parse_message
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzzers.streams import Streams
from harness.captures import Said
from harness.case import LiveField
from harness.discovery.harvest import Harvest
from harness.errors import UsageError
from harness.seeds import Seed, SeedsFile, Walk
from protocols.hl7_mllp import hl7_mllp
from protocols.recognize import recognized
from protocols.render import Change
from protocols.seeds import seeded

PROTOCOL = hl7_mllp()
# The messages in the documentation of python-hl7 0.4.5 and of hl7apy 1.3.5, and a lab's long report in Latin-1.
FEED = {
    "observe": [
        "MSH|^~\\&|GHH LAB|ELAB-3|GHH OE|BLDG4|200202150930||ORU^R01|CNTRL-3456|P|2.4\r"
        "PID|||555-44-4444||EVERYWOMAN^EVE^E^^^^L|JONES|196203520|F|||153 FERNWOOD DR.^^STATESVILLE^OH^35292"
        "||(206)3345232|(206)752-121||||AC555444444||67-A4335^OH^20030520\r"
        "OBR|1|845439^GHH OE|1045813^GHH LAB|1554-5^GLUCOSE|||200202150730||||||||555-55-5555^PRIMARY^PATRICIA P^^^^MD"
        "^^LEVEL SEVEN HEALTHCARE, INC.|||||||||F||||||444-44-4444^HIPPOCRATES^HOWARD H^^^^MD\r"
        "OBX|1|SN|1554-5^GLUCOSE^POST 12H CFST:MCNC:PT:SER/PLAS:QN||^182|mg/dl|70_105|H|||F",
        "MSH|^~\\&|SENDING APP|SENDING FAC|REC APP|REC FAC|20110708162817||ORU^R01^ORU_R01|978226056138290600"
        "|D|2.5||||||8859/1\r"
        "PID|1||566-554-3423^^^GHH^MR||MÜLLER^JÖRG^^^^^L~MUELLER&VON^^^^^^A||19610615|M-\r"
        "OBR|1||1045813^LAB|1554-5^GLUCOSE|||20110708162817||||||||^Pending\r"
        + "".join(f"OBX|{n}|NM|1554-{n}^GLUCOSE||{n}.5|mg/dl^^UCUM|70_105|H|||F\r" for n in range(1, 40)),
    ],
    "admit": [
        "MSH|^~\\&|SENDING_APPLICATION|SENDING_FACILITY|RECEIVING_APPLICATION|RECEIVING_FACILITY|20110613083617"
        "||ADT^A01^ADT_A01|934576120110613083617|P|2.3||||\rEVN|A01|20110613083617|||\r"
        "PID|1||135769||MOUSE^MICKEY^||19281118|M|||123 Main St.^^Lake Buena Vista^FL^32830||(407)939-1289^^^"
        "mouse@disney.com|||||1719|99999999||||||||||||||||||||\rPV1|1|O|||||7^Disney^Walt^^MD^^^^|||||||||||||||||||||||||\r",
    ],
    "update_person": ["MSH$%~\\&$APP$FAC$APP$FAC$20110613$$ADT%A31$1$P$2.6\rEVN$$20110613\rPID$1$$7%%%A&B\rZXY$own\r"],
    "batch": [
        "BHS|^~\\&|A||B\rMSH|^~\\&|A||B||1||ADT^A08|1|P|2.3\rPID|1\rMSH|^~\\&|A||B||1||ADT^A08|2|P|2.3\rPID|1\rBTS|2\r"
    ],
}
KINDS = [(name, text) for name, texts in FEED.items() for text in texts]
PARTS = st.text(st.characters(codec="latin-1", exclude_characters="|^~\\&\r\n\x0b\x1c"), max_size=6)
SEQUENCES = st.sampled_from(["\\F\\", "\\S\\", "\\T\\", "\\R\\", "\\E\\", "\\X0D\\", "\\.br\\"])
ESCAPED = st.lists(PARTS | SEQUENCES, max_size=3)
FIELD = st.recursive(ESCAPED.map("".join), lambda inner: st.lists(inner, min_size=1, max_size=3), max_leaves=8)

HEADS = [b"MSH|^~\\&|||||||ADT^A08|1\r", b"MSH|", b"MSH||", b"FHS", b"BHS|^~\\&|\r"]


def block(text):
    encoding = "latin-1" if "8859/1" in text else "utf-8"
    return b"\x0b" + text.encode(encoding) + b"\x1c\r"


def values(message):
    """What is in each field, by its path in the message."""
    return {leaf.name.removeprefix("message."): leaf.default for leaf in message.layout.leaves}


@pytest.mark.parametrize(("name", "text"), KINDS)
def test_a_message_of_a_real_feed_is_the_message_that_its_header_says(name, text):
    data = block(text)
    found = recognized(PROTOCOL, data)
    assert found is not None and found.name == name
    sent = found.send()
    assert sent.data == data
    assert [live.name for live in sent.live] == ["control_id"]


def test_fields_are_named_by_their_place_in_the_standard():
    fields = values(recognized(PROTOCOL, block(FEED["observe"][1])))
    assert (fields["MSH.9.1"], fields["MSH.9.3"], fields["MSH.12"]) == (b"ORU", b"ORU_R01", b"2.5")
    assert (fields["PID.3.1"], fields["PID.3.5"]) == (b"566-554-3423", b"MR")
    assert (fields["PID.5.1"], fields["PID.5.7"]) == ("MÜLLER".encode("latin-1"), b"L")
    assert (fields["PID.5[2].1.1"], fields["PID.5[2].1.2"], fields["PID.5[2].7"]) == (b"MUELLER", b"VON", b"A")
    assert (fields["OBX.5"], fields["OBX[2].5"], fields["OBX[2].6.3"]) == (b"1.5", b"2.5", b"UCUM")
    assert fields["OBX[39].text"].startswith(b"OBX|39|NM|"), "the third and later ones of a name are whole"


@given(st.lists(FIELD, min_size=1, max_size=5))
def test_any_fields_are_taken_apart_and_put_together_again_without_loss(fields):
    def joined(field, separators):
        return field if isinstance(field, str) else separators[0].join(joined(one, separators[1:]) for one in field)

    written = "|".join(joined(field, "~^&\x01\x02\x03\x04\x05\x06\x07") for field in fields)
    data = block(f"MSH|^~\\&|A|B|C|D|1||ADT^A08|MSG00001|P|2.5||||||8859/1\rPID|{written}\r")
    found = recognized(PROTOCOL, data)
    assert found is not None and found.name == "update" and found.send().data == data


@settings(max_examples=300, deadline=None)
@given(
    st.binary(max_size=60),
    st.sampled_from([b"MSH|^~\\&|||||||ADT^A08|1\r", b"MSH|", b"MSH||", b"FHS", b"BHS|^~\\&|\r"]),
)
def test_hostile_blocks_are_no_message_or_one_byte_for_byte(data, head):
    block = b"\x0b" + head + data + b"\x1c\r"
    found = recognized(PROTOCOL, block)
    assert found is None or found.send().data == block


@pytest.mark.parametrize("name", sorted(set(PROTOCOL.messages) - {"batch"}))
def test_two_readers_of_hl7_read_in_a_message_what_it_is_made_of(name):
    for form in PROTOCOL.messages[name].valid:
        text = form.data[1:-2].decode()
        fields = values(recognized(PROTOCOL, form.data))
        theirs = hl7.parse(text)
        assert str(theirs).rstrip("\r") == text.rstrip("\r")
        parsed = parse_message(text, find_groups=False)
        assert [one.name for one in parsed.children] == [line[:3] for line in text.splitlines()]
        assert parsed.msh.msh_12.to_er7() == fields["MSH.12"].decode()
        if "PID.3.1" in fields:
            assert str(theirs["PID"][0][3][0][0]) == fields["PID.3.1"].decode()
            assert parsed.pid.pid_3[1].cx_4.hd_2.to_er7() == fields["PID.3[2].4.2"].decode()


def test_a_batch_is_read_by_another_parser():
    text = PROTOCOL.messages["batch"].send().data[1:-2].decode()
    read = hl7.parse_file(text)
    assert [str(message["MSH"][0][10]) for batch in read for message in batch] == ["MSG00001"]


def harvested(*texts):
    harvest = Harvest(PROTOCOL)
    for text in texts:
        harvest.add(Said(1, "device", block(text)))
    return harvest


def test_a_feed_becomes_seeds_that_are_bent_in_their_own_fields():
    texts = [text for _name, text in KINDS]
    harvest = harvested(*texts)
    assert [seed.message for seed in harvest.seeds] == [name for name, _text in KINDS]
    made = seeded(PROTOCOL, SeedsFile(seed=harvest.seeds, walk=[Walk(seeds=[1, 3])]), "seeds.toml")
    seeds = made.messages["observe"].seeds
    assert [seed.seed for seed in seeds] == [1, 2]
    assert made.messages["admit"].base(block(FEED["admit"][0])).seed == 3
    bent = seeds[1].mutated((Change("message.PID.5[2].1.2", b"\xff"),))
    (part,) = made.parts(bent)
    assert (part.name, part.data, part.usual) == ("message.PID.5[2].1.2", b"\xff", b"VON")
    assert made.composed(bent, ()).data == seeds[1].send().data
    assert [step.message for step in made.recorded[0]] == ["observe", "admit"]


def test_streams_bend_what_only_a_seed_has():
    made = seeded(PROTOCOL, SeedsFile(seed=harvested(FEED["observe"][1]).seeds, walk=[]), "seeds.toml")
    narrow = {"observe": made.messages["observe"]}
    small = type(made)(made.name, narrow, (), made.wire, made.states, made.probe)
    fields = {stream.field for stream in Streams(small, ["idle"], 1, 64).all()}
    assert {"message.PID.5[2].1.2", "message.OBX[2].5", "message.PV1.3.1"} <= fields


def test_a_type_that_no_message_has_is_bytes():
    harvest = harvested("MSH|^~\\&|A|B|C|D|1||BAR^P01|1|P|2.5\rPID|1\r")
    assert [seed.message for seed in harvest.seeds] == [""]


def test_repetitions_and_components_are_left_out_and_multiplied_as_such():
    layout = PROTOCOL.messages["update"].layout
    names = [name for name in layout.extents if name + ".+" in layout.extents]
    assert {"message.PID.3", "message.PID.3[2]", "message.PID.3[2].4", "message.PV1.3", "message.PID"} <= set(names)
    extent = layout.extents["message.PID.3[2]"]
    assert b"".join(leaf.default for leaf in layout.leaves[extent.first : extent.last]).startswith(b"~987-65-4320^")


def test_values_go_out_in_the_character_set_of_the_header():
    for name, sent in (("update", "é".encode()), ("register", b"\xe9"), ("discharge", b"?")):
        assert sent in PROTOCOL.messages[name].send(**{"message.PID.5.1": "é"}).data


def test_the_control_id_of_a_seed_is_live():
    (live,) = recognized(PROTOCOL, block(FEED["admit"][0])).send().live
    assert live == LiveField("control_id", live.offset, len("934576120110613083617"))


def test_a_seed_s_message_must_be_the_one_that_its_header_says():
    wrong = SeedsFile(seed=[Seed(data=block(FEED["admit"][0]), message="observe")], walk=[])
    with pytest.raises(UsageError, match="not of the form of 'observe'"):
        seeded(PROTOCOL, wrong, "seeds.toml")
