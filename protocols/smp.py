"""The Security Manager Protocol of Bluetooth LE (Core 5.4 vol 3 part H) as an initiator says it, from scapy's classes.

Just Works, legacy and with LE Secure Connections. The key is the specification's debug key, so that a pairing goes on
up to the values that need both addresses: legacy's random and the DHKey check are refused in the end.
"""

from __future__ import annotations

from typing import Any

from scapy.layers import bluetooth as scapy_bluetooth

from harness.interfaces import Mark, Resynchronization, State
from protocols.derive import derive
from protocols.model import Message, Protocol, edges_of, messages_by_name
from protocols.smp_wire import FAILED, SmpWire

# Core vol 3 part H 2.3.5.6.1, on the wire low byte first.
DEBUG_X = bytes.fromhex("20b003d2f297be2c5e2c83a7e9f9a5b9eff49111acf4fddbcc0301480e359de6")[::-1]
DEBUG_Y = bytes.fromhex("dc809c49652aeb6d63329abf5a52155c766345c28fed3024741c8ed01589d28b")[::-1]
NO_INPUT_NO_OUTPUT = 3
BONDING, SECURE_CONNECTIONS = 0x01, 0x08
KEYS = 0x07
KEY_SIZES = (7, 16)
AUTHENTICATION = frozenset({Mark.AUTHENTICATION})


def _command(name: str, packet: Any, **options: Any) -> Message:
    limits = {f"{type(packet).__name__}.{key}": value for key, value in options.pop("ranges", {}).items()}
    silent = options.pop("silent", False)
    request = derive(name, scapy_bluetooth.SM_Hdr() / packet)
    return Message(request, AUTHENTICATION, reply_expected=not silent, ranges=limits, **options)


def _features(**values: Any) -> dict[str, Any]:
    common = {"iocap": NO_INPUT_NO_OUTPUT, "max_key_size": 16}
    return {**common, "initiator_key_distribution": KEYS, "responder_key_distribution": KEYS, **values}


def _pairing() -> tuple[Message, ...]:
    b: Any = scapy_bluetooth
    sizes = {"max_key_size": KEY_SIZES, "iocap": (0, 4)}
    secure = b.SM_Pairing_Request(**_features(authentication=BONDING | SECURE_CONNECTIONS))
    return (
        _command("pairing_request", b.SM_Pairing_Request(**_features(authentication=BONDING)), ranges=sizes),
        _command("confirm", b.SM_Confirm(confirm=bytes(range(16)))),
        _command("random", b.SM_Random(random=bytes(range(16)))),
        _command("secure_pairing_request", secure, ranges=sizes),
        _command("public_key", b.SM_Public_Key(key_x=DEBUG_X, key_y=DEBUG_Y), needs=("secure_pairing_request",)),
        _command("secure_random", b.SM_Random(random=bytes(range(16)))),
        _command("dhkey_check", b.SM_DHKey_Check()),
        _command("failed", b.SM_Failed(reason=FAILED), silent=True),
        _command("keypress", b.SM_Keypress_Notification(notification_type=1), silent=True),
    )


def _keys() -> tuple[Message, ...]:
    """What the third phase distributes, and what only a responder says."""
    b: Any = scapy_bluetooth
    return (
        _command("encryption_information", b.SM_Encryption_Information(ltk=bytes(range(16))), silent=True),
        _command("central_identification", b.SM_Master_Identification(ediv=1, rand=bytes(8)), silent=True),
        _command("identity_information", b.SM_Identity_Information(irk=bytes(range(16))), silent=True),
        _command("identity_address", b.SM_Identity_Address_Information(bd_addr="c0:01:02:03:04:05"), silent=True),
        _command("signing_information", b.SM_Signing_Information(csrk=bytes(range(16))), silent=True),
        _command("security_request", b.SM_Security_Request(auth_req=BONDING), silent=True),
        _command("pairing_response", b.SM_Pairing_Response(**_features(authentication=BONDING)), silent=True),
    )


MESSAGES = messages_by_name((*_pairing(), *_keys()))
CHAINS = (
    ("pairing_request", "confirm"),
    ("confirm", "random"),
    ("random", "encryption_information"),
    ("encryption_information", "central_identification"),
    ("central_identification", "identity_information"),
    ("identity_information", "identity_address"),
    ("identity_address", "signing_information"),
    ("secure_pairing_request", "public_key"),
    ("public_key", "secure_random"),
    ("secure_random", "dhkey_check"),
    ("public_key", "dhkey_check"),
    ("public_key", "public_key"),
    ("confirm", "confirm"),
    ("pairing_request", "pairing_request"),
    ("pairing_request", "failed"),
    ("failed", "pairing_request"),
)
FAIL = MESSAGES["failed"].send()
REQUESTED = (FAIL, MESSAGES["pairing_request"].send())
SECURE = (FAIL, MESSAGES["secure_pairing_request"].send())


def _states() -> dict[str, State]:
    """A device does not tell how far a pairing is: these have no proof."""
    states = (
        State("idle", (FAIL,)),
        State("requested", REQUESTED),
        State("confirmed", (*REQUESTED, MESSAGES["confirm"].send())),
        State("secure", SECURE),
        State("keys_exchanged", (*SECURE, MESSAGES["public_key"].send())),
    )
    return {state.name: state for state in states}


PROTOCOL = Protocol(
    name="smp",
    messages=MESSAGES,
    edges=edges_of((name for name in MESSAGES if not MESSAGES[name].needs), CHAINS),
    wire=SmpWire(),
    states=_states(),
    probe=MESSAGES["pairing_request"].send(),
    reply_timeout=0.5,
    resynchronization=Resynchronization(0.05, FAIL.data),
    max_reply=1 << 12,
    waits=(0.02, 1.0),
)
