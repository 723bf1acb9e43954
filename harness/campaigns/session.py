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
from harness.assembly.benches import require_arming
from harness.assembly.echo import answers_by_echo
from harness.assembly.fuzzing import NOTHING_KEPT, make_fuzzers
from harness.assembly.meeting import meet
from harness.assembly.states import require_stimuli
from harness.budget import Budget
from harness.campaign import Campaign
from harness.campaigns.collecting import seldom_collected
from harness.campaigns.crash import details_in, internal_error
from harness.campaigns.files import first_new, make_folder, write
from harness.campaigns.interruption import Interruption
from harness.campaigns.keeper import Keeper
from harness.campaigns.kept import Gleaner, Kept, kept_for, take, tidy
from harness.campaigns.manifest import manifest_of
from harness.campaigns.options import Options
from harness.campaigns.reporting import ELSEWHERE, write_reports
from harness.campaigns.resumption import Earlier, earlier_in, options_of, require_same_device, require_unchanged
from harness.errors import BenchError, InternalError
from harness.events import BenchFault, CampaignEnded, CampaignStarted, KnownReplayed
from harness.fault_table import load_faults, name_fault
from harness.floors import Tally
from harness.interfaces import Fuzzer, Identity, Listener, Names
from harness.known.baseline import Baseline, baseline_in
from harness.known.corpus import Allowance, replay_known
from harness.known.file import baseline_beside, load_baseline, today
from harness.position import Position, packed, still_missing
from harness.record import RecordBuilder, end_of
from harness.runner import Ask
from harness.seen_states import StateWatcher
from harness.store import STORE_NAME, Store
from harness.summary import FAILED, CampaignRecord, signalled, with_faults
from harness.tried import tried_in

PART_END = "part"  # of a stored end: the last position, packed, in hex


def _nothing(_told: object) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Audience:
    """Who is told while a campaign runs: `listeners` of every event, `failed` of a fault of ours where it shows.

    `meets` is given the campaign before its first case.
    """

    listeners: tuple[Listener, ...] = ()
    failed: Callable[[InternalError], None] = _nothing
    meets: Callable[[Campaign], None] = _nothing


NOBODY = Audience()


@dataclass(frozen=True, slots=True)
class _Setting:
    """Everything that one campaign is run with; `earlier` is the run that it goes on with."""

    options: Options
    assembly: Assembly
    fuzzers: Sequence[Fuzzer]
    baseline: Baseline | None
    kept: Kept | None
    interruption: Interruption
    audience: Audience
    earlier: Earlier | None = None


def run_campaign(options: Options, audience: Audience = NOBODY, ask: Ask | None = None) -> tuple[CampaignRecord, Path]:
    """Run, store, report; returns the record and the run's folder. `ask` is a person at the bench.

    Raises UsageError before anything has started.
    """
    return begin_campaign(options, known_findings(options), audience, ask)


def begin_campaign(
    options: Options, baseline: Baseline | None, audience: Audience, ask: Ask | None = None
) -> tuple[CampaignRecord, Path]:
    """As `run_campaign` does, with what is known given."""
    assembly = assembled(options, ask)
    kept = kept_for(options, assembly)
    setting = _Setting(options, assembly, fuzzers_of(options, assembly, kept), baseline, kept, Interruption(), audience)
    with setting.interruption.watched():
        folder = folder_for(options)
        with details_in(folder):
            manifest = manifest_of(folder.name, options, assembly, {}, baseline, kept)
            with Store.create(folder / STORE_NAME, manifest) as store:  # that is how a folder belongs to one run
                if not options.share.is_part:
                    take(kept, folder)
                return _in_store(setting, store), folder


def resume_campaign(folder: Path, audience: Audience = NOBODY, ask: Ask | None = None) -> tuple[CampaignRecord, Path]:
    """Go on with the run in a folder that was interrupted or killed, as `run_campaign` would have.

    Raises UsageError where it is over, still runs, or would not be the same run; its store is as it was then.
    """
    with Store.resume(folder) as store, details_in(folder):
        earlier = earlier_in(store)
        options, baseline = options_of(earlier.manifest, folder), baseline_in(earlier.manifest)
        assembly = assembled(options, ask)
        require_unchanged(earlier.manifest, manifest_of(folder.name, options, assembly, {}, baseline), folder)
        kept = kept_for(options, assembly, again=True)
        fuzzers = fuzzers_of(options, assembly, kept)
        setting = _Setting(options, assembly, fuzzers, baseline, kept, Interruption(), audience, earlier)
        with setting.interruption.watched():
            return _in_store(setting, store), folder


def assembled(options: Options, ask: Ask | None = None) -> Assembly:
    """A bench that may be fuzzed; raises UsageError, BenchError."""
    assembly = assemble(options.bench, seed=options.seed, only=options.interfaces, elf=options.elf, ask=ask)
    require_arming(assembly.bench, assembly.path)
    require_stimuli(assembly)
    return assembly


def fuzzers_of(options: Options, assembly: Assembly, kept: Kept | None) -> Sequence[Fuzzer]:
    """The fuzzers of its share; raises UsageError."""
    cases = NOTHING_KEPT if kept is None else kept.cases
    return make_fuzzers(assembly, options.seed, options.fuzzers, options.share, cases)


def _in_store(setting: _Setting, store: Store) -> CampaignRecord:
    """Run and report, but for a part of a campaign; raises UsageError, BenchError."""
    interruption = setting.interruption
    try:
        record = _recorded_run(setting, store)
        if setting.options.share.is_part:
            return record
        tidy(setting.kept, setting.assembly)
        return with_faults(record, write_reports(store.path.parent, record, setting.assembly.protocols))
    finally:
        with contextlib.suppress(KeyboardInterrupt):
            interruption.wake()
            setting.assembly.runner.stop()
            interruption.rest()
        interruption.rest()


def _recorded_run(setting: _Setting, store: Store) -> CampaignRecord:
    """Bring the target up, write the manifest, run; everything in the store. Raises BenchError from the disk."""
    options, assembly, folder = setting.options, setting.assembly, store.path.parent
    failure, identities = _bring_up(assembly, setting.interruption)
    manifest = _described(setting, store, failure, identities)
    builder = builder_of(options, assembly)
    safety = assembly.safety

    def position() -> Position:
        return Position(campaign.state(), builder.state(), {} if safety is None else safety.never_told())

    keeper = Keeper(store, position)
    kept = setting.kept
    gleaning = () if kept is None else (Gleaner(kept, assembly, assembly.runner.edges),)
    listeners = (builder, keeper, *gleaning, *setting.audience.listeners)
    campaign = Campaign(
        folder.name,
        assembly.runner,
        setting.fuzzers,
        safety,
        manifest=manifest,
        budget=Budget(options.cases, options.seconds, options.findings, frozenset(options.stop_on), options.quiet),
        listeners=tuple(map(setting.interruption.uninterrupted, listeners)),
        tries=assembly.bench.limits.tries,
        horizon=assembly.bench.safety.horizon,
        triage=assembly.bench.limits.triage,
    )
    setting.audience.meets(campaign)
    if failure:
        _tell_failure(campaign, manifest, failure)
    else:
        _go_on(setting, store, campaign, builder)
        _replay_known(setting, campaign)
        _run(campaign, setting.interruption, folder, setting.audience)
    last = packed(position()).hex() if options.share.is_part and not failure else ""
    return _record(setting, builder, keeper, store, {PART_END: last} if last else {})


def _described(setting: _Setting, store: Store, failure: str, identities: Mapping[str, Identity]) -> Mapping[str, Any]:
    """The manifest, in the folder and the store; that of a run that goes on is the earlier one's.

    Raises UsageError where the device is another one now, BenchError where the bench has failed: nothing is written.
    """
    earlier, folder = setting.earlier, store.path.parent
    if earlier is not None:
        if failure or setting.interruption.number:
            raise BenchError(failure or f"{folder} was not resumed: interrupted")
        require_same_device(earlier, identities, folder)
        if earlier.position is not None:
            return earlier.manifest
    manifest = manifest_of(folder.name, setting.options, setting.assembly, identities, setting.baseline, setting.kept)
    write(folder / "manifest.json", json.dumps(manifest, indent=2) + "\n", instead=ELSEWHERE)
    store.describe(manifest)
    return manifest


def _go_on(setting: _Setting, store: Store, campaign: Campaign, builder: RecordBuilder) -> None:
    """Bring campaign and record to where the earlier run stood; raises UsageError before the store is changed."""
    earlier, interruption = setting.earlier, setting.interruption
    if earlier is None:
        return
    position = earlier.position
    if position is None:
        campaign.owe(earlier.findings)
    else:
        interruption.wake()
        campaign.restore(position.campaign, earlier.findings)
        interruption.rest()
    store.rewind()
    if position is not None:
        builder.restore(position.record, store)
    store.add_event("resumed", campaign.seconds, f"behind case {position.campaign.cases if position else 0}")


def known_findings(options: Options) -> Baseline | None:
    """The known findings that are named, or that lie beside the bench; raises UsageError."""
    path = options.baseline or baseline_beside(options.bench)
    return None if path is None else load_baseline(path, today())


def builder_of(options: Options, assembly: Assembly) -> RecordBuilder:
    """Counts what comes of a campaign on the bench."""
    bench = assembly.bench
    return RecordBuilder(
        assembly.requirements,
        {
            name: Tally(protocol.probe.message, echoes=answers_by_echo(bench.interfaces[name].transport))
            for name, protocol in assembly.protocols.items()
        },
        max_inconclusive=bench.limits.max_inconclusive,
        totals=assembly.safety.totals() if assembly.safety else None,
        floors=bench.floors,
        budget=options.cases,
        refuses={name: protocol.refuses for name, protocol in assembly.protocols.items()},
        states={name: StateWatcher(protocol) for name, protocol in assembly.protocols.items()},
    )


def _tell_failure(campaign: Campaign, manifest: Mapping[str, Any], failure: str) -> None:
    campaign.tell(CampaignStarted(campaign.name, manifest, {}))
    campaign.tell(BenchFault(failure, fatal=True))
    campaign.tell(CampaignEnded("bench", campaign.seconds, 0))


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


def _replay_known(setting: _Setting, campaign: Campaign) -> None:
    """Before the cases, what is known: a signal, also a second one, goes on to the campaign, which ends by it."""
    baseline, assembly, interruption = setting.baseline, setting.assembly, setting.interruption
    if baseline is None or (setting.earlier is not None and setting.earlier.position is not None):
        return
    limits = assembly.bench.limits
    allowance = Allowance(
        assembly.runner,
        seconds=setting.options.seconds,
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
        with seldom_collected():
            campaign.run()
    except KeyboardInterrupt:
        campaign.tell_owed()
        campaign.tell(CampaignEnded("interrupted", campaign.seconds, 0))
    except Exception as error:  # noqa: BLE001  whatever it is, what is in the store is reported
        failure = internal_error(error, folder)
        audience.failed(failure)
        campaign.tell_owed()
        campaign.tell(BenchFault(str(failure), fatal=True))
        campaign.tell(CampaignEnded(FAILED, campaign.seconds, 0))
    finally:
        interruption.rest()


def _record(
    setting: _Setting, builder: RecordBuilder, keeper: Keeper, store: Store, more: Mapping[str, Any]
) -> CampaignRecord:
    """The final record: faults named from the device's table, which nothing that fuzzes reads, and stored.

    `more` is stored besides.
    """
    record = with_names(builder.record(missing=_missing(setting)), setting.assembly)
    if record.reason == "interrupted":
        record = signalled(record, setting.interruption.number)
    if record.reason == FAILED:
        record = replace(record, exit_code=InternalError.exit_code)
    record = with_faults(record, list(keeper.lost()))
    try:
        if not keeper.failure:
            _finish(setting, store, record)
        store.finish({**end_of(record), **more})
        record = replace(record, tried=tried_in(store))
    except BenchError as error:
        record = with_faults(record, [] if keeper.failure else [str(error)])
    return replace(record, store=str(store.path))


def with_names(record: CampaignRecord, assembly: Assembly) -> CampaignRecord:
    """With the functions that ran and that did not, and the findings' faults named, where the device tells these."""
    target, bench = assembly.target, assembly.bench
    record = replace(record, functions=target.functions() if isinstance(target, Names) else None)
    if not bench.faults:
        return record
    known = load_faults(bench.path(bench.faults))
    return replace(record, findings=tuple(name_fault(finding, known) for finding in record.findings))


def _missing(setting: _Setting) -> Mapping[str, tuple[str, ...]] | None:
    """Signals that never came, in an earlier part of the run neither, by requirement."""
    if setting.assembly.safety is None:
        return None
    never, earlier = setting.assembly.safety.never_told(), setting.earlier
    if earlier is None or earlier.position is None:
        return never
    return still_missing(never, earlier.position.missing)


def _finish(setting: _Setting, store: Store, record: CampaignRecord) -> None:
    """Faults by name; what an earlier part suspected and this one found to be something else is no finding."""
    for finding in record.findings if setting.assembly.bench.faults else ():
        store.update_finding(finding)
    told = {finding.id for finding in record.findings}
    for finding in setting.earlier.findings if setting.earlier is not None else ():
        if finding.id not in told:
            store.remove_finding(finding.id)


def folder_for(options: Options) -> Path:
    """The folder of a run, made where it is not there; raises BenchError."""
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
