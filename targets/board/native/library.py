"""Finds the compiled core, building it where that was not done yet, and tells its functions' types."""

from __future__ import annotations

import ctypes
import functools
import os
import subprocess
from ctypes import c_int, c_int32, c_size_t, c_uint8, c_uint32, c_uint64, c_void_p
from pathlib import Path
from typing import Any

from targets.board.native import build

CHOICE = "MEDFUZZ_BOARD"
REFERENCE = "reference"
POINTER_TO_BYTES, POINTER_TO_WORDS = ctypes.POINTER(c_uint8), ctypes.POINTER(c_uint32)
_BOARD, _LOOP_PLACES = c_void_p, 600


class State(ctypes.Structure):
    """The beginning of `struct state`."""

    _fields_ = (
        *((name, c_uint64) for name in ("base", "busy", "next")),
        *((name, c_int32) for name in ("sleeping", "locked")),
    )


class Shared(ctypes.Structure):
    """`struct shared`, as far as Python looks at it."""

    _fields_ = (
        *((name, c_void_p) for name in ("uc", "ram", "flash", "counter", "limit")),
        *((name, c_uint64) for name in ("hz", "hang_budget", "first_output", "work")),
        *((name, c_uint32) for name in ("ram_base", "ram_size", "flash_base", "flash_size")),
        *((name, c_int32) for name in ("guard", "running", "reset", "called", "stale", "failed", "error", "trap")),
        *((name, c_int32) for name in ("stacking", "emitted", "samples_count", "source_count", "word_count")),
        *((name, c_int32) for name in ("undescribed", "banded", "feeding", "pausing", "stepping")),
        ("state", State),
    )


class Waits(ctypes.Structure):
    """`struct waiting`."""

    _fields_ = (
        *((name, c_uint64) for name in ("taken", "head")),
        *((name, c_int32) for name in ("spun", "polled", "quiet", "trusted")),
        *((name, c_uint32) for name in ("rests", "round", "place_count")),
        ("places", c_uint32 * _LOOP_PLACES),
    )


class Unicorn(ctypes.Structure):
    """The emulator's functions that the core calls."""

    _fields_ = tuple((name, c_void_p) for name in ("start", "stop", "read", "write", "restore"))


READ = ctypes.CFUNCTYPE(c_uint64, c_uint64, c_uint32)
WRITE = ctypes.CFUNCTYPE(None, c_uint64, c_uint32, c_uint64)
FIRE = ctypes.CFUNCTYPE(None, c_int32)
BEFORE_CODE = ctypes.CFUNCTYPE(None, c_uint64)
PLAIN_CALL = ctypes.CFUNCTYPE(None)
WRITTEN = ctypes.CFUNCTYPE(None, c_uint32, c_uint32, c_uint32)


class Callbacks(ctypes.Structure):
    """Python's functions that the core calls."""

    _fields_ = (
        ("read", READ),
        ("write", WRITE),
        ("fire", FIRE),
        ("before_code", BEFORE_CODE),
        ("request_reset", PLAIN_CALL),
        ("dividers", PLAIN_CALL),
        ("written", WRITTEN),
    )


_TYPES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "new": (_BOARD, (c_void_p, c_void_p, c_void_p)),
    "delete": (None, (_BOARD,)),
    "shared": (ctypes.POINTER(Shared), (_BOARD,)),
    "shared_size": (c_size_t, ()),
    "region": (c_void_p, (_BOARD, c_uint64)),
    "attach": (c_int, (_BOARD, c_int, c_uint32, c_uint32)),
    "registers": (POINTER_TO_WORDS, (_BOARD, c_int)),
    "inputs": (ctypes.POINTER(c_int32), (_BOARD, c_int)),
    "wire": (c_int, (_BOARD, c_int, c_int, c_int, c_int)),
    "map": (c_int, (_BOARD, c_int, c_uint32, c_uint32)),
    "receives": (c_int, (_BOARD, c_int, c_int, c_int, c_int)),
    "transmits": (c_int, (_BOARD, c_int, c_int, c_int, c_int)),
    "ready": (c_int, (_BOARD,)),
    "more": (c_int, (_BOARD, c_uint32, c_uint32, c_void_p)),
    "divide": (None, (_BOARD, c_int, c_uint32)),
    "reset": (None, (_BOARD,)),
    "receiving": (c_int, (_BOARD, c_int)),
    "feed": (c_int, (_BOARD, c_int, ctypes.c_char_p, c_uint32)),
    "outputs": (c_void_p, (_BOARD, c_int, c_void_p, c_void_p, c_void_p, c_void_p)),
    "forget_outputs": (None, (_BOARD,)),
    "saved_size": (c_size_t, (_BOARD,)),
    "save": (None, (_BOARD, c_void_p)),
    "restore": (None, (_BOARD, c_void_p, c_void_p, c_void_p)),
    "run": (c_int, (_BOARD, c_uint64, c_int)),
    "arm": (None, (_BOARD, c_int, c_uint64)),
    "disarm": (None, (_BOARD, c_int)),
    "clear": (None, (_BOARD,)),
    "due": (c_uint64, (_BOARD, c_int)),
    "fire": (None, (_BOARD,)),
    "pend": (None, (_BOARD, c_int)),
    "unpend": (None, (_BOARD, c_int)),
    "line": (None, (_BOARD, c_int, c_int)),
    "enable": (None, (_BOARD, c_int)),
    "running": (c_int, (_BOARD,)),
    "candidate": (c_int, (_BOARD,)),
    "masked": (c_int, (_BOARD, c_int)),
    "takes": (c_int, (_BOARD, c_int)),
    "enter": (c_int, (_BOARD, c_int, c_void_p)),
    "leave": (c_int, (_BOARD, c_uint32)),
    "nvic_reset": (None, (_BOARD,)),
    "priority": (c_int, (_BOARD, c_int)),
    "group": (c_int, (_BOARD, c_int)),
    "members": (c_int, (_BOARD, c_int, c_void_p)),
    "device_read": (c_uint32, (_BOARD, c_int, c_uint32)),
    "device_write": (None, (_BOARD, c_int, c_uint32, c_uint32)),
    "sample": (None, (_BOARD,)),
    "current": (None, (_BOARD, c_void_p)),
    "signal": (c_int, (_BOARD, c_uint32, c_int32, c_uint32, c_uint32)),
    "samples": (c_void_p, (_BOARD, c_void_p)),
    "untold": (None, (_BOARD,)),
    "waiting": (ctypes.POINTER(Waits), (_BOARD,)),
    "forget_waiting": (None, (_BOARD,)),
    "forget_loop": (None, (_BOARD,)),
    "spins": (c_int, (_BOARD, c_void_p, c_uint32)),
    "port": (c_int, (_BOARD, c_int32, c_int32, c_int32, c_void_p)),
    "port_gate": (c_int, (_BOARD, c_int, c_uint32, c_uint32, c_uint32)),
    "port_sending": (c_int, (_BOARD, c_int, c_uint32, c_uint32, c_uint32)),
    "port_signal": (c_int, (_BOARD, c_int, c_int, c_uint32, c_uint32, c_uint32)),
    "port_status": (c_int, (_BOARD, c_int, c_uint32, c_uint32)),
    "port_transfer": (None, (_BOARD, c_int, c_int, c_uint32, c_uint32)),
    "reset_port": (None, (_BOARD, c_int)),
    "feed_port": (c_int, (_BOARD, c_int, ctypes.c_char_p, c_uint32)),
    "port_receiving": (c_int, (_BOARD, c_int)),
    "port_offering": (c_int, (_BOARD, c_int)),
    "port_taken": (c_uint64, (_BOARD, c_int)),
    "tick": (c_int, (_BOARD, c_int32, c_int32, c_uint64)),
    "tick_bit": (c_int, (_BOARD, c_int, c_uint32, c_uint32, c_uint32)),
    "reset_tick": (None, (_BOARD, c_int)),
    "tick_raised": (c_uint64, (_BOARD, c_int)),
    "answers": (c_int, (_BOARD, c_uint32, c_int, c_int, c_int, c_int)),
    "held": (c_uint32, (_BOARD, c_uint32)),
    "knows": (c_int, (_BOARD, c_uint32, c_uint32, ctypes.c_int64, c_int)),
    "unknown_reset": (c_int, (_BOARD,)),
    "polling_forget": (None, (_BOARD,)),
    "learned": (c_uint32, (_BOARD, c_void_p)),
    "written": (c_uint32, (_BOARD, c_void_p)),
    "unforce": (None, (_BOARD,)),
    "force": (c_int, (_BOARD, c_uint32, c_void_p, c_uint32)),
    "resolve": (None, (_BOARD, c_int)),
    "log": (None, (_BOARD, c_uint32)),
    "logged": (c_void_p, (_BOARD, c_void_p)),
    "dry_sites": (c_void_p, (_BOARD, c_void_p)),
    "watch_writes": (None, (_BOARD, c_int)),
    "port_shows_nothing": (None, (_BOARD, c_int)),
    "port_begins": (None, (_BOARD, c_uint32)),
    "dry": (c_uint32, (_BOARD,)),
    "compares_new": (c_void_p, (c_uint32, c_uint32)),
    "compares_delete": (None, (c_void_p,)),
    "compares_forget": (None, (c_void_p,)),
    "compares_note": (None, (c_void_p, c_int)),
    "compares_found": (c_void_p, (c_void_p, c_void_p)),
}
_FOR_UNICORN = ("mmio_read", "mmio_write", "interrupt", "compares")


class Library:
    """The core's functions by their names without `board_`; `_FOR_UNICORN` are what the emulator calls."""

    def __init__(self, path: Path) -> None:
        self.path = path
        loaded = ctypes.CDLL(str(path))
        for name in _FOR_UNICORN:
            setattr(self, name, ctypes.cast(getattr(loaded, f"board_{name}"), c_void_p))
        for name, (result, arguments) in _TYPES.items():
            function = getattr(loaded, f"board_{name}")
            function.restype, function.argtypes = result, arguments
            setattr(self, name, function)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


@functools.cache
def library() -> Library | None:
    """The compiled core, or None where the reference was asked for or nothing can build it."""
    if os.environ.get(CHOICE, "") == REFERENCE:
        return None
    for folder in _folders():
        try:
            path = folder / build.file_name()
            return Library(path if _ours(path) else build.build(folder, _compiler()))
        except (OSError, subprocess.SubprocessError):
            continue
    return None


def _ours(path: Path) -> bool:
    """Beside the sources it is as good as they are; in a cache nobody else may have put it there."""
    if not path.is_file():
        return False
    return path.parent == build.SOURCES or not hasattr(os, "getuid") or path.stat().st_uid == os.getuid()


def _compiler() -> list[str]:
    command = build.compiler()
    if not command:
        raise OSError("no C compiler")
    return command


def _folders() -> list[Path]:
    """Beside the sources, where a wheel has it; else in the user's own cache."""
    cache = os.environ.get("XDG_CACHE_HOME", "")
    return [build.SOURCES, (Path(cache) if cache else Path.home() / ".cache") / "medfuzz"]


def core_name() -> str:
    """Which machine runs firmware here: `compiled core` or `Python reference`, and why."""
    if library() is not None:
        return "compiled core"
    asked = os.environ.get(CHOICE, "") == REFERENCE
    return f"Python reference ({f'{CHOICE}={REFERENCE}' if asked else 'no C compiler built the core'})"
