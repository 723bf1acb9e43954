"""The header of LINKTYPE_WIRESHARK_UPPER_PDU, under which Wireshark shows a message that no lower layer carries.

As `epan/exported_pdu.h` and `wsutil/exported_pdu_tlvs.h` of Wireshark describe it: tags with a length, big-endian.
"""

from __future__ import annotations

import struct

_DISSECTOR, _PROTOCOL_COLUMN, _DIRECTION, _INFO_COLUMN = 12, 33, 35, 36
_SENT, _RECEIVED = 0, 1
_LONGEST = 200  # bytes of a column


def described(protocol: str, info: str, *, outbound: bool) -> bytes:
    """What stands before a message: that its bytes are not taken apart, its columns, and its direction."""
    tags = (
        (_DISSECTOR, b"data"),
        (_DIRECTION, struct.pack(">I", _SENT if outbound else _RECEIVED)),
        (_PROTOCOL_COLUMN, _text(protocol)),
        (_INFO_COLUMN, _text(info)),
    )
    return b"".join(struct.pack(">HH", tag, len(value)) + value for tag, value in tags if value) + bytes(4)


def _text(text: str) -> bytes:
    """Ended by a zero and filled to whole words, as the tags want it; cut at a whole character."""
    data = text.encode("utf-8", "replace")[:_LONGEST].decode("utf-8", "ignore").encode()
    return data + bytes(4 - len(data) % 4) if data else b""
