"""`medfuzz emulate`: serve an emulated device on TCP and a serial link, as a bench tester would see it."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.bench import load_bench
from harness.cli.assemble import find_bench
from harness.errors import UsageError
from targets.emulated import emulated_target
from targets.serve import Server


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(emulate)


def emulate(
    bench: Annotated[str, typer.Argument(help="A bench with an emulator target: pump, pump-fixed.")],
    tcp: Annotated[int | None, typer.Option(min=0, max=65535, help="TCP port for the network module.")] = None,
    serial: Annotated[Path | None, typer.Option(help="Path of the serial link to make.")] = None,
    channel: Annotated[int | None, typer.Option(min=0, max=65535, help="TCP port for the side channel.")] = None,
    elf: Annotated[Path | None, typer.Option(help="Other firmware.")] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    unpaced: Annotated[bool, typer.Option(help="Answer as fast as the machine can, not in real time.")] = False,
) -> None:
    """Serve an emulated device until Ctrl-C; prints what to connect to."""
    loaded = load_bench(find_bench(bench))
    if loaded.target.kind != "emulator":
        raise UsageError(f"bench '{bench}' has a target of kind '{loaded.target.kind}'; only an emulator can be served")
    target = emulated_target(loaded.with_elf(elf) if elf else loaded, seed)
    server = Server(target, paced=not unpaced)

    def stop(_number: int, _frame: object) -> None:
        server.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        for line in _offer(server, list(loaded.target.ports), tcp, serial, channel):
            Console(highlight=False, soft_wrap=True).print(line, markup=False)
        target.start()
        Console(highlight=False).print("serving; Ctrl-C ends", markup=False)
        server.run()
    finally:
        server.close()


def _offer(server: Server, ports: list[str], tcp: int | None, serial: Path | None, channel: int | None) -> list[str]:
    """Open what was asked for; the network port goes to TCP, the maintenance port to the serial link."""
    if tcp is None and serial is None:
        raise UsageError("nothing to serve: give --tcp PORT, --serial LINK, or both")
    network = next((port for port in ports if port == "network"), ports[-1])
    maintenance = next((port for port in ports if port == "maintenance"), ports[0])
    lines: list[str] = []
    if tcp is not None:
        lines.append(f"{network}: tcp:127.0.0.1:{server.tcp(network, tcp)}")
    if serial is not None:
        server.pty(maintenance, serial)
        lines.append(f"{maintenance}: serial:{serial}")
    if channel is not None:
        lines.append(f"channel: tcp:127.0.0.1:{server.channel(channel)}")
    return lines
