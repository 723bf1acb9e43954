"""Loads a script that was written for boofuzz as a Protocol, without letting it run anything."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boofuzz
import boofuzz.blocks
import boofuzz.sessions

from fuzzers.session import DeviceSession
from harness.errors import UsageError
from protocols.model import Protocol


def load_boofuzz_session(path: Path) -> DeviceSession:
    """The session that the script makes, its graph and callbacks ready; raises UsageError naming the file.

    The script runs as `__main__` with `boofuzz.Session` replaced, so that `fuzz()` returns at once, and with its own
    names for `s_initialize`: loading a second script, or the same again, finds them free.
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such boofuzz script")
    made: list[DeviceSession] = []

    class Recorded(DeviceSession):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            made.append(self)

    with _in_place_of(Recorded), _own_arguments(path):
        try:
            runpy.run_path(str(path), run_name="__main__")
        except (Exception, SystemExit) as error:
            raise UsageError(f"{path}: {type(error).__name__}: {error}; correct the script and try again") from error
    if not made:
        raise UsageError(f"{path}: the script makes no boofuzz Session; make one and connect() messages to it")
    return made[-1]


def load_boofuzz_script(path: Path, **options: Any) -> Protocol:
    """The script's messages, graph and callbacks as a Protocol named after the file; raises UsageError."""
    return load_boofuzz_session(path).protocol(path.stem, **options)


@contextmanager
def _in_place_of(session: type[DeviceSession]) -> Generator[None]:
    modules: tuple[Any, ...] = (boofuzz, boofuzz.sessions)
    before = [module.Session for module in modules]
    blocks: Any = boofuzz.blocks
    requests, current = dict(blocks.REQUESTS), blocks.CURRENT
    blocks.REQUESTS.clear()
    for module in modules:
        module.Session = session
    try:
        yield
    finally:
        for module, original in zip(modules, before, strict=True):
            module.Session = original
        blocks.REQUESTS.clear()
        blocks.REQUESTS.update(requests)
        blocks.CURRENT = current


@contextmanager
def _own_arguments(path: Path) -> Generator[None]:
    before = sys.argv
    sys.argv = [str(path)]
    try:
        yield
    finally:
        sys.argv = before
