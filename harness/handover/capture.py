"""A finding's transcript as a pcapng file: TCP segments where it went over a socket, frames, or bare messages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.campaigns.files import write
from harness.document import Handover
from harness.errors import UsageError
from harness.finding import Finding
from harness.handover.conversation import Piece, conversations
from harness.handover.pcapng import ETHERNET, RAW_IP, UPPER_PDU, Packet, capture
from harness.handover.segments import Connection
from harness.handover.upper_pdu import described as description
from harness.handover.wording import headline
from reports.text import visible

_LINK_TYPES = {**dict.fromkeys(("tcp", "unix", "emulator"), RAW_IP), "raw": ETHERNET}
_HL7, _ANY = 2575, 49152  # IANA's port of HL7; the first that is nobody's


def write_capture(path: Path, handover: Handover) -> tuple[Path, ...]:
    """Write the capture; what was written. Raises UsageError where nothing was recorded, BenchError."""
    finding, interface = handover.finding, handover.finding.case.interface
    moniker = handover.transports.get(interface, "")
    link_type = _LINK_TYPES.get(moniker.partition(":")[0], UPPER_PDU)
    spoken = conversations(finding)
    if not spoken:
        raise UsageError(f"{finding.id}: its transcript has no messages, so there is nothing to capture")
    port = _port(moniker, handover.protocols.get(interface, ""))
    packets = (
        _segments(spoken, port, finding.transcript.link_error)
        if link_type == RAW_IP
        else _messages(spoken, handover.protocols.get(interface, ""), described=link_type == UPPER_PDU)
    )
    data = capture(
        packets,
        link_type=link_type,
        interface=visible(moniker or interface),
        program=f"medfuzz {handover.tool}".strip(),
        comment=_about(finding),
    )
    write(path, data, instead="Name another file with --out")
    return (path,)


def _about(finding: Finding) -> str:
    case = f"The case that showed it, and what was sent behind it; not the way to state {finding.case.state}"
    before = f", nor the {len(finding.window) - 1} cases before it" if len(finding.window) > 1 else ""
    return f"{headline(finding)}\n{visible(case + before)}. Times are seconds of the link's own clock."


def _port(moniker: str, protocol: str) -> int:
    """The bench's own; else one by which a protocol analyser knows what it sees."""
    told = moniker.partition("?")[0].rpartition(":")[2]
    if moniker.startswith("tcp:") and told.isascii() and told.isdigit() and int(told) < 1 << 16:
        return int(told)
    return _HL7 if "hl7" in protocol else _ANY


def _segments(spoken: list[list[Piece]], port: int, lost: str) -> Iterator[Packet]:
    for number, pieces in enumerate(spoken):
        last = number == len(spoken) - 1
        yield from Connection(port, number).packets(_shown(pieces), visible(lost) if last else "")


def _messages(spoken: list[list[Piece]], protocol: str, *, described: bool) -> Iterator[Packet]:
    for pieces in spoken:
        for piece in _shown(pieces):
            head = description(visible(protocol), piece.comment, outbound=piece.outbound) if described else b""
            yield Packet(piece.seconds, piece.outbound, head + piece.data, piece.comment)


def _shown(pieces: list[Piece]) -> Iterator[Piece]:
    """With comments that hold no control character of a script's or a device's."""
    return (Piece(p.seconds, p.outbound, p.data, visible(p.comment)) for p in pieces)
