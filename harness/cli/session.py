"""One campaign from the command line: manifest, store, listeners, reports, and what ends in the run's folder."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import importlib.metadata
import json
import platform
import signal
import sys
import tomllib
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.campaign import Budget, Campaign
from harness.cli.assemble import Assembly, assemble, make_fuzzers, meet
from harness.cli.console import ConsoleListener
from harness.cli.program import command
from harness.errors import BenchError, UsageError
from harness.events import BenchFault, CampaignEnded, CampaignStarted
from harness.fault_table import load_faults, name_fault
from harness.finding import Finding
from harness.interfaces import Identity
from harness.record import RecordBuilder, StoreWriter, end_of
from harness.serialize import to_plain
from harness.store import STORE_NAME, Store
from harness.summary import CampaignRecord, summary_text
from harness.temporal import RequirementStatistics
from reports.html import render_html
from reports.junit import render_junit

_LIBRARIES = ("medfuzz", "boofuzz", "scapy", "pyserial", "unicorn", "pyelftools", "pydantic", "SQLAlchemy", "Jinja2")


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for."""

    bench: Path
    bench_name: str
    seed: int = 0
    cases: int | None = None
    seconds: float | None = None
    interfaces: tuple[str, ...] = ()
    fuzzers: tuple[str, ...] = ()
    out: Path | None = None
    elf: Path | None = None
    quiet: bool = False


def run_campaign(options: Options) -> tuple[CampaignRecord, Path]:
    """Run, store, report; returns the record and the run's folder. Raises UsageError before anything has started."""
    assembly = assemble(options.bench, seed=options.seed, only=options.interfaces, elf=options.elf)
    _require_arming(assembly)
    fuzzers = make_fuzzers(assembly, options.seed, options.fuzzers)
    folder = _folder(options)
    name = folder.name
    builder = RecordBuilder(
        assembly.requirements, tuple(assembly.protocols), max_inconclusive=assembly.bench.limits.max_inconclusive
    )
    try:
        failure, identities = _bring_up(assembly)
        manifest = _manifest(name, options, assembly, identities)
        (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        with Store.create(folder / STORE_NAME, manifest) as store:
            campaign = Campaign(
                name,
                assembly.runner,
                fuzzers,
                assembly.safety,
                manifest=manifest,
                budget=Budget(options.cases, options.seconds),
                listeners=(builder, StoreWriter(store), ConsoleListener(options.seconds, options.cases, options.quiet)),
                tries=assembly.bench.limits.tries,
                horizon=assembly.bench.safety.horizon,
            )
            if failure:
                for event in (
                    CampaignStarted(name, manifest, {}),
                    BenchFault(failure, fatal=True),
                    CampaignEnded("bench", campaign.seconds, 0),
                ):
                    campaign.tell(event)
            else:
                _run(campaign)
            record = _record(builder, assembly, store)
    finally:
        assembly.runner.stop()
    write_reports(folder, record)
    return record, folder


def _require_arming(assembly: Assembly) -> None:
    """A real device is fuzzed only when its bench says so."""
    if assembly.bench.target.kind == "external" and not assembly.bench.target.armed:
        raise UsageError(
            f"{assembly.path}: the device is real. Make sure that no patient can be connected to it, then set "
            "armed = true in [target]"
        )


def _bring_up(assembly: Assembly) -> tuple[str, Mapping[str, Identity]]:
    """Start the target and meet it; ("", identities) or (what failed, {}). Raises KeyboardInterrupt on a signal."""

    def give_up() -> None:
        raise KeyboardInterrupt

    with _on_signal(give_up):
        try:
            assembly.runner.start()
            return "", meet(assembly)
        except BenchError as error:
            return str(error), {}


def _run(campaign: Campaign) -> None:
    """Ctrl-C and a polite kill end the campaign after the current case, with its report; a second one, at once."""
    asked = 0

    def interrupt() -> None:
        nonlocal asked
        asked += 1
        campaign.interrupt()
        if asked > 1:
            raise KeyboardInterrupt

    with _on_signal(interrupt):
        campaign.run()


@contextlib.contextmanager
def _on_signal(act: Callable[[], None]) -> Generator[None]:
    """What Ctrl-C and a polite kill do meanwhile."""
    previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in previous:
        signal.signal(number, lambda _number, _frame: act())
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _record(builder: RecordBuilder, assembly: Assembly, store: Store) -> CampaignRecord:
    """The final record: faults named from the device's table, which nothing that fuzzes reads, and stored."""
    statistics: Mapping[str, RequirementStatistics] = assembly.safety.statistics() if assembly.safety else {}
    record = builder.record(statistics)
    findings: Sequence[Finding] = record.findings
    if assembly.bench.faults:
        known = load_faults(assembly.bench.path(assembly.bench.faults))
        findings = [name_fault(finding, known) for finding in findings]
        for finding in findings:
            store.update_finding(finding)
    record = builder.record(statistics, findings=findings)
    store.finish(end_of(record))
    return replace(record, store=str(store.path))


def write_reports(folder: Path, record: CampaignRecord) -> None:
    """Write `report.html`, `junit.xml` and `summary.json` into a run's folder."""
    (folder / "summary.json").write_text(summary_text(record), encoding="utf-8")
    (folder / "report.html").write_text(render_html(record), encoding="utf-8")
    (folder / "junit.xml").write_text(render_junit(record), encoding="utf-8")


def _folder(options: Options) -> Path:
    if options.out is not None:
        folder = options.out
    else:
        stamp = datetime.datetime.now(tz=datetime.UTC).strftime("%Y%m%d-%H%M%S")
        base = Path("runs") / f"{options.bench_name}-{stamp}"
        folder = next(
            p for p in (base, *(base.with_name(f"{base.name}-{i}") for i in range(2, 1000))) if not p.exists()
        )
    if (folder / STORE_NAME).exists():
        raise UsageError(f"{folder} holds a campaign already; name another folder with --out, or move that one away")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BenchError(f"cannot write to {folder}: {error.strerror}. Name another folder with --out") from error
    return folder


def _manifest(name: str, options: Options, assembly: Assembly, identities: Mapping[str, Identity]) -> dict[str, Any]:
    """What cannot be reconstructed later, complete before the first malformed byte."""
    bench = assembly.bench
    return {
        "campaign": name,
        "started": datetime.datetime.now(tz=datetime.UTC).isoformat(timespec="seconds"),
        "bench": options.bench_name,
        "bench_path": str(options.bench),
        "elf": str(options.elf) if options.elf else "",
        "seed": options.seed,
        "command": command(),
        "options": {
            "cases": options.cases,
            "seconds": options.seconds,
            "fuzzers": list(options.fuzzers),
            "interfaces": list(options.interfaces),
        },
        "target": {"name": assembly.target.name, **assembly.target.facts()},
        "identity": {
            key: {"model": i.model, "serial": i.serial, "firmware": i.firmware} for key, i in identities.items()
        },
        "interfaces": {
            key: {"transport": bench.interfaces[key].transport, "protocol": bench.interfaces[key].protocol}
            for key in assembly.protocols
        },
        "out_of_scope": {
            **{key: "not selected for this run" for key in bench.interfaces if key not in assembly.protocols},
            **bench.excluded,
        },
        "signals": {key: {"unit": s.unit, "range": list(s.range), "kind": s.kind} for key, s in bench.signals.items()},
        "configuration": bench.model_dump(mode="json"),
        "requirements": to_plain(assembly.requirements),
        "definitions": _definitions(options, assembly),
        "versions": {key: _version(key) for key in _LIBRARIES},
        "host": {"system": platform.platform(), "python": sys.version.split()[0]},
    }


def _definitions(options: Options, assembly: Assembly) -> dict[str, str]:
    """SHA-256 of the files that decide what was sent and judged."""
    bench = assembly.bench
    files = [options.bench, *(bench.path(f) for f in (bench.safety.requirements, bench.faults, bench.include) if f)]
    modules = {type(p.wire).__module__ for p in assembly.protocols.values()}
    files += [Path(str(sys.modules[module].__file__)) for module in sorted(modules)]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file()}


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return _checkout_version() if distribution == "medfuzz" else "not installed"


def _checkout_version() -> str:
    """The version of a source folder from which the program runs without being installed."""
    project = Path(__file__).parents[2] / "pyproject.toml"
    if not project.is_file():
        return "not installed"
    return f"{tomllib.loads(project.read_text(encoding='utf-8'))['project']['version']} (from its source folder)"
