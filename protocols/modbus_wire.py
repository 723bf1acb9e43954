"""Modbus on the wire: one PDU behind MBAP's header, between unit and CRC (RTU), or as text between `:` and CR LF."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence

from harness.case import LiveField
from harness.interfaces import Conversation, Frame, FrameKind
from protocols.checksums import crc16_modbus, lrc
from protocols.modbus_expected import NO_ADDRESS, wrong_reply
from protocols.modbus_pdu import (
    BROADCAST,
    EXCEPTION,
    LONGEST,
    READ_HOLDING,
    must_be_answered,
    reply_fields,
    reply_length,
)
from protocols.wire import Fields, LazyFields, Wire, counted, stray

UNREADABLE = bytes([EXCEPTION])
PROPER_EXCEPTIONS = frozenset({1, 2, 3})  # the probe was read: no such function, address or quantity
_SHORTEST_RTU, _LONGEST_RTU = 4, LONGEST + 3
_LONGEST_ASCII = 2 * (LONGEST + 2) + 3
_MBAP = re.compile(rb"[\s\S]{2}\0\0(?:\0[\x02-\xff]|[\x01-\x0f][\s\S])")
_LENGTH, _UNIT = slice(4, 6), 1  # where MBAP tells how much follows, the unit included
_TEXT = re.compile(rb":(?:[0-9A-Fa-f]{2}){3,}\r\n")
_PAIR = re.compile(rb"[0-9A-Fa-f]{2}")


class ModbusWire(Wire):
    """What the framings have in common. `unit` is the device's, `codes` are function codes by message."""

    def __init__(self, unit: int, codes: Mapping[str, int]) -> None:
        self._unit, self._codes = unit, dict(codes)

    @abstractmethod
    def opened(self, adu: bytes) -> tuple[int, bytes] | None:
        """Unit and PDU of a whole frame; None where its length or checksum is wrong."""

    @abstractmethod
    def asked(self, adu: bytes) -> tuple[bytes, bytes]:
        """Unit or transaction id, which an answer has of its request, and function code, well formed or not."""

    @abstractmethod
    def pattern(self, code: int) -> bytes:
        """A pattern of a function code where a device would look for one in the outgoing stream."""

    def answers(self, sent: bytes, frame: Frame) -> bool:
        """The same function code, or its exception, or that of code 0 from a server that could not read the code.

        A copy is an answer too: it is the proper one to most writes.
        """
        if frame.kind is not FrameKind.REPLY:
            return False
        (whose, code), (told, answered) = self.asked(sent), self.asked(frame.data)
        return whose == told and (answered == UNREADABLE or _bare(answered) == _bare(code))

    def expects_reply(self, sent: bytes) -> bool:
        """A whole frame to the device's own unit whose PDU is as long as its function code wants; no broadcast."""
        opened = self.opened(sent)
        return opened is not None and opened[0] == self._unit and must_be_answered(opened[1])

    def served(self, frame: Frame) -> bool:
        """Registers, or the exception that says why there are none."""
        opened = self.opened(frame.data) if frame.kind is FrameKind.REPLY else None
        if opened is None:
            return False
        pdu = opened[1]
        if pdu[0] == READ_HOLDING | EXCEPTION:
            return len(pdu) == 2 and pdu[1] in PROPER_EXCEPTIONS
        return pdu[0] == READ_HOLDING and len(pdu) > 2 and len(pdu) == reply_length(pdu)

    def refuses(self, frame: Frame) -> bool:
        """An exception."""
        opened = self.opened(frame.data)
        return opened is not None and bool(opened[1][0] & EXCEPTION)

    def blames_request(self, frame: Frame) -> bool:
        """The exceptions for a function, an address or a quantity that there is not."""
        opened = self.opened(frame.data)
        return self.refuses(frame) and opened is not None and not PROPER_EXCEPTIONS.isdisjoint(opened[1][1:])

    def wrong(self, sent: bytes, frame: Frame) -> str:
        """Another unit, or a PDU that cannot answer the request's."""
        asked, told = self.opened(sent), self.opened(frame.data)
        if asked is None or told is None:
            return ""
        return wrong_reply(asked[1], told[1]) if asked[0] == told[0] else "it is another unit's"

    def demands(self, sent: bytes) -> bool:
        """What can be read is answered, if only by an exception."""
        return self.expects_reply(sent)

    def absent(self, frame: Frame) -> bool:
        """The exception that there is no such address."""
        return self.content(frame)[1:] == bytes([NO_ADDRESS]) and self.refuses(frame)

    def content(self, frame: Frame) -> bytes:
        """The PDU."""
        opened = self.opened(frame.data)
        return opened[1] if opened else frame.data

    def read(self, adu: bytes) -> Fields:
        """Unit, function code, and what the reply to that function says."""
        opened = self.opened(adu)
        return {"unit": opened[0], **reply_fields(opened[1])} if opened else {}

    def forbidden(self, messages: Sequence[str]) -> re.Pattern[bytes]:
        """A forbidden function code where a device would look for one, right length and checksum or not."""
        codes = b"|".join(self.pattern(self._codes[name]) for name in messages)
        return re.compile(codes) if codes else super().forbidden(())

    def reply(self, adu: bytes) -> Frame:
        """A whole frame."""
        return Frame(FrameKind.REPLY, adu, LazyFields(self.read, adu))


class TcpWire(ModbusWire):
    """MBAP: transaction id, protocol id 0, length of what follows, unit (Messaging on TCP/IP V1.0b, 3.1.3)."""

    def split(self, buffer: bytes) -> tuple[tuple[Frame, ...], bytes]:
        """As the length says, behind what can be a header; a length that is too long for a PDU is read as well."""
        frames: list[Frame] = []
        at = 0
        while found := _MBAP.search(buffer, at):
            stop = found.start() + 6 + int.from_bytes(found[0][4:6])
            frames += stray(buffer[at : found.start()])
            at = found.start()
            if stop > len(buffer):
                return tuple(frames), buffer[at:]
            frames.append(self.reply(buffer[at:stop]))
            at = stop
        keep = max(at, len(buffer) - 5)
        return (*frames, *stray(buffer[at:keep])), buffer[keep:]

    def unfinished(self, sent: bytes) -> bytes:
        """An ADU of which less was sent than its length says: nothing bounds how long a server waits for the rest.

        Behind a length that none may have a server has no reason to.
        """
        while len(sent) >= _LENGTH.stop:
            length = int.from_bytes(sent[_LENGTH])
            if not _UNIT < length <= LONGEST + _UNIT:
                return b""
            if len(sent) < _LENGTH.stop + length:
                return sent
            sent = sent[_LENGTH.stop + length :]
        return sent

    def resolve(self, live: LiveField, data: bytes, conversation: Conversation) -> bytes:
        """The next transaction id."""
        if live.name != "transaction_id":
            return super().resolve(live, data, conversation)
        return counted(conversation, "transaction_id", live.length)

    def opened(self, adu: bytes) -> tuple[int, bytes] | None:
        """Protocol id 0, and as long as it says."""
        whole = len(adu) > 7 and adu[2:4] == b"\0\0" and int.from_bytes(adu[4:6]) == len(adu) - 6
        return (adu[6], adu[7:]) if whole else None

    def asked(self, adu: bytes) -> tuple[bytes, bytes]:
        """The transaction id."""
        return adu[:2], adu[7:8]

    def read(self, adu: bytes) -> Fields:
        """The transaction id besides."""
        return {"transaction_id": int.from_bytes(adu[:2]), **super().read(adu)}

    def pattern(self, code: int) -> bytes:
        """Behind protocol id 0, or a length below 256: wherever in the stream, as one of them may have been bent."""
        return rb"(?:\0\0[\s\S]{3}|\0[\x02-\xff][\s\S])" + re.escape(bytes([code]))


class RtuWire(ModbusWire):
    """Unit, PDU, CRC-16 (Serial Line V1.02, 2.5.1). A reply's function code and byte count tell where it ends."""

    def split(self, buffer: bytes) -> tuple[tuple[Frame, ...], bytes]:
        """Whatever has a right CRC at the length that its function code gives it.

        What has an unknown one must come first, and ends at the last place where the CRC is right. The rest is bounded.
        """
        frames: list[Frame] = []
        at = 0
        while found := _first_rtu(buffer, at):
            start, stop = found
            frames += [*stray(buffer[at:start]), self.reply(buffer[start:stop])]
            at = stop
        keep = max(at, len(buffer) - _LONGEST_RTU)
        return (*frames, *stray(buffer[at:keep])), buffer[keep:]

    def opened(self, adu: bytes) -> tuple[int, bytes] | None:
        """With a right CRC."""
        return (adu[0], adu[1:-2]) if len(adu) >= _SHORTEST_RTU and not crc16_modbus(adu) else None

    def asked(self, adu: bytes) -> tuple[bytes, bytes]:
        """The unit."""
        return adu[:1], adu[1:2]

    def pattern(self, code: int) -> bytes:
        """Behind the device's own unit, or that of all units where it may be sent to all: anywhere in the stream."""
        units = bytes([self._unit, 0]) if code in BROADCAST else bytes([self._unit])
        return b"[" + re.escape(units) + b"]" + re.escape(bytes([code]))


class AsciiWire(ModbusWire):
    """`:`, hexadecimal digits of unit, PDU and LRC, CR LF (Serial Line V1.02, 2.5.2)."""

    def split(self, buffer: bytes) -> tuple[tuple[Frame, ...], bytes]:
        """From a colon to CR LF, with a right LRC; the rest is bounded."""
        frames: list[Frame] = []
        at = 0
        for found in _TEXT.finditer(buffer):
            if self.opened(found[0]):
                frames += [*stray(buffer[at : found.start()]), self.reply(found[0])]
                at = found.end()
        keep = max(at, len(buffer) - _LONGEST_ASCII)
        return (*frames, *stray(buffer[at:keep])), buffer[keep:]

    def opened(self, adu: bytes) -> tuple[int, bytes] | None:
        """Digits in pairs with a right LRC."""
        if not _TEXT.fullmatch(adu):
            return None
        data = bytes.fromhex(adu[1:-2].decode())
        return (data[0], data[1:-1]) if not lrc(data) else None

    def asked(self, adu: bytes) -> tuple[bytes, bytes]:
        """The unit, in digits."""
        return adu[1:3].upper(), _byte_of(adu[3:5])

    def pattern(self, code: int) -> bytes:
        """Two digits, in whatever letters, behind a colon and any unit."""
        return rb":[\s\S]{2}(?i:%02X)" % code


def _bare(code: bytes) -> int:
    """A function code without the bit that makes it an exception; -1 for none."""
    return code[0] & ~EXCEPTION if code else -1


def _byte_of(digits: bytes) -> bytes:
    """The byte that two digits stand for, or none."""
    return bytes([int(digits, 16)]) if _PAIR.fullmatch(digits) else b""


def _first_rtu(buffer: bytes, at: int) -> tuple[int, int] | None:
    """Where the first frame at or behind `at` begins and ends."""
    for start in range(at, len(buffer) - _SHORTEST_RTU + 1):
        length = reply_length(buffer[start + 1 : start + _LONGEST_RTU])
        longest = min(len(buffer), start + _LONGEST_RTU)
        ends = range(longest, start + _SHORTEST_RTU - 1, -1) if start == at else ()
        for stop in ends if length is None else (start + length + 3,):
            if stop <= len(buffer) and not crc16_modbus(buffer[start:stop]):
                return start, stop
    return None
