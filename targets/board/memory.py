"""Where code, RAM and registers of a chip lie."""

from __future__ import annotations

from dataclasses import dataclass

Region = tuple[int, int]
"""Address and size in bytes."""

BIT_BAND: tuple[Region, ...] = ((0x22000000, 0x2000000), (0x42000000, 0x2000000))
CORE: Region = (0xE0000000, 0x100000)


@dataclass(frozen=True, slots=True)
class Memory:
    """`rom` holds the vector table and the code, `ram` stack and variables, `more` further RAM.

    `table` is the vector table's address where it is not the beginning of `rom`. `registers` are answered by the bus.
    `blank` reads as erased flash: chip ids, option bytes. `aliases` are regions that show another one: (address,
    address that is shown, size). `executable` is RAM to which the firmware copies code. All borders lie on pages of
    4 KiB.
    """

    rom: int
    rom_size: int
    ram: int
    ram_size: int
    registers: tuple[Region, ...]
    more: tuple[Region, ...] = ()
    blank: tuple[Region, ...] = ()
    aliases: tuple[tuple[int, int, int], ...] = ()
    bit_band: bool = True
    table: int | None = None
    executable: tuple[Region, ...] = ()

    @property
    def vectors(self) -> int:
        """Where the core looks for stack pointer and entry after a reset."""
        return self.rom if self.table is None else self.table

    def in_rom(self, address: int) -> bool:
        """True for an address of flash."""
        return 0 <= address - self.rom < self.rom_size

    def in_ram(self, address: int, size: int = 1) -> bool:
        """True when `size` bytes from an address on lie in `ram`."""
        return 0 <= address - self.ram <= self.ram_size - size


STM32F405 = Memory(
    rom=0x08000000,
    rom_size=0x100000,
    ram=0x20000000,
    ram_size=0x20000,
    registers=((0x40000000, 0x80000), (0x50000000, 0x61000), CORE, *BIT_BAND),
)
