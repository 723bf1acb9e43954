"""A campaign on this terminal: its progress is shown here, its questions and its faults of ours end up here."""

from __future__ import annotations

from pathlib import Path

from harness.campaigns.options import Options
from harness.campaigns.session import Audience, resume_campaign, run_campaign
from harness.cli.console import ConsoleListener
from harness.cli.crash import tell
from harness.cli.terminal import ask_person
from harness.summary import CampaignRecord


def run_on_terminal(options: Options, *, quiet: bool = False, interactive: bool = False) -> tuple[CampaignRecord, Path]:
    """As `run_campaign` does; `interactive`: whoever sits here is asked for power cycles."""
    listeners = () if quiet else (ConsoleListener(options.seconds, options.cases),)
    return run_campaign(options, Audience(listeners, tell), ask_person if interactive else None)


def resume_on_terminal(folder: Path, *, quiet: bool = False, interactive: bool = False) -> tuple[CampaignRecord, Path]:
    """As `resume_campaign` does."""
    listeners = () if quiet else (ConsoleListener(),)
    return resume_campaign(folder, Audience(listeners, tell), ask_person if interactive else None)
