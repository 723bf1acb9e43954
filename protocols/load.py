"""Finds a protocol by its shipped name or in a user's own file: `my_device.py:PROTOCOL`."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from harness.errors import UsageError, did_you_mean
from harness.registry import Registry
from protocols.model import Protocol

PROTOCOLS: Registry[Callable[[], Protocol]] = Registry("protocol")


@PROTOCOLS.register("pump_link")
def _pump_link() -> Protocol:
    from protocols.pump_link import PROTOCOL

    return PROTOCOL


@PROTOCOLS.register("hl7_mllp")
def _hl7_mllp() -> Protocol:
    from protocols.hl7_mllp import PROTOCOL

    return PROTOCOL


@PROTOCOLS.register("att")
def _att() -> Protocol:
    from protocols.att import PROTOCOL

    return PROTOCOL


@PROTOCOLS.register("insulin")
def _insulin() -> Protocol:
    from protocols.insulin import PROTOCOL

    return PROTOCOL


@PROTOCOLS.register("gatt_racp")
def _gatt_racp() -> Protocol:
    from protocols.gatt.racp import PROTOCOL

    return PROTOCOL


@PROTOCOLS.register("gatt_cgm")
def _gatt_cgm() -> Protocol:
    from protocols.gatt.cgm import PROTOCOL

    return PROTOCOL


@PROTOCOLS.register("gatt_cgm_plain")
def _gatt_cgm_plain() -> Protocol:
    from protocols.gatt.cgm import PLAIN

    return PLAIN


@PROTOCOLS.register("gatt_ids")
def _gatt_ids() -> Protocol:
    from protocols.gatt.ids import PROTOCOL

    return PROTOCOL


@PROTOCOLS.register("gatt_heart_rate")
def _gatt_heart_rate() -> Protocol:
    from protocols.gatt.heart_rate import PROTOCOL

    return PROTOCOL


@PROTOCOLS.register("gatt_blood_pressure")
def _gatt_blood_pressure() -> Protocol:
    from protocols.gatt.blood_pressure import PROTOCOL

    return PROTOCOL


@PROTOCOLS.register("gatt_plx")
def _gatt_plx() -> Protocol:
    from protocols.gatt.plx import PROTOCOL

    return PROTOCOL


@PROTOCOLS.register("gatt_thermometer")
def _gatt_thermometer() -> Protocol:
    from protocols.gatt.thermometer import PROTOCOL

    return PROTOCOL


@PROTOCOLS.register("smp")
def _smp() -> Protocol:
    from protocols.smp import PROTOCOL

    return PROTOCOL


@PROTOCOLS.register("l2cap_signalling")
def _l2cap_signalling() -> Protocol:
    from protocols.l2cap import PROTOCOL

    return PROTOCOL


@PROTOCOLS.register("l2cap")
def _l2cap() -> Protocol:
    from protocols.l2cap import WHOLE_FRAMES

    return WHOLE_FRAMES


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
    """Runs a Python file as a module of its own name; raises UsageError when it is missing or fails."""
    if not path.is_file():
        raise UsageError(f"{path}: no such file; a protocol is a shipped name ({', '.join(PROTOCOLS)}) or FILE.py:NAME")
    name = f"medfuzz_user_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path}: not a Python file; a protocol is written in one")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
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
