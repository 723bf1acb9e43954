"""Builds a device's firmware: reproducible in any folder, any planted faults, constants moved by a salt."""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from harness.errors import BenchError, UsageError, did_you_mean

SHARED = Path(__file__).parent / "board" / "firmware"
DRIVERS = ("dma", "irq")
# QEMU's TIM2 counts 62.5 times as fast as the chip's, so that 20 ms of its time would be 0.3 ms of ours.
QEMU_INTER_BYTE_TIMEOUT_US = 1_250_000
FLAGS = (
    *("-target", "thumb-freestanding-eabi", "-mcpu=cortex_m4", "-msoft-float", "-std=c11", "-O2", "-gline-tables-only"),
    *("-ffreestanding", "-fno-builtin", "-fno-sanitize=all", "-nostdlib", "-ffunction-sections"),
    *("-Wall", "-Wextra", "-Werror", "-Wno-initializer-overrides", "-Wno-format-security"),
    *("-Wl,--gc-sections", "-Wl,-z,max-page-size=4", "-Wl,--build-id=none"),
)


@dataclass(frozen=True, slots=True)
class Build:
    """One ELF to make."""

    name: str
    faults: tuple[str, ...] = ()
    driver: str = "dma"


@dataclass(frozen=True, slots=True)
class Firmware:
    """A device's own sources, which stand on those that all devices share.

    `salted` gives each moved constant's values: the lowest, how many, their distance. `drivers` names the UART drivers
    of which an ELF without faults is kept besides.
    """

    name: str
    folder: Path
    salted: Mapping[str, tuple[int, int, int]]
    drivers: tuple[str, ...] = ()

    def fault_names(self) -> tuple[str, ...]:
        """The planted faults as the sources switch them, in lower case."""
        text = "".join(path.read_text(encoding="utf-8") for path in sorted(self.folder.glob("*.[ch]")))
        return tuple(sorted({name.lower() for name in re.findall(r"\bFAULT_([A-Z_]+)\b", text)}))

    def salted_constants(self, salt: str) -> dict[str, int]:
        """The moved constants for a salt; none for the empty salt."""
        if not salt:
            return {}
        return {name: _moved(salt, name, *values) for name, values in self.salted.items()}

    def committed(self) -> tuple[Build, ...]:
        """The ELFs that are kept in the repository."""
        others = (Build(f"{self.name}-{driver}.elf", driver=driver) for driver in self.drivers)
        return (Build(f"{self.name}-vulnerable.elf", self.fault_names()), Build(f"{self.name}-fixed.elf"), *others)

    def compile(self, build: Build, folder: Path, salt: str = "") -> Path:
        """Compile one ELF into `folder`; raises BenchError (the compiler's words), UsageError for an unknown fault."""
        target = folder.resolve() / build.name
        target.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "ziglang", "cc", *FLAGS, *self._defines(build, salt), *self._folders()]
        command += [*self._sources(build.driver), "-o", str(target)]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchError(f"{build.name} was not built: {done.stderr.strip()[-2000:]}")
        return target

    def _defines(self, build: Build, salt: str) -> list[str]:
        known = self.fault_names()
        for fault in build.faults:
            if fault not in known:
                raise UsageError(f"unknown fault '{fault}'.{did_you_mean(fault, known)}")
        numbers = self.salted_constants(salt)
        if build.driver == "irq":
            numbers["INTER_BYTE_TIMEOUT_US"] = QEMU_INTER_BYTE_TIMEOUT_US
        faults = [f"-DFAULT_{fault.upper()}" for fault in sorted(build.faults)]
        return [*faults, *(f"-D{name}={value}" for name, value in sorted(numbers.items()))]

    def _folders(self) -> list[str]:
        """Where headers lie; neither the sources' folders nor the compiler's may show in the debug information."""
        spec = find_spec("ziglang")
        if spec is None or spec.origin is None:
            raise BenchError("the firmware needs the ziglang package: pip install ziglang==0.17.0")
        ziglang = Path(spec.origin).resolve().parent
        maps = {self.folder.resolve(): "firmware", SHARED.resolve(): "board", ziglang: "ziglang"}
        shown = [f"-ffile-prefix-map={folder}={name}" for folder, name in maps.items()]
        return [f"-I{self.folder.resolve()}", f"-I{SHARED.resolve()}", "-T", str(SHARED / "stm32f405.ld"), *shown]

    def _sources(self, driver: str) -> list[str]:
        if driver not in DRIVERS:
            raise UsageError(f"unknown driver '{driver}'.{did_you_mean(driver, DRIVERS)}")
        units = [path for folder in (self.folder, SHARED) for path in folder.resolve().glob("*.c")]
        chosen = (path for path in units if not path.name.startswith("uart_") or path.name == f"uart_{driver}.c")
        return [path.name if path.parent == self.folder.resolve() else str(path) for path in sorted(chosen, key=_name)]


def _name(path: Path) -> str:
    return path.name


def _moved(salt: str, name: str, low: int, count: int, distance: int) -> int:
    digest = hashlib.blake2b(f"{salt}\0{name}".encode(), digest_size=8).digest()
    return low + int.from_bytes(digest, "little") % count * distance


def _chosen(firmware: Firmware, options: argparse.Namespace) -> list[Build]:
    if options.fault:
        name = f"{firmware.name}-{'+'.join(options.fault)}.elf"
        return [Build(name, tuple(options.fault), options.driver)]
    builds = list(firmware.committed())
    if options.all:
        builds += [Build(f"{firmware.name}-{fault}.elf", (fault,), options.driver) for fault in firmware.fault_names()]
    return builds


def _options(firmware: Firmware, arguments: Sequence[str] | None) -> argparse.Namespace:
    program, about = f"python -m targets.{firmware.name}.build", f"Rebuilds the committed ELFs of the {firmware.name}."
    parser = argparse.ArgumentParser(prog=program, description=about)
    parser.add_argument("--salt", default="", help="move magic values and boundaries")
    parser.add_argument(
        "--fault", action="append", default=[], metavar="NAME", help="plant this fault only; repeatable"
    )
    parser.add_argument("--driver", choices=DRIVERS, default="dma")
    parser.add_argument("--out", type=Path, default=firmware.folder.parent, metavar="DIR")
    parser.add_argument("--all", action="store_true", help="one ELF per fault besides")
    return parser.parse_args(arguments)


def main(firmware: Firmware, arguments: Sequence[str] | None = None) -> int:
    """Build what the arguments name; 0, or the error's exit code."""
    options = _options(firmware, arguments)
    try:
        for build in _chosen(firmware, options):
            sys.stdout.write(f"{firmware.compile(build, options.out, options.salt)}\n")
    except (BenchError, UsageError) as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0
