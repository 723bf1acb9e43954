"""What a capture holds that was said to one interface of a bench, put into a harvest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from harness.bench_tables import InterfaceTable
from harness.captures import MAX_MESSAGES, CaptureDamaged, Said, bluetooth, tcp
from harness.captures.files import read_records
from harness.discovery.harvest import Harvest, Splitter
from harness.errors import UsageError
from harness.radio import att
from harness.transports import Endpoint, parse_moniker
from harness.transports.ble import CHANNELS
from protocols.model import Protocol

_SHOWN = 8
_WRITES = (att.WRITE, att.WRITE_COMMAND)


def gather(
    capture: Path, table: InterfaceTable, protocol: Protocol, device: str, harvest: Harvest
) -> CaptureDamaged | None:
    """Everything up to where the capture is damaged, which is returned; raises UsageError where nothing was said.

    `device` is PORT, HOST:PORT or ADDRESS in the capture, "" for that of the interface.
    """
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
