"""Kinds of targets by the word in `[target] kind`, or in a user's own file: `kind = "my_target.py:TARGET"`."""

from __future__ import annotations

from collections.abc import Callable

from harness.bench import Bench
from harness.interfaces import Target
from harness.registry import Registry
from harness.userfile import is_file, named
from targets.boards import emulated_target
from targets.served import served_target

Make = Callable[[Bench, int], Target]
TARGETS: Registry[Make] = Registry("target kind")
TARGETS.register("emulator")(emulated_target)
TARGETS.register("process")(served_target)
TARGETS.register("external")(served_target)


def target_of(bench: Bench, seed: int) -> Target:
    """The target that a bench describes, not started yet; raises UsageError, BenchError."""
    kind = bench.target.kind
    if is_file(kind):
        make: Make = named(kind, bench.folder, Callable, "target")  # pyright: ignore[reportArgumentType]
        return make(bench, seed)
    return TARGETS.get(kind)(bench, seed)
