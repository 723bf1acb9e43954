"""The memory map that an image tells: vector table, code, RAM, core; what it does not tell is the usual."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from harness.errors import BenchError
from targets.board.formats import holds, tables
from targets.board.image import Image
from targets.board.memory import BIT_BAND, CORE, Memory, Region

PAGE = 0xFFF
REGISTERS: Region = (0x40000000, 0x20000000)
_ROM_END, _RAM_END = 0x1FFE0000, 0x40000000
_LEAST_RAM, _LEAST_ROM, _BORDER = 0x4000, 0x40000, 0x10000
_PROOF = 16  # bytes
_FACTORY: Region = (0x1FFF0000, 0x10000)
_NO_BIT_BAND = ("cortex-m33", "cortex-m7", "cortex-m0")
DEFAULT_CORE = "cortex-m4"


def memory_of(image: Image) -> Memory:
    """Raises BenchError where no vector table is found."""
    table = next(tables(image.segments), None)
    if table is None:
        raise BenchError(
            f"firmware {image.path}: no vector table in it; is it built for a Cortex-M, and its base right?"
        )
    stack = _word(image, table)
    ram, more = _ram(image, stack)
    code = [(address, data) for address, data in image.segments if not _is_ram(address, ram) and _near(address, table)]
    base = min(address for address, _data in code) & ~PAGE
    end = max(address + len(data) for address, data in code)
    bit_band = image.architecture not in _NO_BIT_BAND
    return Memory(
        rom=base,
        rom_size=max(_LEAST_ROM, 1 << (end - base - 1).bit_length()),
        ram=ram[0],
        ram_size=ram[1],
        registers=(REGISTERS, CORE, *(BIT_BAND[:1] if bit_band else ())),
        more=more,
        blank=() if _overlap(_FACTORY, ram) else (_FACTORY,),
        bit_band=bit_band,
        table=table,
    )


def core_of(image: Image) -> str:
    """The core that the image was built for, as far as it tells."""
    return image.architecture or DEFAULT_CORE


def _near(address: int, table: int) -> bool:
    return abs(address - table) < 1 << 24


def _word(image: Image, address: int) -> int:
    for start, data in image.segments:
        if start <= address < start + len(data):
            return int.from_bytes(data[address - start : address - start + 4], "little")
    return 0


def _is_ram(address: int, ram: Region) -> bool:
    return ram[0] <= address < ram[0] + ram[1]


def _overlap(one: Region, other: Region) -> bool:
    return one[0] < other[0] + other[1] and other[0] < one[0] + one[1]


def _ram(image: Image, stack: int) -> tuple[Region, tuple[Region, ...]]:
    """RAM around the stack, and what else the image uses: groups of addresses that lie near each other."""
    groups: list[list[int]] = []
    for low, high in sorted(_used(image, stack)):
        if groups and low - groups[-1][1] < 1 << 20:
            groups[-1][1] = max(groups[-1][1], high)
        else:
            groups.append([low, high])
    regions = [_rounded(low, high) for low, high in groups]
    main = next(region for region in regions if _is_ram(stack - 4, region))
    return main, tuple(region for region in regions if region != main)


def _used(image: Image, stack: int) -> Iterator[tuple[int, int]]:
    yield stack - 4, stack
    for start, size in image.ram:
        if not holds(image.segments, start) or start >= _ROM_END:
            yield start, start + size
    for symbol in image.symbols.values():
        if _ROM_END <= symbol.address < _RAM_END:
            yield symbol.address, symbol.address + symbol.size


def _rounded(low: int, high: int) -> Region:
    base = low & ~(_BORDER - 1)
    return base, max(_LEAST_RAM, (high - base + PAGE) & ~PAGE)


def extended(memory: Memory, address: int) -> Memory:
    """The map with the page group around an address that the firmware used at boot: RAM, registers, or factory data."""
    region = _free(memory, address)
    if address >= REGISTERS[0]:
        return replace(memory, registers=(*memory.registers, region))
    if 0x10000000 <= address < _ROM_END or address >= 0x20000000:
        if region[0] == memory.ram + memory.ram_size:
            return replace(memory, ram_size=memory.ram_size + region[1])
        return replace(memory, more=(*memory.more, region))
    return replace(memory, blank=(*memory.blank, region))


def with_code(memory: Memory, image: Image, address: int, read: Callable[[int, int], bytes | None]) -> Memory | None:
    """The map with the pages of RAM around an address to which the firmware copied code of the image; else None.

    `read` gives so many bytes of memory at an address. What stands in the image nowhere is no code of its maker's.
    """
    start = address & ~1
    if not (held := read(start, _PROOF)) or memory.in_rom(start):
        return None
    for _base, data in image.segments:
        if (at := data.find(held)) >= 0:
            low = start - _copied(start, data, at, -1, read) & ~PAGE
            high = start + _copied(start, data, at, 1, read) | PAGE
            return replace(memory, executable=(*memory.executable, (low, high + 1 - low)))
    return None


def _copied(start: int, data: bytes, at: int, step: int, read: Callable[[int, int], bytes | None]) -> int:
    """How many bytes before or behind one are as they are in the image, by sixteens."""
    count = 0
    while 0 <= (here := at + step * (count + _PROOF)) <= len(data) - _PROOF:
        if read(start + step * (count + _PROOF), _PROOF) != data[here : here + _PROOF]:
            break
        count += _PROOF
    return count


def _free(memory: Memory, address: int) -> Region:
    """The pages around an address, as far as nothing else lies there."""
    low = address & ~(_BORDER - 1)
    high = low + _BORDER
    taken = [(memory.rom, memory.rom_size), (memory.ram, memory.ram_size)]
    for base, size in (*taken, *memory.registers, *memory.more, *memory.blank):
        low = max(low, base + size) if base + size <= address else low
        high = min(high, base) if base > address else high
    return low, high - low
