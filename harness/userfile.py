"""What a user brings in a Python file of their own: `FILE.py:NAME`, looked for in the bench's folder."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from harness.errors import UsageError, did_you_mean


def is_file(spec: str) -> bool:
    """True for `FILE.py` and `FILE.py:NAME`."""
    return spec.partition(":")[0].endswith(".py")


def named(spec: str, folder: Path, kind: type, what: str) -> Any:
    """The object of a `kind` that `FILE.py:NAME` names; without NAME it is `what` in capitals. Raises UsageError."""
    file, colon, attribute = spec.partition(":")
    path, name = folder / file, attribute if colon else what.upper()
    found: Any = getattr(load_module(path), name, None)
    if found is None or not isinstance(found, kind):
        names = vars(sys.modules[_name(path)])
        own = [key for key, value in names.items() if isinstance(value, kind) and not key.startswith("_")]
        fault = f"is not a {what}" if found is not None else "is missing"
        raise UsageError(f"{path}: '{name}' {fault}.{did_you_mean(name, own)} Write {path.name}:NAME in the bench.")
    return found


def load_module(path: Path) -> ModuleType:
    """Runs a Python file as a module of its own name; raises UsageError when it is missing or fails.

    It can import what lies beside it; installed packages of the same name come first.
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such file; write a name that comes with medfuzz, or FILE.py:NAME")
    spec = importlib.util.spec_from_file_location(_name(path), path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[_name(path)] = module
    if (folder := str(path.resolve().parent)) not in sys.path:
        sys.path.append(folder)
    try:
        spec.loader.exec_module(module)
    except UsageError:
        raise
    except Exception as error:
        line = _line_of(error, path)
        raise UsageError(f"{path}{line}: {type(error).__name__}: {error}; correct the file and try again") from error
    return module


def _name(path: Path) -> str:
    return f"medfuzz_user_{path.stem}"


def _line_of(error: BaseException, path: Path) -> str:
    """`:12` for the last line of the file that the error passed through."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return f":{line}" if line else ""
