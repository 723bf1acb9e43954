"""Builds the core with a C compiler that is there; it needs Python's own modules only, and downloads nothing."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

SOURCES = Path(__file__).parent
FLAGS = ("-std=c11", "-O2", "-shared", "-fPIC", "-fvisibility=hidden")
COMPILERS = ("cc", "gcc", "clang")
_PATIENCE = 600


def digest() -> str:
    """Of all sources and flags: a library with another one is not ours."""
    text = b"".join(path.read_bytes() for path in sorted(SOURCES.glob("*.[ch]")))
    return hashlib.sha256(text + " ".join(FLAGS).encode()).hexdigest()[:16]


def file_name() -> str:
    """What the library is called, of these sources on this system."""
    suffix = {"win32": ".dll", "darwin": ".dylib"}.get(sys.platform, ".so")
    return f"board-{digest()}{suffix}"


def compiler() -> list[str]:
    """The command of a C compiler, or [] where there is none: the system's, else ziglang's."""
    found = next(filter(None, map(shutil.which, COMPILERS)), None)
    if found is not None:
        return [found]
    return [sys.executable, "-m", "ziglang", "cc"] if find_spec("ziglang") else []


def build(folder: Path, command: list[str], *, extra: tuple[str, ...] = (), name: str = "") -> Path:
    """Compile into `folder`, whole or not at all; raises OSError and subprocess.SubprocessError."""
    library = folder / (name or file_name())
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        made = Path(scratch) / library.name
        sources = sorted(str(path) for path in SOURCES.glob("*.c"))
        call = [*command, *FLAGS, *extra, "-o", str(made), *sources]
        subprocess.run(call, check=True, capture_output=True, timeout=_PATIENCE, env=dict(os.environ))
        made.replace(library)
    return library
