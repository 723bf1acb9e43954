"""What the Modbus standard leaves no choice in: which requests are refused, and what of a request its reply repeats.

Application Protocol V1.1b3: the state diagrams of chapter 6, and the exceptions of chapter 7.
"""

from __future__ import annotations

from collections.abc import Mapping

from protocols.modbus_pdu import DIAGNOSTICS, EXCEPTION, EXCEPTIONS, must_be_answered, reply_length

NO_ADDRESS, ADDRESSES = 2, 1 << 16
COIL_VALUES = (b"\x00\x00", b"\xff\x00")
COIL, REGISTER, COILS, REGISTERS, MASK, BOTH = 5, 6, 15, 16, 22, 23
_MOST: Mapping[int, tuple[int, ...]] = {
    1: (2000,),
    2: (2000,),
    3: (125,),
    4: (125,),
    15: (1968,),
    16: (123,),
    23: (125, 121),
}
"""By function code: the largest quantity of each pair of an address and a quantity; the smallest is one."""
_REPEATED = {COIL: 5, REGISTER: 5, COILS: 5, REGISTERS: 5, MASK: 7, DIAGNOSTICS: 3}
"""By function code: how many bytes of the request the reply begins with."""


def wrong_reply(request: bytes, reply: bytes) -> str:
    """Why a PDU cannot be the reply to another one; "" where it may be, and for requests that are too short or long."""
    if not reply or not must_be_answered(request):
        return ""
    if reply[0] & EXCEPTION:
        return "" if len(reply) == 2 and reply[1] in EXCEPTIONS else "no such exception code"
    if why := must_be_refused(request):
        return why
    length = reply_length(reply)
    if length is not None and length != len(reply):
        return "its length does not fit"
    repeated = _REPEATED.get(request[0], 1)
    if reply[:repeated] != request[:repeated]:
        return "it repeats another request"
    return _another_quantity(request, reply)


def must_be_refused(request: bytes) -> str:
    """Why a server must answer a request by an exception, "" where it may carry it out."""
    for (address, quantity), most in zip(places_of(request), _MOST.get(request[0], ()), strict=False):
        if not 1 <= quantity <= most:
            return "a quantity is accepted that must be refused"
        if address + quantity > ADDRESSES:
            return "addresses behind the last one are accepted"
    if request[0] == COIL and request[3:5] not in COIL_VALUES:
        return "a coil's value is accepted that must be refused"
    if request[0] in (COILS, REGISTERS, BOTH) and _counted(request) != _bytes_of(request[0], places_of(request)[-1][1]):
        return "a byte count is accepted that does not fit the quantity"
    return ""


def places_of(request: bytes) -> list[tuple[int, int]]:
    """Pairs of an address and a quantity, of a request that has such; what is written is the last."""
    count = len(_MOST.get(request[0], ()))
    numbers = [int.from_bytes(request[at : at + 2]) for at in range(1, 1 + 4 * count, 2)]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _counted(request: bytes) -> int:
    return request[9 if request[0] == BOTH else 5]


def _bytes_of(code: int, quantity: int) -> int:
    return (quantity + 7) // 8 if code in (1, 2, COILS) else 2 * quantity


def _another_quantity(request: bytes, reply: bytes) -> str:
    """What is read has the size that was asked for."""
    if request[0] not in (1, 2, 3, 4, BOTH):
        return ""
    wanted = _bytes_of(request[0], places_of(request)[0][1])
    return "" if reply[1] == wanted else "it has another quantity than was asked for"
