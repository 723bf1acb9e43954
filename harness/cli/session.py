"""One campaign from the command line: manifest, store, listeners, reports, and what ends in the run's folder."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.campaign import Budget, Campaign
from harness.cli.assemble import Assembly, assemble, make_fuzzers, meet
from harness.cli.console import ConsoleListener
from harness.cli.files import make_folder, write
from harness.cli.interruption import Interruption, at_once, nothing
from harness.cli.manifest import manifest_of
from harness.cli.options import Options
from harness.cli.states import require_stimuli
from harness.errors import BenchError, UsageError
from harness.events import BenchFault, CampaignEnded, CampaignStarted
from harness.fault_table import load_faults, name_fault
from harness.finding import Finding
from harness.interfaces import Fuzzer, Identity
from harness.record import RecordBuilder, StoreWriter, end_of
from harness.store import STORE_NAME, Store
from harness.summary import CampaignRecord, signalled, summary_text
from reports.html import render_html
from reports.junit import render_junit

ELSEWHERE = "Make room there, or name another folder with --out"


def run_campaign(options: Options) -> tuple[CampaignRecord, Path]:
    """Run, store, report; returns the record and the run's folder. Raises UsageError before anything has started."""
    assembly = assemble(options.bench, seed=options.seed, only=options.interfaces, elf=options.elf)
    _require_arming(assembly)
    require_stimuli(assembly)
    fuzzers = make_fuzzers(assembly, options.seed, options.fuzzers)
    folder = _folder(options)
    interruption = Interruption()
    with interruption.watched():
        try:
            record = _recorded_run(options, assembly, fuzzers, folder, interruption)
        finally:
            assembly.runner.stop()
        write_reports(folder, record)
    return record, folder


def _recorded_run(
    options: Options, assembly: Assembly, fuzzers: Sequence[Fuzzer], folder: Path, interruption: Interruption
) -> CampaignRecord:
    """Bring the target up, write the manifest, run; everything in the store. Raises BenchError from the disk."""
    failure, identities = _bring_up(assembly, interruption)
    manifest = manifest_of(folder.name, options, assembly, identities)
    write(folder / "manifest.json", json.dumps(manifest, indent=2) + "\n", instead=ELSEWHERE)
    builder = _builder(options, assembly)
    with Store.create(folder / STORE_NAME, manifest) as store:
        campaign = Campaign(
            folder.name,
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
            _tell_failure(campaign, manifest, failure)
        else:
            _run(campaign, interruption)
        return _record(builder, assembly, store, interruption)


def _builder(options: Options, assembly: Assembly) -> RecordBuilder:
    bench = assembly.bench
    return RecordBuilder(
        assembly.requirements,
        {name: protocol.probe.message for name, protocol in assembly.protocols.items()},
        max_inconclusive=bench.limits.max_inconclusive,
        totals=assembly.safety.totals() if assembly.safety else None,
        floors=bench.floors,
        budget=options.cases,
    )


def _tell_failure(campaign: Campaign, manifest: Mapping[str, Any], failure: str) -> None:
    campaign.tell(CampaignStarted(campaign.name, manifest, {}))
    campaign.tell(BenchFault(failure, fatal=True))
    campaign.tell(CampaignEnded("bench", campaign.seconds, 0))


def _require_arming(assembly: Assembly) -> None:
    """A real device is fuzzed only when its bench says so."""
    if assembly.bench.target.kind == "external" and not assembly.bench.target.armed:
        raise UsageError(
            f"{assembly.path}: the device is real. Make sure that no patient can be connected to it, then set "
            "armed = true in [target]"
        )


def _bring_up(assembly: Assembly, interruption: Interruption) -> tuple[str, Mapping[str, Identity]]:
    """Start the target and meet it: ("", identities), or (what failed, {}); a signal gives it up where it stands."""
    interruption.act = at_once
    try:
        assembly.runner.start()
        return "", meet(assembly)
    except BenchError as error:
        return str(error), {}
    except KeyboardInterrupt:
        return "", {}
    finally:
        interruption.act = nothing


def _run(campaign: Campaign, interruption: Interruption) -> None:
    """Ctrl-C and a polite kill end the campaign after the current case, with its report; a second one, at once."""
    interruption.act = campaign.interrupt
    if interruption.number:
        campaign.interrupt()
    campaign.run()
    interruption.act = nothing


def _record(builder: RecordBuilder, assembly: Assembly, store: Store, interruption: Interruption) -> CampaignRecord:
    """The final record: faults named from the device's table, which nothing that fuzzes reads, and stored."""
    missing: Mapping[str, tuple[str, ...]] = assembly.safety.never_told() if assembly.safety else {}
    record = builder.record(missing=missing)
    findings: Sequence[Finding] = record.findings
    if assembly.bench.faults:
        known = load_faults(assembly.bench.path(assembly.bench.faults))
        findings = [name_fault(finding, known) for finding in findings]
        for finding in findings:
            store.update_finding(finding)
    record = builder.record(missing=missing, findings=findings)
    if record.reason == "interrupted":
        record = signalled(record, interruption.number)
    store.finish(end_of(record))
    return replace(record, store=str(store.path))


def write_reports(folder: Path, record: CampaignRecord) -> None:
    """Write `report.html`, `junit.xml` and `summary.json` into a run's folder; raises BenchError."""
    for name, render in (("summary.json", summary_text), ("report.html", render_html), ("junit.xml", render_junit)):
        write(folder / name, render(record), instead=ELSEWHERE)


def _folder(options: Options) -> Path:
    folder = options.out or free_folder(options.bench_name)
    if (folder / STORE_NAME).exists():
        raise UsageError(f"{folder} holds a campaign already; name another folder with --out, or move that one away")
    make_folder(folder)
    return folder


def free_folder(bench: str) -> Path:
    """One below `runs/` that is not there yet, named after the bench and the time."""
    stamp = datetime.datetime.now(tz=datetime.UTC).strftime("%Y%m%d-%H%M%S")
    base = Path("runs") / f"{bench}-{stamp}"
    return next(p for p in (base, *(base.with_name(f"{base.name}-{i}") for i in range(2, 1000))) if not p.exists())
