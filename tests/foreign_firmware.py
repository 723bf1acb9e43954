"""Builds the foreign firmwares: other chips' memory maps and registers, written from their reference manuals."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from targets.board.image import Image

HERE = Path(__file__).parent / "targets" / "foreign"
FAULTS = ("NAME", "MODE", "HALT")
_FLAGS = (
    *("-target", "thumb-freestanding-eabi", "-msoft-float", "-std=c11", "-gline-tables-only", "-ffreestanding"),
    *("-fno-builtin", "-fno-sanitize=all", "-nostdlib", "-ffunction-sections", "-Wl,--gc-sections"),
    *("-Wl,-z,max-page-size=4", "-Wl,--build-id=none", "-Wno-initializer-overrides"),
)
_SCRIPT = """
MEMORY {{ FLASH (rx) : ORIGIN = {rom:#x}, LENGTH = 256K
         RAM (rw) : ORIGIN = {ram:#x}, LENGTH = {size:#x} }}
ENTRY(reset_handler)
SECTIONS {{
  .vectors : {{ KEEP(*(.vectors)) }} > FLASH
  .text : {{ *(.text*) *(.rodata*) }} > FLASH
  .data : ALIGN(4) {{ __data_start = .; *(.data*) . = ALIGN(4); __data_end = .; }} > RAM AT > FLASH
  __data_load = LOADADDR(.data);
  .bss (NOLOAD) : ALIGN(4) {{ __bss_start = .; *(.bss*) *(COMMON) . = ALIGN(4); __bss_end = .; }} > RAM
  __stack_top = ORIGIN(RAM) + LENGTH(RAM);
  /DISCARD/ : {{ *(.ARM.ex*) *(.comment) *(.note*) }}
}}
"""


@dataclass(frozen=True, slots=True)
class Foreign:
    """One firmware: its chip's core and memory; `others` lie beside it, a `raw` one is given without symbols.

    `defines` are macros as compilers are given them.
    """

    name: str
    cpu: str
    rom: int
    ram: int
    size: int
    optimize: str = "-O2"
    others: tuple[Foreign, ...] = ()
    raw: bool = False
    defines: tuple[str, ...] = ()

    def build(self, folder: Path, faults: Sequence[str] = ()) -> Path:
        """Compile into `folder`; the ELF."""
        script, out = folder / f"{self.name}.ld", folder / f"{self.name}{'-faulty' if faults else ''}.elf"
        script.write_text(_SCRIPT.format(rom=self.rom, ram=self.ram, size=self.size), encoding="utf-8")
        command = [sys.executable, "-m", "ziglang", "cc", *_FLAGS, self.optimize, f"-mcpu={self.cpu}"]
        defines = [f"FAULT_{fault}" for fault in faults] + list(self.defines)
        command += [*(f"-D{define}" for define in defines), "-T", str(script)]
        subprocess.run([*command, *self._sources(), "-o", str(out)], cwd=HERE, check=True, capture_output=True)
        return out

    def image(self, folder: Path, faults: Sequence[str] = ()) -> Image:
        """The firmware as it is given to the board: symbols and lines, if it is no raw binary."""
        elf = self.build(folder, faults)
        beside = [Image(other.build(folder)) for other in self.others]
        return Image(self._raw(elf) if self.raw else elf, others=beside)

    def _raw(self, elf: Path) -> Path:
        binary = elf.with_suffix(".bin")
        first = min(Image(elf).segments)[0]
        data = bytearray()
        for address, content in sorted(Image(elf).segments):
            data[address - first :] = content
        binary.write_bytes(data)
        return binary

    def _sources(self) -> list[str]:
        return [f"{self.name}.c"] if self.name in ("bootloader", "buses") else [f"{self.name}.c", "app.c"]


BOOTLOADER = Foreign("bootloader", "cortex_m4", 0x00000000, 0x20000000, 0x10000)
FIRMWARES = (
    Foreign("sam3x", "cortex_m3", 0x00080000, 0x20070000, 0x18000),
    Foreign("k64f", "cortex_m4", 0x00000000, 0x1FFF0000, 0x40000),
    Foreign("stm32f1", "cortex_m3", 0x08000000, 0x20000000, 0x5000),
    Foreign("nrf52", "cortex_m4", 0x00004000, 0x20000000, 0x10000, others=(BOOTLOADER,)),
    Foreign("lpc17", "cortex_m3", 0x00000000, 0x10000000, 0x8000, raw=True),
    Foreign("nrf52", "cortex_m33", 0x00004000, 0x20000000, 0x10000, others=(BOOTLOADER,)),
    Foreign("rp2350", "cortex_m33", 0x10000000, 0x20000000, 0x80000),
    Foreign("efm32", "cortex_m3", 0x00000000, 0x20000000, 0x20000, optimize="-Os"),
    Foreign("efm32", "cortex_m4", 0x00000000, 0x20000000, 0x20000, defines=("OWN_SENDER",)),
)
BUSES = {
    bus: Foreign("buses", "cortex_m4", 0x08000000, 0x20000000, 0x8000, defines=(f"BUS={bus}",))
    for bus in ("I2C_SLAVE", "SPI_SLAVE", "FIFO", "SPI_MASTER")
}
