"""Firmware of a few lines of assembly, in flash at 0x08000000."""

import subprocess
import sys

_SCRIPT = "ENTRY(start) SECTIONS { .text 0x8000000 : { *(.text) } }"
_HEAD = '.syntax unified\n.thumb\n.section .text, "ax"\n'
_FLAGS = ("-target", "thumb-freestanding-eabi", "-nostdlib")


def assembled(folder, body, cpu="cortex_m4"):
    """The ELF of a vector table and code, in that order, with a label `start`."""
    source, script, out = (folder / f"small.{ending}" for ending in ("s", "ld", "elf"))
    script.write_text(_SCRIPT)
    source.write_text(f"{_HEAD}{body}\n.pool\n")
    command = [sys.executable, "-m", "ziglang", "cc", *_FLAGS, f"-mcpu={cpu}", "-T", str(script), str(source)]
    subprocess.run([*command, "-o", str(out)], check=True, capture_output=True)
    return out
