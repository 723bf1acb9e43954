"""A program's last words: what it says of its own death, and where, in the forms that runtimes and sanitizers use."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_BOUND = 1 << 16  # bytes from the end that are looked at
_LONGEST = 400  # of a line
_SHOWN = 120


@dataclass(frozen=True, slots=True)
class Complaint:
    """What went wrong and where: `place` is the innermost file, function or line that it names, "" for none."""

    what: str
    place: str = ""

    def __str__(self) -> str:
        return f"{self.what} at {self.place}" if self.place else self.what


# `what` and `place` name groups; what is in no group may differ from one time to the next (addresses, counts, values).
_PYTHON = (
    r'^ *File "(?P<place>[^"\n]+", line \d+, in [^\n]+)\n(?:    .*\n(?: *[~^]+ *\n)?)?'
    r"(?P<what>[A-Za-z_][\w.]*)(?::|$)"
)
_SANITIZER = r"^SUMMARY: (?P<what>\w+Sanitizer: \S+(?: \([^)\n]*\))?)(?: (?P<place>\S+(?: in \S+)?))?"
_UNDEFINED = r"^(?P<place>[^\s:]+:\d+:\d+): (?P<what>runtime error: [^\n]*)"
_ASSERTION = r"(?<!\S)(?P<place>[^\s:]+:\d+)(?::\d+)?: (?:[^\n]*?: )?(?P<what>[Aa]ssertion [^\n]* failed)"
_RUST = r"^thread '[^'\n]*'[^\n]* (?P<what>panicked) at (?:'[^\n]*', )?(?P<place>\S+?):?$"
_GO = (
    r"^panic: (?P<what>[^\n]*)(?:\n.*){0,9}?\ngoroutine [^\n]*\n"
    r"(?:panic\(.*\n\t.*\n|runtime\..*\n\t.*\n){0,9}\S.*\n\t(?P<place>\S+:\d+)"
)
_JAVA = (
    r"^(?:Exception in thread \"[^\"\n]*\" )?(?P<what>[\w.$]+(?:Exception|Error))(?::[^\n]*)?\n"
    r"\s+at (?P<place>[\w.$<>]+\([^)\n]*\))"
)
_NODE = r"^(?:Uncaught )?(?P<what>[A-Z]\w*Error)(?: \[\w+\])?(?::[^\n]*)?\n\s+at (?P<place>[^\n]+)"
_LIBC = r"^(?P<what>(?:double free|free\(\)|malloc|munmap_chunk|corrupted)[^\n]*|\*\*\* [^\n]* \*\*\*)"
_FIRMWARE = (
    r"(?i)(?P<what>(?:hard ?fault|bus ?fault|usage ?fault|mem(?:manage)? ?fault|kernel panic|guru meditation|panic)"
    r"\b[^\n]*)"
)
_ALL = (_PYTHON, _SANITIZER, _UNDEFINED, _ASSERTION, _RUST, _GO, _JAVA, _NODE, _LIBC, _FIRMWARE)
_FORMS: Sequence[re.Pattern[str]] = tuple(re.compile(form, re.MULTILINE) for form in _ALL)
_VARIES = re.compile(r"0x[0-9a-fA-F]+|\b[0-9a-fA-F]{8,}\b|(?<![\w:.])\d+(?![\w.]*:)")


def complaint_in(text: bytes) -> Complaint | None:
    """The last one in the output of a program; None where there is none of a known form."""
    lines = text[-_BOUND:].decode(errors="replace").splitlines()
    shown = "".join(f"{line[:_LONGEST]}\n" for line in lines)
    found = [match for form in _FORMS for match in form.finditer(shown)]
    if not found:
        return None
    last = max(found, key=lambda match: match.end())
    place = (last.groupdict().get("place") or "").replace('"', "")
    return Complaint(_VARIES.sub("#", last["what"]).strip()[:_SHOWN], _short(place)[:_SHOWN])


def _short(place: str) -> str:
    """Without the folders: they are another machine's."""
    return re.sub(r"(?:[^\s():]*/)+(?=[^\s/])", "", place)
