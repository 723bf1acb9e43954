"""`python -m harness.radio.bleak SCRIPT`: run an unmodified bleak script on the devices of a running radio."""

from __future__ import annotations

import argparse
import asyncio
import runpy
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import bleak
from bleak.exc import BleakError

from harness.radio.bleak.client import RadioBleakClient
from harness.radio.bleak.line import dial
from harness.radio.bleak.scanner import RadioBleakScanner
from harness.radio.wire import CONTROL

_SECONDS = 5.0
_USAGE, _BENCH = 2, 3
_BACKEND = "medfuzz"


def install(radio: str) -> None:
    """Make `BleakClient` and `BleakScanner` of this process use the radio at `tcp:HOST:PORT`."""
    client = type("RadioBleakClient", (RadioBleakClient,), {"radio": radio})
    scanner = type("RadioBleakScanner", (RadioBleakScanner,), {"radio": radio})
    backends: Mapping[str, Callable[[], object]] = {
        "client": lambda: (client, _BACKEND),
        "scanner": lambda: (scanner, _BACKEND),
        "adapter": _no_adapter,
    }
    for part, chosen in backends.items():
        setattr(bleak, f"get_platform_{part}_backend_type", chosen)


def _no_adapter() -> NoReturn:
    raise NotImplementedError("a radio of medfuzz has no list of connected devices: scan, or connect to an address")


async def _reach(radio: str) -> None:
    (await dial(radio, _SECONDS, lambda _message: None, lambda: None)).close()


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="medfuzz bleak", description=__doc__)
    parser.add_argument("--radio", default=CONTROL, help="the --control of a running `medfuzz radio`")
    parser.add_argument("script")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    return parser.parse_args(arguments)


def _refused(words: str, code: int) -> int:
    sys.stderr.write(f"medfuzz: {words}\n")
    return code


def main(arguments: Sequence[str] | None = None) -> int:
    """What the script ends with; 2 without a script, 3 without a radio."""
    options = _options(arguments)
    script = Path(options.script)
    if not script.is_file():
        return _refused(f"no script '{script}': name a Python file", _USAGE)
    try:
        asyncio.run(_reach(options.radio))
    except BleakError as error:
        return _refused(str(error.args[0]), _BENCH)
    install(options.radio)
    sys.argv = [options.script, *options.arguments]
    sys.path.insert(0, str(script.resolve().parent))
    runpy.run_path(options.script, run_name="__main__")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
