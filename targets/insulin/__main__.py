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

from harness.place import place_of, socket_path
from harness.radio.quiet import quieten
from targets.insulin.front import NAME, Front
from targets.insulin.mailbox import Mailbox
from targets.serving import device_program
from targets.serving.bench_faults import BLE_FAULTS, chosen
from targets.serving.dirty_ble import Dirt
from targets.serving.serve import Server

HERE = Path(__file__).parent
ADDRESS = "C6:49:50:37:00:01"
_TICK = 0.005


async def serve(options: argparse.Namespace) -> None:
    """Until SIGINT, SIGTERM, or the end of the radio."""
    chosen(options.bench_faults, BLE_FAULTS)
    target = device_program.device(HERE, options)
    server = Server(target, paced=False)
    if options.channel:
        server.channel(options.channel)
    transport = await open_transport(_spec(device_program.place(options)))
    try:
        await _run(server, target.start, Host(transport.source, transport.sink), options, transport.source.terminated)
    finally:
        server.close()
        await transport.close()


def _spec(moniker: str) -> str:
    """As Bumble calls the place to attach at; raises UsageError."""
    path = socket_path(moniker)
    return f"unix:{path}" if path is not None else "tcp-client:{}:{}".format(*place_of(moniker))


async def _run(
    server: Server, start: Callable[[], None], host: Host, options: argparse.Namespace, ended: asyncio.Future[None]
) -> None:
    own = Address(options.address, Address.PUBLIC_DEVICE_ADDRESS if options.public else Address.RANDOM_DEVICE_ADDRESS)
    device = Device(config=DeviceConfiguration(name=NAME, address=own), host=host)
    dirt = Dirt(device, chosen(options.bench_faults, BLE_FAULTS))
    front = Front(device, lambda told: _mailbox(server, told), dirt, public=options.public)
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
    options = device_program.options("insulin", __doc__, ADDRESS, arguments)
    quieten()
    return device_program.ended(options, lambda chosen: asyncio.run(serve(chosen)))


if __name__ == "__main__":
    raise SystemExit(main())
