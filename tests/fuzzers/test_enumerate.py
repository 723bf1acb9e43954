"""Enumerate: breadth first, the same for the same seed, everything once, lengths and limits early."""

from collections import Counter
from itertools import islice

import boofuzz
import pytest
from boofuzz.mutation_context import MutationContext
from hypothesis import given
from hypothesis import strategies as st

from fuzzers import FUZZERS
from fuzzers.chains import Variant
from fuzzers.enumerate import EnumerateFuzzer
from fuzzers.order import Order
from fuzzers.streams import Ways
from fuzzers.values import FORMATS, Values, edge_numbers, of_leaf, shuffled, sweep, text_kind
from harness.case import Send, Stimulate
from harness.errors import UsageError
from harness.interfaces import State
from protocols.checksums import BlockChecksum
from protocols.load import load_protocol
from protocols.model import Edge, Message, Protocol, messages_by_name
from protocols.wire import Wire

PUMP = load_protocol("pump_link")
HL7 = load_protocol("pump_hl7")
TEXTS = {"own", "plain", "control", "format", "long"}


def small(states=("off", "on"), **options):
    body = boofuzz.Block("body", children=(boofuzz.Word("dose", 5), boofuzz.Bytes("note", b"hi")))
    frame = (boofuzz.Size("length", ".body", length=1), body, BlockChecksum("sum", [".length", ".body"], "sum8"))
    messages = messages_by_name(
        [
            Message(boofuzz.Request("set", children=frame), ranges={"dose": (1, 40)}),
            Message(boofuzz.Request("get", children=(boofuzz.Byte("code", 2),))),
        ]
    )
    return Protocol(
        "small",
        messages,
        (Edge("", "set"), Edge("set", "get", (Stimulate("key", 1),))),
        Wire(),
        {name: State(name, ()) for name in states},
        messages["get"].send(),
        **options,
    )


def cases(protocol, count=None, seed=1, **options):
    return list(islice(EnumerateFuzzer(protocol, "link", seed=seed, **options).cases(), count))


def test_the_forecast_is_exact_and_each_case_comes_once():
    protocol = small()
    fuzzer = EnumerateFuzzer(protocol, "link", seed=3, max_len=64)
    found = list(fuzzer.cases())
    assert len(found) == fuzzer.forecast()
    streams = Counter((c.origin.field, c.origin.mutation, c.state, c.messages, c.steps[0]) for c in found)
    assert len(streams) > 0.9 * len(found)


@pytest.mark.parametrize("protocol", [PUMP, HL7], ids=["pump_link", "pump_hl7"])
def test_the_same_seed_gives_the_same_cases_and_another_seed_others(protocol):
    first, second, other = (cases(protocol, 400, seed) for seed in (1, 1, 2))
    assert [case.id for case in first] == [case.id for case in second]
    assert [case.origin for case in first] == [case.origin for case in second]
    assert len({case.id for case in first} & {case.id for case in other}) < 200


@pytest.mark.parametrize("protocol", [PUMP, HL7], ids=["pump_link", "pump_hl7"])
def test_breadth_comes_first(protocol):
    found = cases(protocol, 2000)
    assert {case.origin.path[-1] for case in found} | {n for c in found for n in c.messages} == set(protocol.messages)
    assert {case.state for case in found} == set(protocol.states)
    fields = {case.origin.field for case in found}
    leaves = {
        leaf.name for message in protocol.messages.values() for leaf in message.layout.leaves if leaf.primitive.fuzzable
    }
    assert len(leaves - fields) < 0.25 * len(leaves)


def test_every_boofuzz_mutation_is_there():
    protocol = small(states=("on",))
    found = {step.data for case in cases(protocol, max_len=512) for step in case.steps if isinstance(step, Send)}
    layout, request = protocol.message("set").layout, protocol.message("set").request
    for mutations in request.get_mutations():
        changes = layout.of_mutations(mutations)
        if all(len(change.data) <= 512 for change in changes):
            assert layout.render(changes).data in found


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(TEXT, st.integers(0, 600), st.lists(TEXT, max_size=3))
def test_a_string_is_bent_to_each_of_boofuzzs_values_once_in_their_order_cut_to_its_limit(default, limit, own):
    string = boofuzz.String("s", default, max_len=limit, fuzz_values=own)
    whole = Message(boofuzz.Request("m", children=(boofuzz.String("s", default, fuzz_values=own),)))
    classes = of_leaf(whole.layout, whole.layout.leaf("s"), limit, "", None)
    bent = {v.kind: [v.at(k)[0].data.decode() for k in range(v.count)] for v in classes if v.kind in TEXTS}
    wanted = {}
    for value in dict.fromkeys(value[:limit] for value in (*string.mutations(default), *own)):
        if value != default:
            wanted.setdefault("own" if value in own else text_kind(value), []).append(value)
    if "format" in wanted:
        wanted["format"][:0] = [text.decode() for text in FORMATS if len(text) <= limit]
    assert bent == wanted
    assert list(bent) == list(wanted)


def alone(*children):
    message = Message(boofuzz.Request("m", children=children))
    return Protocol("alone", {"m": message}, (Edge("", "m"),), Wire(), {"on": State("on", ())}, message.send())


def test_encoded_blocks_repeats_and_groups_are_bent_as_boofuzz_bends_them():
    doubled = boofuzz.Block("b", encoder=lambda data: data * 2, children=(boofuzz.Byte("x", 1),))
    grouped = boofuzz.Block("c", group="kind", children=(boofuzz.Word("y", 2), boofuzz.Bytes("z", b"abc")))
    protocol = alone(boofuzz.Group("kind", [b"p", b"q", b"r"]), doubled, grouped)
    found = {case.steps[0].data for case in cases(protocol, max_len=200)}
    request = protocol.message("m").request
    wanted = [request.render(MutationContext(mutations=mutations)) for mutations in request.get_mutations()]
    assert {data for data in wanted if len(data) < 150} <= found


def test_every_length_of_a_counted_block_comes_with_a_right_length_and_checksum():
    lengths = set()
    for case in cases(small(states=("on",)), max_len=100):
        data = case.steps[0].data
        body = data[1:-1]
        if case.origin.mutation.startswith("sweep") and case.messages[0] == "set":
            assert data[0] == len(body)
            assert data[-1] == sum(data[:-1]) & 0xFF
            lengths.add(len(body))
    assert lengths >= set(range(101)) - {4}


def test_lengths_and_checksums_are_wrong_on_purpose_too():
    wrong = Counter()
    for case in cases(small(states=("on",)), max_len=32):
        data = case.steps[0].data
        if case.messages[0] == "set" and len(data) > 2:
            wrong["length"] += data[0] != len(data) - 2
            wrong["checksum"] += data[-1] != sum(data[:-1]) & 0xFF
    assert wrong["length"] > 50
    assert wrong["checksum"] > 10


def test_no_field_grows_beyond_the_limit():
    usual = {name: len(message.send().data) for name, message in HL7.messages.items()}
    for case in cases(HL7, 3000, max_len=80):
        for step in case.steps:
            if case.origin.mutation.split()[0] not in ("shape", "combined"):
                assert (
                    len(step.data if isinstance(step, Send) else b"")
                    <= usual[getattr(step, "message", "order")] + 81 * 4
                )


def test_what_follows_a_message_goes_out_after_the_mutated_one_with_its_steps():
    followed = [case for case in cases(small(), max_len=16) if len(case.steps) > 1 and case.steps[0].mutated]
    assert followed
    assert all(case.steps[1:] == (Stimulate("key", 1), small().message("get").send()) for case in followed)


def test_steps_that_need_a_missing_stimulus_are_left_out():
    assert all(len(case.steps) == 1 for case in cases(small(), max_len=16, stimuli=()))


def test_live_fields_stay_live_when_another_field_is_bent():
    for case in cases(PUMP, 1500):
        for step in case.steps:
            if isinstance(step, Send) and step.mutated and case.origin.field in ("body.rate", "body.+"):
                assert "sequence" in {live.name for live in step.live}
                assert any(live.name.startswith("crc16") for live in step.live)


def test_what_a_message_needs_goes_out_before_it():
    paths = {case.origin.path[:3] for case in cases(PUMP, 4000) if "library_commit" in case.origin.path[2:3]}
    assert ("library_begin", "library_part", "library_commit") in paths


def test_declared_limits_and_their_neighbours_come_first():
    numbers = edge_numbers(32, 5000, (100, 999_000))
    assert numbers[:4] == [999_001, 99, 999_000, 100]
    assert {0, 0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, 4999, 5001} <= set(numbers)


@given(st.integers(0, 600), st.integers(0, 600))
def test_a_sweep_has_every_length_but_the_usual_once(usual, longest):
    lengths = sweep(usual, longest)
    assert sorted(lengths) == [length for length in range(longest + 1) if length != usual]


@given(st.integers(1, 5000), st.text(max_size=8))
def test_an_order_visits_everything_once(count, seed):
    order = Order(count, seed)
    assert sorted(order.at(k) for k in range(count)) == list(range(count))


@given(st.integers(0, 300), st.integers(0, 5), st.text(max_size=8))
def test_what_is_shuffled_is_all_there_behind_what_stays_first(count, first, seed):
    first = min(first, count)
    mixed = shuffled(Values("kind", count, lambda k: k, first=first), seed)
    order = [mixed.at(k) for k in range(mixed.count)]
    assert order[:first] == list(range(first))
    assert sorted(order) == list(range(count))


def test_short_formats_come_before_the_librarys_in_each_fields_turn():
    protocol = alone(boofuzz.String("s", "abc"))
    sent = [c.steps[0].data for c in cases(protocol) if c.origin.mutation.startswith("format")]
    assert sent[: len(FORMATS)] == list(FORMATS)


def test_an_order_of_many_takes_no_room():
    order = Order(10**15, "seed")
    assert len({order.at(k) for k in range(1000)}) == 1000


def test_an_unknown_state_or_fuzzer_names_the_nearest():
    with pytest.raises(UsageError, match="Did you mean 'infusing'"):
        FUZZERS.get("enumerate")(PUMP, "serial", ["infusin"])
    with pytest.raises(UsageError, match="Did you mean 'sequence'"):
        FUZZERS.get("sequense")(PUMP, "serial")


def test_only_the_wanted_states_are_used():
    fuzzer = FUZZERS.get("enumerate")(PUMP, "serial", ["idle"], 1)
    assert {case.state for case in islice(fuzzer.cases(), 500)} == {"idle"}


def test_states_that_need_a_missing_stimulus_are_left_out_and_none_left_is_an_error():
    fuzzer = FUZZERS.get("enumerate")(PUMP, "serial", seed=1, stimuli=())
    assert {case.state for case in islice(fuzzer.cases(), 500)} == {"idle", "session", "programmed", "pharmacy"}
    with pytest.raises(UsageError, match=r"describe \[stimuli\]"):
        FUZZERS.get("sequence")(PUMP, "serial", ["infusing"], stimuli=())


def test_a_message_is_sent_mostly_where_it_can_be_accepted_and_elsewhere_too():
    bolus = [
        case for case in cases(PUMP, 6000) if case.origin.path[0] == "bolus" and case.origin.field.startswith("body.")
    ]
    where = Counter(case.state in ("infusing", "bolus") for case in bolus)
    assert where[True] > 2 * where[False] > 0


def test_what_a_message_changed_is_mostly_looked_at_behind_what_follows_it():
    alone = Counter(len(case.origin.path) == 1 for case in cases(PUMP, 6000) if case.origin.path[0] == "program_rate")
    assert alone[False] > alone[True] > 0


@given(st.lists(st.integers(0, 9), min_size=3, max_size=3), st.integers(0, 50))
def test_every_value_meets_every_variant_once(sizes, k):
    numbers = iter(range(sum(sizes)))
    groups = [[Variant(small().message("get"), str(next(numbers)), (), (), True) for _ in range(n)] for n in sizes]
    ways = Ways(tuple(map(tuple, groups)))
    assert sorted(int(ways.at(turn, k).state) for turn in range(len(ways))) == list(range(sum(sizes)))


def modbus_ascii(wrap):
    """Three messages of one shape outside, each with fields of its own inside."""
    bodies = {
        "read": [boofuzz.Byte("unit", 1), boofuzz.Byte("code", 3), boofuzz.Word("address", 7)],
        "write": [boofuzz.Byte("unit", 1), boofuzz.Byte("code", 6), boofuzz.Word("value", 9)],
        "diagnose": [boofuzz.Byte("unit", 1), boofuzz.Byte("code", 8), boofuzz.Bytes("x", b"ab", max_len=4)],
    }
    messages = [
        Message(boofuzz.Request(name, children=(boofuzz.Static("colon", b":"), *wrap(fields))))
        for name, fields in bodies.items()
    ]
    edges = tuple(Edge("", name) for name in bodies)
    states = {"start": State("start", ())}
    return Protocol("ascii", messages_by_name(messages), edges, Wire(), states, messages[0].send())


LAST = {"read": "address", "write": "value", "diagnose": "x"}
WHOLE = {
    "encoded": lambda fields: [boofuzz.Block("hex", children=fields, encoder=lambda data: data.hex().encode())],
    "aligned": lambda fields: [boofuzz.Aligned("hex", modulus=8, children=fields)],
    "in a block": lambda fields: [
        boofuzz.Block("pdu", children=[boofuzz.Block("hex", children=fields, encoder=lambda data: data[::-1])])
    ],
    "a dependent block": lambda fields: [
        boofuzz.Bytes("on", b"Y", fuzzable=False),
        boofuzz.Block("hex", children=fields, dep="on", dep_value=b"Y"),
    ],
    "repeated": lambda fields: [
        boofuzz.Block("hex", children=fields),
        boofuzz.Repeat("again", block_name="hex", max_reps=3),
    ],
}


@pytest.mark.parametrize("wrap", WHOLE.values(), ids=WHOLE)
def test_each_message_s_own_fields_are_bent_inside_a_block_that_is_kept_whole(wrap):
    protocol = modbus_ascii(wrap)
    found = cases(protocol, max_len=16)
    for name, message in protocol.messages.items():
        own = {case.steps[-1].data for case in found if case.messages == (name,)}
        last = f"{name}.{'pdu.' if 'pdu' in message.layout.extents else ''}hex.{LAST[name]}"
        wanted = [m for m in message.request.get_mutations() if [one.qualified_name for one in m] == [last]]
        made = {message.layout.render(message.layout.of_mutations(mutations)).data for mutations in wanted}
        assert len({data for data in made if len(data) < 20} & own) > 20, name


def test_a_group_is_bent_to_each_message_s_own_values():
    verbs = {"a": [b"GET", b"PUT"], "b": [b"ADD", b"DEL"], "c": [b"SAY", b"ASK"]}
    messages = [Message(boofuzz.Request(name, children=(boofuzz.Group("verb", v),))) for name, v in verbs.items()]
    states = {"start": State("start", ())}
    protocol = Protocol("verbs", messages_by_name(messages), (), Wire(), states, messages[0].send())
    for name, values in verbs.items():
        assert set(values) <= {case.steps[-1].data for case in cases(protocol) if case.messages == (name,)}
