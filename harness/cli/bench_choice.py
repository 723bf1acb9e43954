"""Which bench a run is on: a file, one that comes with medfuzz, or one written for a command."""

from __future__ import annotations

from pathlib import Path

from harness.assembly.benches import find_bench
from harness.campaigns.files import make_folder, write
from harness.campaigns.session import new_folder
from harness.cli.program import command
from harness.discovery.program_bench import NAME, Program
from harness.errors import UsageError


def bench_of(bench: str, program: Program, out: Path | None) -> tuple[Path, str, Path | None]:
    """The bench file, its name, and the folder for the run, where that is known; raises UsageError, BenchError."""
    if not program.command:
        if program.transports or program.protocols:
            raise UsageError(
                "--transport and --protocol are for --cmd; those of a bench stand in its file. A device that runs "
                f"already gets one by `{command()} init bench.toml` and the same two options"
            )
        if not bench:
            raise UsageError(
                "which bench? Name a file, or a shipped bench; a program by --cmd; or go on by --resume FOLDER"
            )
        return find_bench(bench), Path(bench).stem if Path(bench).suffix else bench, out
    if bench:
        raise UsageError(f"--cmd is for a run without a bench; leave '{bench}' out, or write the command into it")
    name, text = program.name, program.text
    folder = out or new_folder(name)
    make_folder(folder)
    if (folder / NAME).exists():
        raise UsageError(f"{folder} holds a run already; name another folder with --out")
    write(folder / NAME, text, instead="Name another folder with --out")
    return folder / NAME, name, folder
