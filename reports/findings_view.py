"""One finding as the page shows it: its words, its steps with annotated bytes, its timeline and its details."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harness.case import Procedure, Reconnect, Reset, Send, Step, Stimulate, Wait
from harness.finding import Finding
from harness.known.baseline import FindingStatus
from harness.transcript import Exchange
from harness.verdict import KINDS, Kind
from reports.channels import Channels, channels_of
from reports.hexdump import Dump, dump
from reports.text import counted, visible, visible_bytes

DETAIL_ORDER = ("type", "pc", "symbol", "line", "address", "cause", "overwritten", "objects", "status")
LEADING_CASES = 8


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes that came in with a sent message: `reply`, `unsolicited` or `stray`."""

    kind: str
    dump: Dump
    text: str


@dataclass(frozen=True, slots=True)
class StepView:
    """One step in words; a sent message has its dump and what came back."""

    words: str
    note: str = ""
    mutated: bool = False
    dump: Dump | None = None
    received: tuple[Piece, ...] = ()
    after: str = ""


@dataclass(frozen=True, slots=True)
class Leader:
    """An earlier case of the window."""

    id: str
    state: str
    messages: str


@dataclass(frozen=True, slots=True)
class FindingView:
    """Everything that the page says about one finding."""

    finding: Finding
    kind: str
    grave: bool
    title: str
    headline: str
    requirement: str
    reproduced: str
    mutation_text: str
    leaders: tuple[Leader, ...]
    leaders_omitted: int
    steps: tuple[StepView, ...]
    channels: Channels
    details: tuple[tuple[str, str], ...]
    symptoms: tuple[tuple[str, str], ...]
    console: str
    replay: str
    status: str
    decided: str


def finding_view(
    finding: Finding,
    status: FindingStatus,
    titles: Mapping[str, str],
    signals: Sequence[str],
    units: Mapping[str, str],
    replay: str,
) -> FindingView:
    """The view; `titles` names requirements, `signals` are in the order of a sample's values.

    `status` is what the baseline makes of it.
    """
    leaders = finding.window[:-1]
    required = finding.observation.requirement
    console = b"".join(text for _, text in finding.transcript.console)
    return FindingView(
        finding=finding,
        kind=KINDS[finding.kind].one,
        grave=KINDS[finding.kind].grave,
        title=visible(finding.observation.summary),
        headline=visible(_headline(finding, titles)),
        requirement=f"{required} {titles.get(required, '')}".strip(),
        reproduced=f"{finding.reproduced} of {finding.tries}",
        mutation_text=_mutation_text(finding),
        leaders=tuple(Leader(c.id, c.state, ", ".join(c.messages)) for c in leaders[-LEADING_CASES:]),
        leaders_omitted=max(0, len(leaders) - LEADING_CASES),
        steps=tuple(_steps(finding)),
        channels=channels_of(finding, signals, units),
        details=_details(finding.observation.detail),
        symptoms=tuple((KINDS[s.kind].one, visible(s.summary)) for s in finding.symptoms),
        console=visible(console[-2000:].decode("utf-8", errors="replace"), keep="\n").replace("␍\n", "\n"),
        replay=replay,
        status=status.word if status.entry else "",
        decided=visible(status.words) if status.entry else "",
    )


def _headline(finding: Finding, titles: Mapping[str, str]) -> str:
    """For the index: which requirement was violated, without the values; else the summary."""
    required = finding.observation.requirement
    if finding.kind is Kind.UNSAFE_STATE and titles.get(required):
        return f"{required} violated: {titles[required]}"
    return finding.observation.summary


def _mutation_text(finding: Finding) -> str:
    """What the fuzzer did, in words."""
    origin = finding.case.origin
    words = [f"field {origin.field}" if origin.field else "", origin.mutation_text]
    return visible(", ".join(word for word in words if word)) or "nothing: every message is well formed"


def _details(detail: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    first = [key for key in DETAIL_ORDER if key in detail]
    keys = [*first, *(key for key in detail if key not in first)]
    return tuple((visible(key), visible(str(detail[key]))) for key in keys if detail[key] != "")


def _steps(finding: Finding) -> Iterator[StepView]:
    """The case's steps with what really went out, then what the bench sent behind them."""
    left = list(finding.transcript.exchanges)
    for step in finding.case.steps:
        if isinstance(step, Send):
            yield _send(step, _take(left, step.message), finding.case.origin.field)
        else:
            yield StepView(visible(_words(step)))
    for exchange in left:
        if exchange.sent:
            yield _exchange(exchange)


def _take(left: list[Exchange], message: str) -> Exchange | None:
    """The next exchange of this message; those before it belong to no step."""
    for place, exchange in enumerate(left):
        if exchange.message == message and exchange.sent:
            del left[: place + 1]
            return exchange
    return None


def _words(step: Step) -> str:
    match step:
        case Wait(seconds=seconds):
            return f"wait {seconds:g} s"
        case Reconnect():
            return "close the link and open it again"
        case Reset():
            return "reset the device"
        case Stimulate(stimulus=stimulus, value=value):
            return f"set {stimulus} to {value:g}"
        case Procedure(name=name, arguments=arguments):
            return " ".join([name.replace("_", " "), *(f"{key}={value}" for key, value in arguments)])
        case Send(message=message):
            return f"send {message}"


def _send(step: Send, exchange: Exchange | None, field: str) -> StepView:
    sent = exchange.sent if exchange else step.data
    mutated_field = field if step.mutated else ""
    note = counted(len(sent), "byte") if exchange else f"{counted(len(sent), 'byte')}, template: not on record as sent"
    if step.replay_of >= 0:
        note += f", the bytes of step {step.replay_of + 1} again"
    note += "" if step.wait else ", and the next step right behind it"
    words = visible(f"send {step.message}")
    if exchange is None:
        return StepView(words, note, step.mutated, dump(sent, step.spans, mutated_field))
    after = "" if exchange.replies else _silence(exchange)
    return StepView(words, note, step.mutated, dump(sent, step.spans, mutated_field), _received(exchange), after)


def _exchange(exchange: Exchange) -> StepView:
    words = visible(f"behind the case: {exchange.message or 'bytes'}")
    after = "" if exchange.replies else _silence(exchange)
    return StepView(words, counted(len(exchange.sent), "byte"), False, dump(exchange.sent), _received(exchange), after)


def _silence(exchange: Exchange) -> str:
    waited = f"{exchange.ended_at - exchange.sent_at:.3g} s"
    if exchange.reply_expected:
        return f"no reply within {waited}, although one is due"
    return f"no reply within {waited}; none is due"


def _received(exchange: Exchange) -> tuple[Piece, ...]:
    pieces = [("reply", reply) for reply in exchange.replies]
    pieces += [("unsolicited", frame) for frame in exchange.unsolicited]
    pieces += [("non-frame bytes", exchange.stray)] if exchange.stray else []
    return tuple(Piece(kind, dump(data), visible_bytes(data[:200])) for kind, data in pieces)
