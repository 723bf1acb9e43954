"""`medfuzz import`: a capture of real traffic becomes seeds for one interface of a bench."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from harness.assembly.benches import find_bench
from harness.assembly.protocols import protocol_in
from harness.bench import load_bench
from harness.campaigns.files import write
from harness.cli.terminal import say
from harness.discovery.captured import gather
from harness.discovery.harvest import Harvest
from harness.errors import UsageError, did_you_mean
from harness.seeds import seeds_text
from reports.text import visible


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import")(import_)


def import_(
    captures: Annotated[list[Path], typer.Argument(help="btsnoop, pcap or pcapng files.")],
    bench: Annotated[str, typer.Option(help="The bench whose device was spoken to.")],
    interface: Annotated[str, typer.Option(help="Its interface (default: the only one).")] = "",
    device: Annotated[
        str, typer.Option(help="The device in the capture: PORT, HOST:PORT or ADDRESS (default: the bench's).")
    ] = "",
    out: Annotated[Path, typer.Option(help="The seeds file to write.")] = Path("seeds.toml"),
) -> None:
    """Take what was said to a device from captures, as seeds that the fuzzers start from."""
    path = find_bench(bench)
    loaded = load_bench(path)
    name = _interface(interface, list(loaded.interfaces))
    if out.exists():
        raise UsageError(f"{out} is there already; name another file with --out")
    table = loaded.interfaces[name]
    protocol = protocol_in(loaded, name)
    harvest = Harvest(protocol)
    damage = [error for capture in captures if (error := gather(capture, table, protocol, device, harvest))]
    if harvest.seeds:
        source = ", ".join(capture.name for capture in captures)
        write(out, seeds_text(visible(source), harvest.seeds, harvest.walks), instead="Name another file with --out")
        _tell(harvest, out, name)
    if damage:
        raise UsageError(f"{damage[0]}" + (f"; what stands before it is in {out}" if harvest.seeds else ""))


def _interface(wanted: str, known: Sequence[str]) -> str:
    if not wanted and len(known) == 1:
        return known[0]
    if wanted not in known:
        what = f"the bench has no interface '{wanted}'" if wanted else "the bench has several interfaces: --interface"
        raise UsageError(f"{what}.{did_you_mean(wanted, known)}")
    return wanted


def _tell(harvest: Harvest, out: Path, name: str) -> None:
    counts = Counter(seed.message or "bytes of no known message" for seed in harvest.seeds)
    named = ", ".join(f"{message} {count}" if count > 1 else message for message, count in counts.items())
    lines = [
        f"{_counted(harvest.count, 'message')} in {_counted(harvest.conversations, 'conversation')}, "
        f"{len(harvest.seeds)} different: {named}",
        *([f"{harvest.more:,} more of the same kinds left out"] if harvest.more else []),
        *([f"{_counted(harvest.unnamed, 'handle')} without a name in the capture, kept"] if harvest.unnamed else []),
        f'wrote {out}; next: seeds = "{out}" in [interfaces.{name}] of the bench',
    ]
    say(*lines)


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"
