"""`python -m harness.radio`: the radio process. Prints where it listens and who attaches; ends with Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from harness.errors import BenchError, MedfuzzError, UsageError
from harness.load import Load
from harness.place import is_open
from harness.radio.process import BLEAK
from harness.radio.server import RadioServer
from harness.radio.wire import CONTROL

if TYPE_CHECKING:
    from harness.radio.central import Central
    from harness.radio.ether import Ether

_FAILED = 3
_END_SECONDS = 0.7


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="medfuzz radio", description=__doc__)
    parser.add_argument("--control", default=CONTROL, help="where the harness speaks to it: unix:PATH, tcp:HOST:PORT")
    parser.add_argument("--open", action="store_true", help="other machines may reach a place on TCP, too")
    parser.add_argument(
        "--adapter", default="virtual", help="virtual, bleak, hci-socket:0, usb:0, serial:/dev/ttyACM0,1000000"
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


def _on_bumble(adapter: str, told: Callable[..., None]) -> tuple[Central, Ether]:
    from harness.radio.central import Central
    from harness.radio.ether import Ether
    from harness.radio.quiet import quieten

    quieten()
    ether = Ether(told)
    return Central(adapter, ether), ether


def _on_the_desktop(listen: Sequence[str]) -> Central:
    """It stands for Bumble's: what it lacks, `BleakCentral.only` keeps from it. Raises UsageError."""
    from harness.radio.bleak.central import BleakCentral

    if listen:
        raise UsageError(f"nothing attaches to adapter '{BLEAK}': leave listen out, or use adapter 'virtual'")
    return cast("Central", BleakCentral())


async def serve(options: argparse.Namespace) -> None:
    """Run until SIGINT or SIGTERM. Raises OSError, MedfuzzError for what cannot be opened, or was lost."""
    reachable = _reachable([options.control, *options.listen], wished=options.open)
    server: RadioServer | None = None
    ether: Ether | None = None

    def told(event: str, **words: object) -> None:
        if server is not None:
            server.air(event, **words)

    if options.adapter == BLEAK:
        central = _on_the_desktop(options.listen)
    else:
        central, ether = _on_bumble(options.adapter, told)
    load = Load(ether.pids, ether.device) if ether is not None else Load(device=tuple)
    server = RadioServer(central, load)
    ended = asyncio.Event()
    _end_with(ended, server, owned=options.owned)
    load.start()
    try:
        await _start(central)
        if ether is not None:
            await _listen(server, ether, options.listen)
        for moniker in reachable:
            server.say(f"open to other machines: {moniker}")
        server.say(f"control: {await server.open(options.control)}")
        await _kept(central, ended)
    finally:
        load.stop()
        if ether is not None:
            ether.close()
        server.close(owned=options.owned)
        await central.stop()


def _reachable(monikers: Sequence[str], *, wished: bool) -> list[str]:
    """The places that other machines may reach; raises UsageError where that is not wished."""
    found = [moniker for moniker in monikers if is_open(moniker)]
    if found and not wished:
        raise UsageError(
            f"{found[0]} is open to other machines. If that is meant, say --open, in a bench [radio] open = true; else "
            "take 127.0.0.1"
        )
    return found


async def _start(central: Central) -> None:
    """Raises BenchError, whatever an adapter's transport raises."""
    try:
        await central.start()
    except MedfuzzError:
        raise
    except Exception as error:
        raise BenchError(
            f"adapter '{central.adapter}' cannot be had ({type(error).__name__}: {error}). Write usb:0, hci-socket:0, "
            "serial:PORT,BAUD, bleak or virtual; is it plugged in, and may your user open it? See docs/ble.md"
        ) from error


async def _kept(central: Central, ended: asyncio.Event) -> None:
    """Until the end is wished; raises BenchError where the adapter is lost before."""
    wished = asyncio.ensure_future(ended.wait())
    await asyncio.wait((wished, central.lost), return_when=asyncio.FIRST_COMPLETED)
    wished.cancel()
    if central.lost.done():
        raise BenchError(f"adapter {central.adapter}: {central.lost.result()}. Plug it in again, and start anew")


def _end_with(ended: asyncio.Event, server: RadioServer, *, owned: bool) -> None:
    """Set on a signal, and on the end of standard input where that is the owner's; the loop's errors are said."""
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(
        lambda _loop, context: server.say(f"the host stack: {context.get('exception') or context['message']}")
    )

    def end(*_signal: object) -> None:
        loop.call_soon_threadsafe(ended.set)
        hurry = threading.Timer(_END_SECONDS, _leave)
        hurry.daemon = True
        hurry.start()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)

    def left() -> None:
        loop.remove_reader(sys.stdin.fileno())
        end()

    if owned:
        loop.add_reader(sys.stdin.fileno(), left)


def _leave() -> None:
    """However busy a host stack keeps us: an adapter and a place to listen are let go by the operating system."""
    os._exit(0)


async def _listen(server: RadioServer, ether: Ether, monikers: Sequence[str]) -> None:
    for moniker in monikers:
        server.listening.append(await ether.listen(moniker))
        server.say(f"host stacks attach at {server.listening[-1]} (H4)")


def main(arguments: Sequence[str] | None = None) -> int:
    """0 after a signal; 3 when the adapter or a port cannot be had, 2 when they do not go together."""
    options = _options(arguments)
    try:
        asyncio.run(serve(options))
    except MedfuzzError as error:
        sys.stderr.write(f"medfuzz radio: {error}\n")
        return error.exit_code
    except OSError as error:
        sys.stderr.write(f"medfuzz radio: {error}\n")
        return _FAILED
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
