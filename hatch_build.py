"""Builds the board's compiled core into wheels and editable installs; without a C compiler they have the reference."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NATIVE = Path("targets") / "board" / "native"
WANTED = "MEDFUZZ_WHEEL_TARGET"
ZIGLANG = "ziglang==0.17.0"
# By ziglang's names: what a wheel for that system is called, and the library's suffix.
TARGETS = {
    "x86_64-linux-gnu.2.17": ("manylinux2014_x86_64", ".so"),
    "aarch64-linux-gnu.2.17": ("manylinux2014_aarch64", ".so"),
    "x86_64-linux-musl": ("musllinux_1_1_x86_64", ".so"),
    "x86_64-macos.11.0": ("macosx_11_0_x86_64", ".dylib"),
    "aarch64-macos.11.0": ("macosx_11_0_arm64", ".dylib"),
    "x86_64-windows-gnu": ("win_amd64", ".dll"),
}


class CompiledCore(BuildHookInterface[Any]):
    """MEDFUZZ_WHEEL_TARGET names another system, for which ziglang builds; else the compiler that is there does."""

    def dependencies(self) -> list[str]:
        """What the build itself needs besides."""
        return [ZIGLANG] if os.environ.get(WANTED) else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, and name the wheel after the system that it is for."""
        build = _builder(Path(self.root))
        wanted = os.environ.get(WANTED, "")
        command = [sys.executable, "-m", "ziglang", "cc"] if wanted else build.compiler()
        if not command:
            self.app.display_warning("no C compiler: the board runs on the Python reference")
            return
        platform, suffix = TARGETS[wanted] if wanted else (_here(), Path(build.file_name()).suffix)
        name = Path(build.file_name()).with_suffix(suffix).name
        extra = ("-target", wanted) if wanted else ()
        folder = Path(self.directory) / "native" if wanted else Path(self.root) / NATIVE
        try:
            library = build.build(folder, command, extra=extra, name=name)
        except (OSError, subprocess.SubprocessError) as error:
            if wanted:
                raise
            self.app.display_warning(f"the board runs on the Python reference: {error}")
            return
        if version == "editable":
            return
        build_data["force_include"][str(library)] = str(NATIVE / name)
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform}"


def _here() -> str:
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")


def _builder(root: Path) -> Any:
    """The module that builds, by its file: the project's own packages are not installed yet."""
    spec = importlib.util.spec_from_file_location("medfuzz_native_build", root / NATIVE / "build.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(root / NATIVE / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
