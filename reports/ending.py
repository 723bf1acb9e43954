"""Why a campaign ended, in words, and how much of what was planned had run by then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from harness.summary import CampaignRecord
from reports.text import counted, duration, visible

REASONS: Mapping[str, str] = {
    "budget": "the time or the number of cases was used up",
    "exhausted": "every case was run",
    "findings": "it found what it was to stop at",
    "quiet": "nothing new had come for as long as it was to wait for that",
    "interrupted": "it was interrupted",
    "bench": "the bench failed",
    "failed": "medfuzz itself failed",
    "killed": "it was killed",
}


def was_cut_short(record: CampaignRecord) -> bool:
    """True when somebody ended it before its time."""
    return record.reason in ("interrupted", "killed")


def why(record: CampaignRecord) -> str:
    """`every case was run`, `it was interrupted after 412 of 20,000 cases`."""
    return f"{REASONS.get(record.reason, visible(record.reason))} {so_far(record)}".strip()


def so_far(record: CampaignRecord) -> str:
    """Of a campaign that was cut short, `after 412 of 20,000 cases, 31 s of 8 h 00 min`; else, or unplanned, ""."""
    planned = _planned(record.manifest)
    if not was_cut_short(record) or not planned:
        return ""
    parts: list[str] = []
    if "cases" in planned:
        parts.append(f"{record.cases:,} of {counted(round(planned['cases']), 'case')}")
    if "seconds" in planned:
        parts.append(f"{duration(record.seconds)} of {duration(planned['seconds'])}")
    return f"after {', '.join(parts)}"


def _planned(manifest: Mapping[str, Any]) -> dict[str, float]:
    """The budget that the manifest holds: `cases`, `seconds`."""
    options: Any = manifest.get("options")
    if not isinstance(options, Mapping):
        return {}
    table = cast("Mapping[str, Any]", options)
    return {key: table[key] for key in ("cases", "seconds") if isinstance(table.get(key), int | float)}
