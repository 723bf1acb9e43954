"""`medfuzz demo`: two short campaigns at once, on the emulated infusion pump and insulin pump, and what they found."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.assembly.benches import find_bench
from harness.campaigns.options import Options
from harness.campaigns.session import new_folder
from harness.cli.campaign import run_on_terminal
from harness.cli.child_run import child_run
from harness.cli.program import command
from harness.cli.run import seconds_of, tell_outcome
from harness.cli.terminal import say
from harness.radio.process import need_bumble

PUMP, INSULIN = "pump", "insulin"
LINKS = {"network": "TCP", "maintenance": "serial", "gatt": "Bluetooth LE", "att": "Bluetooth LE"}
EXPECTED = {PUMP: 8, INSULIN: 2}  # in a minute on two busy cores, three seeds each: 15 to 19, and 3 to 7
_LATE_SECONDS = 60.0

Finding = Mapping[str, Any]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    time: Annotated[str, typer.Option(help="How long to fuzz.")] = "60s",
    seed: Annotated[int, typer.Option(min=0)] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder for the two runs.")] = None,
    elf: Annotated[Path | None, typer.Option(help="Other firmware for the pump, e.g. built with another SALT.")] = None,
    insulin_elf: Annotated[Path | None, typer.Option(help="Other firmware for the insulin pump.")] = None,
) -> None:
    """Fuzz the emulated infusion pump over TCP and serial, and an insulin pump over Bluetooth LE beside it.

    Exit code: 0 enough of the planted faults of both were found; else what `run` would end with, 1 at least.
    """
    need_bumble()
    seconds = seconds_of(time)
    folders = {name: out / name if out else new_folder(name) for name in (PUMP, INSULIN)}
    words = ["run", INSULIN, "--time", time, "--seed", str(seed), "--out", str(folders[INSULIN]), "--quiet"]
    words += ["--elf", str(insulin_elf)] if insulin_elf else []
    options = Options(find_bench(PUMP), PUMP, seed=seed, seconds=seconds, out=folders[PUMP], elf=elf, command=command())
    with child_run(*words) as other:
        record, folder = run_on_terminal(options)
        if record.reason == "interrupted":
            other.interrupt()
        tell_outcome(record, folder)
        code, text = other.outcome(seconds + _LATE_SECONDS)
    say("", "beside it, the insulin pump:", *text.splitlines(), "")
    found = {name: _confirmed(folder) for name, folder in folders.items()}
    say(*_by_link([finding for findings in found.values() for finding in findings]))
    enough = all(len(_faults(found[name])) >= wanted for name, wanted in EXPECTED.items())
    raise typer.Exit(0 if enough and record.reason != "interrupted" else record.exit_code or code or 1)


def _confirmed(folder: Path) -> list[Finding]:
    """Findings that came back when replayed; none of a run that did not come to its reports."""
    summary = folder / "summary.json"
    if not summary.is_file():
        return []
    findings: list[Finding] = json.loads(summary.read_text(encoding="utf-8"))["findings"]
    return [finding for finding in findings if finding["confirmed"]]


def _faults(findings: list[Finding]) -> list[str]:
    return sorted({finding["fault"] for finding in findings if finding["fault"]})


def _by_link(findings: list[Finding]) -> Iterator[str]:
    """For each kind of link, its findings by kind and the planted faults that they are."""
    for link in dict.fromkeys(LINKS.values()):
        own = [finding for finding in findings if LINKS.get(finding["interface"]) == link]
        kinds = ", ".join(f"{count} {kind}" for kind, count in Counter(f["kind"] for f in own).most_common())
        faults = _faults(own)
        yield f"{link}: {kinds or 'nothing'}; {len(faults)} planted faults: {', '.join(faults) or 'none'}"
