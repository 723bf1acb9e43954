"""HCI commands of an LE host that Bumble's virtual controller has no answer for, and theirs (Core vol 4 part E 7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

from bumble import hci
from bumble.controller import Controller
from bumble.crypto.cryptography import e as aes

UNKNOWN_COMMAND, UNKNOWN_CONNECTION, MEMORY_FULL, INVALID_PARAMETERS = 0x01, 0x02, 0x07, 0x12
CREATE_SYNC = 0x2044
HOST_COMPLETED_PACKETS = 0x0C35  # the one command that has no answer (7.3.40)
_SUCCESS, _HEAD = b"\0", 4
_LE_1M, _ALL_CHANNELS, _RSSI, _THIRTY_SECONDS = 1, bytes.fromhex("ffffffff1f"), b"\xce", b"\xb8\x0b"
_REMOTE_VERSION_COMPLETE, _LE_META, _PHY_UPDATE_COMPLETE = 0x0C, 0x3E, 0x0C
_CLASSIC = frozenset({1, 2})
_OF_BOTH = frozenset({0x0406, 0x041D})
_PROMISED_ONLY = frozenset({0x041F, 0x0420, 0x201D, 0x201E, 0x201F, 0x2033, 0x2034})
_HALF_DONE = frozenset({0x2025, 0x2026, 0x205E})  # accepted by Bumble's, whose event never comes
Reply = Callable[[Controller, bytes], bytes]


class Answer(NamedTuple):
    """How long the parameters are, and what is returned for them, status first.

    One that is `pending` has a Command Status, and what is returned is an event behind it.
    """

    length: int
    returned: Reply
    pending: bool = False
    connected: bool = False


def _with_handle(more: bytes = b"") -> Reply:
    def reply(_controller: Controller, parameters: bytes) -> bytes:
        return _SUCCESS + parameters[:2] + more

    return reply


def _done(_controller: Controller, _parameters: bytes) -> bytes:
    return _SUCCESS


def _not_in_the_list(_controller: Controller, _parameters: bytes) -> bytes:
    return bytes([UNKNOWN_CONNECTION]) + bytes(6)


def _encrypted(_controller: Controller, parameters: bytes) -> bytes:
    return _SUCCESS + aes(parameters[:16], parameters[16:])


def _version(controller: Controller, parameters: bytes) -> bytes:
    words = (controller.manufacturer_company_identifier, controller.lmp_subversion)
    numbers = b"".join(word.to_bytes(2, "little") for word in words)
    return _event(_REMOTE_VERSION_COMPLETE, _SUCCESS + parameters[:2] + bytes([controller.lmp_version]) + numbers)


def _phy(_controller: Controller, parameters: bytes) -> bytes:
    words = bytes([_PHY_UPDATE_COMPLETE]) + _SUCCESS + parameters[:2] + bytes([_LE_1M, _LE_1M])
    return _event(_LE_META, words)


def _event(code: int, body: bytes) -> bytes:
    return bytes([hci.HCI_EVENT_PACKET, code, len(body)]) + body


ANSWERS: Mapping[int, Answer] = {
    0x041D: Answer(2, _version, pending=True, connected=True),  # Read Remote Version Information
    0x0C2D: Answer(3, _with_handle(b"\0"), connected=True),  # Read Transmit Power Level
    0x0C7B: Answer(2, _with_handle(_THIRTY_SECONDS), connected=True),  # Read Authenticated Payload Timeout
    0x0C7C: Answer(4, _with_handle(), connected=True),  # Write Authenticated Payload Timeout
    0x1405: Answer(2, _with_handle(_RSSI), connected=True),  # Read RSSI
    0x2014: Answer(5, _done),  # Set Host Channel Classification
    0x2015: Answer(2, _with_handle(_ALL_CHANNELS), connected=True),  # Read Channel Map
    0x2017: Answer(32, _encrypted),  # Encrypt
    0x2020: Answer(14, _with_handle(), connected=True),  # Remote Connection Parameter Request Reply
    0x2021: Answer(3, _with_handle(), connected=True),  # ... Negative Reply
    0x2022: Answer(6, _with_handle(), connected=True),  # Set Data Length
    0x2028: Answer(7, _done),  # Remove Device From Resolving List
    0x202B: Answer(7, _not_in_the_list),  # Read Peer Resolvable Address
    0x202C: Answer(7, _not_in_the_list),  # Read Local Resolvable Address
    0x2032: Answer(7, _phy, pending=True, connected=True),  # Set PHY
}
SUPPORTED = frozenset(Controller.supported_commands | ANSWERS.keys()) - _PROMISED_ONLY - _HALF_DONE


def is_unknown(op_code: int) -> bool:
    """True for what a Low Energy controller has not: commands of Classic Bluetooth, and those that end nowhere."""
    return (op_code >> 10 in _CLASSIC and op_code not in _OF_BOTH) or op_code in _PROMISED_ONLY | _HALF_DONE


def parsed(packet: bytes) -> hci.HCI_Command:
    """A command whose parameters have the length that is due; raises what Bumble raises, and ValueError."""
    command = hci.HCI_Command.from_bytes(packet)
    plain = type(command).from_parameters.__func__ is hci.HCI_Command.from_parameters.__func__
    if plain and type(command) is not hci.HCI_Command:
        size = len(cast("Any", hci.HCI_Object).dict_to_bytes(vars(command), command.fields))
        if len(packet) - _HEAD > size:
            raise ValueError("more parameters than the command has")
    return command


def complete(op_code: int, returned: bytes) -> bytes:
    """A Command Complete event."""
    return _event(hci.HCI_COMMAND_COMPLETE_EVENT, b"\1" + op_code.to_bytes(2, "little") + returned)


def status(op_code: int, code: int) -> bytes:
    """A Command Status event."""
    return _event(hci.HCI_COMMAND_STATUS_EVENT, bytes([code, 1]) + op_code.to_bytes(2, "little"))


def refused(op_code: int, code: int) -> bytes:
    """The answer to a command that cannot be done, as its kind is answered."""
    known = hci.HCI_Command.command_classes.get(op_code)
    returns = op_code in ANSWERS and not ANSWERS[op_code].pending
    if returns or (known is not None and issubclass(known, hci.HCI_SyncCommand)):
        return complete(op_code, bytes([code]))
    return status(op_code, code)
