"""What really went out and came in while one case ran, with times, on every channel that was watched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from harness.case import Send, TestCase
from harness.quick import quick


@quick
@dataclass(frozen=True, slots=True)
class Exchange:
    """One sent message and what the device said until the reply or the deadline. Times are link seconds."""

    message: str
    sent: bytes
    replies: tuple[bytes, ...]
    unsolicited: tuple[bytes, ...]
    stray: bytes
    sent_at: float
    ended_at: float
    answered: bool
    reply_expected: bool = True


@quick
@dataclass(frozen=True, slots=True)
class Sample:
    """The declared signals at one instant; held until the next sample. A missing signal is `None`."""

    time: float
    values: tuple[float | None, ...]


LIMIT, WORN = "limit", "worn"  # events that are the bench's own: it ended the program, or wants to begin anew


@dataclass(frozen=True, slots=True)
class TargetEvent:
    """Something the target itself reports: `fault`, `hang`, `reset`, `exit`; or a link: `disconnected`, `procedure`, ….

    `detail` holds text to show a person (`type`, `address`, `pc`, `symbol`, `line`, `cause`, `status`).
    """

    kind: str
    time: float
    detail: Mapping[str, str] = field(default_factory=dict[str, str])


class Way(StrEnum):
    """What it took until a device served the probe behind a case, the least first."""

    AT_ONCE = "at once"
    LATE = "after a while"
    FILLED = "after more bytes"
    RECONNECTED = "on a new connection"
    RETURNED = "after it was gone"
    NEVER = "never"


@quick
@dataclass(frozen=True, slots=True)
class Service:
    """How the probe behind a case was served: on which way, after how many link seconds and bytes of filler.

    `closed`: the device had closed the connection by itself, or ended what could be said on it. Seconds of `RETURNED`
    are those in which no link opened.
    """

    way: Way
    seconds: float = 0.0
    filler: int = 0
    closed: bool = False


@quick
@dataclass(frozen=True, slots=True)
class Transcript:
    """The record of one case. `link_error` is set when the link broke; `refused` when the guard withheld bytes.

    `probe_served` and `service` are None where no probe was sent. `proof` is set where the state was not reached: what
    was wanted of the probe's answer, and what came. `only_copies`: all that ever came on this interface
    is what was sent.
    """

    case_id: str
    exchanges: tuple[Exchange, ...]
    started: float
    ended: float
    samples: tuple[Sample, ...] = ()
    console: tuple[tuple[float, bytes], ...] = ()
    events: tuple[TargetEvent, ...] = ()
    probe_served: bool | None = None
    link_error: str = ""
    refused: str = ""
    state_reached: bool = True
    link_events: tuple[TargetEvent, ...] = ()
    service: Service | None = None
    proof: str = ""
    only_copies: bool = False

    @property
    def received(self) -> bytes:
        """Everything the device sent on the link, in order."""
        parts = [b"".join(e.replies) + b"".join(e.unsolicited) + e.stray for e in self.exchanges]
        return b"".join(parts)


def own_exchanges(case: TestCase, transcript: Transcript) -> Iterator[tuple[Send, Exchange]]:
    """The case's messages with what came of each, up to where these do not belong together any more."""
    steps = [step for step in case.steps if isinstance(step, Send)]
    for step, exchange in zip(steps, (e for e in transcript.exchanges if e.message), strict=False):
        if step.message != exchange.message:
            return
        yield step, exchange
