"""Finds a protocol by its shipped name or in a user's own file: `my_device.py:PROTOCOL`."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType

from harness.errors import UsageError, did_you_mean
from harness.registry import Registry
from protocols.model import Protocol

PROTOCOLS: Registry[Callable[[], Protocol]] = Registry("protocol")


SHIPPED = {
    "pump_link": "protocols.pump_link:PROTOCOL",
    "hl7_mllp": "protocols.hl7_mllp:PROTOCOL",
    "att": "protocols.att:PROTOCOL",
    "insulin": "protocols.insulin:PROTOCOL",
    "gatt_racp": "protocols.gatt.racp:PROTOCOL",
    "gatt_cgm": "protocols.gatt.cgm:PROTOCOL",
    "gatt_cgm_plain": "protocols.gatt.cgm:PLAIN",
    "gatt_ids": "protocols.gatt.ids:PROTOCOL",
    "gatt_heart_rate": "protocols.gatt.heart_rate:PROTOCOL",
    "gatt_blood_pressure": "protocols.gatt.blood_pressure:PROTOCOL",
    "gatt_plx": "protocols.gatt.plx:PROTOCOL",
    "gatt_thermometer": "protocols.gatt.thermometer:PROTOCOL",
    "smp": "protocols.smp:PROTOCOL",
    "l2cap_signalling": "protocols.l2cap:PROTOCOL",
    "l2cap": "protocols.l2cap:WHOLE_FRAMES",
}


def _shipped(place: str) -> Protocol:
    """The protocol of a module, which is imported only when a bench names it."""
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(module), attribute)


for _name, _place in SHIPPED.items():
    PROTOCOLS.register(_name)(partial(_shipped, _place))


def load_protocol(spec: str, folder: Path = Path()) -> Protocol:
    """The protocol that a bench names; a file is looked for in `folder`, the bench's own.

    Raises UsageError that names file, attribute and what to do.
    """
    file, colon, attribute = spec.rpartition(":")
    if not colon and not spec.endswith(".py"):
        return PROTOCOLS.get(spec)()
    path = folder / (file if colon else spec)
    module = load_module(path)
    name = attribute if colon else "PROTOCOL"
    found = getattr(module, name, None)
    if not isinstance(found, Protocol):
        own = [key for key, value in vars(module).items() if isinstance(value, Protocol)]
        what = "is not a Protocol" if found is not None else "is missing"
        raise UsageError(f"{path}: '{name}' {what}.{did_you_mean(name, own)} Write {path.name}:NAME in the bench.")
    return found


def load_module(path: Path) -> ModuleType:
    """Runs a Python file as a module of its own name; raises UsageError when it is missing or fails.

    It can import what lies beside it; installed packages of the same name come first.
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such file; a protocol is a shipped name ({', '.join(PROTOCOLS)}) or FILE.py:NAME")
    name = f"medfuzz_user_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path}: not a Python file; a protocol is written in one")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
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


def _line_of(error: BaseException, path: Path) -> str:
    """`:12` for the last line of the file that the error passed through."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return f":{line}" if line else ""
