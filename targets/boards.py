"""The emulated target of a bench, on the board that it names: the known one, one that is inferred, or one's own."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from harness.bench import Bench
from harness.bench_tables import DESCRIBED
from harness.errors import UsageError, did_you_mean
from harness.userfile import is_file, named
from targets.board.auto.board import Board
from targets.board.auto.board_file import read_board
from targets.board.auto.infer import describe
from targets.board.image import Image
from targets.board.native.automatic import new_auto_machine
from targets.emulated import EmulatedTarget
from targets.undescribed import UndescribedTarget

AUTO = "auto"


def emulated_target(bench: Bench, seed: int) -> EmulatedTarget:
    """The target that a bench of kind `emulator` describes; raises BenchError, UsageError."""
    table = bench.emulator
    image = image_of(bench)
    options: dict[str, Any] = {
        "name": table.name,
        "ports": table.ports,
        "signals": bench.measured,
        "stimuli": bench.stimuli,
        "hz": table.hz,
        "hang_budget": table.hang_budget,
        "seed": seed,
        "settle": table.settle,
    }
    if table.board == DESCRIBED:
        return EmulatedTarget(image, **options)
    board = board_of(bench, image)
    description, places = board.description or describe(image), board.places
    build = partial(new_auto_machine, description=description, places=places)
    return UndescribedTarget(image, **options, build=build, ram=description.memory.ram)


def image_of(bench: Bench) -> Image:
    """The firmware of a bench, with those beside it; raises BenchError."""
    table = bench.emulator
    return Image(bench.path(table.elf), table.base, [Image(bench.path(other)) for other in table.others])


def board_of(bench: Bench, image: Image) -> Board:
    """What `[target] board` names; raises UsageError, BenchError."""
    name, core = bench.emulator.board, bench.emulator.core
    if name == AUTO:
        return Board(describe(image, core=core))
    if is_file(name):
        own: Board = named(name, bench.folder, Board, "board")
        found = own.description or describe(image, memory=own.memory, core=core or own.core, places=own.places)
        return Board(found, own.places)
    if Path(name).suffix == ".toml":
        return Board(read_board(bench.path(name)))
    hint = did_you_mean(name, (DESCRIBED, AUTO))
    raise UsageError(f"[target] board = '{name}' is unknown.{hint} Or name a board file, or FILE.py:NAME")
