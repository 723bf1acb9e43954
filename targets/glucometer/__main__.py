"""`python -m targets.glucometer`: the meter's firmware on the board, its HCI bridged to the radio."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Sequence
from pathlib import Path

from harness.errors import UsageError
from targets.emulated import EmulatedTarget
from targets.glucometer.front import ADDRESS, Front, provision
from targets.serving import device_program
from targets.serving.h4 import Bridge
from targets.serving.serve import Server

HERE = Path(__file__).parent


def _target(options: argparse.Namespace) -> EmulatedTarget:
    """Started, with its address."""
    target = device_program.device(HERE, options)
    target.start()
    if options.public or options.address != ADDRESS:
        provision(target, options.address, public=options.public)
    return target


def serve(options: argparse.Namespace) -> None:
    """Until SIGINT, SIGTERM, or the end of the radio."""
    if options.bench_faults:
        raise UsageError("--bench-faults: over Bluetooth LE they are the insulin pump's; leave it out here")
    target = _target(options)
    server = Server(target, paced=False)
    stopped: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: stopped.append(number))
    bridge = Bridge(device_program.place(options))
    try:
        if options.channel:
            server.channel(options.channel)
        front = Front(target, server, bridge)
        server.begin()
        front.run(lambda: bool(stopped))
    finally:
        server.close()
        bridge.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """0 after a signal; 3 for what cannot be had, such as a radio that is gone."""
    options = device_program.options("glucometer", __doc__, ADDRESS, arguments)
    return device_program.ended(options, serve)


if __name__ == "__main__":
    raise SystemExit(main())
