"""`python -m targets.insulin`: the pump's firmware on the board, and its radio front, in one process."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from bumble.device import Device, DeviceConfiguration
from bumble.hci import Address
from bumble.host import Host
from bumble.transport import open_transport

from harness.bench import load_device
from harness.errors import MedfuzzError
from harness.radio.quiet import quieten
from targets.emulated import emulated_target
from targets.insulin.front import NAME, Front
from targets.insulin.mailbox import Mailbox
from targets.serve import Server

HERE = Path(__file__).parent
ADDRESS = "C6:49:50:37:00:01"
_TICK = 0.005


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="medfuzz emulate insulin", description=__doc__)
    parser.add_argument("--radio", required=True, help="where to attach by H4: tcp:HOST:PORT")
    parser.add_argument("--channel", type=int, help="TCP port for the side channel")
    parser.add_argument("--elf", type=Path, help="other firmware")
    parser.add_argument("--address", default=ADDRESS)
    parser.add_argument("--public", action="store_true", help="advertise a public address instead of a random one")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(arguments)


async def serve(options: argparse.Namespace) -> None:
    """Until SIGINT, SIGTERM, or the end of the radio."""
    bench = load_device(HERE / "device.toml")
    target = emulated_target(bench.with_elf(options.elf) if options.elf else bench, options.seed)
    server = Server(target, paced=False)
    if options.channel is not None:
        server.channel(options.channel)
    host, _colon, port = options.radio.removeprefix("tcp:").rpartition(":")
    transport = await open_transport(f"tcp-client:{host}:{port}")
    try:
        await _run(server, target.start, Host(transport.source, transport.sink), options, transport.source.terminated)
    finally:
        server.close()
        await transport.close()


async def _run(
    server: Server, start: Callable[[], None], host: Host, options: argparse.Namespace, ended: asyncio.Future[None]
) -> None:
    own = Address(options.address, Address.PUBLIC_DEVICE_ADDRESS if options.public else Address.RANDOM_DEVICE_ADDRESS)
    device = Device(config=DeviceConfiguration(name=NAME, address=own), host=host)
    front = Front(device, lambda told: _mailbox(server, told), public=options.public)
    start()
    server.begin()
    await front.start()
    server.restarted = front.restarted
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, lambda: ended.done() or ended.set_result(None))
    loop.add_reader(server.fileno(), server.turn)
    sys.stdout.write(f"{NAME} advertises as {device.public_address if options.public else device.random_address}\n")
    sys.stdout.flush()
    while not ended.done():
        server.turn()
        await asyncio.wait([ended], timeout=_TICK)


def _mailbox(server: Server, told: Callable[[int, bytes], None]) -> Mailbox:
    box = Mailbox(lambda seconds: server.ahead("mailbox", seconds), told)
    box.feed = server.local("mailbox", box.heard)
    return box


def main(arguments: Sequence[str] | None = None) -> int:
    """0 after a signal; 3 for what cannot be had."""
    options = _options(arguments)
    quieten()
    try:
        asyncio.run(serve(options))
    except (MedfuzzError, OSError) as error:
        sys.stderr.write(f"medfuzz emulate: {error}\n")
        return error.exit_code if isinstance(error, MedfuzzError) else 3
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
