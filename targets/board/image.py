"""A firmware image: loadable bytes, symbols and source lines of an ELF file."""

from __future__ import annotations

import bisect
import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from harness.errors import BenchError


@dataclass(frozen=True, slots=True)
class Symbol:
    """A function or object: address without the Thumb bit, size in bytes."""

    name: str
    address: int
    size: int
    function: bool


class Image:
    """What the machine and its monitors need of an ELF file; raises BenchError when it is missing or no ELF."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._data = path.read_bytes()
            with path.open("rb") as stream:
                self._read(ELFFile(stream))
        except OSError as error:
            raise BenchError(
                f"firmware {path}: {error.strerror}. Give the path of an ELF file in [target] elf"
            ) from error
        except ELFError as error:
            raise BenchError(f"firmware {path} is not an ELF file ({error}); build it or name another one") from error

    def _read(self, elf: Any) -> None:
        self.segments = tuple(
            (int(segment["p_paddr"]), bytes(segment.data()))
            for segment in elf.iter_segments()
            if segment["p_type"] == "PT_LOAD" and segment["p_filesz"]
        )
        table = elf.get_section_by_name(".symtab")
        self.symbols = {symbol.name: symbol for symbol in map(_symbol, table.iter_symbols() if table else ()) if symbol}

    @property
    def sha256(self) -> str:
        """Hash of the file."""
        return hashlib.sha256(self._data).hexdigest()

    @cached_property
    def _ordered(self) -> tuple[list[int], list[Symbol]]:
        sized = sorted((s for s in self.symbols.values() if s.size), key=lambda s: (s.address, s.size))
        return [s.address for s in sized], sized

    def symbol_at(self, address: int) -> Symbol | None:
        """The sized symbol that covers an address."""
        addresses, symbols = self._ordered
        i = bisect.bisect_right(addresses, address) - 1
        return symbols[i] if i >= 0 and address < symbols[i].address + symbols[i].size else None

    def function_at(self, address: int) -> str:
        """Name of the function around an address, or "" outside the code."""
        symbol = self.symbol_at(address & ~1)
        return symbol.name if symbol and symbol.function else ""

    def line_at(self, address: int) -> str:
        """`file.c:123` for an address, or ""."""
        rows = self._lines
        i = bisect.bisect_right(rows, (address & ~1, "\U0010ffff")) - 1
        return rows[i][1] if i >= 0 and self.function_at(address) else ""

    @cached_property
    def _lines(self) -> list[tuple[int, str]]:
        rows: list[tuple[int, str]] = []
        with self.path.open("rb") as stream:
            elf: Any = ELFFile(stream)
            if not elf.has_dwarf_info():
                return rows
            dwarf = elf.get_dwarf_info()
            for unit in dwarf.iter_CUs():
                rows += _unit_lines(dwarf.line_program_for_CU(unit))
        return sorted(rows)


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
