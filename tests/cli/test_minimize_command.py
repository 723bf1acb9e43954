"""`medfuzz minimize`: smaller, the same fault, a file that replays anywhere; and what does not come back."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.document import read_document, text_of
from protocols.load import load_protocol

ROOT = Path(__file__).parents[2]
CRASH = ROOT / "targets" / "pump" / "controls" / "crash.json"
NAME = "F-e7256625"


@pytest.fixture
def padded(tmp_path):
    """The crash with two cases before it that it does not need, and a message behind."""
    handover = read_document(CRASH)
    (case,) = handover.finding.window
    query = load_protocol("pump_hl7").message("query").send()
    other = replace(case, steps=(query,))
    window = (other, other, replace(case, steps=(query, *case.steps)))
    path = tmp_path / "padded.json"
    path.write_text(text_of(replace(handover, finding=replace(handover.finding, window=window))))
    return path


def test_what_is_not_needed_is_left_out_and_the_file_replays(medfuzz, padded, tmp_path):
    code, out, _err = medfuzz("minimize", padded)
    assert (code, out[0].startswith(f"{NAME} from {padded}")) == (0, True)
    assert " → 1 message, " in out[-1]
    assert out[-1].endswith(", 3/3")
    finding = read_document(tmp_path / f"{NAME}.json").finding
    (case,) = finding.window
    assert len(case.messages) == 1
    assert "null pointer write in check_patient" in finding.observation.summary
    assert (finding.minimized.after.messages, finding.minimized.done) == (1, True)
    assert finding.minimized.original == read_document(padded).finding.window
    code, out, _err = medfuzz("replay", f"{NAME}.json", "--times", "1")
    assert (code, out[-1]) == (1, "reproduced: 1 of 1 (95 % interval 21-100 %)")


def test_a_second_time_finds_the_same(medfuzz, padded):
    medfuzz("minimize", padded, "--out", "one.json")
    code, _out, _err = medfuzz("minimize", "one.json", "--out", "two.json")
    one, two = (read_document(Path(name)).finding for name in ("one.json", "two.json"))
    assert (code, two.window, two.minimized.after) == (0, one.window, one.minimized.after)


def test_where_the_time_is_over_there_is_what_was_found_so_far(medfuzz, padded):
    code, out, _err = medfuzz("minimize", padded, "--seconds", "0")
    assert (code, "not to the end" in out[-1]) == (0, True)


def test_what_does_not_come_back_is_not_made_smaller(medfuzz, padded, tmp_path):
    code, out, _err = medfuzz("minimize", padded, "--bench", "pump-fixed")
    assert (code, out[-1]) == (4, "it did not come back: 0 of 3")
    assert not (tmp_path / f"{NAME}.json").exists()


@pytest.mark.parametrize("words", [("nothing.json",), ("F-00",), ("--bench", "pump")])
def test_nonsense_is_a_usage_error(medfuzz, words):
    code, _out, err = medfuzz("minimize", *words)
    assert (code, bool(err)) == (2, True)
