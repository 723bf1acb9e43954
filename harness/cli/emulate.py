"""`medfuzz emulate`: serve an emulated device on TCP and a serial link, as a bench tester would see it."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from harness.assembly.benches import find_bench
from harness.bench import load_bench, load_device
from harness.cli.terminal import say
from harness.errors import UsageError
from harness.place import LOOPBACK, is_open, place_of
from harness.radio.process import need_bumble
from targets.boards import emulated_target
from targets.serving.bench_faults import TCP, for_links, kind_of
from targets.serving.dirty import Proxy
from targets.serving.serve import Server


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
        with contextlib.ExitStack() as fronts:
            for line in _offer(server, _places(loaded.emulator.ports, tcp, serial), fronts, bench_faults, seed):
                say(line)
            if channel:
                say(f"channel: {server.channel(channel)}")
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
    options = ["--radio", radio, "--elf", str((elf or device.firmware).resolve()), "--seed", str(seed)]
    options += ["--channel", channel] if channel else []
    options += ["--address", address] if address else []
    options += ["--public"] if public else []
    options += ["--bench-faults", faults] if faults else []
    os.execv(sys.executable, [sys.executable, "-m", module, *options])


def _places(ports: Iterable[str], tcp: int | None, serial: Path | None) -> list[tuple[str, str]]:
    """Port of the device and where it is wanted: the network port on TCP, the maintenance port on the serial link."""
    names, places = list(ports), list[tuple[str, str]]()
    if tcp is None and serial is None:
        raise UsageError("nothing to serve: give --tcp PORT, --serial LINK, or both")
    if tcp is not None:
        places.append((next((name for name in names if name == "network"), names[-1]), f"tcp:{LOOPBACK}:{tcp}"))
    if serial is not None:
        places.append((next((name for name in names if name == "maintenance"), names[0]), f"pty:{serial}"))
    return places


def _offer(
    server: Server, places: list[tuple[str, str]], fronts: contextlib.ExitStack, faults: str, seed: int
) -> Iterator[str]:
    """Open each place, behind a front where there are faults; says where it is."""
    by_link = for_links(faults, [kind_of(place) for _port, place in places])
    for port, place in places:
        words = by_link[kind_of(place)]
        if words:
            front = fronts.enter_context(Proxy(server.tcp(port, 0), place, words, seed))
            yield f"{port}: {front.moniker}, with {words}"
        else:
            yield f"{port}: {_bare(server, port, place)}"


def _bare(server: Server, port: str, place: str) -> str:
    scheme, _colon, rest = place.partition(":")
    if scheme == TCP:
        return server.tcp(port, place_of(place, any_port=True)[1])
    server.pty(port, Path(rest))
    return f"serial:{rest}"
