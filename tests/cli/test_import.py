"""`medfuzz import`: captures of the pumps' real conversations become seeds, and a run carries them on."""

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "captures"))
from capture_files import characteristics, connected, pdu, save_btsnoop, save_pcap, segment, stream

from harness.assembly.assemble import assemble
from harness.assembly.benches import shipped_benches
from harness.assembly.fuzzing import make_fuzzers
from harness.case import Origin, Send, TestCase
from harness.store import Store
from harness.store_schema import cases as case_rows
from protocols.load import load_protocol

PUMP, INSULIN = shipped_benches()["pump-fixed"], shipped_benches()["insulin"]
LINK, IDS = load_protocol("pump_link"), load_protocol("insulin")
SAID = ("open_session", "prove", "program_rate", "program_volume", "bolus")


def conversation():
    """What the emulated pump was really told: a login, a programme, and a bolus of 1.234 ml in 99 s."""
    assembly = assemble(PUMP, seed=0, only=["maintenance"])
    try:
        assembly.runner.start()
        steps = [LINK.message(name).send() for name in SAID[:-1]] + [
            LINK.message("bolus").send(amount=1234, duration=99)
        ]
        outcome = assembly.runner.run(TestCase("maintenance", "idle", tuple(steps), Origin("test")))
        transcript = outcome.transcript
    finally:
        assembly.runner.stop()
    said = [exchange.sent for exchange in transcript.exchanges if exchange.message in SAID]
    assert len(said) == len(SAID)
    return said


def bench(folder, including, interface):
    """The same with seeds on one interface."""
    path = folder / "seeded.toml"
    path.write_text(f'include = "{including}"\n[interfaces.{interface}]\nseeds = "seeds.toml"\n')
    return path


def bends(folder):
    """What was bent in every case of a run."""
    with Store.open(folder) as store:
        return [row[0] for row in store.select(case_rows.select().with_only_columns(case_rows.c.mutation))]


def test_a_login_and_a_bolus_over_tcp_become_seeds_of_a_run(medfuzz, tmp_path):
    save_pcap(tmp_path / "session.pcap", stream([*conversation(), b"no frame at all"], size=1000))
    code, out, _err = medfuzz(
        "import", "session.pcap", "--bench", PUMP, "--interface", "maintenance", "--device", "10.0.0.9:2575"
    )
    assert (code, out[0]) == (
        0,
        "6 messages in 1 conversation, 6 different: open_session, prove, program_rate, program_volume, bolus, "
        "bytes of no known message",
    )
    assembly = assemble(bench(tmp_path, PUMP, "maintenance"), seed=0, only=["maintenance"])
    protocol = assembly.protocols["maintenance"]
    (seed,) = protocol.message("bolus").seeds
    assert {leaf.name: leaf.default for leaf in seed.layout.leaves}["body.amount"] == (1234).to_bytes(4, "little")
    assert [live.name for live in seed.send().live] == [live.name for live in LINK.message("bolus").send().live]
    enumerate_, sequence = make_fuzzers(assembly, 1)
    bent = [case for case, _ in zip(enumerate_.cases(), range(20_000), strict=False) if case.origin.parent == "seed 5"]
    assert {"body.amount", "body.duration"} <= {case.origin.field for case in bent}
    assert any(case.origin.parent == "seed 6" for case, _ in zip(enumerate_.cases(), range(3000), strict=False))
    first = next(iter(sequence.cases()))
    assert (first.messages, first.origin.parent) == ((*SAID, "seed_6"), "walk 1")
    code, out, _err = medfuzz("run", "seeded.toml", "--cases", "150", "--out", "run", "--quiet")
    assert code == 0, out
    text = (tmp_path / "run" / "manifest.json").read_text()
    assert "seeds.toml" in json.loads(text)["definitions"]
    bent = bends(tmp_path / "run")
    assert any(" of seed " in bend for bend in bent) and any(bend.endswith(" of walk 1") for bend in bent)


def test_every_recorded_walk_comes_first_in_every_state_and_then_bent(medfuzz, tmp_path):
    save_pcap(tmp_path / "c.pcap", stream(conversation()))
    assert medfuzz("import", "c.pcap", "--bench", PUMP, "--interface", "maintenance", "--device", "2575")[0] == 0
    assembly = assemble(bench(tmp_path, PUMP, "maintenance"), seed=0, only=["maintenance"])
    cases = make_fuzzers(assembly, 1, ["sequence"])[0].cases()
    recorded = [case for case, _ in zip(cases, range(400), strict=False) if case.origin.mutation.startswith("recorded")]
    states = list(assembly.protocols["maintenance"].states)
    assert [case.state for case in recorded[: len(states)]] == states
    assert all(case.messages == SAID for case in recorded[: len(states)])
    bent = {step.data for case in recorded for step in case.steps if isinstance(step, Send) and step.mutated}
    assert len(bent) > 10


def test_writes_over_bluetooth_become_seeds_by_characteristic(medfuzz, tmp_path):
    bolus, hello = IDS.message("set_bolus").send(), IDS.message("hello").send()
    login = bytes.fromhex("0000f001 4d46 0001 0000 00805f9b34fb".replace(" ", ""))[::-1]
    known = b"\x09\x15" + b"\x2f\x00\x08\x30\x00" + login
    packets = [connected(), *characteristics((0x20, 0x2B25)), *pdu(b"\x08\x21\x00\xff\xff\x03\x28")]
    packets += pdu(known, sent=False)
    packets += (
        pdu(b"\x12\x30\x00" + hello.data[3:]) + pdu(b"\x12\x20\x00" + bolus.data[3:]) + pdu(b"\x12\x77\x00\x01\x00")
    )
    save_btsnoop(tmp_path / "phone.log", packets)
    code, out, _err = medfuzz("import", "phone.log", "--bench", INSULIN, "--interface", "gatt")
    assert code == 0, out
    assert out[0] == "3 messages in 1 conversation, 3 different: hello, set_bolus, bytes of no known message"
    assert out[1] == "1 handle without a name in the capture, kept"
    assembly = assemble(bench(tmp_path, INSULIN, "gatt"), seed=0, only=["gatt"])
    protocol = assembly.protocols["gatt"]
    assert protocol.message("set_bolus").seeds[0].send().live[0].name == "handle:2b25"
    assert protocol.message("seed_3").send().data == b"\x12\x77\x00\x01\x00"
    assert protocol.message("seed_3").send().live == ()


def test_what_is_readable_of_a_damaged_capture_is_kept(medfuzz, tmp_path):
    path = save_pcap(tmp_path / "cut.pcap", [segment(b"", 0, flags="S"), segment(conversation()[0], 1)])
    size = path.stat().st_size
    path.write_bytes(path.read_bytes() + bytes(9))
    code, _out, err = medfuzz("import", path, "--bench", PUMP, "--interface", "maintenance", "--device", "2575")
    assert code == 2 and len(err) == 1
    assert f"damaged at offset {size}" in err[0] and "what stands before it is in seeds.toml" in err[0]
    assert '"open_session"' in (tmp_path / "seeds.toml").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--interface", "maintenance"], "give --device"),
        (["--interface", "maintenance", "--device", "80"], "10.0.0.9:2575 (4), 10.0.0.2:49152 (1): name one"),
        (["--interface", "mantenance"], "'maintenance'"),
        ([], "several interfaces"),
    ],
)
def test_what_cannot_be_told_is_asked_for(medfuzz, tmp_path, words, said):
    save_pcap(tmp_path / "c.pcap", stream([b"0123456789"]))
    code, _out, err = medfuzz("import", "c.pcap", "--bench", PUMP, *words)
    assert (code, len(err)) == (2, 1) and said in err[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[seed]]\ndata = "a5 zz"\n', "seed.1.data"),
        ('[[seed]]\ndata = "a5 00"\nmessage = "bolus"\n', "seed 1 is not of the form of 'bolus'"),
        ('[[seed]]\ndata = "a5 00"\nmessage = "bollus"\n', "'bolus'"),
        ('[[seed]]\ndata = "a5 00"\n[[walk]]\nseeds = [2]\n', "walk 1 names seed 2"),
        ("[[seed\n", "not valid TOML"),
    ],
)
def test_a_wrong_seeds_file_is_one_clear_line(medfuzz, tmp_path, text, said):
    (tmp_path / "seeds.toml").write_text(text)
    code, _out, err = medfuzz("run", bench(tmp_path, PUMP, "maintenance"), "--cases", "1")
    assert (code, len(err)) == (2, 1) and said in err[0]
