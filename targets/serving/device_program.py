"""What the programs of emulated devices with a radio share: their options, and how they end."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.bench import load_device
from harness.errors import MedfuzzError, UsageError
from harness.place import place_of, socket_path
from harness.transports.ble import is_address
from targets.boards import emulated_target
from targets.emulated import EmulatedTarget
from targets.serving.serve import channel_place

_FAILED = 3


def options(name: str, about: str | None, address: str, arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of `medfuzz emulate NAME --radio …`; `address` is what it advertises unless told otherwise."""
    parser = argparse.ArgumentParser(prog=f"medfuzz emulate {name}", description=about)
    parser.add_argument("--channel", help="where to offer the side channel: unix:PATH, tcp:HOST:PORT, a port")
    parser.add_argument("--radio", required=True, help="where to attach by H4: tcp:HOST:PORT, unix:PATH")
    parser.add_argument("--elf", type=Path, help="other firmware")
    parser.add_argument("--address", default=address)
    parser.add_argument("--public", action="store_true", help="advertise a public address instead of a random one")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bench-faults", default="", help="what it does that is no fault, by name, with commas")
    chosen = parser.parse_args(arguments)
    if not is_address(chosen.address):
        parser.error(f"--address '{chosen.address}' is not one: write it like {address}")
    try:
        chosen.channel = chosen.channel and channel_place(chosen.channel)
    except UsageError as error:
        parser.error(f"--channel {error}")
    return chosen


def device(folder: Path, chosen: argparse.Namespace) -> EmulatedTarget:
    """The device that `device.toml` in `folder` describes, not started yet; raises UsageError."""
    bench = load_device(folder / "device.toml")
    return emulated_target(bench.with_elf(chosen.elf) if chosen.elf else bench, chosen.seed)


def place(chosen: argparse.Namespace) -> str:
    """Where to attach: one that can be. Raises UsageError."""
    moniker: str = chosen.radio
    if socket_path(moniker) is None:
        place_of(moniker)
    return moniker


def ended(chosen: argparse.Namespace, run: Callable[[argparse.Namespace], None]) -> int:
    """Run to the end: 0 after a signal; the error's code, or 3, for what cannot be had, in one line."""
    try:
        run(chosen)
    except (ConnectionRefusedError, FileNotFoundError):
        sys.stderr.write(
            f"medfuzz emulate: nothing listens at {chosen.radio}; start `medfuzz radio --listen {chosen.radio}` first\n"
        )
        return _FAILED
    except (MedfuzzError, OSError) as error:
        sys.stderr.write(f"medfuzz emulate: {error}\n")
        return error.exit_code if isinstance(error, MedfuzzError) else _FAILED
    return 0
