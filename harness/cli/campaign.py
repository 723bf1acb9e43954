"""A campaign on this terminal: its progress is shown here, its questions and its faults of ours end up here."""

from __future__ import annotations

from pathlib import Path

from harness.campaigns.options import Options
from harness.campaigns.session import Audience, resume_campaign, run_campaign
from harness.campaigns.workers import resume_with_workers, run_with_workers, workers_of
from harness.cli.console import ConsoleListener
from harness.cli.crash import tell
from harness.cli.program import arguments
from harness.cli.terminal import ask_person
from harness.errors import UsageError
from harness.summary import CampaignRecord


def run_on_terminal(options: Options, *, quiet: bool = False, interactive: bool = False) -> tuple[CampaignRecord, Path]:
    """As `run_campaign` does; `interactive`: whoever sits here is asked for power cycles."""
    listeners = () if quiet else (ConsoleListener(options.seconds, options.cases),)
    if options.workers > 1:
        _require_nobody(interactive)
        return run_with_workers(options, Audience(listeners, tell), arguments)
    return run_campaign(options, Audience(listeners, tell), ask_person if interactive else None)


def resume_on_terminal(folder: Path, *, quiet: bool = False, interactive: bool = False) -> tuple[CampaignRecord, Path]:
    """As `resume_campaign` does."""
    listeners = () if quiet else (ConsoleListener(),)
    if workers_of(folder) > 1:
        _require_nobody(interactive)
        return resume_with_workers(folder, Audience(listeners, tell), arguments)
    return resume_campaign(folder, Audience(listeners, tell), ask_person if interactive else None)


def _require_nobody(interactive: bool) -> None:
    if interactive:
        raise UsageError("--interactive asks one person about one device; leave it out, or --workers")
