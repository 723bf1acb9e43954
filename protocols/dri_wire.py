"""GE/Datex-Ohmeda DRI on the wire: stuffed records between flags; what is asked for, and what comes by itself."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.interfaces import Frame, FrameKind, Identity
from protocols.checksums import sum8
from protocols.wire import Fields, LazyFields, Wire, stray

FLAG, ESCAPE = b"\x7e", b"\x7d"
PHDB, WAVE, ALARM = 0, 1, 4
END_OF_LIST, SUBRECORDS = 0xFF, 8
HEADER = struct.Struct("<HBBHIBBHH")
DESCRIPTION = struct.Struct("<hB")
FIRST_DATA = HEADER.size + SUBRECORDS * DESCRIPTION.size
DISPLAYED, TREND_10S, TREND_60S, AUX_INFO, ALARM_STATUS = 1, 2, 3, 4, 1
XMIT_STATUS, ONCE = 0, -1
LONGEST = 4096
_STUFFED = re.compile(rb"[\x7d\x7e]")
_ESCAPED = re.compile(rb"\x7d([\s\S])")
_INVALID = -32000
_BASIC = {"hr": 10, "spo2": 128, "nibp_mean": 86}
_NAMES: tuple[str, ...] = (
    "r_len",
    "r_nbr",
    "dri_level",
    "plug_id",
    "r_time",
    "n_subnet",
    "reserved2",
    "reserved3",
    "r_maintype",
)


@dataclass(frozen=True, slots=True)
class Record:
    """A record: the header's fields by name, its subrecords as offset and type, and its data."""

    header: Mapping[str, int]
    subrecords: tuple[tuple[int, int], ...]
    data: bytes

    @property
    def kind(self) -> tuple[int, int]:
        """Main type, and the first subrecord's type, -1 for none."""
        return self.header["r_maintype"], self.subrecords[0][1] if self.subrecords else -1

    @property
    def fits(self) -> bool:
        """True where it is as long as it says, and its subrecords begin in it."""
        return self.header["r_len"] == FIRST_DATA + len(self.data) and all(
            0 <= offset < max(1, len(self.data)) for offset, _kind in self.subrecords
        )

    def first(self) -> bytes:
        """What the first subrecord holds."""
        offset = self.subrecords[0][0] if self.subrecords else 0
        return self.data[max(0, offset) :]


class DriWire(Wire):
    """`kinds` are main types by message; `probe` is the kind of the record that answers the probe."""

    def __init__(self, kinds: Mapping[str, int], probe: tuple[int, int]) -> None:
        self._kinds, self._probe = dict(kinds), probe

    def split(self, buffer: bytes) -> tuple[tuple[Frame, ...], bytes]:
        """From flag to flag with a right checksum; what ends no record may begin one. The rest is bounded."""
        frames: list[Frame] = []
        at, start = 0, buffer.find(FLAG)
        while start >= 0 and (stop := buffer.find(FLAG, start + 1)) >= 0:
            if opened(buffer[start : stop + 1]) is not None:
                frames += [*stray(buffer[at:start]), _piece(buffer[start : stop + 1])]
                at, start = stop + 1, buffer.find(FLAG, stop + 1)
            else:
                start = stop
        keep = start if start >= 0 and len(buffer) - start <= LONGEST else len(buffer)
        return (*frames, *stray(buffer[at:keep])), buffer[keep:]

    def answers(self, sent: bytes, frame: Frame) -> bool:
        """An alarm record to a request of the status; a trend or auxiliary information to one that asks for it once.

        What is displayed and waveforms come by themselves, so that they answer nothing.
        """
        return frame.kind is FrameKind.REPLY and frame.data != sent and _kind(frame.data) in wanted(sent)

    def expects_reply(self, sent: bytes) -> bool:
        """What is asked for as the probe asks for it."""
        return self.demands(sent) and self._probe in wanted(sent)

    def demands(self, sent: bytes) -> bool:
        """True for a whole request that wants a record at once."""
        record = opened(sent)
        return record is not None and record.fits and bool(wanted(sent))

    def wrong(self, sent: bytes, frame: Frame) -> str:
        """A record that is not as long as it says or whose subrecords lie outside, or one for a wrong checksum."""
        record = opened(frame.data)
        if record is None:
            return ""
        if record.header["r_len"] != FIRST_DATA + len(record.data):
            return f"r_len is {record.header['r_len']}, the record has {FIRST_DATA + len(record.data)} bytes"
        if not record.fits:
            return "a subrecord begins outside of the record"
        asked = frame.kind is FrameKind.REPLY and sent.count(FLAG) == 2 and sent[:1] == sent[-1:] == FLAG
        return "the request's checksum is wrong, and it is answered" if asked and opened(sent) is None else ""

    def served(self, frame: Frame) -> bool:
        """The record that the probe asks for."""
        record = opened(frame.data) if frame.kind is FrameKind.REPLY else None
        return record is not None and record.fits and record.kind == self._probe

    def identity(self, frame: Frame) -> Identity:
        """The plug identifier is the monitor's own number."""
        record = opened(frame.data)
        return Identity(serial=str(record.header["plug_id"])) if record else Identity()

    def forbidden(self, messages: Sequence[str]) -> re.Pattern[bytes]:
        """All requests of a forbidden message's main type: which of them it is, a bent subrecord could hide."""
        byte = rb"(?:\x7d[\s\S]|[^\x7d\x7e])"
        kinds = b"|".join(
            re.escape(stuffed(bytes([kind]))) for kind in sorted({self._kinds[name] for name in messages})
        )
        return re.compile(rb"\x7e%s{14}(?:%s)" % (byte, kinds)) if kinds else super().forbidden(())


def stuffed(data: bytes) -> bytes:
    """Flags and escapes as escape and the byte & 5F."""
    return _STUFFED.sub(lambda found: ESCAPE + bytes([found[0][0] & 0x5F]), data)


def unstuffed(data: bytes) -> bytes | None:
    """The bytes that were stuffed; None where a flag is among them, or an escape has nothing behind it."""
    if FLAG in data or _ESCAPED.sub(b"", data).endswith(ESCAPE):
        return None
    return _ESCAPED.sub(lambda found: bytes([found[1][0] | 0x7C]), data)


def opened(frame: bytes) -> Record | None:
    """The record between two flags; None where it is too short or its checksum is wrong."""
    whole = len(frame) > 2 and frame[:1] == frame[-1:] == FLAG
    body = unstuffed(frame[1:-1]) if whole else None
    if body is None or len(body) <= FIRST_DATA or body[-1] != sum8(body[:-1]):
        return None
    header = dict(zip(_NAMES, HEADER.unpack_from(body), strict=True))
    return Record(header, tuple(_subrecords(body)), body[FIRST_DATA:-1])


def wanted(sent: bytes) -> frozenset[tuple[int, int]]:
    """Kinds of the records that a request asks for at once, whatever its checksum."""
    body = unstuffed(sent[1:-1]) if len(sent) > FIRST_DATA else None
    if body is None or len(body) <= FIRST_DATA:
        return frozenset()
    main, data = HEADER.unpack_from(body)[-1], body[FIRST_DATA:]
    if main == ALARM:
        return frozenset({(ALARM, ALARM_STATUS)} if data[:2] == XMIT_STATUS.to_bytes(2) else ())
    asked_once = main == PHDB and data[1:3] == ONCE.to_bytes(2, signed=True)
    return frozenset({(PHDB, data[0])} if asked_once and data[0] != DISPLAYED else ())


def read(frame: bytes) -> Fields:
    """The header; heart rate, saturation and pressure of displayed values and trends; alarms as they are displayed."""
    record = opened(frame)
    if record is None:
        return {}
    fields: dict[str, int | str | bytes] = {**record.header, "sr_type": record.kind[1]}
    data = record.first()
    if record.kind[0] == PHDB and len(data) >= 4:
        values = {name: struct.unpack_from("<h", data, at)[0] for name, at in _BASIC.items() if len(data) >= at + 2}
        return {**fields, "time": int.from_bytes(data[:4], "little")} | {
            n: v for n, v in values.items() if v > _INVALID
        }
    if record.kind == (ALARM, ALARM_STATUS):
        texts = [data[at : at + 80].split(b"\0")[0].decode("latin-1") for at in range(10, len(data) - 79, 98)]
        return {**fields, **{f"alarm_{n}": text for n, text in enumerate(texts[:5], 1) if text}}
    return fields


def _subrecords(body: bytes) -> Iterator[tuple[int, int]]:
    """Up to the end of the list."""
    for place in range(SUBRECORDS):
        offset, kind = DESCRIPTION.unpack_from(body, HEADER.size + place * DESCRIPTION.size)
        if kind == END_OF_LIST:
            return
        yield offset, kind


def _kind(frame: bytes) -> tuple[int, int]:
    record = opened(frame)
    return record.kind if record else (-1, -1)


def _piece(data: bytes) -> Frame:
    main, kind = _kind(data)
    asked = main == ALARM or (main == PHDB and kind != DISPLAYED)
    return Frame(FrameKind.REPLY if asked else FrameKind.UNSOLICITED, data, LazyFields(read, data))
