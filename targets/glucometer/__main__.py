"""`python -m targets.glucometer`: the meter's firmware on the board, its HCI bridged to the radio."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.bench import load_device
from harness.errors import MedfuzzError
from targets.emulated import EmulatedTarget, emulated_target
from targets.glucometer.front import ADDRESS, Front, provision
from targets.h4 import Bridge
from targets.serve import Server

HERE = Path(__file__).parent


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="medfuzz emulate glucometer", description=__doc__)
    parser.add_argument("--radio", required=True, help="where to attach by H4: tcp:HOST:PORT")
    parser.add_argument("--channel", type=int, help="TCP port for the side channel")
    parser.add_argument("--elf", type=Path, help="other firmware")
    parser.add_argument("--address", default=ADDRESS)
    parser.add_argument("--public", action="store_true", help="advertise the controller's own public address")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(arguments)


def _target(options: argparse.Namespace) -> EmulatedTarget:
    """Started, with its address."""
    bench = load_device(HERE / "device.toml")
    target = emulated_target(bench.with_elf(options.elf) if options.elf else bench, options.seed)
    target.start()
    if options.public or options.address != ADDRESS:
        provision(target, options.address, public=options.public)
    return target


def serve(options: argparse.Namespace) -> None:
    """Until SIGINT, SIGTERM, or the end of the radio."""
    target = _target(options)
    server = Server(target, paced=False)
    host, _colon, port = options.radio.removeprefix("tcp:").rpartition(":")
    stopped: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: stopped.append(number))
    bridge = Bridge(host, int(port))
    try:
        if options.channel is not None:
            server.channel(options.channel)
        front = Front(target, server, bridge)
        server.begin()
        front.run(lambda: bool(stopped))
    finally:
        server.close()
        bridge.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """0 after a signal; 3 for what cannot be had, such as a radio that is gone."""
    try:
        serve(_options(arguments))
    except (MedfuzzError, OSError) as error:
        sys.stderr.write(f"medfuzz emulate: {error}\n")
        return error.exit_code if isinstance(error, MedfuzzError) else 3
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
