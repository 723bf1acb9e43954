"""Builds the pump's firmware: reproducible in any folder, any planted faults, constants moved by a salt.

`python -m targets.pump.build` rebuilds the committed ELFs; `--fault`, `--all`, `--salt`, `--driver`, `--out` vary it.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from harness.errors import BenchError, UsageError, did_you_mean

HERE = Path(__file__).parent
FIRMWARE = HERE / "firmware"
DRIVERS = ("dma", "irq")
# QEMU's TIM2 counts 62.5 times as fast as the chip's, so that 20 ms of its time would be 0.3 ms of ours.
QEMU_INTER_BYTE_TIMEOUT_US = 1_250_000
FLAGS = (
    *("-target", "thumb-freestanding-eabi", "-mcpu=cortex_m4", "-msoft-float", "-std=c11", "-O2", "-gline-tables-only"),
    *("-ffreestanding", "-fno-builtin", "-fno-sanitize=all", "-nostdlib", "-ffunction-sections"),
    *("-Wall", "-Wextra", "-Werror", "-Wno-initializer-overrides", "-Wno-format-security"),
    *("-Wl,--gc-sections", "-Wl,-z,max-page-size=4", "-Wl,--build-id=none", "-T", "pump.ld"),
)
# Each constant's values under a salt: the lowest, how many, their distance. Valid messages stay valid under all.
SALTED: Mapping[str, tuple[int, int, int]] = {
    "PEER_SIZE": (12, 24, 1),
    "LABEL_SIZE": (20, 24, 1),
    "DRUG_NAME_SIZE": (10, 7, 1),
    "ECHO_SIZE": (48, 40, 1),
    "CONTROL_ID_SIZE": (17, 20, 1),
    "PATIENT_LINE_SIZE": (28, 24, 1),
    "DRUG_CONCENTRATION": (600, 24, 40),
}


@dataclass(frozen=True, slots=True)
class Build:
    """One ELF to make."""

    name: str
    faults: tuple[str, ...] = ()
    driver: str = "dma"


def fault_names() -> tuple[str, ...]:
    """The planted faults as the sources switch them, in lower case."""
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(FIRMWARE.glob("*.[ch]")))
    return tuple(sorted({name.lower() for name in re.findall(r"\bFAULT_([A-Z_]+)\b", text)}))


def salted_constants(salt: str) -> dict[str, int]:
    """The moved constants for a salt; none for the empty salt."""
    if not salt:
        return {}
    return {name: _moved(salt, name, *values) for name, values in SALTED.items()}


def _moved(salt: str, name: str, low: int, count: int, distance: int) -> int:
    digest = hashlib.blake2b(f"{salt}\0{name}".encode(), digest_size=8).digest()
    return low + int.from_bytes(digest, "little") % count * distance


def committed() -> tuple[Build, ...]:
    """The ELFs that are kept in the repository."""
    return (
        Build("pump-vulnerable.elf", fault_names()),
        Build("pump-fixed.elf"),
        Build("pump-irq.elf", driver="irq"),
    )


def compile_firmware(build: Build, folder: Path, salt: str = "") -> Path:
    """Compile one ELF into `folder`; raises BenchError with the compiler's words, UsageError for an unknown fault."""
    target = folder.resolve() / build.name
    target.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "ziglang", "cc", *FLAGS, *_defines(build, salt), *_prefix_maps()]
    command += [*_sources(build.driver), "-o", str(target)]
    done = subprocess.run(command, cwd=FIRMWARE, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"{build.name} was not built: {done.stderr.strip()[-2000:]}")
    return target


def _defines(build: Build, salt: str) -> list[str]:
    known = fault_names()
    for fault in build.faults:
        if fault not in known:
            raise UsageError(f"unknown fault '{fault}'.{did_you_mean(fault, known)}")
    numbers = salted_constants(salt)
    if build.driver == "irq":
        numbers["INTER_BYTE_TIMEOUT_US"] = QEMU_INTER_BYTE_TIMEOUT_US
    faults = [f"-DFAULT_{fault.upper()}" for fault in sorted(build.faults)]
    return [*faults, *(f"-D{name}={value}" for name, value in sorted(numbers.items()))]


def _prefix_maps() -> list[str]:
    """Neither the source folder nor the compiler's own may show in the debug information."""
    spec = find_spec("ziglang")
    if spec is None or spec.origin is None:
        raise BenchError("the firmware needs the ziglang package: pip install ziglang==0.17.0")
    folders = {FIRMWARE.resolve(): "firmware", Path(spec.origin).resolve().parent: "ziglang"}
    return [f"-ffile-prefix-map={folder}={name}" for folder, name in folders.items()]


def _sources(driver: str) -> list[str]:
    if driver not in DRIVERS:
        raise UsageError(f"unknown driver '{driver}'.{did_you_mean(driver, DRIVERS)}")
    units = (path.name for path in FIRMWARE.glob("*.c"))
    return sorted(name for name in units if not name.startswith("uart_") or name == f"uart_{driver}.c")


def build_all(builds: Iterable[Build], folder: Path, salt: str = "") -> list[Path]:
    """Compile several ELFs; raises BenchError, UsageError."""
    return [compile_firmware(build, folder, salt) for build in builds]


def _chosen(options: argparse.Namespace) -> list[Build]:
    if options.fault:
        name = f"pump-{'+'.join(options.fault)}.elf"
        return [Build(name, tuple(options.fault), options.driver)]
    builds = list(committed())
    if options.all:
        builds += [Build(f"pump-{fault}.elf", (fault,), options.driver) for fault in fault_names()]
    return builds


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m targets.pump.build", description=__doc__)
    parser.add_argument("--salt", default="", help="move magic values and boundaries")
    parser.add_argument(
        "--fault", action="append", default=[], metavar="NAME", help="plant this fault only; repeatable"
    )
    parser.add_argument("--driver", choices=DRIVERS, default="dma")
    parser.add_argument("--out", type=Path, default=HERE, metavar="DIR")
    parser.add_argument("--all", action="store_true", help="one ELF per fault besides")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Build what the arguments name; 0, or the error's exit code."""
    options = _options(arguments)
    try:
        for path in build_all(_chosen(options), options.out, options.salt):
            sys.stdout.write(f"{path}\n")
    except (BenchError, UsageError) as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
