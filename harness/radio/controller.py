"""The virtual controller of one host stack: every command is answered, and what is said on the air is not mended."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from bumble import hci, ll
from bumble.controller import AdvertisingSet, Controller, LegacyAdvertiser
from bumble.link import LocalLink

from harness.radio import commands

_ACL_LENGTH = 251
_HANDLES = range(0x0040, 0x0F00)  # of connections: a controller's own choice (Core 5.4 vol 4 part E 5.4)
_CONTINUATION, _START = 1, 2
_SHORTEST_INTERVAL, _UNIT_SECONDS = 0x20, 0.000625
_LONGEST_DATA = 229  # of what one advertising report holds
_MOST_SYNCS = 16
Advertised = Callable[["EtherController", hci.Address, bytes], None]


@dataclass
class _Legacy(LegacyAdvertiser):
    """One timer, whatever is asked for how often, and no interval shorter than the shortest that there is."""

    def _on_timer_fired(self) -> None:
        self.send_advertising_data()
        self.timer_handle = asyncio.get_running_loop().call_later(
            _UNIT_SECONDS * max(self.advertising_interval_min, _SHORTEST_INTERVAL), self._on_timer_fired
        )


@dataclass
class _Set(AdvertisingSet):
    """The same for extended advertising; a set without an address is silent."""

    def start(self) -> None:
        self.stop()
        self.enabled = True
        self.timer_handle = asyncio.get_running_loop().call_soon(self._on_extended_advertising_timer_fired)

    def _on_extended_advertising_timer_fired(self) -> None:
        self.send_extended_advertising_data()
        parameters = cast("Any", self).parameters
        asked = int(parameters.primary_advertising_interval_min) if parameters else 0
        self.timer_handle = asyncio.get_running_loop().call_later(
            _UNIT_SECONDS * max(asked, _SHORTEST_INTERVAL), self._on_extended_advertising_timer_fired
        )

    def send_extended_advertising_data(self) -> None:
        if self.enabled and self.address is not None:
            super().send_extended_advertising_data()


class EtherController(Controller):
    """Bumble's virtual controller with what a fuzzer needs of one.

    A command that is unknown, malformed, or that Bumble's trips over is answered, too. Fragments of ACL data pass as
    they are: the stock one reassembles by the L2CAP length and so swallows wrong ones. A connect does not wait for the
    next advertisement, and cancelling one works.
    """

    le_acl_data_packet_length = _ACL_LENGTH
    on_advertised: Advertised | None = None
    _connections_made = 0
    _awaited, _answered = 0, False

    def begin(self) -> None:
        """Stop what runs: advertising, scanning, connecting, connections, as after a reset."""
        self.supported_commands = set(commands.SUPPORTED)
        for connection in list(self.le_connections.values()):
            connection.send_ll_control_pdu(ll.TerminateInd(hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR))
        self.le_connections.clear()
        self.le_legacy_advertiser.stop()
        for advertiser in self.advertising_sets.values():
            advertiser.stop()
        self.advertising_sets.clear()
        self.le_legacy_advertiser = _Legacy(self)
        self.pending_le_connection, self.le_scan_enable = None, False
        self.pending_periodic_advertising_syncs.clear()

    def leave(self, link: LocalLink) -> None:
        """The host is gone: to its peers the link is lost, as by a supervision timeout."""
        self.begin()
        link.remove_controller(self)

    # -- commands -------------------------------------------------------------------------------------------------

    def on_packet(self, packet: bytes) -> None:
        """From our host; what is no packet is dropped."""
        if packet[:1] == bytes([hci.HCI_COMMAND_PACKET]):
            self._command(packet)
        else:
            with contextlib.suppress(Exception):  # the host under test is hostile
                super().on_packet(packet)

    def _command(self, packet: bytes) -> None:
        op_code, wrong = int.from_bytes(packet[1:3], "little"), commands.UNKNOWN_COMMAND
        self._awaited, self._answered = op_code, False
        try:
            if op_code in commands.ANSWERS:
                self._answer(op_code, packet[4:])
            elif op_code == commands.CREATE_SYNC and len(self.pending_periodic_advertising_syncs) >= _MOST_SYNCS:
                wrong = commands.MEMORY_FULL
            elif not commands.is_unknown(op_code):
                self.on_hci_packet(commands.parsed(packet))
                self._trim()
        except Exception:  # noqa: BLE001  the host under test is hostile
            wrong = commands.INVALID_PARAMETERS
        if not self._answered and op_code != commands.HOST_COMPLETED_PACKETS:
            self._say(commands.refused(op_code, wrong))

    def _answer(self, op_code: int, parameters: bytes) -> None:
        answer = commands.ANSWERS[op_code]
        if len(parameters) != answer.length:
            raise ValueError("parameters of another length")
        self._answered = True
        if answer.connected and self.find_le_connection_by_handle(int.from_bytes(parameters[:2], "little")) is None:
            self._say(commands.refused(op_code, commands.UNKNOWN_CONNECTION))
            return
        returned = answer.returned(self, parameters)
        if answer.pending:
            self._say(commands.status(op_code, 0))
            self._say(returned)
        else:
            self._say(commands.complete(op_code, returned))

    def _say(self, event: bytes) -> None:
        if self.host is not None:
            asyncio.get_running_loop().call_soon(self.host.on_packet, event)

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """To our host; the answer to a command is one that can be said."""
        super().send_hci_packet(packet)
        if isinstance(packet, hci.HCI_Command_Complete_Event | hci.HCI_Command_Status_Event):
            self._answered = self._answered or packet.command_opcode == self._awaited

    def on_hci_reset_command(
        self, _command: hci.HCI_SyncCommand[hci.HCI_StatusReturnParameters]
    ) -> hci.HCI_StatusReturnParameters:
        """The stock one goes on advertising."""
        self.begin()
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

    def _trim(self) -> None:
        """Sets of advertising are ours, and hold as much as one report does."""
        for handle, found in list(self.advertising_sets.items()):
            del found.data[_LONGEST_DATA:], found.scan_response_data[_LONGEST_DATA:]
            if not isinstance(found, _Set):
                parameters = cast("Any", found).parameters
                self.advertising_sets[handle] = _Set(self, handle, parameters, random_address=found.random_address)

    # -- the air --------------------------------------------------------------------------------------------------

    def allocate_connection_handle(self) -> int:
        """A handle that was not in use lately: hosts (Bumble's too) clean up behind a connection late."""
        self._connections_made += 1
        return _HANDLES[(self._connections_made - 1) % len(_HANDLES)]

    def on_hci_acl_data_packet(self, packet: hci.HCI_AclDataPacket) -> None:
        """From our host: say that it is sent, and hand the fragment to the other controller's host."""
        connection = self.find_connection_by_handle(packet.connection_handle)
        if connection is None:
            return
        done = hci.HCI_Number_Of_Completed_Packets_Event(
            connection_handles=[connection.handle], num_completed_packets=[1]
        )
        self.send_hci_packet(done)
        boundary = _CONTINUATION if packet.pb_flag == _CONTINUATION else _START
        for peer, back in others(self.link, connection.self_address, connection.peer_address):
            peer.send_hci_packet(hci.HCI_AclDataPacket(back, boundary, 0, len(packet.data), packet.data))

    def on_hci_le_create_connection_cancel_command(
        self, _command: hci.HCI_SyncCommand[hci.HCI_StatusReturnParameters]
    ) -> hci.HCI_StatusReturnParameters:
        """A no-op in the stock controller, after which the next connect fails."""
        pending, self.pending_le_connection = self.pending_le_connection, None
        if pending is not None:
            self.send_hci_packet(_cancelled(pending))
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

    def on_hci_le_create_connection_command(self, command: hci.HCI_LE_Create_Connection_Command) -> None:
        """Connect, and let those who advertise do it now."""
        super().on_hci_le_create_connection_command(command)
        asyncio.get_running_loop().call_soon(self._everybody_advertises)

    def on_hci_le_extended_create_connection_command(
        self, command: hci.HCI_LE_Extended_Create_Connection_Command
    ) -> None:
        """The same for the extended command."""
        super().on_hci_le_extended_create_connection_command(command)
        asyncio.get_running_loop().call_soon(self._everybody_advertises)

    def create_le_connection(self, peer_address: hci.Address) -> None:
        """As the stock one, and look whether the other side took it."""
        before = list(self.le_connections)
        super().create_le_connection(peer_address)
        for address in [address for address in self.le_connections if address not in before]:
            asyncio.get_running_loop().call_soon(self._look, address)

    def _look(self, peer_address: hci.Address) -> None:
        """An advertiser that stopped meanwhile never saw the connection: it is lost at once, as on the air."""
        connection = self.le_connections.get(peer_address)
        if connection is None:
            return
        if not any(connection.self_address in controller.le_connections for controller in self.link.controllers):
            self.on_le_disconnected(connection, hci.HCI_ErrorCode.CONNECTION_FAILED_TO_BE_ESTABLISHED_ERROR)

    def _everybody_advertises(self) -> None:
        for controller in list(self.link.controllers) if self.link else []:
            controller.le_legacy_advertiser.send_advertising_data()
            for advertiser in controller.advertising_sets.values():
                advertiser.send_extended_advertising_data()

    def send_advertising_pdu(self, packet: ll.AdvertisingPdu) -> None:
        """Send it, and tell who advertises."""
        if self.on_advertised is not None and isinstance(packet, ll.AdvInd | ll.AdvExtInd):
            self.on_advertised(self, packet.advertiser_address, bytes(packet.data))
        super().send_advertising_pdu(packet)


def others(link: LocalLink, own: hci.Address, address: hci.Address) -> list[tuple[Controller, int]]:
    """The controllers at the other end of a connection with their handles of it.

    More than one where several advertised one address and all took it.
    """
    found = ((controller, controller.le_connections.get(own)) for controller in link.controllers)
    return [(controller, back.handle) for controller, back in found if back and back.self_address == address]


def _cancelled(
    pending: hci.HCI_LE_Create_Connection_Command | hci.HCI_LE_Extended_Create_Connection_Command,
) -> hci.HCI_LE_Connection_Complete_Event:
    return hci.HCI_LE_Connection_Complete_Event(
        status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
        connection_handle=0,
        role=hci.Role.CENTRAL,
        peer_address_type=pending.peer_address_type,
        peer_address=pending.peer_address,
        connection_interval=0,
        peripheral_latency=0,
        supervision_timeout=0,
        central_clock_accuracy=0,
    )
