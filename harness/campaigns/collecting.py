"""How often Python looks for unreachable cycles: loading makes none, and a case hardly any."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager

_YOUNG, _MIDDLE, _OLD = 20_000, 20, 20


def collect_seldom() -> None:
    """For the whole process: a case leaves hundreds of objects, and what loading makes stays."""
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)


@contextmanager
def seldom_collected() -> Generator[None]:
    """Meanwhile; and what is there already is not looked at again."""
    before = gc.get_threshold()
    gc.freeze()
    collect_seldom()
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
