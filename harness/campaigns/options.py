"""What a user asks of one campaign."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.share import WHOLE, Share
from harness.verdict import Kind


@dataclass(frozen=True, slots=True)
class Options:
    """`cases` and `seconds` are the budget, None for no limit; no interfaces or fuzzers means the bench's own.

    It ends with so many `findings`, too, or with the first of a kind in `stop_on`,
    or after `quiet` cases in a row that showed nothing new.

    `command` is how this program is called, for the words of a report that say how to replay a finding.
    `baseline` is a file of known findings; None for the one beside the bench, if there is one.
    So many `workers` run it, each a `share`, which is a campaign of its own.
    `corpus` is a folder of cases that campaigns keep for each other.
    """

    bench: Path
    bench_name: str
    seed: int = 0
    cases: int | None = None
    seconds: float | None = None
    interfaces: tuple[str, ...] = ()
    fuzzers: tuple[str, ...] = ()
    out: Path | None = None
    elf: Path | None = None
    command: str = ""
    baseline: Path | None = None
    findings: int | None = None
    stop_on: tuple[Kind, ...] = ()
    quiet: int | None = None
    workers: int = 1
    share: Share = WHOLE
    corpus: Path | None = None
