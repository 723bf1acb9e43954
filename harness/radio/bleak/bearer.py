"""ATT on raw PDUs, as bleak's client needs it: one request at a time, long values, notifications (Vol 3 Part F)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bleak.exc import BleakError, BleakGATTProtocolError, BleakGATTProtocolErrorCode

from harness.radio.att import (
    ATT,
    CONFIRMATION,
    ERROR,
    EXECUTE_WRITE,
    INDICATION,
    MTU,
    MTU_REQUEST,
    NOTIFICATION,
    PREPARE_WRITE,
    READ,
    READ_BLOB,
    TRANSACTION_SECONDS,
    WRITE,
    WRITE_COMMAND,
    answers,
    is_request,
    refusal,
)

_LONGEST = 0xFFFF
_ENDS = (BleakGATTProtocolErrorCode.ATTRIBUTE_NOT_LONG, BleakGATTProtocolErrorCode.INVALID_OFFSET)
_CHANNEL = ATT.to_bytes(2, "little")


class Bearer:
    """ATT over one connection. `put` sends an L2CAP payload, `notified(handle, value)` hears what the server tells.

    A request that is not answered within 30 s ends the bearer, as the specification has it: `expired` is called.
    """

    def __init__(
        self,
        mtu: int,
        put: Callable[[bytes], None],
        notified: Callable[[int, bytes], None],
        expired: Callable[[], None],
    ) -> None:
        self.mtu, self._put, self._notified, self._expired = mtu, put, notified, expired
        self._turn = asyncio.Lock()
        self._request, self._waiting = b"", asyncio.get_running_loop().create_future()
        self._closed = ""

    def take(self, pdu: bytes) -> None:
        """An ATT PDU from the server."""
        if self._request and answers(self._request, pdu):
            self._answered(pdu)
        elif pdu[:1] in (bytes([NOTIFICATION]), bytes([INDICATION])) and len(pdu) >= 3:
            if pdu[0] == INDICATION:
                self._send(bytes([CONFIRMATION]))
            self._notified(int.from_bytes(pdu[1:3], "little"), pdu[3:])
        elif pdu[:1] == bytes([MTU_REQUEST]):
            self._send(bytes([MTU_REQUEST + 1]) + MTU.to_bytes(2, "little"))
        elif is_request(pdu):
            self._send(refusal(pdu, BleakGATTProtocolErrorCode.REQUEST_NOT_SUPPORTED))

    def _answered(self, pdu: bytes) -> None:
        self._request = b""
        if not self._waiting.done():
            self._waiting.set_result(pdu)

    def _send(self, pdu: bytes) -> None:
        self._put(_CHANNEL + pdu)

    async def request(self, pdu: bytes) -> bytes:
        """The answer to a request; raises BleakGATTProtocolError, BleakError, TimeoutError."""
        async with self._turn:
            if self._closed:
                raise BleakError(self._closed)
            if self._request:  # whoever asked went away: the answer comes first, and is nobody's
                await self._within()
            self._request = pdu
            self._send(pdu)
            answer = await self._within()
        if answer[0] == ERROR:
            raise BleakGATTProtocolError(answer[4]) if len(answer) > 4 else BleakError("a malformed error response")
        return answer

    async def _within(self) -> bytes:
        self._waiting = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(TRANSACTION_SECONDS):
                return await self._waiting
        except TimeoutError:
            self._expired()
            raise TimeoutError(f"no answer to an ATT request within {TRANSACTION_SECONDS:g} s") from None

    def close(self, why: str) -> None:
        """Whoever waits, and whoever asks from here on, gets BleakError with `why`."""
        self._closed = why
        if self._request and not self._waiting.done():
            self._waiting.set_exception(BleakError(why))

    async def read(self, handle: int) -> bytearray:
        """A whole value, with Read Blob where one PDU does not hold it."""
        named = handle.to_bytes(2, "little")
        value = bytearray((await self.request(bytes([READ]) + named))[1:])
        more = len(value) == self.mtu - 1
        while more and len(value) <= _LONGEST:
            part = await self._blob(named, len(value))
            value += part
            more = len(part) == self.mtu - 1
        return value

    async def _blob(self, named: bytes, offset: int) -> bytes:
        """A further part; b"" at the end of the value."""
        try:
            return (await self.request(bytes([READ_BLOB]) + named + offset.to_bytes(2, "little")))[1:]
        except BleakGATTProtocolError as error:
            if error.code in _ENDS:
                return b""
            raise

    async def write(self, handle: int, value: bytes) -> None:
        """With response; by prepared writes where one PDU does not hold it."""
        named = handle.to_bytes(2, "little")
        if len(value) <= self.mtu - 3:
            await self.request(bytes([WRITE]) + named + value)
            return
        try:
            for at in range(0, len(value), self.mtu - 5):
                part = at.to_bytes(2, "little") + value[at : at + self.mtu - 5]
                await self.request(bytes([PREPARE_WRITE]) + named + part)
        except BleakGATTProtocolError:
            await self.request(bytes([EXECUTE_WRITE, 0]))
            raise
        await self.request(bytes([EXECUTE_WRITE, 1]))

    def command(self, handle: int, value: bytes) -> None:
        """Without response; raises BleakError for what one PDU does not hold."""
        if len(value) > self.mtu - 3:
            raise BleakError(f"a write without response takes {self.mtu - 3} bytes here, not {len(value)}")
        if self._closed:
            raise BleakError(self._closed)
        self._send(bytes([WRITE_COMMAND]) + handle.to_bytes(2, "little") + value)
