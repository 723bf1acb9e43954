"""A program's last words: what it says of its own death, and where, in the forms that runtimes and sanitizers use."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass

_LANGUAGES = sys.stdlib_module_names | {"java", "javax", "jdk", "sun"}
_CLOSED = frozenset(
    {"ConnectionResetError", "ConnectionAbortedError", "BrokenPipeError", "asyncio.exceptions.IncompleteReadError"}
    | {"java.net.SocketException", "java.io.EOFException"}
)
_DISCONNECTED = re.compile(  # EPIPE, ECONNABORTED, ECONNRESET, ENOTCONN, ESHUTDOWN, as Python, Node and Java write them
    r"\[Errno (?:32|103|104|107|108)\]|\b(?:EPIPE|ECONNABORTED|ECONNRESET|ENOTCONN|ESHUTDOWN)\b"
    r"|\bBroken pipe\b|\bConnection reset\b"
)
_BOUND = 1 << 16  # bytes from the end that are looked at
_LONGEST = 400  # of a line
_SHOWN = 120


@dataclass(frozen=True, slots=True)
class Complaint:
    """What went wrong and where: `place` is the innermost file, function or line that it names, "" for none.

    `checked`: a sanitizer or valgrind says so, which count what a program would go on with, too; then there may be
    `frames`, innermost first, and the `weakness` (a CWE id). `disconnected`: its words are those of a lost connection.
    """

    what: str
    place: str = ""
    checked: bool = False
    frames: tuple[str, ...] = ()
    weakness: str = ""
    disconnected: bool = False

    @property
    def is_of_the_connection(self) -> bool:
        """True for what a program is told where the other side has closed a connection: that is us."""
        return not self.checked and (self.disconnected or self.what in _CLOSED)

    @property
    def is_the_programs_own(self) -> bool:
        """True for an exception that the program, or a package that it uses, has made to be raised: not a language's.

        A `KeyError` happens; a `server.errors.BadRequest` is what somebody wanted to say.
        """
        root, dot, _name = self.what.partition(".")
        return bool(dot) and not self.checked and root.isidentifier() and root not in _LANGUAGES

    def __str__(self) -> str:
        return f"{self.what} at {self.place}" if self.place else self.what


# `what` and `place` name groups; what is in no group may differ from one time to the next (addresses, counts, values).
_PYTHON = (
    r'^ *File "(?P<place>[^"\n]+", line \d+, in [^\n]+)\n(?:    .*\n(?: *[~^]+ *\n)?)?'
    r"(?P<what>[A-Za-z_][\w.]*)(?::|$)"
)
_SANITIZER = r"^SUMMARY: (?P<what>\w+Sanitizer: \S+(?: \([^)\n]*\))?)(?: (?P<place>\S+(?: in \S+)?))?"
_VALGRIND = (
    r"^==\d+== (?P<what>Invalid [^\n]*|Use of uninitialised [^\n]*|Conditional jump [^\n]*|Mismatched free[^\n]*)\n"
    r"(?:==\d+== +(?:at|by) 0x[0-9A-F]+: \S+ \(in [^\n]*\)\n){0,20}"
    r"==\d+== +(?:at|by) 0x[0-9A-F]+: (?P<place>[^\n]*)"
)
_UNDEFINED = r"^(?P<place>[^\s:]+:\d+:\d+): (?P<what>runtime error: [^\n]*)"
_ASSERTION = r"(?<!\S)(?P<place>[^\s:]+:\d+)(?::\d+)?: (?:[^\n]*?: )?(?P<what>[Aa]ssertion [^\n]* failed)"
_RUST = r"^thread '[^'\n]*'[^\n]* (?P<what>panicked) at (?:'[^\n]*', )?(?P<place>\S+?):?$"
_GO = (
    r"^panic: (?P<what>[^\n]*)(?:\n.*){0,9}?\ngoroutine [^\n]*\n"
    r"(?:panic\(.*\n\t.*\n|runtime\..*\n\t.*\n){0,9}\S.*\n\t(?P<place>\S+:\d+)"
)
_JAVA = (
    r"^(?:Exception in thread \"[^\"\n]*\" )?(?P<what>[\w.$]+(?:Exception|Error))(?::[^\n]*)?\n"
    r"(?:\s+at (?:java|jdk|sun)\b[^\n]*\n)*\s+at (?P<place>[\w.$<>/]+\([^)\n]*\))"
)
_NODE = (
    r"^(?:Uncaught )?(?P<what>(?:[A-Z]\w*)?Error)(?: \[\w+\])?(?::[^\n]*)?\n"
    r"(?:\s+at [^\n]*\bnode:[^\n]*\n)*\s+at (?P<place>[^\n]+)"
)
_LIBC = r"^(?P<what>(?:double free|free\(\)|malloc|munmap_chunk|corrupted)[^\n]*|\*\*\* [^\n]* \*\*\*)"
_FIRMWARE = (
    r"(?i)(?P<what>(?:hard ?fault|bus ?fault|usage ?fault|mem(?:manage)? ?fault|kernel panic|guru meditation|panic)"
    r"\b[^\n]*)"
)
_CHECKED = (_SANITIZER, _VALGRIND, _UNDEFINED)
_ALL = (*_CHECKED, _PYTHON, _ASSERTION, _RUST, _GO, _JAVA, _NODE, _LIBC, _FIRMWARE)
_FORMS: Sequence[re.Pattern[str]] = tuple(re.compile(form, re.MULTILINE) for form in _ALL)
_BEGINNINGS = re.compile(
    rb"ERROR: \w+Sanitizer|SUMMARY: |^==\d+==|runtime error: |Traceback |^ *File \"|panic|Exception|Error\b"
    rb"|[Aa]ssertion |double free|free\(\)|malloc|munmap_chunk|corrupted|\*\*\* "
    rb"|(?i:panic|guru |(?:hard|bus|usage|mem|manage) ?fault)",
    re.MULTILINE,
)
_VARIES = re.compile(r"0x[0-9a-fA-F]+|\b[0-9a-fA-F]{8,}\b|(?<![\w:.])\d+(?![\w.]*:)")


_CAUSED = "\n\nThe above exception was the direct cause of the following exception:\n\n"
_HANDLING = "\n\nDuring handling of the above exception, another exception occurred:\n\n"
_FRAME = re.compile(r"^ *#\d+ 0x[0-9a-f]+ in ([^\n]+)|^==\d+== +(?:at|by) 0x[0-9A-F]+: ([^\n]+)", re.MULTILINE)
_LINE = re.compile(r"[^\s:()]+:\d+")
_RUNTIME = re.compile(
    r"\b__(?:interceptor|asan|msan|tsan|ubsan|sanitizer)|\b(?:[almtu]+san|sanitizer)_\w*\.|libc_start"
)
_FRAMES, _REPORTED = 8, 4000
_WEAKNESSES = (
    ("LeakSanitizer", "CWE-401"),
    ("MemorySanitizer", "CWE-457"),
    ("ninitialised", "CWE-457"),
    ("ThreadSanitizer", "CWE-362"),
    ("use-after", "CWE-416"),
    ("double-free", "CWE-415"),
    ("bad-free", "CWE-763"),
    ("stack-overflow", "CWE-674"),
    ("allocation-size-too-big", "CWE-789"),
    ("negative-size-param", "CWE-195"),
    ("stack-buffer-overflow", "CWE-121"),
    ("heap-buffer-overflow", "CWE-122"),
    ("overflow: ", "CWE-190"),
    ("negation of", "CWE-190"),
    ("outside the range", "CWE-681"),
    ("division by zero", "CWE-369"),
    ("out of bounds", "CWE-129"),
    ("shift ", "CWE-1335"),
    ("null pointer", "CWE-476"),
    ("Invalid write", "CWE-787"),
    ("Invalid read", "CWE-125"),
)


def may_complain(text: bytes) -> bool:
    """False where nothing in the text can be a complaint of a known form, or the beginning of one."""
    return _BEGINNINGS.search(text) is not None


def complaint_in(text: bytes) -> Complaint | None:
    """The last one in the output of a program; None where there is none of a known form."""
    return next(reversed(complaints_in(text)), None)


def complaints_in(text: bytes) -> list[Complaint]:
    """Those in the output of a program, the last one last; of several with one cause, or on one line, the first."""
    if not may_complain(text[-_BOUND:]):
        return []
    lines = text[-_BOUND:].decode(errors="replace").splitlines()
    shown = "".join(f"{line[:_LONGEST]}\n" for line in lines)
    found = [(match, number < len(_CHECKED)) for number, form in enumerate(_FORMS) for match in form.finditer(shown)]
    ordered = _unchained(sorted(found, key=_end), shown)
    told = [_complaint(match, shown, checked=checked) for match, checked in ordered]
    distinct: dict[tuple[str, str], Complaint] = {}
    for one in told:
        distinct[_cause(one)] = distinct.pop(_cause(one), one)
    return list(distinct.values())


def _end(found: tuple[re.Match[str], bool]) -> int:
    return found[0].end()


def _unchained(found: Sequence[tuple[re.Match[str], bool]], shown: str) -> list[tuple[re.Match[str], bool]]:
    """Of Python's chained tracebacks one: the cause of a `raise … from`, else the one that nobody handled."""
    kept: list[tuple[re.Match[str], bool]] = []
    before = 0
    for one in found:
        between, before = shown[before : one[0].start()], one[0].end()
        if _HANDLING in between:
            kept = kept[:-1]
        if _CAUSED not in between:
            kept.append(one)
    return kept


def _cause(one: Complaint) -> tuple[str, str]:
    """A sanitizer may have more than one word to a line of the source."""
    line = _LINE.search(one.place) if one.checked else None
    return ("", line.group()) if line else (one.what, one.place)


def _complaint(match: re.Match[str], shown: str, *, checked: bool) -> Complaint:
    place = (match.groupdict().get("place") or "").replace('"', "")
    what, where = _VARIES.sub("#", match["what"]).strip()[:_SHOWN], _short(place)[:_SHOWN]
    if not checked:
        first, rest = match.group().partition("\n")[0], shown[match.end() :].partition("\n")[0]
        words = f"{first} {rest}"
        return Complaint(what, where, disconnected=_DISCONNECTED.search(words) is not None)
    report = _report(shown, match)
    frames = _frames(report)
    if own := next((frame for frame in frames if not _RUNTIME.search(frame)), ""):
        where = where if where and not _RUNTIME.search(where) else " in ".join(reversed(own.rsplit(" ", 1)))
    return Complaint(what, where, checked=True, frames=frames, weakness=_weakness(what, report))


def _report(shown: str, match: re.Match[str]) -> str:
    """The text of a sanitizer's report, which ends with its summary; valgrind's begins with the words."""
    if match["what"].startswith("runtime error"):
        return match.group()
    if "Sanitizer" not in match["what"]:
        return shown[match.start() : match.start() + _REPORTED]
    before = shown[max(0, match.start() - _REPORTED) : match.start()]
    return before[max(0, before.rfind("ERROR: ")) :] + match.group()


def _frames(report: str) -> tuple[str, ...]:
    """Those of the first stack: the others say where memory came from."""
    found: list[str] = []
    for line in report.splitlines():
        frame = _FRAME.match(line)
        if frame is None and found:
            break
        if frame is not None:
            found.append(_short((frame[1] or frame[2]).strip())[:_SHOWN])
    return tuple(found[:_FRAMES])


def _weakness(what: str, report: str) -> str:
    if "buffer-overflow" in what and re.search(r"^READ of size", report, re.MULTILINE):
        return "CWE-125"
    return next((weakness for words, weakness in _WEAKNESSES if words in what or words in report), "CWE-119")


def _short(place: str) -> str:
    """Without the folders: they are another machine's."""
    return re.sub(r"(?:[^\s():]*/)+(?=[^\s/])", "", place)
