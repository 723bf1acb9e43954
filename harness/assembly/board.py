"""Which machine an emulated device runs on."""

from __future__ import annotations

from harness.bench import Bench
from harness.bench_tables import EmulatorTable, ProcessTable
from targets.board.native.library import core_name


def board_of(bench: Bench) -> str:
    """`compiled core` or `Python reference (why)`; "" where the device is not emulated."""
    target = bench.target
    emulated = isinstance(target, EmulatorTable) or (isinstance(target, ProcessTable) and bool(target.channel))
    return core_name() if emulated else ""
