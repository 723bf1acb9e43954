"""A chip that a file outside the repository brings: its exact models win over what would be inferred."""

import pytest
from foreign_firmware import FIRMWARES

from harness.bench import load_bench
from harness.errors import UsageError
from targets.boards import board_of, emulated_target, image_of

POWER, STATUS = 0x400E0600, 0x68
OWN = """
from targets.board.auto.board import Board
from targets.board.auto.chip import Place
from targets.board.peripherals.base import Peripheral


class Power(Peripheral):
    def read(self, offset):
        return 0x2F if offset == 0x200 + 0x68 else super().read(offset)


BOARD = Board(places=(Place("power", 0x400E0400, Power),))
"""
BENCH = """
[target]
kind = "emulator"
name = "sam"
elf = "sam3x.elf"
board = "{}"
settle = 0.5
[interfaces.main]
transport = "emulator:/UART0"
protocol = "bytes"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    where = tmp_path_factory.mktemp("own")
    next(firmware for firmware in FIRMWARES if firmware.name == "sam3x").build(where)
    (where / "own.py").write_text(OWN)
    return where


def bench(folder, board):
    file = folder / "bench.toml"
    file.write_text(BENCH.format(board))
    return load_bench(file)


def polled(board):
    return {register for _code, register in board.description.values}


def test_a_model_leaves_nothing_to_guess(folder):
    own, inferred = (bench(folder, name) for name in ("own.py:BOARD", "auto"))
    assert POWER + STATUS in polled(board_of(inferred, image_of(inferred)))
    found = board_of(own, image_of(own))
    assert POWER + STATUS not in polled(found)
    assert [port.name for port in found.description.ports] == ["UART0"]


def test_the_firmware_answers_on_it(folder):
    target = emulated_target(bench(folder, "own.py:BOARD"), seed=1)
    target.start()
    link = target.link("UART0")
    link.send(b"status\r", target.now() + 1)
    assert link.receive(target.now() + 1) == b"lines 1 mode 0\r\n"


@pytest.mark.parametrize(
    ("board", "words"),
    [("atuo", "Did you mean 'auto'"), ("own.py:BORAD", "Did you mean 'BOARD'"), ("none.toml", "medfuzz describe")],
)
def test_a_board_that_is_not_there_is_refused(folder, board, words):
    wrong = bench(folder, board)
    with pytest.raises(UsageError, match=words):
        board_of(wrong, image_of(wrong))


def test_sensors_and_pins_are_refused_by_name(folder):
    bench(folder, "auto")
    file = folder / "bench.toml"
    file.write_text(file.read_text() + '[signals.led]\npin = "PB3"\n')
    with pytest.raises(UsageError, match=r"\[signals.led\]"):
        emulated_target(load_bench(file), seed=1)
    file.write_text(file.read_text().replace('[signals.led]\npin = "PB3"', "[stimuli.button]\nadc = 1"))
    with pytest.raises(UsageError, match=r"\[stimuli.button\]"):
        emulated_target(load_bench(file), seed=1)
