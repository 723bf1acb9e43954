"""How soon a device that takes half a second to refuse is asked what is worth asking, in virtual time.

`python -m benchmarks.slow_device [PROTOCOL]` draws devices at random: which fields each refuses, on which side of their
usual value, which messages it does not know, and some places (a message, a field and a side) that it does not check
although it does so on the other side. There it would break, alone or, which only `related` sees, between two readings.
Nothing runs but the order of the cases: the time until each place is met is that of a device which answers at once
what it does and after half a second what it refuses. `--before COMMIT` does the same with that commit's order.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from random import Random

from benchmarks.paired import earlier_tree
from fuzzers.registry import FUZZERS, fuzzers_for
from fuzzers.wait_budget import WaitBudgetFuzzer
from harness.case import FieldSpan, Send, TestCase, Wait
from harness.deck import Deck
from harness.interfaces import Fuzzer
from harness.sparing import Sparing
from harness.transcript import Exchange, Transcript
from protocols.load import load_protocol
from protocols.model import Protocol

_REFUSING, _ANSWERING = 0.5, 0.002
_MORE, _LESS, _LENGTH = "more", "less", "length"
_SHOWN = (0.1, 0.25, 0.5, 0.75, 0.9)
_ALONE, _RELATED = 8, 4
Place = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Device:
    """What it is slow to refuse, and where it would break, alone or between two readings."""

    slow: frozenset[Place] = frozenset()
    unknown: frozenset[str] = frozenset()
    alone: frozenset[Place] = frozenset()
    related: frozenset[Place] = frozenset()

    def seconds(self, step: Send, place: Place | None) -> float:
        """How long the answer takes."""
        odd = step.mutated and place is None and bool(self.slow) and zlib.crc32(step.data) % 3 == 0
        return _REFUSING if step.message in self.unknown or place in self.slow or odd else _ANSWERING


@dataclass(slots=True)
class Met:
    """Seconds until each place was met, in any case and in one of `related`; how many cases that took."""

    alone: dict[Place, float] = field(default_factory=dict[Place, float])
    related: dict[Place, float] = field(default_factory=dict[Place, float])
    cases: int = 0


class Places:
    """The places at which a protocol's messages are bent."""

    def __init__(self, protocol: Protocol) -> None:
        self._usual = {message.name: message.send() for message in protocol.messages.values()}

    @property
    def fields(self) -> list[tuple[str, str]]:
        """Messages and their short fields."""
        return [(name, span.name) for name, send in self._usual.items() for span in send.spans if span.length <= 4]

    def of(self, case: TestCase, step: Send) -> Place | None:
        """Where a step is bent, None where it is not or in a way that has no side."""
        usual = self._usual.get(step.message)
        if usual is None or not step.mutated:
            return None
        spans = [span for span in usual.spans if case.origin.field in ("", span.name)]
        first = next((span for span in spans if _part(span, usual) != _part(span, step)), None)
        name = case.origin.field or (first.name if first else "")
        if len(step.data) != len(usual.data):
            return step.message, name, _LENGTH
        if first is None:
            return None
        return step.message, name, _MORE if _part(first, step) > _part(first, usual) else _LESS


def _part(span: FieldSpan, send: Send) -> bytes:
    return send.data[span.offset : span.offset + span.length]


def drawn(number: int, places: Places, reached: Met) -> Device:
    """A device: six of ten fields are checked alike in all messages. It breaks only at places that are `reached`."""
    random, shared, slow = Random(f"device {number}"), dict[str, float](), set[Place]()
    for message, name in places.fields:
        own = random.random()
        chance = shared.setdefault(name, own) if random.random() < 0.6 else own
        sides = (_MORE,) if chance < 0.3 else (_MORE, _LESS) if chance < 0.5 else (_LESS,) if chance < 0.6 else ()
        slow |= {(message, name, side) for side in (*sides, *((_LENGTH,) if random.random() < 0.3 else ()))}
    unknown = frozenset(message for message in sorted({m for m, _ in places.fields}) if random.random() < 0.15)
    free = [
        (message, name, side)
        for (message, name), (side, other) in product(places.fields, ((_MORE, _LESS), (_LESS, _MORE)))
        if message not in unknown and (message, name, side) not in slow and (message, name, other) in slow
    ]
    alone, related = ([place for place in free if place in met] for met in (reached.alone, reached.related))
    return Device(
        frozenset(slow),
        unknown,
        frozenset(random.sample(alone, min(_ALONE, len(alone)))),
        frozenset(random.sample(related, min(_RELATED, len(related)))),
    )


def met(protocol: Protocol, device: Device, seed: int, seconds: float) -> Met:
    """What is met in so many virtual seconds of a campaign."""
    places, sparing, found, now = Places(protocol), _sparing(protocol), Met(), 0.0
    for planned in sparing.ordered(Deck(_fuzzers(protocol, seed), _failed, saves=False)):
        case, began, exchanges = planned.case, now, list[Exchange]()
        for step in case.steps:
            if isinstance(step, Send):
                ended = now + device.seconds(step, places.of(case, step))
                exchanges.append(Exchange(step.message, step.data, (b"",), (), b"", now, ended, answered=True))
                now = ended
            elif isinstance(step, Wait):
                now += step.seconds
        sparing.took(case, Transcript(case.id, tuple(exchanges), began, now))
        found.cases += 1
        for place in (places.of(case, step) for step in case.steps if isinstance(step, Send)):
            if place is not None:
                found.alone.setdefault(place, now)
                if case.origin.fuzzer == "related":
                    found.related.setdefault(place, now)
        if now > seconds:
            break
    return found


def _sparing(protocol: Protocol) -> Sparing:
    try:
        return Sparing({("main", name): send for name, send in protocol.usual.items()})
    except (AttributeError, TypeError):  # an earlier commit's
        return Sparing()


def _fuzzers(protocol: Protocol, seed: int) -> list[Fuzzer]:
    made: list[Fuzzer] = []
    for name in fuzzers_for(protocol):
        one = FUZZERS.get(name)(protocol, "main", list(protocol.states), seed, stimuli=frozenset())
        made.append(one if one.measures else WaitBudgetFuzzer(one))
    return made


def _failed(fuzzer: Fuzzer, error: Exception) -> None:
    raise RuntimeError(fuzzer.name) from error


def measure(spec: str, devices: int, seconds: float) -> Iterator[str]:
    """A line for the places that show alone, and one for those that show between two readings."""
    protocol = load_protocol(spec, Path())
    reached, places = met(protocol, Device(), 0, seconds / 4), Places(protocol)
    alone, related, cases = list[float](), list[float](), 0
    for number in range(devices):
        device = drawn(number, places, reached)
        found = met(protocol, device, number, seconds)
        alone += [found.alone.get(place, math.inf) for place in sorted(device.alone)]
        related += [found.related.get(place, math.inf) for place in sorted(device.related)]
        cases += found.cases
    yield f"  {'alone':24}{_told(alone)}"
    yield f"  {'between two readings':24}{_told(related)}{cases // devices:>10,} cases"


def _told(seconds: Sequence[float]) -> str:
    ordered = sorted(seconds)
    shown = (ordered[int(len(ordered) * part)] for part in _SHOWN if ordered)
    missed = sum(map(math.isinf, ordered))
    return (
        "".join(f"{one:8.1f}" if math.isfinite(one) else f"{'–':>8}" for one in shown) + f"{missed:>8}/{len(ordered)}"
    )


def _with_code_of(tree: Path, words: Iterable[str]) -> None:
    subprocess.run(
        [sys.executable, __file__, *words], cwd=tree, env={**os.environ, "PYTHONPATH": str(tree)}, check=True
    )


def main() -> int:
    """Print a table; seconds at which a tenth, a quarter, half and so on of the places were met, and the missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("protocol", nargs="?", default="modbus_tcp?address=100")
    parser.add_argument("--devices", type=int, default=10)
    parser.add_argument("--time", type=float, default=120.0, help="virtual seconds for each")
    parser.add_argument("--before", metavar="COMMIT")
    given = parser.parse_args()
    if given.before:
        print(f"{given.before}:", flush=True)
        with earlier_tree(given.before) as tree:
            _with_code_of(tree, [given.protocol, f"--devices={given.devices}", f"--time={given.time}"])
    shares = "".join(f"{part:>7.0%} " for part in _SHOWN)
    print(f"{given.protocol}, {given.time:g} s\n  {'seconds until':24}{shares}  missed")
    for line in measure(given.protocol, given.devices, given.time):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
