"""`medfuzz discover`: who advertises, what a peripheral has, and a protocol and a bench to begin with."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from harness.assembly.host_stack import host_stack, place_for
from harness.campaigns.files import make_folder, write
from harness.cli.program import command
from harness.cli.terminal import say
from harness.discovery.bench_text import quoted
from harness.discovery.gatt_bench import BENCH_FILE, process
from harness.discovery.gatt_table import GattTable, tree
from harness.discovery.peripheral import Peripheral, advertising, the_one
from harness.discovery.program_bench import in_words
from harness.discovery.protocol_text import PROTOCOL_FILE, protocol_text
from harness.errors import UsageError
from harness.identity import described
from harness.radio.process import Radio
from harness.radio.wire import CONTROL


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(discover)


def discover(
    device: Annotated[str, typer.Argument(help="ble:ADDRESS, or ble:ADDRESS?pair=on for an encrypted link.")] = "",
    scan: Annotated[float | None, typer.Option(min=0.1, max=60, help="List who advertises within SECONDS.")] = None,
    radio: Annotated[str, typer.Option(help="A radio that runs: the --control of `medfuzz radio`.")] = CONTROL,
    adapter: Annotated[
        str, typer.Option(help="Start a radio for this: bleak, hci-socket:0, usb:0, serial:/dev/ttyACM0,1000000.")
    ] = "",
    cmd: Annotated[
        str, typer.Option(help="Start a host stack on a virtual radio: 'PROGRAM {radio.path} …', see docs/ble.md.")
    ] = "",
    listen: Annotated[str, typer.Option(help="Where it attaches: unix:, pty:, tcp:127.0.0.1:0.")] = "",
    out: Annotated[Path | None, typer.Option(help="Write a protocol and a bench to this folder.")] = None,
) -> None:
    """Show who advertises, or what a Bluetooth LE device has; with --out, write a protocol and a bench for it."""
    if cmd:
        _of_program(cmd, listen, device, scan, out)
        return
    if bool(device) == (scan is not None):
        raise UsageError("name one device, ble:ADDRESS, or give --scan SECONDS to see who advertises")
    used = Radio(adapter=adapter) if adapter else Radio(control=radio)
    try:
        if scan is not None:
            _scan(used, scan)
        else:
            where = f"adapter = {quoted(adapter)}" if adapter else f"control = {quoted(radio)}"
            _discover(Peripheral(used, device), where, out)
    finally:
        used.stop()


def _of_program(cmd: str, listen: str, device: str, scan: float | None, out: Path | None) -> None:
    """A host stack's program, started for it; it is the one who advertises, unless `device` says who of several."""
    if scan is not None:
        raise UsageError("--scan lists who is on the air; with --cmd what the program advertises is asked at once")
    words = in_words(cmd)
    place = listen or place_for(words)
    with host_stack(words, place) as stack:
        peripheral = Peripheral(stack.radio, device or f"ble:{the_one(stack.radio, stack.epitaph, stack.last_words)}")
        cwd = os.path.relpath(Path().resolve(), (out or Path()).resolve())
        program = process(Path(words[0]).name, words, cwd)
        _discover(peripheral, f"listen = [{quoted(place)}]", out, program)


def _scan(radio: Radio, seconds: float) -> None:
    found = advertising(radio, seconds)
    for who in found:
        say(f"ble:{who['address']}  {who['type']:<6}  {who['rssi']:>4} dBm  {who['name']}".rstrip())
    if not found:
        say(f"nobody advertised within {seconds:g} s; is the device on, in range and not connected to something else?")


def _discover(peripheral: Peripheral, where: str, out: Path | None, program: str = "") -> None:
    """`where` and `program` are lines of the bench; without `program` it is a device that is there."""
    folder = None if out is None else _place(out)
    table = peripheral.table()
    _show(table, peripheral.address)
    if not peripheral.paired and any(found.locked for found in table.characteristics):
        say(f"some of it opens only to a paired central: ble:{peripheral.address}?pair=on")
    if folder is not None:
        _write(folder, protocol_text(table), peripheral.bench(table, where, program))


def _place(folder: Path) -> Path:
    """Before the device is asked; raises UsageError where something would be overwritten."""
    for name in (PROTOCOL_FILE, BENCH_FILE):
        if (folder / name).exists():
            raise UsageError(f"{folder / name} is there already; name another folder with --out")
    return folder


def _show(table: GattTable, address: str) -> None:
    say(f"{table.name or 'without a name'} at {address}")
    say(described(table.identity) or "no device information")
    for line in tree(table):
        say(line)


def _write(folder: Path, protocol: str, bench: str) -> None:
    make_folder(folder)
    for name, text in ((PROTOCOL_FILE, protocol), (BENCH_FILE, bench)):
        write(folder / name, text, instead="Name another folder with --out")
    wrote = f"wrote {folder / PROTOCOL_FILE} and {folder / BENCH_FILE}"
    say(f"{wrote}; next: {command()} check {folder / BENCH_FILE}")
