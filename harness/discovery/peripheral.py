"""Who advertises, and one peripheral asked for all that it has, over a radio that runs or is started for it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from harness.discovery.gatt_bench import LAYERS, bench_text, external
from harness.discovery.gatt_table import GattTable, survey
from harness.errors import LinkError
from harness.interfaces import Conversation, Link, WireProtocol
from harness.radio.process import BLEAK, VIRTUAL, Radio
from harness.transports import Endpoint, ble, parse_moniker
from protocols.load import load_protocol

TIMEOUT = 10.0
_HELLO_SECONDS, _TRIES = 5.0, 4
_LOOKS = (0.5, 1.0, 2.0, 4.0, 8.0)  # seconds


def advertising(radio: Radio, seconds: float) -> list[dict[str, Any]]:
    """Who was heard within that time, the loudest first: `address`, `type`, `rssi` in dBm, `name`."""
    answer = radio.client(_HELLO_SECONDS).ask("scan", seconds + _HELLO_SECONDS, seconds=seconds)
    found: list[dict[str, Any]] = answer["found"]
    return sorted(found, key=lambda who: int(who["rssi"]), reverse=True)


def the_one(radio: Radio, epitaph: Callable[[], str], last_words: Callable[[], str]) -> str:
    """The address of the one who advertises on a radio of ours, which may need some seconds to begin.

    Raises LinkError when nobody does, or several do. `epitaph` says why it never will, `last_words` what the program
    said last.
    """
    found: list[dict[str, Any]] = []
    for seconds in _LOOKS:
        if words := epitaph():
            raise LinkError(words)
        if found := advertising(radio, seconds):
            break
    if not found:
        said = last_words() or "nothing"
        raise LinkError(f"nobody advertises on the virtual radio; does the program attach there? It said: {said}")
    if len(found) > 1:
        who = ", ".join(f"ble:{one['address']}" for one in found)
        raise LinkError(f"several advertise on the virtual radio: name one of {who}")
    return str(found[0]["address"])


class Peripheral:
    """A device by its moniker, `ble:ADDRESS?pair=on`, behind a radio. Raises UsageError for what is no address."""

    def __init__(self, radio: Radio, device: str) -> None:
        self._radio = radio
        endpoint = _endpoint(radio, device)
        self.paired, self.address = endpoint.switch("pair", default=False), endpoint.address.upper()

    def table(self) -> GattTable:
        """All that it has; raises LinkError, BenchError."""
        try:
            return survey(self._radio.peer(self.address), TIMEOUT, paired=self.paired)
        except LinkError as error:
            words = f"ble:{self.address}: {error}. Is it on, in range and advertising? Try --scan 5"
            raise LinkError(words) from error

    def bench(self, table: GattTable, where: str, program: str = "") -> str:
        """A bench file for it; `where` is what stands under [radio], `program` under [target] where it is one of ours.

        A program has the layers on which it answers: on others there would be no telling whether it still lives. A
        device that is there is not asked for a pairing here, and gets `att` besides GATT.
        """
        adapter = self._radio.client(_HELLO_SECONDS).adapter
        layers = {layer: self._speaks(layer) for layer in LAYERS} if program else {"att": True}
        target = program or external(table.name or self.address, armed=adapter == VIRTUAL)
        if adapter == BLEAK:  # it reaches GATT only
            layers.clear()
        return bench_text(table, self.address, target, where, paired=self.paired, layers=layers)

    def _speaks(self, layer: str) -> bool:
        """True where the probe of a layer is served."""
        protocol = load_protocol(LAYERS[layer], Path())
        endpoint = parse_moniker(f"ble:{self.address}?layer={layer}")
        carrier = ble.ble_transport(endpoint, SimpleNamespace(radio=self._radio))
        try:
            with closing(carrier.open(TIMEOUT)) as link:
                return _serves(link, protocol)
        except LinkError:
            return False


def _serves(link: Link, protocol: WireProtocol) -> bool:
    """Whether the probe's proper answer comes in the protocol's time; raises LinkError."""
    conversation = Conversation()
    data = protocol.probe.filled(lambda live, data: protocol.resolve(live, data, conversation))
    deadline = link.now() + _TRIES * protocol.reply_timeout
    link.send(data, deadline)
    while (received := link.receive(deadline)) or link.now() < deadline:
        if any(protocol.served(frame) for frame in protocol.split(received)[0]):
            return True
        if not received and link.whole:
            return False
    return False


def _endpoint(radio: Radio, device: str) -> Endpoint:
    """Raises UsageError for what is no address."""
    endpoint = parse_moniker(device if device.startswith("ble:") else f"ble:{device}")
    endpoint.check("pair")
    ble.ble_transport(endpoint, SimpleNamespace(radio=radio))
    return endpoint
