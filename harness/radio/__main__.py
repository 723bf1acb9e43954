"""`python -m harness.radio`: the radio process. Prints where it listens and who attaches; ends with Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence

from harness.radio.central import Central
from harness.radio.ether import Ether
from harness.radio.quiet import quieten
from harness.radio.server import RadioServer

_FAILED = 3


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="medfuzz radio", description=__doc__)
    parser.add_argument("--control", default="tcp:127.0.0.1:0", help="where the harness speaks to it: tcp:HOST:PORT")
    parser.add_argument(
        "--adapter", default="virtual", help="virtual, hci-socket:0, usb:0, serial:/dev/ttyACM0,1000000"
    )
    parser.add_argument(
        "--listen",
        action="append",
        default=[],
        help="where a host stack attaches by H4: tcp:HOST:PORT, unix:PATH, pty:PATH",
    )
    parser.add_argument(
        "--owned", action="store_true", help="end when standard input ends: with the one that started it"
    )
    return parser.parse_args(arguments)


async def serve(options: argparse.Namespace) -> None:
    """Run until SIGINT or SIGTERM. Raises OSError, ValueError for what cannot be opened."""
    server: RadioServer | None = None

    def told(event: str, **words: object) -> None:
        if server is not None:
            server.air(event, **words)

    ether = Ether(told)
    central = Central(options.adapter, ether)
    server = RadioServer(central)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(
        lambda _loop, context: server.say(f"Bumble: {context.get('exception') or context['message']}")
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    if options.owned:
        loop.add_reader(sys.stdin.fileno(), ended.set)
    try:
        await central.start()
        for moniker in options.listen:
            server.listening.append(await ether.listen(moniker))
            server.say(f"host stacks attach at {server.listening[-1]} (H4)")
        server.say(f"control: {await server.open(options.control)}")
        await ended.wait()
    finally:
        ether.close()
        await central.stop()


def main(arguments: Sequence[str] | None = None) -> int:
    """0 after a signal; 3 when the adapter or a port cannot be had."""
    options = _options(arguments)
    quieten()
    try:
        asyncio.run(serve(options))
    except Exception as error:  # noqa: BLE001  an adapter's transport raises anything
        sys.stderr.write(f"medfuzz radio: {type(error).__name__}: {error}\n")
        return _FAILED
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
