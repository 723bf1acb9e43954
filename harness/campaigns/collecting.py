"""How often Python looks for unreachable cycles while a campaign runs."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager

_YOUNG, _MIDDLE, _OLD = 20_000, 20, 20


@contextmanager
def seldom_collected() -> Generator[None]:
    """What is there stays, so it is not looked at again; a case leaves hundreds of objects, and cycles hardly ever."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
