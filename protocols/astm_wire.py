"""ASTM E1381 (CLSI LIS01-A2) on the wire: ENQ, frames that are acknowledged one by one, EOT; as sender and receiver."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from harness.case import LiveField
from harness.interfaces import Conversation, Frame, FrameKind
from protocols.checksums import sum8
from protocols.wire import Fields, LazyFields, Wire, stray

STX, ETX, EOT, ENQ, ACK, NAK, ETB = b"\x02", b"\x03", b"\x04", b"\x05", b"\x06", b"\x15", b"\x17"
PROBE = EOT + ENQ
ESTABLISH, ESTABLISH_AND_STAY, ASK, FRAME_NUMBER = "establish", "establish_and_stay", "ask", "frame_number"
"""Live fields: an ENQ begins a count of frames; one also keeps the link established behind a probe; a probe's own."""
LONGEST = 64_007
NAMES = {ACK: "ACK", NAK: "NAK", ENQ: "ENQ", EOT: "EOT"}
_PIECE = re.compile(rb"[\x04-\x06\x15]|\x02[^\x02\x04-\x06\x15\x03\x17]*[\x03\x17][^\x02\x04-\x06\x15]{2}\r\n")
_WHOLE = re.compile(rb"\x02([^\x02\x04-\x06\x15\x03\x17]*[\x03\x17])([\s\S]{2})\r\n")
_NUMBERS = b"01234567"


class AstmWire(Wire):
    """`records` are record type ids by message; `controls` the control characters that are messages of their own."""

    def __init__(self, records: Mapping[str, bytes], controls: Mapping[str, bytes]) -> None:
        self._records, self._controls = dict(records), dict(controls)

    def split(self, buffer: bytes) -> tuple[tuple[Frame, ...], bytes]:
        """Control characters, which are replies, and the device's own frames, which are not; the rest is bounded."""
        frames: list[Frame] = []
        at = 0
        for found in _PIECE.finditer(buffer):
            frames += [*stray(buffer[at : found.start()]), _piece(found[0])]
            at = found.end()
        keep = buffer.rfind(STX, at)
        if keep < 0 or len(buffer) - keep > LONGEST:
            keep = len(buffer)
        return (*frames, *stray(buffer[at:keep])), buffer[keep:]

    def resolve(self, live: LiveField, data: bytes, conversation: Conversation) -> bytes:
        """A frame's number, or the control characters that begin a count, as they are."""
        values = conversation.values
        if live.name == FRAME_NUMBER:
            values["sent"] = FRAME_NUMBER
            return b"%d" % values.get(FRAME_NUMBER, 1)
        if live.name not in (ESTABLISH, ESTABLISH_AND_STAY, ASK):
            return super().resolve(live, data, conversation)
        values[FRAME_NUMBER], values["sent"] = 1, live.name
        if live.name == ESTABLISH_AND_STAY:
            values["stays"] = 1
        return data[live.offset : live.offset + live.length]

    def learn(self, frame: Frame, conversation: Conversation) -> bytes:
        """Counts acknowledged frames, ends what the probe began, and receives what the device sends by itself.

        An ENQ that meets one of ours is contention (or an echo): it is not answered.
        """
        super().learn(frame, conversation)
        values = conversation.values
        if frame.data[:1] == STX:
            return ACK if is_right(frame.data) else NAK
        if frame.data not in NAMES:
            return b""
        sent = values.pop("sent", "")
        if frame.data == ACK and sent == FRAME_NUMBER:
            values[FRAME_NUMBER] = (values.get(FRAME_NUMBER, 1) + 1) % 8
        if frame.data == ACK and sent == ASK and "stays" not in values:
            return EOT
        return ACK if frame.data == ENQ and sent in ("", FRAME_NUMBER) else b""

    def answers(self, sent: bytes, frame: Frame) -> bool:
        """ACK and NAK answer anything, an ENQ another one (contention), EOT a frame (the receiver's interrupt)."""
        if frame.kind is not FrameKind.REPLY or not sent or frame.data == sent:
            return False
        if frame.data == ENQ:
            return sent.endswith(ENQ)
        return frame.data != EOT or STX in sent

    def expects_reply(self, sent: bytes) -> bool:
        """An ENQ is answered in any state that an EOT has ended; a frame behind one, which comes before it here."""
        return sent != ENQ and self.demands(sent)

    def demands(self, sent: bytes) -> bool:
        """True for an ENQ and for a frame that is right in all its parts, where the device waits for one."""
        return sent in (ENQ, PROBE) or (is_right(sent) and sent[1] in _NUMBERS)

    def wrong(self, sent: bytes, frame: Frame) -> str:
        """An acknowledgement where there is none: of a frame with a wrong checksum or number, of an EOT, of nothing."""
        if frame.data != ACK:
            return ""
        if sent == EOT:
            return "ACK to an EOT, which is not answered"
        if sent and STX not in sent and ENQ not in sent:
            return "ACK to what is neither ENQ nor a frame"
        if not _WHOLE.fullmatch(sent):
            return ""
        if not is_right(sent):
            return "ACK to a frame with a wrong checksum"
        return "" if sent[1] in _NUMBERS else "ACK to a frame whose number is not one of 0 to 7"

    def served(self, frame: Frame) -> bool:
        """ACK: the receiver is ready. NAK says that it is busy, ENQ that it has something to send itself."""
        return frame.data == ACK

    def refuses(self, frame: Frame) -> bool:
        """NAK."""
        return frame.data == NAK

    def forbidden(self, messages: Sequence[str]) -> re.Pattern[bytes]:
        """A control character anywhere; a record's type id, in whatever letters, where a record may begin."""
        patterns = [_pattern(self._controls.get(name, b""), self._records.get(name, b"")) for name in messages]
        return re.compile(b"|".join(patterns)) if patterns else super().forbidden(())


def is_right(frame: bytes) -> bool:
    """True for one whole frame with a right checksum."""
    found = _WHOLE.fullmatch(frame)
    return found is not None and found[2] == b"%02X" % sum8(found[1])


def read(frame: bytes) -> Fields:
    """The frame's number, whether it is the last of its record, and the record's type id and fields by place."""
    text = frame[2:-5]
    fields: dict[str, int | str | bytes] = {"fn": frame[1:2], "text": text, "last": int(frame[-5:-4] == ETX)}
    places = text.rstrip(b"\r").split(b"|")
    return {**fields, "record_type_id": places[0], **{f"field_{n}": place for n, place in enumerate(places[1:], 2)}}


def _pattern(control: bytes, record: bytes) -> bytes:
    """What has no type id goes on with a record, and begins with a field's delimiter."""
    before = rb"[\s\S]{0,2}" if record.isalpha() else rb"[\s\S]?"
    return re.escape(control) if control else rb"(?:\x02%s|[\r\n\x17])(?i:%s)" % (before, re.escape(record))


def _piece(data: bytes) -> Frame:
    if data in NAMES:
        return Frame(FrameKind.REPLY, data, {"response": NAMES[data]})
    return Frame(FrameKind.UNSOLICITED, data, LazyFields(read, data))
