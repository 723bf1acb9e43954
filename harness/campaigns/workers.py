"""One campaign run by several workers: one stream of events, one store, one report."""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from harness.assembly.assemble import Assembly
from harness.budget import Budget
from harness.campaigns.crash import details_in
from harness.campaigns.crew import Command, Crew, Worker
from harness.campaigns.files import write
from harness.campaigns.gathering import Left, gather, left_in, rising
from harness.campaigns.interruption import Interruption
from harness.campaigns.kept import Kept, kept_for, take, tidy
from harness.campaigns.manifest import manifest_of
from harness.campaigns.options import Options
from harness.campaigns.reporting import ELSEWHERE, write_reports
from harness.campaigns.resumption import options_of, require_unchanged
from harness.campaigns.session import (
    Audience,
    assembled,
    builder_of,
    folder_for,
    fuzzers_of,
    known_findings,
    with_names,
)
from harness.campaigns.sharing import require_count, require_shareable
from harness.campaigns.stream import Stream
from harness.errors import InternalError, UsageError
from harness.events import BenchFault, CampaignEnded, CampaignResumed, CampaignStarted
from harness.known.baseline import baseline_in
from harness.merging import merged_state, never_told
from harness.record import BENCH_FAILURE, BENCH_FAULT, end_of
from harness.share import Share
from harness.store import OVER, STORE_NAME, Store
from harness.summary import FAILED, CampaignRecord, signalled, with_faults
from harness.tried import tried_in

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _Setting:
    """Everything that a run with workers is run with; `before` is what an earlier part of it has left."""

    options: Options
    assembly: Assembly
    kept: Kept | None
    interruption: Interruption
    audience: Audience
    command: Command
    before: Sequence[Left] = ()


def run_with_workers(options: Options, audience: Audience, command: Command) -> tuple[CampaignRecord, Path]:
    """As `run_campaign` does, with `options.workers` processes. `command` runs this very program with other words.

    Raises UsageError before anything has started.
    """
    assembly = _shared(options)
    baseline = known_findings(options)
    kept = kept_for(options, assembly)
    setting = _Setting(options, assembly, kept, Interruption(), audience, command)
    with setting.interruption.watched():
        folder = folder_for(options)
        with details_in(folder):
            manifest = manifest_of(folder.name, options, assembly, {}, baseline, kept)
            with Store.create(folder / STORE_NAME, manifest) as store:
                write(folder / "manifest.json", json.dumps(manifest, indent=2) + "\n", instead=ELSEWHERE)
                take(kept, folder)
                return _in_store(setting, store), folder


def resume_with_workers(folder: Path, audience: Audience, command: Command) -> tuple[CampaignRecord, Path]:
    """As `resume_campaign` does, of a run with workers."""
    with Store.resume(folder) as store, details_in(folder):
        manifest = store.manifest()
        options = options_of(manifest, folder)
        assembly = _shared(options)
        again = manifest_of(folder.name, options, assembly, {}, baseline_in(manifest))
        require_unchanged(manifest, again, folder)
        kept = kept_for(options, assembly, again=True)
        setting = _Setting(options, assembly, kept, Interruption(), audience, command, left_in(folder))
        with setting.interruption.watched():
            return _in_store(setting, store), folder


def workers_of(folder: Path) -> int:
    """How many workers a run had; raises UsageError, BenchError."""
    with Store.open(folder / STORE_NAME) as store:
        manifest = store.manifest()
    try:
        return int(manifest["options"].get("workers", 1))
    except (KeyError, TypeError, ValueError, AttributeError):
        return 1  # whoever reads the rest of it says what is wrong


def gather_again(folder: Path) -> None:
    """Put what the workers of a run that was killed have left into its store; raises BenchError.

    One that still runs, that has ended or that had no workers stays as it is.
    """
    with contextlib.suppress(UsageError):
        if workers_of(folder) > 1:
            with Store.resume(folder) as store:
                if not store.end():
                    gather(store, left_in(folder))


def _shared(options: Options) -> Assembly:
    """A bench that may be fuzzed by several at once; raises UsageError, BenchError."""
    require_count(options.workers)
    assembly = assembled(options)
    require_shareable(assembly.bench)
    return assembly


def _in_store(setting: _Setting, store: Store) -> CampaignRecord:
    """Run and report; raises BenchError from the disk."""
    interruption = setting.interruption
    before = max((left.seconds for left in setting.before), default=0.0)
    stream = Stream(store, tuple(map(interruption.uninterrupted, setting.audience.listeners)), _budget(setting.options))
    stream.tell(_started(setting, store))
    if setting.before:
        stream.go_on(_resumed(setting, store, before))
    crew = Crew(_workers(setting, store.path.parent), stream.heard, stream.ran)
    stream.attend(crew)
    try:
        interruption.hand_on(crew.interrupt)
        crew.run()
    finally:
        interruption.rest()
    stream.end()
    record = _recorded(setting, store, stream, before + stream.seconds)
    tidy(setting.kept, setting.assembly)
    return with_faults(record, write_reports(store.path.parent, record, setting.assembly.protocols))


def _budget(options: Options) -> Budget:
    return Budget(findings=options.findings, stop_on=frozenset(options.stop_on))


def _started(setting: _Setting, store: Store) -> CampaignStarted:
    fuzzers = fuzzers_of(setting.options, setting.assembly, setting.kept)
    forecast = {f"{fuzzer.interface}/{fuzzer.name}": fuzzer.forecast() for fuzzer in fuzzers}
    return CampaignStarted(store.path.parent.name, store.manifest(), forecast)


def _resumed(setting: _Setting, store: Store, seconds: float) -> CampaignResumed:
    positions = [left.position for left in setting.before if left.position is not None]
    cases = sum(position.campaign.cases for position in positions)
    return CampaignResumed(cases, seconds, tuple(store.findings()))


def _workers(setting: _Setting, folder: Path) -> list[Worker]:
    """Those that have something left to do."""
    cases, of = setting.options.cases, setting.options.workers
    shares = [Share(index, of) for index in range(of)]
    over = {left.share for left in setting.before if left.reason in OVER}
    wanted = [share for share in shares if share not in over and (cases is None or share.count(cases))]
    return [Worker(folder, share, setting.command) for share in wanted]


def _recorded(setting: _Setting, store: Store, stream: Stream, seconds: float) -> CampaignRecord:
    """One record of all that was left, told and stored."""
    lefts = left_in(store.path.parent)
    whole = gather(store, lefts)
    for part in whole.parts:
        setting.assembly.runner.know(part.position.campaign.edges)
    manifest = _with_identity(store, lefts)
    builder = builder_of(setting.options, setting.assembly)
    builder(CampaignStarted(store.path.parent.name, manifest, {}))
    if whole.parts:
        builder.restore(merged_state(whole.parts, whole.findings), store)
    for reason, fatal in stream.faults.items():
        if reason not in whole.told:
            builder(BenchFault(reason, fatal))
            store.add_event(BENCH_FAILURE if fatal else BENCH_FAULT, seconds, reason)
    stream.tell_rest(whole.findings)
    ended = CampaignEnded("bench" if any(stream.faults.values()) else whole.reason, seconds, 0, whole.put_off)
    builder(ended)
    stream.tell(ended)
    return _stored(setting, store, builder.record(missing=never_told(whole.parts) if whole.parts else None))


def _with_identity(store: Store, lefts: Sequence[Left]) -> Mapping[str, Any]:
    """The manifest with what the device said it is, which the workers know; written down. Raises BenchError."""
    said: Mapping[str, Any] = next((told for left in lefts if (told := left.manifest.get("identity"))), _NOTHING)
    manifest = {**store.manifest(), "identity": dict(said)}
    write(store.path.parent / "manifest.json", json.dumps(manifest, indent=2) + "\n", instead=ELSEWHERE)
    store.describe(manifest)
    return manifest


def _stored(setting: _Setting, store: Store, counted: CampaignRecord) -> CampaignRecord:
    record = replace(with_names(counted, setting.assembly), timeline=rising(counted.timeline))
    if record.reason == "interrupted":
        record = signalled(record, setting.interruption.number or signal.SIGTERM)
    if record.reason == FAILED:
        record = replace(record, exit_code=InternalError.exit_code)
    for finding in record.findings:
        store.update_finding(finding)
    store.finish(end_of(record))
    return replace(record, tried=tried_in(store), store=str(store.path))
