"""What the engine tells its listeners while a campaign runs. Nothing is printed by the engine itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.case import TestCase
from harness.finding import Finding
from harness.known.baseline import Seen
from harness.outcome import NOTHING_MEASURED, Measures
from harness.quick import quick
from harness.transcript import Transcript
from harness.verdict import Verdict


@dataclass(frozen=True, slots=True)
class CampaignStarted:
    """`forecast` is the number of cases the fuzzers can give, by fuzzer."""

    campaign: str
    manifest: Mapping[str, object]
    forecast: Mapping[str, int]


@quick
@dataclass(frozen=True, slots=True)
class CaseFinished:
    """`seconds` is wall time since the start, `coverage` the number of edges known (0 where there is none).

    `shown` are the buckets of the confirmed findings that the case showed.
    """

    number: int
    case: TestCase
    transcript: Transcript
    verdict: Verdict
    seconds: float
    coverage: int
    measures: Measures = NOTHING_MEASURED
    shown: tuple[str, ...] = ()


@quick
@dataclass(frozen=True, slots=True)
class CasesRun:
    """How far it is where workers run the cases: what `CaseFinished` says, and cases since anything was new."""

    number: int
    seconds: float
    coverage: int
    quiet: int = 0


@dataclass(frozen=True, slots=True)
class CaseRefused:
    """The guard withheld the case, or the rest of it: then it ran so far, and `CaseFinished` follows."""

    case: TestCase
    reason: str


@dataclass(frozen=True, slots=True)
class FindingSuspected:
    """A fault that was not seen before is about to be replayed, which may take a while."""

    finding: Finding


@dataclass(frozen=True, slots=True)
class FindingConfirmed:
    """A replay showed the same fault again."""

    finding: Finding


@dataclass(frozen=True, slots=True)
class FindingMinimized:
    """A confirmed finding has a smaller reproducer; its id is the same."""

    finding: Finding


@dataclass(frozen=True, slots=True)
class FindingDismissed:
    """No replay showed it, it is not believed, or there was no time for a replay: its `standing` says which."""

    finding: Finding


@dataclass(frozen=True, slots=True)
class KnownReplayed:
    """A known finding's reproducer was played before the cases, or why it was not."""

    known: Seen


@dataclass(frozen=True, slots=True)
class CaseLeftOut:
    """The case was not tried: its state or its interface cannot be reached at present."""

    case: TestCase
    reason: str


@dataclass(frozen=True, slots=True)
class BenchFault:
    """The bench failed; with `fatal` the run has failed by it, even where a part of it goes on."""

    reason: str
    fatal: bool


@dataclass(frozen=True, slots=True)
class CampaignResumed:
    """The campaign goes on behind its first `cases`, after `seconds` and with what was found before."""

    cases: int
    seconds: float
    findings: tuple[Finding, ...]


@quick
@dataclass(frozen=True, slots=True)
class CaseSettled:
    """All that the cases so far led to is told: another run could go on from here. `last`: none follows for now."""

    last: bool = False


@dataclass(frozen=True, slots=True)
class CampaignEnded:
    """`reason`: `budget`, `exhausted`, `findings`, `quiet`, `interrupted`, `bench`.

    `put_off` cases take long, or would show known findings.
    """

    reason: str
    seconds: float
    cases: int
    put_off: int = 0


Event = (
    CampaignStarted
    | CampaignResumed
    | CaseFinished
    | CasesRun
    | CaseSettled
    | CaseRefused
    | CaseLeftOut
    | FindingSuspected
    | FindingConfirmed
    | FindingMinimized
    | FindingDismissed
    | KnownReplayed
    | BenchFault
    | CampaignEnded
)
