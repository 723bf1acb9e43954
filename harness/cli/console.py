"""What a person sees while a campaign runs, on standard error: a progress line, and a line for each finding."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.text import Text

from harness.cli.terminal import silence
from harness.events import (
    BenchFault,
    CampaignEnded,
    CampaignResumed,
    CampaignStarted,
    CaseFinished,
    CasesRun,
    Event,
    FindingConfirmed,
    FindingDismissed,
    FindingMinimized,
    FindingSuspected,
    KnownReplayed,
)
from harness.finding import Finding
from harness.known.baseline import UNKNOWN, statuses_of
from reports.text import counted, visible

_REFRESH_SECONDS = 0.25
_RATE_WINDOW = 5.0
_QUIET = 100  # cases


class _Terminal(Console):
    """A pipe that nobody reads any more is no reason to end, as rich would have it, with the exit code of a finding."""

    def on_broken_pipe(self) -> None:
        """Nothing is shown any more."""
        self.quiet = True
        silence(sys.stderr)


class ConsoleListener:
    """Shows cases, rate, coverage, findings by kind and the time left; on a pipe, a line every few seconds."""

    def __init__(self, seconds: float | None = None, cases: int | None = None, console: Console | None = None) -> None:
        self._seconds, self._cases, self._quiet = seconds, cases, False
        self._console = console or _Terminal(stderr=True, highlight=False, soft_wrap=True)
        self._live: Live | None = None
        self._kinds: Counter[str] = Counter()
        self._manifest: Mapping[str, object] = {}
        self._shown = 0.0
        self._mark = (0.0, 0)
        self._rate = 0.0
        self._quiet_for = 0

    def __call__(self, event: Event) -> None:
        """Take one event; a terminal that is gone ends the showing and nothing else."""
        try:
            if not self._quiet:
                self._show(event)
        except OSError:
            self._quiet = True

    def _show(self, event: Event) -> None:
        match event:
            case CampaignStarted():
                self._start(event)
            case CampaignResumed():
                self._resume(event)
            case CaseFinished() | CasesRun():
                self._progress(event)
            case FindingSuspected(finding=finding):
                self._put(f"replaying {finding.kind.value}: {visible(finding.observation.summary)}")
            case FindingConfirmed(finding=finding):
                self._confirmed(finding)
            case FindingMinimized(finding=finding):
                if (told := finding.minimized) is not None and told.after != told.before:
                    same = f"; the same fault as {finding.same_as}" if finding.same_as else ""
                    self._say(f"[bold]smaller[/] {finding.id}: {told}{same}")
            case FindingDismissed(finding=finding):
                self._say(f"[yellow]{finding.standing.value}[/] {_line(finding)}")
            case KnownReplayed(known=known):
                self._say(f"[bold]known[/] {escape(visible(known.words))}")
            case BenchFault(reason=reason):
                self._say(f"[bold yellow]bench fault[/] {escape(visible(reason))}")
            case CampaignEnded():
                self._end()
            case _:
                pass

    def _start(self, event: CampaignStarted) -> None:
        self._manifest = event.manifest
        asked: Any = event.manifest.get("options") or {}
        self._seconds, self._cases = self._seconds or asked.get("seconds"), self._cases or asked.get("cases")
        total = sum(event.forecast.values())
        if total:
            self._say(f"campaign {escape(event.campaign)}: {total:,} cases to choose from ({_sources(event)})")
        if self._console.is_terminal:
            self._live = Live(
                console=self._console,
                refresh_per_second=8,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()

    def _resume(self, event: CampaignResumed) -> None:
        confirmed = [finding for finding in event.findings if finding.confirmed]
        self._kinds.update(finding.kind.value for finding in confirmed)
        self._mark = (event.seconds, event.cases)
        before = f"{event.seconds:,.0f} s, {counted(len(confirmed), 'finding')}"
        self._say(f"goes on behind {counted(event.cases, 'case')}: {before} before")

    def _confirmed(self, finding: Finding) -> None:
        if not finding.same_as:
            self._kinds[finding.kind.value] += 1
        self._say(f"{f'[bold]as {finding.same_as}[/]' if finding.same_as else self._head(finding)} {_line(finding)}")

    def _progress(self, event: CaseFinished | CasesRun) -> None:
        if isinstance(event, CasesRun):
            self._quiet_for = event.quiet
        else:
            self._quiet_for = 0 if event.measures.news else self._quiet_for + 1
        seconds, number = self._mark
        if self._is_due and event.seconds - seconds >= min(_RATE_WINDOW, self._pause):
            self._rate = (event.number - number) / (event.seconds - seconds)
            self._mark = (event.seconds, event.number)
        if self._is_due:
            self._put(self._status(event))

    @property
    def _pause(self) -> float:
        return _REFRESH_SECONDS if self._live else 20 * _REFRESH_SECONDS

    @property
    def _is_due(self) -> bool:
        return time.monotonic() - self._shown >= self._pause

    def _put(self, line: str) -> None:
        """The progress line, not too often."""
        if not self._is_due:
            return
        self._shown = time.monotonic()
        if self._live:
            self._live.update(Text(line))
        else:
            self._console.print(line, markup=False)

    def _status(self, event: CaseFinished | CasesRun) -> str:
        kinds = ", ".join(f"{count} {kind}" for kind, count in self._kinds.most_common()) or "none"
        parts = [counted(event.number, "case"), f"{self._rate:,.0f}/s"]
        if event.coverage:
            parts.append(f"{event.coverage:,} edges")
        if self._quiet_for >= _QUIET:
            parts.append(f"nothing new for {self._quiet_for:,}")
        parts += [f"findings: {kinds}", self._left(event)]
        return "  ".join(part for part in parts if part)

    def _left(self, event: CaseFinished | CasesRun) -> str:
        by_time = self._seconds - event.seconds if self._seconds is not None else None
        by_cases = (self._cases - event.number) / self._rate if self._cases is not None and self._rate else None
        left = [value for value in (by_time, by_cases) if value is not None]
        return f"{max(0.0, min(left)):,.0f} s left" if left else ""

    def _head(self, finding: Finding) -> str:
        status = statuses_of(self._manifest, [finding]).get(finding.bucket, UNKNOWN)
        return f"[bold red]{'finding' if status.entry is None else status.word}[/]" if status.fails else "known"

    def _say(self, markup: str) -> None:
        self._console.print(markup)

    def _end(self) -> None:
        if self._live:
            self._live.stop()
            self._live = None


def _sources(event: CampaignStarted) -> str:
    return escape(", ".join(f"{name} {count:,}" for name, count in event.forecast.items()))


def _line(finding: Finding) -> str:
    again = f"{finding.reproduced}/{finding.tries}"
    return escape(f"{finding.id} {finding.kind.value} on {finding.case.interface}: ") + escape(
        visible(f"{finding.observation.summary} (state {finding.case.state}, again {again})")
    )
