"""The command that replays a finding of a record, as it works from where the campaign was started."""

from __future__ import annotations

import shlex
from pathlib import Path

from harness.summary import CampaignRecord


def replay_command(record: CampaignRecord, finding: str) -> str:
    """`medfuzz replay F-… --run FOLDER`, with the program named as it was called; no folder where none is known."""
    program = str(record.manifest.get("command") or "medfuzz")
    folder = f" --run {shlex.quote(str(Path(record.store).parent))}" if record.store else ""
    return f"{program} replay {finding}{folder}"
