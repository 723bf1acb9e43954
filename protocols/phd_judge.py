"""What an 11073-20601 APDU cannot be, whatever the device is: by its own lengths, and as the answer to another one."""

from __future__ import annotations

from protocols.phd_apdu import (
    AARE,
    ABRT,
    ACCEPTED,
    ACCEPTED_UNKNOWN_CONFIG,
    CONFIRMED,
    ERROR,
    PRST,
    REJECT,
    REQUESTS,
    RESPONSE,
    RESULTS,
    RLRE,
    RLRQ,
    Apdu,
    DataApdu,
    data_of,
    proposal_of,
    result_of,
)


def impossible(asked: Apdu | None, reply: Apdu) -> str:
    """A few words why `reply` cannot be right; "" where it may. `asked` is None where no APDU can be read in it."""
    if reply.choice in (RLRQ, RLRE, ABRT):
        return "" if len(reply.body) == 2 else "its length is not 2"
    if reply.choice == PRST:
        return _responds(asked, data_of(reply))
    return _selects(asked, reply) if reply.choice == AARE else ""


def _responds(asked: Apdu | None, told: DataApdu | None) -> str:
    """A PRST by itself, and as the response to what was asked."""
    if told is None:
        return "its lengths leave a rest"
    request = None if asked is None else data_of(asked)
    if request is None or request.choice not in CONFIRMED or told.choice in REQUESTS:
        return ""
    right = told.choice in (ERROR, REJECT, request.choice + RESPONSE)
    return "" if right else "its choice is that of another operation's response"


def _selects(asked: Apdu | None, reply: Apdu) -> str:
    """An AARE by itself, and as the answer to an AARQ that can be read."""
    result = result_of(reply)
    if result is None:
        return "its lengths leave a rest"
    if result[0] not in RESULTS:
        return "there is no such result"
    proposal = None if asked is None else proposal_of(asked)
    if proposal is None or asked is None or result[0] not in (ACCEPTED, ACCEPTED_UNKNOWN_CONFIG):
        return ""
    if not asked.body[0] & 0x80:
        return "it accepts a version of the association protocol that was not proposed"
    return "" if result[1] in proposal.ids else "it selects a protocol that was not proposed"
