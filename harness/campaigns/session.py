"""One campaign of a user: manifest, store, listeners, reports, and what ends in the run's folder."""

from __future__ import annotations

import contextlib
import datetime
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.assembly.assemble import Assembly, assemble
from harness.assembly.echo import answers_by_echo
from harness.assembly.fuzzing import make_fuzzers
from harness.assembly.meeting import meet
from harness.assembly.states import require_stimuli
from harness.campaign import Budget, Campaign
from harness.campaigns.crash import details_in, internal_error
from harness.campaigns.files import first_new, make_folder, write
from harness.campaigns.interruption import Interruption
from harness.campaigns.keeper import Keeper
from harness.campaigns.manifest import manifest_of
from harness.campaigns.options import Options
from harness.campaigns.reporting import ELSEWHERE, write_reports
from harness.errors import BenchError, InternalError, UsageError
from harness.events import BenchFault, CampaignEnded, CampaignStarted, KnownReplayed
from harness.fault_table import load_faults, name_fault
from harness.floors import Tally
from harness.interfaces import Fuzzer, Identity, Listener
from harness.known.baseline import Baseline
from harness.known.corpus import Allowance, replay_known
from harness.known.file import baseline_beside, load_baseline, today
from harness.record import RecordBuilder, end_of
from harness.runner import Ask
from harness.store import STORE_NAME, Store
from harness.summary import FAILED, CampaignRecord, signalled, with_faults


def _nothing(_failure: InternalError) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Audience:
    """Who is told while a campaign runs: `listeners` of every event, `failed` of a fault of ours where it shows."""

    listeners: tuple[Listener, ...] = ()
    failed: Callable[[InternalError], None] = _nothing


NOBODY = Audience()


def run_campaign(options: Options, audience: Audience = NOBODY, ask: Ask | None = None) -> tuple[CampaignRecord, Path]:
    """Run, store, report; returns the record and the run's folder. `ask` is a person at the bench.

    Raises UsageError before anything has started.
    """
    assembly = assemble(options.bench, seed=options.seed, only=options.interfaces, elf=options.elf, ask=ask)
    _require_arming(assembly)
    require_stimuli(assembly)
    baseline = _baseline(options)
    fuzzers = make_fuzzers(assembly, options.seed, options.fuzzers)
    interruption = Interruption()
    with interruption.watched():
        folder = _folder(options)
        with details_in(folder):
            return _in_folder(options, assembly, fuzzers, baseline, folder, interruption, audience), folder


def _in_folder(
    options: Options,
    assembly: Assembly,
    fuzzers: Sequence[Fuzzer],
    baseline: Baseline | None,
    folder: Path,
    interruption: Interruption,
    audience: Audience,
) -> CampaignRecord:
    """The store is created first: that is how a folder belongs to one run. Raises UsageError, BenchError."""
    with Store.create(folder / STORE_NAME, manifest_of(folder.name, options, assembly, {}, baseline)) as store:
        try:
            record = _recorded_run(options, assembly, fuzzers, baseline, store, interruption, audience)
            return with_faults(record, write_reports(folder, record, assembly.protocols))
        finally:
            with contextlib.suppress(KeyboardInterrupt):
                interruption.wake()
                assembly.runner.stop()
                interruption.rest()
            interruption.rest()


def _recorded_run(
    options: Options,
    assembly: Assembly,
    fuzzers: Sequence[Fuzzer],
    baseline: Baseline | None,
    store: Store,
    interruption: Interruption,
    audience: Audience,
) -> CampaignRecord:
    """Bring the target up, write the manifest, run; everything in the store. Raises BenchError from the disk."""
    folder = store.path.parent
    failure, identities = _bring_up(assembly, interruption)
    manifest = manifest_of(folder.name, options, assembly, identities, baseline)
    write(folder / "manifest.json", json.dumps(manifest, indent=2) + "\n", instead=ELSEWHERE)
    store.describe(manifest)
    builder = _builder(options, assembly)
    keeper = Keeper(store)
    campaign = Campaign(
        folder.name,
        assembly.runner,
        fuzzers,
        assembly.safety,
        manifest=manifest,
        budget=Budget(options.cases, options.seconds),
        listeners=tuple(map(interruption.uninterrupted, (builder, keeper, *audience.listeners))),
        tries=assembly.bench.limits.tries,
        horizon=assembly.bench.safety.horizon,
        triage=assembly.bench.limits.triage,
    )
    if failure:
        _tell_failure(campaign, manifest, failure)
    else:
        _replay_known(baseline, assembly, campaign, options, interruption)
        _run(campaign, interruption, folder, audience)
    return _record(builder, assembly, keeper, store, interruption)


def _baseline(options: Options) -> Baseline | None:
    """The known findings that are named, or that lie beside the bench; raises UsageError."""
    path = options.baseline or baseline_beside(options.bench)
    return None if path is None else load_baseline(path, today())


def _builder(options: Options, assembly: Assembly) -> RecordBuilder:
    bench = assembly.bench
    return RecordBuilder(
        assembly.requirements,
        {
            name: Tally(
                protocol.probe.message,
                echoes=answers_by_echo(bench.interfaces[name].transport),
                refuses=protocol.refuses,
            )
            for name, protocol in assembly.protocols.items()
        },
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
    if assembly.bench.target.is_hardware and not assembly.bench.target.armed:
        raise UsageError(
            f"{assembly.path}: the device is real. Make sure that no patient can be connected to it, then set "
            "armed = true in [target]"
        )


def _bring_up(assembly: Assembly, interruption: Interruption) -> tuple[str, Mapping[str, Identity]]:
    """Start the target and meet it: ("", identities), or (what failed, {}); a signal gives it up where it stands."""
    try:
        interruption.wake()
        if interruption.number:
            return "", {}
        assembly.runner.start()
        return "", meet(assembly)
    except BenchError as error:
        return str(error), {}
    except KeyboardInterrupt:
        return "", {}
    finally:
        interruption.rest()


def _replay_known(
    baseline: Baseline | None, assembly: Assembly, campaign: Campaign, options: Options, interruption: Interruption
) -> None:
    """Before the cases, what is known: a signal, also a second one, goes on to the campaign, which ends by it."""
    if baseline is None:
        return
    limits = assembly.bench.limits
    allowance = Allowance(
        assembly.runner,
        seconds=options.seconds,
        resets=limits.max_resets,
        stop=lambda: bool(interruption.number),
    )
    try:
        interruption.begin(campaign.interrupt)
        for seen, finding in replay_known(baseline, assembly.runner, allowance, limits.tries):
            campaign.tell(KnownReplayed(seen))
            if finding is not None:
                campaign.take(finding)
    except KeyboardInterrupt:
        pass
    finally:
        interruption.rest()


def _run(campaign: Campaign, interruption: Interruption, folder: Path, audience: Audience) -> None:
    """A signal ends the campaign after the current case, a second one at once, a fault of ours where it shows."""
    try:
        interruption.begin(campaign.interrupt)
        campaign.run()
    except KeyboardInterrupt:
        campaign.tell(CampaignEnded("interrupted", campaign.seconds, 0))
    except Exception as error:  # noqa: BLE001  whatever it is, what is in the store is reported
        failure = internal_error(error, folder)
        audience.failed(failure)
        campaign.tell(BenchFault(str(failure), fatal=True))
        campaign.tell(CampaignEnded(FAILED, campaign.seconds, 0))
    finally:
        interruption.rest()


def _record(
    builder: RecordBuilder, assembly: Assembly, keeper: Keeper, store: Store, interruption: Interruption
) -> CampaignRecord:
    """The final record: faults named from the device's table, which nothing that fuzzes reads, and stored."""
    record = builder.record(missing=assembly.safety.never_told() if assembly.safety else None)
    if assembly.bench.faults:
        known = load_faults(assembly.bench.path(assembly.bench.faults))
        record = replace(record, findings=tuple(name_fault(finding, known) for finding in record.findings))
    if record.reason == "interrupted":
        record = signalled(record, interruption.number)
    if record.reason == FAILED:
        record = replace(record, exit_code=InternalError.exit_code)
    record = with_faults(record, list(keeper.lost()))
    try:
        for finding in record.findings if assembly.bench.faults and not keeper.failure else ():
            store.update_finding(finding)
        store.finish(end_of(record))
    except BenchError as error:
        record = with_faults(record, [] if keeper.failure else [str(error)])
    return replace(record, store=str(store.path))


def _folder(options: Options) -> Path:
    if options.out is None:
        return new_folder(options.bench_name)
    make_folder(options.out)
    return options.out


def new_folder(bench: str) -> Path:
    """One of its own below `runs/`, named after the bench and the time; raises BenchError."""
    stamp = datetime.datetime.now(tz=datetime.UTC).strftime("%Y%m%d-%H%M%S")
    base = Path("runs") / f"{bench}-{stamp}"
    make_folder(base.parent)
    return first_new([base, *(base.with_name(f"{base.name}-{number}") for number in range(2, 1000))])
