"""What a peripheral may ask of its central as often as it likes, answered without anything that piles up."""

from __future__ import annotations

import asyncio
import contextlib
import struct

from bumble import core, hci
from bumble.host import Host

SIGNALLING, SMP = 5, 6
_REQUEST, _RESPONSE, _SIZE = 0x12, 0x13, 12  # Connection Parameter Update, Core vol 3 part A 4.20
_PAIRING_REQUEST, _NOT_SUPPORTED = b"\x01", bytes.fromhex("05 07")  # Core vol 3 part H 3.5


class Inbound:
    """Bumble begins whatever is asked, and a peripheral that asks faster than that is done fills the memory.

    Connection parameters are accepted at once; of those that come while some are set, the last ones are set next. A
    pairing is the central's to request.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._wanted: dict[int, bytes] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, handle: int, cid: int, pdu: bytes) -> bool:
        """True when the PDU is answered."""
        if cid == SMP and pdu[:1] == _PAIRING_REQUEST:
            self._host.send_l2cap_pdu(handle, SMP, _NOT_SUPPORTED)
            return True
        if cid != SIGNALLING or pdu[:1] != bytes([_REQUEST]) or len(pdu) != _SIZE:
            return False
        self._host.send_l2cap_pdu(handle, SIGNALLING, bytes([_RESPONSE, pdu[1], 2, 0, 0, 0]))
        under_way = handle in self._wanted
        self._wanted[handle] = pdu[4:]
        if not under_way:
            task = asyncio.get_running_loop().create_task(self._update(handle))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return True

    async def _update(self, handle: int) -> None:
        try:
            while wanted := self._wanted[handle]:
                self._wanted[handle] = b""
                low, high, latency, timeout = struct.unpack("<HHHH", wanted)
                command = hci.HCI_LE_Connection_Update_Command(handle, low, high, latency, timeout, 0, 0)
                with contextlib.suppress(core.BaseBumbleError, hci.HCI_Error):
                    await self._host.send_async_command(command)
        finally:
            del self._wanted[handle]
