"""A firmware image: loadable bytes, and the symbols and source lines of an ELF file. Others have bytes only."""

from __future__ import annotations

import bisect
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from harness.errors import BenchError
from targets.board.formats import Segments, base_of, intel_hex

_WRITABLE, _DOUBLE, _LONGEST_FUNCTION = 2, (7, 8), 2048
_FINGERPRINT = 16  # hex digits
_CORES = {11: "cortex-m0", 12: "cortex-m0", 10: "cortex-m3", 13: "cortex-m4", 16: "cortex-m33", 17: "cortex-m33"}


@dataclass(frozen=True, slots=True)
class Symbol:
    """A function or object: address without the Thumb bit, size in bytes."""

    name: str
    address: int
    size: int
    function: bool


class _Elf(NamedTuple):
    """What an ELF file says; its architecture is that of a core that runs it."""

    segments: Segments
    ram: tuple[tuple[int, int], ...]
    architecture: str
    named: tuple[Symbol, ...]


_ELF, _NO_LAYOUT = b"\x7fELF", ": it begins with no vector table; give its address in [target] base"
_FILES = 8  # of which a process that assembles their benches again remembers what they say


class Image:
    """What the machine and its monitors need of a firmware file: ELF, Intel HEX (`.hex`), or raw bytes (`.bin`).

    `named` are all symbols, of which several may have one name (static functions); `symbols` has the last of these.
    `base` is where raw bytes lie; without it their own pointers tell. `others` are images beside it in flash, such as
    a bootloader. Raises BenchError when a file is missing or none of these.
    """

    def __init__(self, path: Path, base: int | None = None, others: Sequence[Image] = ()) -> None:
        self.path, self.others = path, tuple(others)
        self.symbols: dict[str, Symbol] = {}
        self.named: tuple[Symbol, ...] = ()
        self.architecture, self.ram = "", tuple[tuple[int, int], ...]()
        try:
            self._data = path.read_bytes()
            self._load(base)
        except OSError as error:
            raise BenchError(
                f"firmware {path}: {error.strerror}. Give the path of an ELF, .hex or .bin file in [target] elf"
            ) from error
        except ELFError as error:
            raise BenchError(f"firmware {path} is not an ELF file ({error}); build it or name another one") from error
        self.segments += tuple(segment for other in others for segment in other.segments)

    def _load(self, base: int | None) -> None:
        if self._data.startswith(_ELF):
            self.segments, self.ram, self.architecture, self.named = _read(self._data)
            self.symbols = {symbol.name: symbol for symbol in self.named}
        elif self._data[:1] == b":" and self.path.suffix != ".bin":
            self.segments = self._hex()
        else:
            self.segments = ((self._base() if base is None else base, self._data),)

    def _hex(self) -> Segments:
        try:
            return intel_hex(self._data.decode("ascii", "replace"))
        except BenchError as error:
            raise BenchError(f"firmware {self.path}: {error}") from error

    def _base(self) -> int:
        if self.path.suffix != ".bin":
            raise BenchError(f"firmware {self.path} is not an ELF, .hex or .bin file; build it or name another one")
        if (found := base_of(self._data)) is None:
            raise BenchError(f"firmware {self.path}{_NO_LAYOUT}")
        return found

    @property
    def fingerprint(self) -> str:
        """The beginning of `sha256`: enough to tell builds apart."""
        return self.sha256[:_FINGERPRINT]

    @property
    def sha256(self) -> str:
        """Hash of the file."""
        return hashlib.sha256(self._data).hexdigest()

    @cached_property
    def _ordered(self) -> tuple[list[int], list[Symbol]]:
        sized = sorted((s for s in self.named if s.size), key=lambda s: (s.address, s.size))
        return [s.address for s in sized], sized

    def symbol_at(self, address: int) -> Symbol | None:
        """The sized symbol that covers an address."""
        addresses, symbols = self._ordered
        i = bisect.bisect_right(addresses, address) - 1
        return symbols[i] if i >= 0 and address < symbols[i].address + symbols[i].size else None

    def function_at(self, address: int) -> str:
        """Name of the function around an address, or ""; `at_` its address in a file without symbols."""
        symbol = self.symbol_at(address & ~1)
        if symbol and symbol.function:
            return symbol.name
        if not self.symbols and (start := self._start_of(address & ~1)):
            return f"at_{start:08x}"
        return next((name for other in self.others if (name := other.function_at(address))), "")

    def _start_of(self, address: int) -> int:
        """The nearest place before that saves the link register, as functions begin; else the address. 0 outside."""
        for base, data in self.segments:
            if base <= address < base + len(data):
                first = max(0, address - base - _LONGEST_FUNCTION)
                for offset in range((address - base) & ~1, first, -2):
                    if data[offset + 1 : offset + 2] == b"\xb5":
                        return base + offset
                return address
        return 0

    def line_at(self, address: int) -> str:
        """`file.c:123` for an address, or ""."""
        rows = _lines(self._data)
        i = bisect.bisect_right(rows, (address & ~1, "\U0010ffff")) - 1
        if i >= 0 and self.function_at(address):
            return rows[i][1]
        return next((line for other in self.others if (line := other.line_at(address))), "")


@lru_cache(maxsize=_FILES)
def _read(data: bytes) -> _Elf:
    elf: Any = ELFFile(BytesIO(data))
    loaded = [segment for segment in elf.iter_segments() if segment["p_type"] == "PT_LOAD"]
    table = elf.get_section_by_name(".symtab")
    return _Elf(
        tuple((int(segment["p_paddr"]), bytes(segment.data())) for segment in loaded if segment["p_filesz"]),
        tuple(
            (int(segment["p_vaddr"]), int(segment["p_memsz"]))
            for segment in loaded
            if segment["p_memsz"] and segment["p_flags"] & _WRITABLE
        ),
        _architecture(elf),
        tuple(filter(None, map(_symbol, table.iter_symbols() if table else ()))),
    )


@lru_cache(maxsize=_FILES)
def _lines(data: bytes) -> list[tuple[int, str]]:
    """Where each source line begins, by addresses; none where the file has no such table."""
    elf: Any = ELFFile(BytesIO(data)) if data.startswith(_ELF) else None
    if elf is None or not elf.has_dwarf_info():
        return []
    dwarf = elf.get_dwarf_info()
    return sorted(row for unit in dwarf.iter_CUs() for row in _unit_lines(dwarf.line_program_for_CU(unit)))


def _architecture(elf: Any) -> str:
    """A core that runs the file, as its build attributes say; "" where they do not."""
    section = elf.get_section_by_name(".ARM.attributes")
    tags: dict[str, Any] = {}
    for sub in section.iter_subsections() if section else ():
        for part in sub.iter_subsubsections():
            tags |= {attribute.tag: attribute.value for attribute in part.iter_attributes()}
    core: str = _CORES.get(int(tags.get("TAG_CPU_ARCH", -1)), "")
    return "cortex-m7" if core == "cortex-m4" and tags.get("TAG_FP_ARCH") in _DOUBLE else core


def _symbol(entry: Any) -> Symbol | None:
    kind = entry["st_info"]["type"]
    if kind not in ("STT_FUNC", "STT_OBJECT", "STT_NOTYPE") or not entry.name or entry.name.startswith("$"):
        return None
    return Symbol(
        str(entry.name), int(entry["st_value"]) & ~int(kind == "STT_FUNC"), int(entry["st_size"]), kind == "STT_FUNC"
    )


def _unit_lines(program: Any) -> list[tuple[int, str]]:
    if program is None:
        return []
    shift = 0 if program["version"] >= 5 else 1
    names = [entry.name.decode(errors="replace") for entry in program["file_entry"]]
    states = (entry.state for entry in program.get_entries() if entry.state and not entry.state.end_sequence)
    return [(int(s.address), f"{names[s.file - shift]}:{s.line}") for s in states if 0 <= s.file - shift < len(names)]
