"""`medfuzz import`: a capture of real traffic becomes seeds for one interface of a bench."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from harness.bench import load_bench
from harness.bench_tables import InterfaceTable
from harness.captures import MAX_MESSAGES, CaptureDamaged, Said, bluetooth, tcp
from harness.captures.files import read_records
from harness.cli.assemble import find_bench, protocol_in
from harness.cli.files import write
from harness.cli.harvest import Harvest, Splitter
from harness.cli.terminal import say
from harness.errors import UsageError, did_you_mean
from harness.radio import att
from harness.seeds import seeds_text
from harness.transports import Endpoint, parse_moniker
from harness.transports.ble import CHANNELS
from protocols.model import Protocol
from reports.text import visible

_SHOWN = 8
_WRITES = (att.WRITE, att.WRITE_COMMAND)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import")(import_)


def import_(
    captures: Annotated[list[Path], typer.Argument(help="btsnoop, pcap or pcapng files.")],
    bench: Annotated[str, typer.Option(help="The bench whose device was spoken to.")],
    interface: Annotated[str, typer.Option(help="Its interface (default: the only one).")] = "",
    device: Annotated[
        str, typer.Option(help="The device in the capture: PORT, HOST:PORT or ADDRESS (default: the bench's).")
    ] = "",
    out: Annotated[Path, typer.Option(help="The seeds file to write.")] = Path("seeds.toml"),
) -> None:
    """Take what was said to a device from captures, as seeds that the fuzzers start from."""
    path = find_bench(bench)
    loaded = load_bench(path)
    name = _interface(interface, list(loaded.interfaces))
    if out.exists():
        raise UsageError(f"{out} is there already; name another file with --out")
    table = loaded.interfaces[name]
    protocol = protocol_in(loaded, name)
    harvest = Harvest(protocol)
    damage = [error for capture in captures if (error := _read(capture, table, protocol, device, harvest))]
    if harvest.seeds:
        source = ", ".join(capture.name for capture in captures)
        write(out, seeds_text(visible(source), harvest.seeds, harvest.walks), instead="Name another file with --out")
        _tell(harvest, out, name)
    if damage:
        raise UsageError(f"{damage[0]}" + (f"; what stands before it is in {out}" if harvest.seeds else ""))


def _interface(wanted: str, known: Sequence[str]) -> str:
    if not wanted and len(known) == 1:
        return known[0]
    if wanted not in known:
        what = f"the bench has no interface '{wanted}'" if wanted else "the bench has several interfaces: --interface"
        raise UsageError(f"{what}.{did_you_mean(wanted, known)}")
    return wanted


def _read(
    capture: Path, table: InterfaceTable, protocol: Protocol, device: str, harvest: Harvest
) -> CaptureDamaged | None:
    """Everything up to where the capture is damaged, which is returned; raises UsageError where nothing was said."""
    endpoint, before = parse_moniker(table.transport), harvest.count
    conversations: bluetooth.Conversations | tcp.Conversations
    if endpoint.scheme == "ble":
        conversations = bluetooth.Conversations(device or endpoint.address)
        messages = _over_ble(conversations, capture, endpoint)
    else:
        conversations = tcp.Conversations(_place(device, endpoint))
        messages = Splitter(protocol).messages(conversations.said(read_records(capture)))
    try:
        for message in islice(messages, MAX_MESSAGES):
            harvest.add(message)
    except CaptureDamaged as error:
        return error
    if harvest.count == before:
        raise _nothing(capture, conversations.heard)
    return None


def _place(device: str, endpoint: Endpoint) -> str:
    """`HOST:PORT` of the device in the capture, or `:PORT`."""
    if not device and endpoint.scheme != "tcp":
        raise UsageError(f"{endpoint.moniker} says nothing about a capture of TCP; give --device HOST:PORT or PORT")
    place = device or endpoint.address.rpartition(":")[2]
    return f":{place}" if place.isdigit() else place


def _over_ble(conversations: bluetooth.Conversations, capture: Path, endpoint: Endpoint) -> Iterator[Said]:
    """The PDUs of the interface's layer; for one characteristic, the values written to it."""
    characteristic = endpoint.options.get("char", "").lower()
    layer = "char" if characteristic else endpoint.options.get("layer", "gatt")
    channels = [channel] if (channel := CHANNELS.get(layer, att.ATT)) > 0 else []
    for said in conversations.said(read_records(capture), channels):
        if layer == "gatt" and said.data[0] in (*att.WITH_HANDLE, att.EXECUTE_WRITE):
            yield said
        elif layer == "char" and said.uuid == characteristic and said.data[0] in _WRITES and said.data[3:]:
            yield Said(said.conversation, said.device, said.data[3:])
        elif layer not in ("gatt", "char"):
            yield Said(said.conversation, said.device, said.data)


def _nothing(capture: Path, heard: Counter[str]) -> UsageError:
    others = ", ".join(f"{device} ({count})" for device, count in heard.most_common(_SHOWN))
    there = f"something was said to {others}: name one with --device" if heard else "nor to any other"
    return UsageError(f"capture {capture}: nothing in it was said to the device on this interface; {there}")


def _tell(harvest: Harvest, out: Path, name: str) -> None:
    counts = Counter(seed.message or "bytes of no known message" for seed in harvest.seeds)
    named = ", ".join(f"{message} {count}" if count > 1 else message for message, count in counts.items())
    lines = [
        f"{_counted(harvest.count, 'message')} in {_counted(harvest.conversations, 'conversation')}, "
        f"{len(harvest.seeds)} different: {named}",
        *([f"{harvest.more:,} more of the same kinds left out"] if harvest.more else []),
        *([f"{_counted(harvest.unnamed, 'handle')} without a name in the capture, kept"] if harvest.unnamed else []),
        f'wrote {out}; next: seeds = "{out}" in [interfaces.{name}] of the bench',
    ]
    say(*lines)


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"
