"""`medfuzz run`: one campaign on one bench."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.campaigns.options import Options
from harness.cli.bench_choice import bench_of
from harness.cli.campaign import resume_on_terminal, run_on_terminal
from harness.cli.program import command
from harness.cli.terminal import say
from harness.discovery.program_bench import Program
from harness.errors import UsageError, did_you_mean
from harness.finding import Finding
from harness.kinship import by_fault
from harness.known.baseline import baseline_in
from harness.summary import CampaignRecord, InterfaceTotals
from harness.verdict import KINDS, Blame, Kind
from reports.ending import so_far
from reports.text import counted, visible

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DEFAULT_SECONDS = 60.0
_REFUSED_SHOWN = 5
_NAMED = 6  # functions that never ran, those next to what ran first

_NEW = ("resume", "quiet", "interactive")  # what a run that goes on may be given
BenchArgument = Annotated[str, typer.Argument(help="A bench file, or a shipped bench: pump, pump-fixed.")]
SeedOption = Annotated[int, typer.Option(min=0, help="Everything random comes from it.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(run)


def run(
    context: typer.Context,
    bench: Annotated[str, typer.Argument(help="A bench file, or a shipped bench: pump, pump-fixed.")] = "",
    time: Annotated[
        str, typer.Option(help="Stop after, triage included: 90, 90s, 15m, 8h (without --cases: 60s).")
    ] = "",
    cases: Annotated[int, typer.Option(min=0, help="Stop after this many cases (0: no limit).")] = 0,
    seed: SeedOption = 0,
    interface: Annotated[list[str] | None, typer.Option(help="Only this interface; may be repeated.")] = None,
    fuzzer: Annotated[list[str] | None, typer.Option(help="Only this fuzzer; may be repeated.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the run (default: runs/BENCH-TIME).")] = None,
    elf: Annotated[Path | None, typer.Option(help="Other firmware for an emulated bench.")] = None,
    baseline: Annotated[
        Path | None, typer.Option(help="File of known findings (default: known.toml beside the bench).")
    ] = None,
    max_findings: Annotated[
        int, typer.Option(min=0, help="Stop after this many new confirmed findings (0: no limit).")
    ] = 0,
    stop_on: Annotated[
        list[str] | None, typer.Option(help="Stop at the first new finding of this kind, like crash; may be repeated.")
    ] = None,
    until_quiet: Annotated[
        int, typer.Option(min=0, help="Stop after this many cases in a row that showed nothing new (0: no limit).")
    ] = 0,
    workers: Annotated[
        int, typer.Option(min=1, help="Run it by so many processes, each with a device of its own.")
    ] = 1,
    corpus: Annotated[
        Path | None, typer.Option(help="Folder of cases that runs keep for each other: what is in it is played first.")
    ] = None,
    cmd: Annotated[str, typer.Option(help="Without a bench: the program that is the device, as in a shell.")] = "",
    transport: Annotated[
        list[str] | None, typer.Option(help="With --cmd: tcp:HOST:PORT, unix:PATH, or pty:line, which is {pty} in it.")
    ] = None,
    protocol: Annotated[
        list[str] | None, typer.Option(help="With --cmd: a shipped name, FILE.py:NAME or boofuzz:SCRIPT.py.")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Go on with the run in this folder, which was interrupted or killed.")
    ] = None,
    quiet: Annotated[bool, typer.Option(help="Print only the outcome.")] = False,
    interactive: Annotated[bool, typer.Option(help="Ask for a power cycle where the bench cannot do one.")] = False,
) -> None:
    """Fuzz a bench.

    Exit code: 1 a confirmed finding that is not known; else 3 the bench failed; else 130, 143 or 129 it was
    interrupted; else 4 too much was inconclusive; else 0 nothing was found, or only what is known. 70 medfuzz itself
    failed, whatever was found before.
    """
    if resume is not None:
        _require_alone(context)
        record, folder = resume_on_terminal(resume, quiet=quiet, interactive=interactive)
    else:
        file, name, out = bench_of(bench, Program(cmd, transport or (), protocol or (), Path()), out)
        options = Options(
            bench=file,
            bench_name=name,
            seed=seed,
            cases=cases or None,
            seconds=seconds_of(time) if time else None if cases or until_quiet else _DEFAULT_SECONDS,
            interfaces=tuple(interface or ()),
            fuzzers=tuple(fuzzer or ()),
            out=out,
            elf=elf,
            command=command(),
            baseline=baseline,
            findings=max_findings or None,
            stop_on=tuple(map(kind_of, stop_on or ())),
            quiet=until_quiet or None,
            workers=workers,
            corpus=corpus,
        )
        record, folder = run_on_terminal(options, quiet=quiet, interactive=interactive)
    tell_outcome(record, folder)
    raise typer.Exit(record.exit_code)


def kind_of(word: str) -> Kind:
    """A kind of finding by its name; raises UsageError."""
    kinds = {kind.value: kind for kind, meaning in KINDS.items() if meaning.blame is Blame.DEVICE}
    if word not in kinds:
        raise UsageError(f"--stop-on: there is no kind of finding '{word}'.{did_you_mean(word, kinds)}")
    return kinds[word]


def _require_alone(context: typer.Context) -> None:
    """A run that goes on keeps what it was started with; raises UsageError."""
    source = context.get_parameter_source
    names = [name for name in context.params if name not in _NEW]
    given = [name for name in names if (found := source(name)) is not None and found.name == "COMMANDLINE"]
    if given:
        word = "a bench" if given[0] == "bench" else f"--{given[0].replace('_', '-')}"
        raise UsageError(f"{word} cannot be given with --resume: the run keeps what it was started with")


def seconds_of(text: str) -> float:
    """`90`, `90s`, `15m`, `8h`, `1d` in seconds; raises UsageError."""
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)([smhd]?)", text.strip())
    if match is None or float(match[1]) <= 0:
        raise UsageError(f"--time '{text}' is not a time; write a number and s, m, h or d, like 90s or 8h")
    return float(match[1]) * _UNITS[match[2]]


def tell_outcome(record: CampaignRecord, folder: Path) -> None:
    """The last lines: what was found, where the report is, how to replay."""
    verdicts = ", ".join(f"{count:,} {name}" for name, count in sorted(record.verdicts.items()))
    ended = "; ".join(filter(None, (f"{record.reason} {so_far(record)}".rstrip(), verdicts)))
    say(f"{record.cases:,} cases in {record.seconds:.1f} s ({record.rate:,.0f}/s), ended: {ended}")
    if not record.failing and record.doubts:
        say(f"not a pass: {'; '.join(record.doubts)}")
    say(*(f"  {name}: {_answered(totals)}" for name, totals in record.interfaces.items() if totals.asked))
    say(*(f"bench fault: {reason}" for reason in record.bench_faults))
    known = [finding for finding in record.findings if not record.status(finding).fails]
    say(*(_finding_line(finding, record) for finding in by_fault(record.findings) if finding not in known))
    say(*(_finding_line(finding, record) for finding in known))
    say(*_seen_lines(record))
    say(*_remarks(record))
    if (page := folder / "report.html").is_file():
        say(f"report: {page}")
    if told := record.failing or record.confirmed:
        say(f"replay: {command()} replay {told[0].id} --run {folder}")
    if large := [finding for finding in told if finding.minimized is None or not finding.minimized.done]:
        many = f"{len(large)} of {len(told)} may become smaller"
        say(f"smaller: {command()} minimize {large[0].id} --run {folder} ({many})")


def _finding_line(finding: Finding, record: CampaignRecord) -> str:
    fault = f" = {finding.fault}" if finding.fault else ""
    same = f" as {finding.same_as}" if finding.same_as else ""
    head = f"  {finding.id}  {finding.kind.value:<12} {finding.case.interface:<12} {finding.replays}{fault}{same}"
    status = f"  [{record.status(finding).words}]" if record.manifest.get("baseline") else ""
    return f"{head}{status}  {finding.observation.summary}" + (f" ({finding.doubt})" if finding.doubt else "")


def _seen_lines(record: CampaignRecord) -> Iterator[str]:
    """What the reproducers of known findings showed, each with its decision."""
    baseline = baseline_in(record.manifest)
    for seen in record.known:
        entry = baseline.entry(seen.bucket) if baseline else None
        yield seen.words + (f"  [{entry.words}]" if entry else "")


def _answered(totals: InterfaceTotals) -> str:
    return f"answered {totals.answered:,} of {totals.asked:,} messages, {totals.probes:,} probes served"


def _remarks(record: CampaignRecord) -> Iterator[str]:
    """What a reader of the findings, or of their absence, has to know."""
    if not record.findings and record.cases:
        yield "no findings"
        if (seen := record.functions) is not None and seen.missing:
            names = [one.name for one in seen.never[:_NAMED]] + ["…"] * (seen.missing > _NAMED)
            yield f"{seen.missing} of {seen.ran + seen.missing} functions never ran: {', '.join(names)}"
    if record.confirmed and not record.failing:
        yield "no new findings: all that were confirmed are known"
    if corpus := record.manifest.get("corpus"):
        yield from _corpus(corpus)
    if record.refused:
        yield f"{_were(record.refused)} withheld by the guard or a limit, whole or from some step on"
    if record.left_out:
        yield f"{_were(record.left_out)} left out: their state or link could not be reached"
    if record.put_off:
        why = "take long" + (", or show with a message what it has shown again and again" if record.confirmed else "")
        until = (
            "left out, as too many waited" if record.reason == "exhausted" else "put off until there is nothing else"
        )
        yield f"{counted(record.put_off, 'case')} {until}: those that {why}"
    if left := [name.removeprefix("state ") for name in _out_of_scope(record) if name.startswith("state ")]:
        yield f"states not tested for want of stimuli ({command()} check names them): {', '.join(left)}"
    if record.requirements:
        yield f"requirements: {_requirements(record)}"
    statistics = [entry.statistics for entry in record.requirements if entry.statistics]
    if missing := sorted({name for entry in statistics for name in entry.missing}):
        yield f"signals that never came: {', '.join(missing)}; see [signals] and the channel"


def _were(cases: int) -> str:
    return f"{counted(cases, 'case')} {'was' if cases == 1 else 'were'}"


def _corpus(corpus: Mapping[str, Any]) -> Iterator[str]:
    """What was played of it, what was left out, and how much there is for the next run."""
    refused, folder = corpus["refused"], Path(corpus["folder"])
    played, now = counted(corpus["cases"], "case"), len(list(folder.glob("*.json")))
    here = Path.cwd()
    name = folder.relative_to(here) if folder.is_relative_to(here) else folder
    yield f"corpus {name}: began with {played}, has {now - len(refused):,} for the next run"
    for name, reason in list(refused.items())[:_REFUSED_SHOWN]:
        yield f"  left out {name}: {visible(reason)}"
    if len(refused) > _REFUSED_SHOWN:
        yield f"  and {len(refused) - _REFUSED_SHOWN:,} more were left out"


def _out_of_scope(record: CampaignRecord) -> Mapping[str, str]:
    return record.manifest.get("out_of_scope", {})


def _requirements(record: CampaignRecord) -> str:
    """How many held, were violated, …; those that were not put to the test by name."""
    by_status: dict[str, list[str]] = {}
    for entry in record.requirements:
        by_status.setdefault(entry.status, []).append(entry.requirement.id)
    named = ("not exercised", "inconclusive", "not recorded")
    parts = [
        f"{len(ids)} {status}" + (f" ({', '.join(ids)})" if status in named else "")
        for status, ids in sorted(by_status.items())
    ]
    return ", ".join(parts)
