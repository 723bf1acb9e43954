"""What the central does besides carrying PDUs: procedures of the link layer and of pairing, by name.

Each takes the device, the connection and numbers by name, and returns what came of it in a word or two. What the peer
or the controller refuses is an outcome; a connection that is lost raises asyncio.CancelledError, as Bumble does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from typing import Any, cast

from bumble import core, crypto, hci, smp
from bumble.device import Connection, Device
from bumble.keys import PairingKeys
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.utils import EventWatcher

DONE, NO_KEY = "done", "no key"
OWN_ADDRESS = "E0:4D:46:5A:00:01"
INTERVAL_MS, TIMEOUT_MS = 1.25, 10.0
STATIC, RESOLVABLE, NON_RESOLVABLE = 1, 2, 3
ZERO_KEY = PairingKeys(ltk=PairingKeys.Key(value=bytes(16)))
Outcome = str
Act = Callable[..., Awaitable[Outcome]]


async def perform(device: Device, connection: Connection, name: str, numbers: Mapping[str, int]) -> Outcome:
    """Do it; raises ValueError for an unknown one, TypeError for wrong numbers."""
    if name not in PROCEDURES:
        raise ValueError(f"no procedure '{name}'")
    try:
        return await PROCEDURES[name](device, connection, **numbers)
    except hci.HCI_Error as error:
        return f"refused: {error.error_name}"
    except core.BaseBumbleError as error:
        return f"failed: {error}"


async def update_parameters(
    _device: Device, connection: Connection, low: int, high: int, latency: int, timeout: int
) -> Outcome:
    """LE Connection Update: interval from `low` to `high` (1.25 ms), latency in intervals, timeout (10 ms)."""
    await connection.update_parameters(low * INTERVAL_MS, high * INTERVAL_MS, latency, timeout * TIMEOUT_MS)
    return DONE


async def encrypt(device: Device, connection: Connection, key: int) -> Outcome:
    """Encrypt with the bond's key (1), or with a key of zeros that was never agreed on (0)."""
    store = device.keystore
    keys = await store.get(str(connection.peer_address)) if key and store is not None else ZERO_KEY
    found = keys and (keys.ltk or keys.ltk_central)
    if not found:
        return NO_KEY
    await _encrypt(device, connection, found)
    return DONE


async def _encrypt(device: Device, connection: Connection, key: PairingKeys.Key) -> None:
    """Bumble's own waits for a change only: where the link is encrypted, the key is refreshed. Raises HCI_Error."""
    ended = asyncio.get_running_loop().create_future()

    def changed() -> None:
        if not ended.done():
            ended.set_result(None)

    def failed(error: int) -> None:
        if not ended.done():
            ended.set_exception(hci.HCI_Error(error))

    with closing(EventWatcher()) as watcher:
        watcher.on(connection, Connection.EVENT_CONNECTION_ENCRYPTION_CHANGE, changed)
        watcher.on(connection, Connection.EVENT_CONNECTION_ENCRYPTION_KEY_REFRESH, changed)
        watcher.on(connection, Connection.EVENT_CONNECTION_ENCRYPTION_FAILURE, failed)
        await device.send_async_command(
            hci.HCI_LE_Enable_Encryption_Command(
                connection_handle=connection.handle,
                random_number=key.rand or bytes(8),
                encrypted_diversifier=key.ediv or 0,
                long_term_key=key.value,
            )
        )
        await connection.cancel_on_disconnection(ended)


class _Broken(smp.Session):
    """Ends a pairing when so many of the peer's commands have come: by Pairing Failed, or by cutting the connection."""

    fail_at = cut_at = heard = 0

    def on_smp_command(self, command: smp.SMP_Command) -> None:
        self.heard += 1
        if self.heard == self.fail_at:
            self.send_pairing_failed(smp.ErrorCode.UNSPECIFIED_REASON)
        elif self.heard == self.cut_at:
            cutting = asyncio.ensure_future(self.connection.disconnect())
            cutting.add_done_callback(lambda task: task.cancelled() or task.exception())
        else:
            super().on_smp_command(command)


async def pair(
    device: Device,
    connection: Connection,
    secure: int = 1,
    bonding: int = 1,
    mitm: int = 0,
    io: int = 3,
    key_size: int = 16,
    fail_at: int = 0,
    cut_at: int = 0,
) -> Outcome:
    """Pair as the initiator; `io` is the capability in the Pairing Request (Core vol 3 part H 3.5.1).

    Of the peer's commands the one with the number `fail_at` is answered by Pairing Failed, at `cut_at` the connection
    is ended. A passkey or a number to compare is taken for right.
    """
    delegate = PairingDelegate(PairingDelegate.IoCapability(io), maximum_encryption_key_size=key_size)
    config = PairingConfig(bool(secure), bool(mitm), bool(bonding), delegate, PairingConfig.AddressType.RANDOM)
    session = _Broken(device.smp_manager, connection, config, is_initiator=True)
    session.fail_at, session.cut_at = fail_at, cut_at
    device.smp_manager.sessions[connection.handle] = session
    await bonded(device, connection, session.pair())
    return DONE


async def bonded(device: Device, connection: Connection, pairing: Awaitable[None]) -> None:
    """Await a pairing, and keep its keys under the address that the peer is spoken to by, whatever its identity.

    Bumble takes the identity for the address from then on, and a further pairing on the connection would fail by that.
    """
    found, spoken_to, own = list[PairingKeys](), connection.peer_address, connection.peer_resolvable_address
    with closing(EventWatcher()) as watcher:
        watcher.on(connection, Connection.EVENT_PAIRING, found.append)
        try:
            await pairing
        finally:
            connection.peer_address, connection.peer_resolvable_address = spoken_to, own
    for keys in found:
        await device.update_keys(str(spoken_to), keys)


PROCEDURES: Mapping[str, Act] = {"update_parameters": update_parameters, "encrypt": encrypt, "pair": pair}


async def change_address(device: Device, kind: int) -> None:
    """Another own address for the connections to come: STATIC, RESOLVABLE, NON_RESOLVABLE, or 0 for the first one."""
    address = own_address(kind, device.irk)
    await device.send_sync_command(cast("Any", hci.HCI_LE_Set_Random_Address_Command(random_address=address)))
    device.random_address = address


def own_address(kind: int, irk: bytes) -> hci.Address:
    """The address of a kind; the same at each call (Core vol 6 part B 1.3.2)."""
    first = bytes(hci.Address(OWN_ADDRESS))
    if kind == RESOLVABLE:
        prand = first[3:5] + b"\x5a"
        return _random(crypto.ah(irk, prand) + prand)
    if kind == NON_RESOLVABLE:
        return _random(first[:5] + b"\x20")
    return _random(first if kind != STATIC else b"\x02" + first[1:])


def _random(octets: bytes) -> hci.Address:
    return hci.Address(octets, hci.Address.RANDOM_DEVICE_ADDRESS)
