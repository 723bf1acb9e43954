"""What `init` asks of a Bluetooth LE link: address, layer, pairing, and which radio reaches it."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace

from harness.cli.asking import ask
from harness.errors import UsageError, did_you_mean
from harness.radio.process import BLEAK, Radio
from harness.transports import parse_moniker
from harness.transports.ble import CHANNELS, ble_transport

SCHEME = "ble:"
ADAPTER = "hci-socket:0"
PROTOCOLS: Mapping[str, str] = {
    "gatt": "att",
    "att": "att",
    "smp": "smp",
    "signalling": "l2cap_signalling",
    "l2cap": "l2cap",
}
_ANSWERS = {"yes": True, "y": True, "no": False, "n": False}
_RADIO_HINT = (
    "Which radio? An adapter, hci-socket:0, usb:0, serial:/dev/ttyACM0,1000000 or virtual; bleak, the desktop's own,\n"
    "for GATT only; or tcp:HOST:PORT, where `medfuzz radio` runs already"
)


def is_ble(transport: str) -> bool:
    """A moniker of this scheme."""
    return transport.startswith(SCHEME)


def checked(transport: str) -> str:
    """The moniker; raises UsageError."""
    ble_transport(parse_moniker(transport), SimpleNamespace(radio=Radio()))
    return transport


def ask_link() -> str:
    """The moniker out of three questions."""
    hint = "Which device? `medfuzz discover --scan 5` lists who advertises"
    address = ask("Address", "", _address, instead="--transport", hint=hint)
    layer = ask(f"Layer ({', '.join(PROTOCOLS)})", "gatt", _layer, instead="--transport")
    paired = ask("Pair and encrypt (yes, no)", "no", _yes, instead="--transport")
    options = [*([f"layer={layer}"] if layer != "gatt" else []), *(["pair=on"] if paired else [])]
    return f"{SCHEME}{address}" + (f"?{'&'.join(options)}" if options else "")


def ask_radio() -> str:
    """An adapter, or the control moniker of a radio that runs."""
    return ask("Radio", ADAPTER, radio, instead="--radio", hint=_RADIO_HINT)


def radio(text: str) -> str:
    """Raises UsageError for what is neither adapter nor radio."""
    scheme, colon, _rest = text.partition(":")
    if text not in ("virtual", BLEAK) and not (colon and scheme in ("hci-socket", "usb", "serial", "tcp")):
        raise UsageError(
            f"radio '{text}': write hci-socket:0, usb:0, serial:PORT,SPEED, bleak, virtual or tcp:HOST:PORT"
        )
    return text


def protocol_for(transport: str) -> str:
    """The shipped protocol that its layer speaks."""
    return PROTOCOLS.get(parse_moniker(transport).options.get("layer", "gatt"), "att")


def _address(text: str) -> str:
    address = text.removeprefix(SCHEME).upper()
    if not address:
        raise UsageError("an address is needed, like F0:F1:F2:F3:F4:F5")
    checked(SCHEME + address)
    return address


def _layer(text: str) -> str:
    if text not in CHANNELS or text not in PROTOCOLS:
        raise UsageError(f"no layer '{text}'.{did_you_mean(text, PROTOCOLS)}")
    return text


def _yes(text: str) -> bool:
    if text.lower() not in _ANSWERS:
        raise UsageError("yes or no")
    return _ANSWERS[text.lower()]
