"""The file that carries a finding: what is written is read again, and nonsense is refused with its reason."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.document import VERSION, Handover, read_document, text_of
from harness.errors import BenchError, UsageError
from harness.handover.document import handed_over, write_document

CONTROLS = Path(__file__).parents[2] / "targets" / "pump" / "controls"
CRASH = read_document(CONTROLS / "crash.json")
TEXT = text_of(CRASH)


def read(tmp_path, text):
    path = tmp_path / "given.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_document(path)


def changed(**fields):
    return json.dumps({**json.loads(TEXT), **fields})


def test_it_holds_the_finding_and_what_a_replay_needs_of_the_manifest():
    manifest = {
        "bench_path": "pump",
        "seed": 7,
        "elf": "/somewhere/other.elf",
        "interfaces": {"network": {"protocol": "pump_hl7", "transport": "emulator:/network"}},
        "versions": {"medfuzz": "9.9"},
        "host": {"system": "not needed"},
    }
    assert handed_over(CRASH.finding, manifest) == Handover(
        CRASH.finding,
        "pump",
        7,
        "/somewhere/other.elf",
        {"network": "pump_hl7"},
        {"network": "emulator:/network"},
        "9.9",
    )


def test_what_is_written_is_versioned_and_read_again(tmp_path):
    write_document(tmp_path / "one.json", CRASH, option="--out")
    assert read_document(tmp_path / "one.json") == CRASH
    plain = json.loads((tmp_path / "one.json").read_text())
    assert (plain["medfuzz"], plain["version"], plain["bench"]) == ("finding", VERSION, "pump")
    assert [path.name for path in tmp_path.iterdir()] == ["one.json"]


def test_a_folder_that_is_not_there_is_told_with_the_option(tmp_path):
    with pytest.raises(BenchError, match="--save"):
        write_document(tmp_path / "nowhere" / "one.json", CRASH, option="--save")


@pytest.mark.parametrize(
    "path", sorted(CONTROLS.parents[1].glob("*/controls/*.json")), ids=lambda p: p.as_posix()[-30:]
)
def test_the_shipped_controls_are_such_files(path):
    assert read_document(path).finding.kind.value == path.stem


def with_wait(seconds):
    return TEXT.replace('"steps":[', '"steps":[{"step":"wait","seconds":' + seconds + "},", 1)


NONSENSE = {
    "empty": ("", "cut off"),
    "no JSON": ("[interfaces]\n", "cut off"),
    "deep": ("[" * 100_000, "cut off"),
    "no text": (b"\xff\xfe\0\1", "no text"),
    "a list": ("[]", "no finding of medfuzz"),
    "another program's": ('{"name": "x"}', "no finding of medfuzz"),
    "another kind": (changed(medfuzz="bench"), "no finding of medfuzz"),
    "no version": (changed(version=None), "None"),
    "version zero": (changed(version=0), "version 0"),
    "version true": (changed(version=True), "True"),
    "newer": (changed(version=VERSION + 1), "update medfuzz"),
    "no finding": (changed(finding=None), "damaged"),
    "no window": (changed(finding={**json.loads(TEXT)["finding"], "window": []}), "no cases"),
    "more hits than tries": (changed(finding={**json.loads(TEXT)["finding"], "tries": 2}), "3 of 2 times"),
    "no hex": (TEXT.replace('"data":"0b', '"data":"zz', 1), "damaged"),
    "unknown step": (TEXT.replace('"step":"send"', '"step":"fling"', 1), "damaged"),
    "a wait without end": (with_wait("1e999"), "seconds"),
    "a wait back in time": (with_wait("-1"), "seconds"),
    "a wait of no number": (with_wait("NaN"), "seconds"),
    "seed in words": (changed(seed="one"), "damaged"),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_is_a_usage_error_that_names_the_file_and_says_why(tmp_path, name):
    text, said = NONSENSE[name]
    with pytest.raises(UsageError, match=said) as refused:
        read(tmp_path, text)
    assert str(refused.value).startswith(str(tmp_path / "given.json"))
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_and_a_folder_are_usage_errors(tmp_path):
    for path in (tmp_path / "gone.json", tmp_path):
        with pytest.raises(UsageError, match="cannot be read"):
            read_document(path)


@given(st.integers(0, len(TEXT) - 2))
def test_a_file_that_is_cut_off_anywhere_is_refused(tmp_path_factory, length):
    with pytest.raises(UsageError, match="cut off"):
        read(tmp_path_factory.getbasetemp(), TEXT[:length])
