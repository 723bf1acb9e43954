"""Dräger MEDIBUS on the wire: commands and their responses, the device's own commands, realtime data among them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from harness.interfaces import Conversation, Frame, FrameKind
from protocols.checksums import sum8
from protocols.wire import Fields, LazyFields, Wire, stray

ESC, SOH, CR = b"\x1b", b"\x01", b"\r"
NAK = 0x15
NOP, ICC, IDENTIFICATION, STOP = 0x30, 0x51, 0x52, 0x55
WHO = b"0000'medfuzz'01.00:06.00"
LONGEST = 8192
RECORDS = {
    **dict.fromkeys((0x24, 0x25, 0x26, 0x2B, 0x2C, 0x2D), 6),
    **dict.fromkeys((0x23, 0x27, 0x2E), 15),
    0x29: 7,
    0x53: 23,
}
"""Bytes of a record in the response, by command: code and value; priority, code and phrase; code and setting; …."""
EMPTY = frozenset({NOP, ICC, STOP, 0x49, 0x4A, 0x54, 0x56})
_PIECE = re.compile(rb"[\x01\x1b][^\x01\x1b\r]{3,%d}\r|[\x80-\xff]+|[\x11\x13]" % LONGEST)
_NOT_SLOW = bytes((*range(0x80, 0x100), 0x11, 0x13))
_TIMES = re.compile(r"(\d\d:\d\d:\d\d)(.{9})")
_IDENTITY = re.compile(r"(....)'(.*)'(.{11})")


class MedibusWire(Wire):
    """`codes` are command codes by message."""

    def __init__(self, codes: Mapping[str, int]) -> None:
        self._codes = dict(codes)

    def split(self, buffer: bytes) -> tuple[tuple[Frame, ...], bytes]:
        """Responses are replies; the device's own commands, realtime data and flow control are not.

        Realtime bytes may stand inside of a response, too: they are left in it, and not read.
        The rest is bounded.
        """
        frames: list[Frame] = []
        at = 0
        for found in _PIECE.finditer(buffer):
            frames += [*stray(buffer[at : found.start()]), _piece(found[0])]
            at = found.end()
        keep = max(buffer.rfind(ESC, at), buffer.rfind(SOH, at))
        if keep < 0 or len(buffer) - keep > LONGEST:
            keep = len(buffer)
        return (*frames, *stray(buffer[at:keep])), buffer[keep:]

    def learn(self, frame: Frame, conversation: Conversation) -> bytes:
        """Answers what the device asks by itself: ICC, NOP, who we are."""
        super().learn(frame, conversation)
        if frame.kind is FrameKind.UNSOLICITED and frame.data[:1] == ESC:
            code = slow(frame.data)[1]
            return composed(SOH, code, WHO if code == IDENTIFICATION else b"")
        return b""

    def answers(self, sent: bytes, frame: Frame) -> bool:
        """The echo of the command's code, or NAK."""
        asked = commanded(sent)
        return frame.kind is FrameKind.REPLY and asked >= 0 and slow(frame.data)[1] in (asked, NAK)

    def expects_reply(self, sent: bytes) -> bool:
        """Any command with a right checksum, known or not."""
        return self.demands(sent)

    def demands(self, sent: bytes) -> bool:
        """True for a whole command with a right checksum, while communication is initialized."""
        return sent[:1] == ESC and slow(sent) == sent and is_right(sent) and 0x20 <= sent[1] < 0x80

    def wrong(self, sent: bytes, frame: Frame) -> str:
        """An answer but NAK to a wrong checksum; data that are no whole records, or where there are none."""
        if frame.kind is not FrameKind.REPLY:
            return ""
        answer = slow(frame.data)
        code, data = answer[1], answer[2:-3]
        if code == NAK:
            return ""
        if re.fullmatch(rb"\x1b[\x20-\x7f]{3,}\r", sent) and not is_right(sent):
            return "the command's checksum is wrong, and it is answered"
        if code in EMPTY and data:
            return f"the response to {code:02X}H has data"
        if code in RECORDS and len(data) % RECORDS[code]:
            return f"the response to {code:02X}H is not made of records of {RECORDS[code]} bytes"
        return ""

    def served(self, frame: Frame) -> bool:
        """The response to ICC."""
        return frame.kind is FrameKind.REPLY and slow(frame.data)[1] == ICC

    def refuses(self, frame: Frame) -> bool:
        """NAK."""
        return frame.kind is FrameKind.REPLY and slow(frame.data)[1] == NAK

    def forbidden(self, messages: Sequence[str]) -> re.Pattern[bytes]:
        """ESC and the command's code, anywhere; for realtime commands, any sync byte."""
        codes = b"|".join(rb"\x1b" + re.escape(bytes([self._codes[name]])) for name in messages if name in self._codes)
        sync = [rb"[\xd0-\xdf]"] if any(name not in self._codes for name in messages) else []
        patterns = [*([codes] if codes else []), *sync]
        return re.compile(b"|".join(patterns)) if patterns else super().forbidden(())


def composed(start: bytes, code: int, data: bytes = b"") -> bytes:
    """A command (ESC) or response (SOH) with its checksum."""
    whole = start + bytes([code]) + data
    return whole + b"%02X" % sum8(whole) + CR


def slow(message: bytes) -> bytes:
    """A message without the realtime bytes and the flow control that came in the midst of it."""
    return message.translate(None, _NOT_SLOW)


def is_right(message: bytes) -> bool:
    """True where the checksum in front of the CR is right; without realtime bytes in it."""
    return len(message) >= 5 and message[-1:] == CR and message[-3:-1] == b"%02X" % sum8(message[:-3])


def commanded(sent: bytes) -> int:
    """The code behind the last ESC; -1 for none."""
    found = sent.rfind(ESC)
    return sent[found + 1] if 0 <= found < len(sent) - 1 else -1


def read(message: bytes) -> Fields:
    """The command's code and what the response says: values by code, alarms, the identification, date and time."""
    message = slow(message)
    code, data = message[1], message[2:-3].decode("latin-1")
    fields: dict[str, int | str | bytes] = {"code": code, "data": data}
    size = RECORDS.get(code, 0)
    records = [data[at : at + size] for at in range(0, len(data) - size + 1, size)] if size else []
    if size == 15:
        return {
            **fields,
            **{f"alarm_{one[1:3]}": f"{one[3:].strip()} (priority {ord(one[0]) - 0x30})" for one in records},
        }
    if code == IDENTIFICATION and (found := _IDENTITY.fullmatch(data)):
        return {**fields, "id_number": found[1], "name": found[2], "revision": found[3]}
    if code == 0x28 and (found := _TIMES.fullmatch(data)):
        return {**fields, "time": found[1], "date": found[2]}
    return {**fields, **{f"value_{one[:2]}": one[2:].strip() for one in records}}


def _piece(data: bytes) -> Frame:
    if data[:1] not in (ESC, SOH):
        return Frame(FrameKind.UNSOLICITED, data)
    if not is_right(slow(data)):
        return Frame(FrameKind.STRAY, data)
    return Frame(FrameKind.REPLY if data[:1] == SOH else FrameKind.UNSOLICITED, data, LazyFields(read, data))
