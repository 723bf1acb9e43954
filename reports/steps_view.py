"""The steps of a finding as its page shows them: what went out, what came back, what came before, what is printed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from harness.case import FieldSpan, Procedure, Reconnect, Reset, Send, Step, Stimulate, TestCase, Wait
from harness.finding import Finding
from harness.telling.unusual import is_exact
from harness.transcript import Exchange
from reports.hexdump import Dump, Row, dump, is_text, segments
from reports.reading import Reader
from reports.text import counted, visible

SHORT = 48
PRINTED_ROWS, PRINTED_STEPS = 30, 9
COLUMNS = 100
MOST_STEPS, ENDS = 200, 50


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes that came in with a sent message: `reply`, `unsolicited` or `stray`; `fields` are what a reply says."""

    kind: str
    dump: Dump
    hex: Dump | None
    fields: tuple[tuple[str, str], ...]
    printed: bool = True


@dataclass(frozen=True, slots=True)
class StepView:
    """One step in words; a sent message has its dump and what came back. `hex` is there where the dump is text.

    `printed`, `dump_printed`: there is room for it on the finding's two sheets of paper.
    """

    words: str
    note: str = ""
    mutated: bool = False
    dump: Dump | None = None
    hex: Dump | None = None
    received: tuple[Piece, ...] = ()
    after: str = ""
    printed: bool = True
    dump_printed: bool = True


@dataclass(frozen=True, slots=True)
class Brief:
    """A step in one line: its words, and the beginning of its bytes as the template has them."""

    words: str
    bytes: str = ""


@dataclass(frozen=True, slots=True)
class Before:
    """What came before the case: on the way to its state, or an earlier case of the window."""

    title: str
    steps: tuple[Brief, ...]


def befores_of(finding: Finding, reader: Reader) -> tuple[Before, ...]:
    """The way to the first case's state, then the earlier cases, the latest last."""
    first, *_ = finding.window
    way = reader.preamble(first.interface, first.state)
    reached = [Before(f"on the way to state {visible(first.state)}", _briefs(way))] if way else []
    earlier = [
        Before(f"case {case.id}, in state {visible(case.state)}", _briefs(case.steps)) for case in _earlier(finding)
    ]
    return (*reached, *earlier)


def _earlier(finding: Finding) -> tuple[TestCase, ...]:
    return finding.window[:-1]


def _briefs(steps: Sequence[Step]) -> tuple[Brief, ...]:
    return tuple(_brief(step) for step in steps)


def _brief(step: Step) -> Brief:
    if not isinstance(step, Send):
        return Brief(visible(words_of(step)))
    live = {place for one in step.live for place in range(one.offset, one.offset + one.length)}
    shown = [".." if place in live else f"{byte:02x}" for place, byte in enumerate(step.data[:SHORT])]
    text = step.data[:SHORT].decode("latin-1") if is_text(step.data) else " ".join(shown)
    return Brief(visible(words_of(step)), visible(text) + "…" * (len(step.data) > SHORT))


def steps_of(finding: Finding, reader: Reader) -> tuple[StepView, ...]:
    """The case's steps with what really went out, then what the bench sent behind them; of very many, both ends."""
    steps = tuple(_steps(finding, reader))
    if len(steps) > MOST_STEPS:
        left = len(steps) - 2 * ENDS
        steps = (*steps[:ENDS], StepView(f"{left:,} more steps, which the run's store has"), *steps[-ENDS:])
    return _printed(steps)


def _steps(finding: Finding, reader: Reader) -> Iterator[StepView]:
    left = list(finding.transcript.exchanges)
    interface = finding.case.interface
    for step in finding.case.steps:
        if isinstance(step, Send):
            yield _send(step, _take(left, step.message), _unusual_fields(finding, step), interface, reader)
        else:
            yield StepView(visible(words_of(step)))
    for exchange in left:
        if exchange.sent:
            yield _exchange(exchange, interface, reader)


def _unusual_fields(finding: Finding, step: Send) -> str | None:
    """The fields of the step that are unusual, joined by commas; None where the step has nothing unusual."""
    told = finding.minimized.conditions if finding.minimized else ()
    if told or is_exact(finding):
        return ",".join(one.field for one in told if one.message == step.message) or None
    return finding.case.origin.field if step.mutated else None


def _take(left: list[Exchange], message: str) -> Exchange | None:
    """The next exchange of this message; those before it belong to no step."""
    for place, exchange in enumerate(left):
        if exchange.message == message and exchange.sent:
            del left[: place + 1]
            return exchange
    return None


def words_of(step: Step) -> str:
    """`send status`, `wait 0.5 s`, `set air to 120`."""
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


def _send(step: Send, exchange: Exchange | None, fields: str | None, interface: str, reader: Reader) -> StepView:
    sent = exchange.sent if exchange else step.data
    note = counted(len(sent), "byte") if exchange else f"{counted(len(sent), 'byte')}, template: not on record as sent"
    if step.replay_of >= 0:
        note += f", the bytes of step {step.replay_of + 1} again"
    note += "" if step.wait else ", and the next step right behind it"
    shown, raw = _dumps(sent, step.spans, fields or "")
    view = StepView(visible(f"send {step.message}"), note, fields is not None, shown, raw)
    return view if exchange is None else _answered(view, exchange, interface, reader)


def _exchange(exchange: Exchange, interface: str, reader: Reader) -> StepView:
    words = visible(f"behind the case: {exchange.message or 'bytes'}")
    shown, raw = _dumps(exchange.sent, (), "")
    view = StepView(words, counted(len(exchange.sent), "byte"), dump=shown, hex=raw)
    return _answered(view, exchange, interface, reader)


def _answered(view: StepView, exchange: Exchange, interface: str, reader: Reader) -> StepView:
    received = tuple(_received(exchange, interface, reader))
    return replace(view, received=received, after="" if exchange.replies else _silence(exchange))


def _dumps(data: bytes, spans: Sequence[FieldSpan], fields: str) -> tuple[Dump, Dump | None]:
    """The dump, and in hex besides where it is text."""
    return (
        (segments(data, spans, fields), dump(data, spans, fields))
        if is_text(data)
        else (dump(data, spans, fields), None)
    )


def _silence(exchange: Exchange) -> str:
    waited = f"{exchange.ended_at - exchange.sent_at:.3g} s"
    if exchange.reply_expected:
        return f"no reply within {waited}, although one is due"
    return f"no reply within {waited}; none is due"


def _received(exchange: Exchange, interface: str, reader: Reader) -> Iterator[Piece]:
    pieces = [("reply", reply) for reply in exchange.replies]
    pieces += [("unsolicited", frame) for frame in exchange.unsolicited]
    pieces += [("non-frame bytes", exchange.stray)] if exchange.stray else []
    secrets = reader.leaked(exchange.sent)
    for kind, data in pieces:
        fields = reader.fields(interface, data) if kind != "non-frame bytes" else ()
        if is_text(data):
            yield Piece(kind, segments(data, secrets=secrets), dump(data, secrets=secrets), fields)
        else:
            yield Piece(kind, dump(data, secrets=secrets), None, fields)


# -- two sheets of paper ------------------------------------------------------------------------------------------


def _printed(steps: tuple[StepView, ...]) -> tuple[StepView, ...]:
    """What of them is printed: the most telling dumps as long as there are rows left, and words of the last steps."""
    room = PRINTED_ROWS
    order = sorted(range(len(steps)), key=lambda place: (not _tells(steps[place]), -place))
    found = list(steps)
    for place in order:
        step = steps[place]
        shown, room = _fits(step.dump, room)
        pieces: list[Piece] = []
        for piece in step.received:
            fits, room = _fits(piece.dump, room, 2 + _length(piece.fields) // COLUMNS)
            pieces.append(replace(piece, printed=fits))
        found[place] = replace(step, dump_printed=shown, received=tuple(pieces))
    last: Collection[int] = order[:PRINTED_STEPS]
    return tuple(replace(step, printed=place in last) for place, step in enumerate(found))


def _tells(step: StepView) -> bool:
    return step.mutated or any(piece.dump.leaked for piece in step.received)


def _fits(shown: Dump | None, room: int, more: int = 0) -> tuple[bool, int]:
    """Whether a dump is printed, and how many rows are left then."""
    if shown is None:
        return True, room
    rows = 2 + more + sum(_height(row) if shown.is_text else 1 + bool(row.repeats) for row in shown.rows)
    return (True, room - rows) if rows <= room else (False, room)


def _height(row: Row) -> int:
    return 1 + sum(len(run.text) for run in row.runs) // COLUMNS + bool(row.repeats)


def _length(fields: Sequence[tuple[str, str]]) -> int:
    return sum(len(name) + len(value) + 3 for name, value in fields)
