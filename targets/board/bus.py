"""The peripheral bus: which register bank answers at an address, narrow accesses, bit-band aliases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from targets.board.cpu import Cpu
from targets.board.peripherals.base import Peripheral

_PAGE = 10
_PERIPHERAL_ALIAS, _RAM_ALIAS, _ALIAS_SIZE, _RAM = 0x42000000, 0x22000000, 0x2000000, 0x20000000
_WORD = 0xFFFFFFFF


class Rest(Protocol):
    """What answers where nothing is modelled."""

    def read_at(self, address: int, size: int) -> int:
        """Read 1, 2 or 4 bytes."""
        ...

    def write_at(self, address: int, size: int, value: int) -> None:
        """Write 1, 2 or 4 bytes."""
        ...


class Bus:
    """Routes accesses by 1 KB page. An address where nothing is modelled reads 0 and ignores writes, or is `rest`'s."""

    def __init__(self, cpu: Cpu, touched: set[Peripheral]) -> None:
        self._cpu, self.touched = cpu, touched
        self._pages: dict[int, tuple[Any, Any, int, Peripheral]] = {}
        self.unmodelled: set[int] = set()
        self.rest: Rest | None = None
        self._banded = cpu.memory.bit_band

    def connect(self) -> None:
        """Let the emulator ask here."""
        self._cpu.map_mmio(self.read, self.write)

    def attach(self, base: int, peripheral: Peripheral) -> None:
        """Place a register bank at `base`."""
        for page in range(base >> _PAGE, (base + peripheral.size) >> _PAGE):
            self._pages[page] = (peripheral.read, peripheral.write, base, peripheral)

    def banks(self) -> dict[Peripheral, int]:
        """Every register bank, and where it is."""
        return {peripheral: base for _read, _write, base, peripheral in self._pages.values()}

    def redirect(self, peripheral: Peripheral, read: Callable[[int], int], write: Callable[[int, int], None]) -> None:
        """Let another pair of functions answer for a bank."""
        for page, (_read, _write, base, there) in list(self._pages.items()):
            if there is peripheral:
                self._pages[page] = (read, write, base, peripheral)

    def read(self, address: int, size: int) -> int:
        """Read 1, 2 or 4 bytes."""
        entry = self._pages.get(address >> _PAGE)
        if entry is None:
            return self._read_alias(address, size)
        read, _write, base, peripheral = entry
        self.touched.add(peripheral)
        value = read(address - base & ~3)
        return value if size == 4 else value >> 8 * (address & 3) & ((1 << 8 * size) - 1)

    def write(self, address: int, size: int, value: int) -> None:
        """Write 1, 2 or 4 bytes; a narrow write keeps the rest of the register."""
        entry = self._pages.get(address >> _PAGE)
        if entry is None:
            self._write_alias(address, size, value)
            return
        read, write, base, peripheral = entry
        self.touched.add(peripheral)
        if size != 4 and address & 3:
            shift, mask = 8 * (address & 3), (1 << 8 * size) - 1
            value = read(address - base & ~3) & ~(mask << shift) & _WORD | (value & mask) << shift
        write(address - base & ~3, value)

    def _read_alias(self, address: int, size: int) -> int:
        target = _aliased(address) if self._banded else None
        if target is None:
            return self._read_rest(address, size)
        byte, bit = target
        return self._byte(byte) >> bit & 1

    def _read_rest(self, address: int, size: int) -> int:
        if self.rest is not None:
            return self.rest.read_at(address, size)
        self.unmodelled.add(address)
        return 0

    def _write_rest(self, address: int, size: int, value: int) -> None:
        if self.rest is not None:
            self.rest.write_at(address, size, value)
        else:
            self.unmodelled.add(address)

    def _write_alias(self, address: int, size: int, value: int) -> None:
        target = _aliased(address) if self._banded else None
        if target is None:
            self._write_rest(address, size, value)
            return
        byte, bit = target
        changed = self._byte(byte) & ~(1 << bit) | (value & 1) << bit
        if byte >= 0x40000000:
            word = self.read(byte & ~3, 4)
            shift = 8 * (byte & 3)
            self.write(byte & ~3, 4, word & ~(0xFF << shift) & _WORD | changed << shift)
        elif self._cpu.memory.in_ram(byte):
            self._cpu.ram[byte - self._cpu.memory.ram] = changed

    def _byte(self, address: int) -> int:
        if address >= 0x40000000:
            return self.read(address, 1)
        return self._cpu.ram[address - self._cpu.memory.ram] if self._cpu.memory.in_ram(address) else 0


def _aliased(address: int) -> tuple[int, int] | None:
    """(byte address, bit) that a bit-band alias stands for (ARM DDI 0403E, B3.1)."""
    for alias, base in ((_PERIPHERAL_ALIAS, 0x40000000), (_RAM_ALIAS, _RAM)):
        if alias <= address < alias + _ALIAS_SIZE:
            offset = address - alias
            return base + (offset >> 5), offset >> 2 & 7
    return None
