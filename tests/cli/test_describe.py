"""`describe`, `init --firmware`, `check` and `run` on a firmware that nobody described."""

import re
from pathlib import Path

import pytest
from foreign_firmware import FAULTS, FIRMWARES
from thumb import assembled

from harness.bench import load_bench


@pytest.fixture(scope="module")
def firmware(tmp_path_factory):
    k64f = next(firmware for firmware in FIRMWARES if firmware.name == "k64f")
    return k64f.build(tmp_path_factory.mktemp("firmware"), FAULTS)


def test_from_an_elf_to_a_named_fault(medfuzz, firmware, tmp_path):
    code, out, _err = medfuzz("init", "bench.toml", "--firmware", firmware)
    assert code == 0
    assert 'UART0 prints "\\r\\nREADY v1.2\\r\\n" at boot' in out
    assert any(line.startswith("UART0 knows") and '"name "' in line for line in out)
    seeds = (tmp_path / "bench-uart0-seeds.toml").read_text()
    assert f'data = "{b"READY v1.2".hex(" ")}' in seeds.replace("0d 0a 52", "52", 1)
    code, out, _err = medfuzz("check", "bench.toml")
    assert code == 0
    assert any("waits in" in line and "polling 0x4006a004" in line for line in out)
    code, out, _err = medfuzz("run", "bench.toml", "--time", "90s", "--max-findings", "3", "--quiet", "--out", "run")
    assert code == 1
    named = ("set_mode", "set_name", "in halt (")
    assert [name for name in named if not any(name in line for line in out)] == []
    assert (tmp_path / "run" / "report.html").exists()


def test_describe_writes_the_evidence(medfuzz, firmware, tmp_path):
    code, out, _err = medfuzz("describe", firmware, "--out", "board.toml")
    assert code == 0
    assert out[-1].startswith("wrote board.toml")
    text = (tmp_path / "board.toml").read_text()
    assert "# what is read from 0x4006a007 ends up as a byte in memory\n" in text
    assert "# it is read only while bit 5 of 0x4006a004 is 1\n" in text
    code, _out, err = medfuzz("describe", firmware, "--out", "board.toml")
    assert code == 2
    assert "is there already" in err[-1]


def test_a_board_of_another_build_is_told(medfuzz, firmware, tmp_path):
    """Its addresses are that build's; a file that a person wrote says nothing of one."""
    medfuzz("init", "bench.toml", "--firmware", firmware)
    board = (tmp_path / "bench-board.toml").read_text()
    (line,) = [line for line in board.splitlines() if line.startswith("firmware = ")]
    for instead, told in (('firmware = "0123456789abcdef"', True), ("", False)):
        (tmp_path / "bench-board.toml").write_text(board.replace(line, instead))
        code, out, _err = medfuzz("check", "bench.toml")
        assert code == 0
        assert any("another build of the firmware (0123456789abcdef" in line for line in out) is told


def test_an_included_bench_finds_its_board(medfuzz, firmware, tmp_path):
    medfuzz("init", "bench.toml", "--firmware", firmware)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "more.toml").write_text('include = "../bench.toml"\n')
    bench = load_bench(tmp_path / "sub" / "more.toml")
    assert Path(bench.emulator.board) == tmp_path / "bench-board.toml"


NO_PORT = """
.word 0x20004000, start, 0
.thumb_func
start:
    wfi
    b start
"""


def test_without_a_port_it_is_said_what_to_do(medfuzz, tmp_path):
    code, out, _err = medfuzz("init", "bench.toml", "--firmware", assembled(tmp_path, NO_PORT))
    assert (code, out[-2]) == (3, "no port was found: see docs/board.md, What it does not find")
    assert out[-1].endswith("next: write the port that the device has into bench-board.toml, as bench.toml says")
    text = (tmp_path / "bench.toml").read_text()
    assert "[[port]]" in text
    code, _out, err = medfuzz("check", "bench.toml")
    assert code == 2
    assert "interfaces" in err[-1]
    board = (tmp_path / "bench-board.toml").read_text()
    (tmp_path / "bench-board.toml").write_text(f'{board}\n[[port]]\nname = "UART0"\nreceive = 0x40001000\n')
    (tmp_path / "bench.toml").write_text(
        re.sub(r"^# (\[interfaces|transport|protocol)", r"\1", text, flags=re.MULTILINE)
    )
    code, out, _err = medfuzz("check", "bench.toml")
    assert code == 0, out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--firmware", "none.elf"), "No such file"),
        (("--firmware", "bench.py"), "is not an ELF, .hex or .bin"),
        (("--firmware", "wrong.hex"), "line 1 is no record"),
    ],
)
def test_what_is_no_firmware_is_said(medfuzz, tmp_path, words, said):
    (tmp_path / "bench.py").write_text("print()")
    (tmp_path / "wrong.hex").write_text(":0102")
    code, _out, err = medfuzz("init", "bench.toml", *words)
    assert code in (2, 3)
    assert said in err[-1]
    assert not (tmp_path / "bench.toml").exists()
