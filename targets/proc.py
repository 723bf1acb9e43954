"""What Linux tells of a running program in /proc: processor time, memory, descriptors, threads, ports, children."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from harness.tasks import contents

_PAGE, _TICK = os.sysconf("SC_PAGE_SIZE"), 1.0 / os.sysconf("SC_CLK_TCK")
_OWN = re.compile(rb"^(?:Private_Dirty|SwapPss): +(\d+) kB", re.MULTILINE)
_SHADOW = 1 << 39  # bytes of addresses: sanitizers and some managed runtimes reserve more, others never so much
_KEEPS = re.compile(
    rb"/(?:lib(?:jvm|node|v8|coreclr|clrjit|mono|ruby|pypy|mozjs|javascriptcore|go|gc|lua|php|guile|ocaml|julia|asan|"
    rb"lsan|tsan|msan|hwasan)\b|vgpreload|(?:java|node|deno|bun|dotnet|mono|ruby|pypy|beam|lua|php|perl|erl|sbcl|"
    rb"valgrind)[\d._\-]*(?:smp)?$)",
    re.MULTILINE,
)
_SECTIONS = (".go.buildinfo", ".note.go.buildid", ".svm_heap", ".data.rel.ro.caml")
_LISTENS = b"0A"
_STAT_BYTES = 1024


class Pulse(NamedTuple):
    """What one read tells: seconds of processor time so far, its ended children's included, and bytes resident."""

    seconds: float
    ended: float
    resident: int
    threads: int
    addresses: int


def pulse_of(pid: int) -> Pulse | None:
    """None where there is no such process (any more), or the system does not tell."""
    return _pulse_in(contents(f"/proc/{pid}/stat"))


class Pulses:
    """Reads the pulse of one process again and again, for little; `close` it."""

    def __init__(self, pid: int) -> None:
        try:
            self._file = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
        except OSError:
            self._file = -1

    def read(self) -> Pulse | None:
        """None once the process is no more, or where the system does not tell."""
        try:
            return _pulse_in(os.pread(self._file, _STAT_BYTES, 0))
        except OSError:
            return None

    def close(self) -> None:
        """Idempotent."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1


def _pulse_in(text: bytes) -> Pulse | None:
    fields = text.rpartition(b") ")[2].split(None, 22)
    if len(fields) < 22:
        return None
    used, ended = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
    return Pulse(used * _TICK, ended * _TICK, int(fields[21]) * _PAGE, int(fields[17]), int(fields[20]))


def descriptors_of(pid: int) -> int:
    """How many are open; 0 where the system does not tell."""
    place = Path(f"/proc/{pid}/fd")
    try:
        return place.stat().st_size or len(list(place.iterdir()))  # kernels before 6.2 tell no size
    except OSError:
        return 0


def listening_of(pids: Iterable[int]) -> tuple[int, ...]:
    """The TCP ports at which the processes wait for connections; none where the system does not tell."""
    sockets = {_inode(link) for pid in pids for link in _links(pid)}
    lines = (line.split() for table in ("tcp", "tcp6") for line in contents(f"/proc/net/{table}").splitlines()[1:])
    ports = {int(line[1].rpartition(b":")[2], 16) for line in lines if line[3] == _LISTENS and line[9] in sockets}
    return tuple(sorted(ports))


def _links(pid: int) -> list[str]:
    try:
        return [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:
        return []


def _inode(link: str) -> bytes:
    return link.removeprefix("socket:[").removesuffix("]").encode()


def memory_of(pid: int) -> int:
    """Bytes that are the process's own: written to, and shared with nobody. 0 where the system does not tell."""
    return sum(int(size) for size in _OWN.findall(contents(f"/proc/{pid}/smaps_rollup"))) << 10


def keeps_memory(pid: int) -> bool:
    """True where what a program gives back stays in its process: with a garbage collector, a sanitizer, valgrind.

    Its memory grows in a straight line up to a limit of the runtime's own, which nothing tells from a leak.
    """
    pulse = pulse_of(pid)
    if pulse is None or pulse.addresses > _SHADOW:
        return True
    return bool(_KEEPS.search(_mapped(pid))) or _is_collected(Path(f"/proc/{pid}/exe"))


def _mapped(pid: int) -> bytes:
    """Paths of the files that are mapped, one a line."""
    lines = contents(f"/proc/{pid}/maps").splitlines()
    return b"\n".join({line[line.index(b"/") :] for line in lines if b"/" in line})


def _is_collected(program: Path) -> bool:
    """True for a program whose language brings its collector along: it is in no library."""
    try:
        with program.open("rb") as file:
            return any(section.name in _SECTIONS for section in ELFFile(file).iter_sections())
    except (OSError, ELFError):
        return False
