"""`medfuzz emulate`: serve an emulated device on TCP and a serial link, as a bench tester would see it."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from harness.bench import load_bench, load_device
from harness.cli.assemble import find_bench
from harness.cli.terminal import say
from harness.errors import UsageError
from harness.place import is_open
from harness.radio.process import need_bumble
from targets.emulated import emulated_target
from targets.serve import Server


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(emulate)


def emulate(
    bench: Annotated[str, typer.Argument(help="A bench with an emulator target: pump, pump-fixed.")],
    tcp: Annotated[int | None, typer.Option(min=0, max=65535, help="TCP port for the network module.")] = None,
    serial: Annotated[Path | None, typer.Option(help="Path of the serial link to make.")] = None,
    channel: Annotated[str, typer.Option(help="Where to offer the side channel: unix:PATH, or a TCP port.")] = "",
    open_: Annotated[bool, typer.Option("--open", help="Other machines may reach the channel, too.")] = False,
    elf: Annotated[Path | None, typer.Option(help="Other firmware.")] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    unpaced: Annotated[bool, typer.Option(help="Answer as fast as the machine can, not in real time.")] = False,
    radio: Annotated[str, typer.Option(help="Where a Bluetooth device attaches: tcp:HOST:PORT, unix:PATH.")] = "",
    address: Annotated[str, typer.Option(help="The address that it advertises.")] = "",
    public: Annotated[bool, typer.Option(help="That address is a public one.")] = False,
    bench_faults: Annotated[str, typer.Option(help="What it does that is no fault, by name, with commas.")] = "",
) -> None:
    """Serve an emulated device until Ctrl-C; prints what to connect to."""
    path = find_bench(bench)
    if is_open(channel) and not open_:
        raise UsageError(f"--channel {channel}: other machines could reset the device there; say --open if they may")
    if radio:
        _on_the_air(path, radio, channel, elf, address, seed, bench_faults, public=public)
    if bench_faults:
        raise UsageError("--bench-faults: these are a Bluetooth device's; give --radio, too")
    loaded = load_bench(path)
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
            say(line)
        target.start()
        say("serving; Ctrl-C ends")
        server.run()
    finally:
        server.close()


def _on_the_air(
    path: Path,
    radio: str,
    channel: str,
    elf: Path | None,
    address: str,
    seed: int,
    faults: str,
    *,
    public: bool,
) -> NoReturn:
    """A device with a radio front runs in a process of its own, because Bumble and boofuzz do not share one."""
    module = f"targets.{path.resolve().parent.name}"
    if importlib.util.find_spec(f"{module}.front") is None:
        raise UsageError(f"bench '{path}': its device has no radio; leave --radio out")
    need_bumble()
    device = load_device(path)
    options = ["--radio", radio, "--elf", str((elf or device.path(device.target.elf)).resolve()), "--seed", str(seed)]
    options += ["--channel", channel] if channel else []
    options += ["--address", address] if address else []
    options += ["--public"] if public else []
    options += ["--bench-faults", faults] if faults else []
    os.execv(sys.executable, [sys.executable, "-m", module, *options])


def _offer(server: Server, ports: list[str], tcp: int | None, serial: Path | None, channel: str) -> list[str]:
    """Open what was asked for; the network port goes to TCP, the maintenance port to the serial link."""
    if tcp is None and serial is None:
        raise UsageError("nothing to serve: give --tcp PORT, --serial LINK, or both")
    network = next((port for port in ports if port == "network"), ports[-1])
    maintenance = next((port for port in ports if port == "maintenance"), ports[0])
    lines: list[str] = []
    if tcp is not None:
        lines.append(f"{network}: {server.tcp(network, tcp)}")
    if serial is not None:
        server.pty(maintenance, serial)
        lines.append(f"{maintenance}: serial:{serial}")
    if channel:
        lines.append(f"channel: {server.channel(channel)}")
    return lines
