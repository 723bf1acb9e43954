"""`medfuzz discover`: who advertises, what a peripheral has, and a protocol and a bench to begin with."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

import typer

from harness.cli.bench_text import quoted
from harness.cli.files import make_folder, write
from harness.cli.gatt_bench import BENCH_FILE, bench_text
from harness.cli.gatt_protocol import PROTOCOL_FILE, protocol_text
from harness.cli.gatt_table import GattTable, survey, tree
from harness.cli.program import command
from harness.cli.terminal import say
from harness.errors import LinkError, UsageError
from harness.identity import described
from harness.radio.process import BLEAK, VIRTUAL, Radio
from harness.radio.wire import CONTROL
from harness.transports import Endpoint, ble, parse_moniker

_TIMEOUT = 10.0
_HELLO_SECONDS = 5.0


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
    out: Annotated[Path | None, typer.Option(help="Write a protocol and a bench to this folder.")] = None,
) -> None:
    """Show who advertises, or what a Bluetooth LE device has; with --out, write a protocol and a bench for it."""
    if bool(device) == (scan is not None):
        raise UsageError("name one device, ble:ADDRESS, or give --scan SECONDS to see who advertises")
    used = Radio(adapter=adapter) if adapter else Radio(control=radio)
    try:
        if scan is not None:
            _scan(used, scan)
        else:
            _discover(used, device, f"adapter = {quoted(adapter)}" if adapter else f"control = {quoted(radio)}", out)
    finally:
        used.stop()


def _scan(radio: Radio, seconds: float) -> None:
    answer = radio.client(_HELLO_SECONDS).ask("scan", seconds + _HELLO_SECONDS, seconds=seconds)
    found: list[dict[str, Any]] = answer["found"]
    for who in sorted(found, key=lambda who: int(who["rssi"]), reverse=True):
        say(f"ble:{who['address']}  {who['type']:<6}  {who['rssi']:>4} dBm  {who['name']}".rstrip())
    if not found:
        say(f"nobody advertised within {seconds:g} s; is the device on, in range and not connected to something else?")


def _discover(radio: Radio, device: str, where: str, out: Path | None) -> None:
    endpoint = _endpoint(radio, device)
    folder = None if out is None else _place(out)
    paired, address = endpoint.switch("pair", default=False), endpoint.address.upper()
    try:
        table = survey(radio.peer(address), _TIMEOUT, paired=paired)
    except LinkError as error:
        raise LinkError(f"ble:{address}: {error}. Is it on, in range and advertising? Try --scan 5") from error
    _show(table, address)
    if not paired and any(found.locked for found in table.characteristics):
        say(f"some of it opens only to a paired central: ble:{address}?pair=on")
    if folder is not None:
        adapter = radio.client(_HELLO_SECONDS).adapter
        bench = bench_text(table, address, where, paired=paired, armed=adapter == VIRTUAL, raw=adapter != BLEAK)
        _write(folder, protocol_text(table), bench)


def _endpoint(radio: Radio, device: str) -> Endpoint:
    """Raises UsageError for what is no address."""
    endpoint = parse_moniker(device if device.startswith("ble:") else f"ble:{device}")
    endpoint.check("pair")
    ble.ble_transport(endpoint, SimpleNamespace(radio=radio))
    return endpoint


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
