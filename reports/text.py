"""Makes a device's text safe to show: control characters become symbols that can be seen."""

from __future__ import annotations

import unicodedata

_PICTURES = 0x2400
_DELETE = "\u2421"
_REPLACEMENT = "\ufffd"


def visible(text: str, *, keep: str = "") -> str:
    """`text` with control pictures for control characters and names for those that reorder or hide text.

    What remains is legal in XML 1.0 and HTML. Characters in `keep` (such as a line feed) stay as they are.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char in keep else _visible_char(char) for char in text)


def _visible_char(char: str) -> str:
    code = ord(char)
    if code < 0x20:
        return chr(_PICTURES + code)
    if code == 0x7F:
        return _DELETE
    if 0xD800 <= code <= 0xDFFF or code & 0xFFFE == 0xFFFE:
        return _REPLACEMENT
    if unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp"):
        return f"<U+{code:04X}>"
    return char


def visible_bytes(data: bytes) -> str:
    """Bytes as text a person can read: UTF-8 where it is, a dot's worth of replacement where it is not."""
    return visible(data.decode("utf-8", errors="replace"))


def counted(number: int, word: str, plural: str = "") -> str:
    """`1 case`, `20,000 cases`."""
    return f"{number:,} {word if number == 1 else plural or word + 's'}"


def duration(seconds: float) -> str:
    """`41.2 s`, `3 min 05 s`, `2 h 10 min`."""
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def shortened(text: str, longest: int = 80) -> str:
    """`text`, or its beginning and an ellipsis."""
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"
