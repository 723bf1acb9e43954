"""How much of a program a campaign reaches: edges of its map, and AFL's tuples (an edge, and how often it was taken).

`python -m benchmarks.covered BENCH`: a campaign of five minutes as the command line runs it, and as long byte mutations
of the same protocol's valid conversations, on the same program, which must share its coverage (`docs/coverage.md`).
`taskset -c 0` in front of it is one core for all.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from benchmarks.measure import wanted
from benchmarks.others import environment
from benchmarks.paired import HERE
from harness.assembly.assemble import Assembly, assemble
from harness.case import Send
from harness.errors import LinkError
from harness.interfaces import Covers, Link
from harness.position import unpacked
from protocols.model import Protocol

_ANSWER_SECONDS = 0.02
_MOST_MESSAGES, _MOST_CHANGES = 3, 8


def campaign(bench: Path, seconds: float, seed: int) -> tuple[int, Collection[int]]:
    """Cases of a campaign, and the tuples that it knew at its end."""
    with tempfile.TemporaryDirectory(prefix="medfuzz-covered-") as out:
        limits = ["--quiet", "--seed", str(seed), "--time", f"{seconds:g}s", "--out", f"{out}/run"]
        words = [sys.executable, "-m", "harness.cli.main", "run", str(bench), *limits]
        ended = subprocess.run(words, env=environment(HERE), capture_output=True, text=True, check=False)
        store = Path(out) / "run" / "store.sqlite"
        if not store.exists():
            raise RuntimeError(ended.stdout + ended.stderr)
        with sqlite3.connect(store) as opened:
            ((data,),) = opened.execute("SELECT packed FROM position").fetchall()
            ((cases,),) = opened.execute("SELECT count(*) FROM cases").fetchall()
    return cases, unpacked(data).campaign.edges


def bent(data: bytes, chance: random.Random) -> bytes:
    """One to eight bytes of a message set, flipped, left out, or there twice."""
    raw = bytearray(data)
    for _ in range(chance.randint(1, _MOST_CHANGES)):
        at = chance.randrange(len(raw)) if raw else 0
        how = chance.randrange(4)
        if how == 0 or not raw:
            raw[at : at + 1] = bytes([chance.randrange(256)])
        elif how == 1:
            raw[at] ^= 1 << chance.randrange(8)
        elif how == 2:
            del raw[at]
        else:
            raw[at:at] = raw[at : at + chance.randint(1, 8)]
    return bytes(raw)


def conversations(protocol: Protocol, chance: random.Random) -> Iterator[list[bytes]]:
    """A state's preamble and up to three messages in any valid form, one of all these bent."""
    forms = [form.data for message in protocol.messages.values() for form in message.valid]
    preambles = [[step.data for step in s.preamble if isinstance(step, Send)] for s in protocol.states.values()]
    while True:
        said = [*chance.choice(preambles), *chance.choices(forms, k=chance.randint(1, _MOST_MESSAGES))]
        at = chance.randrange(len(said))
        said[at] = bent(said[at], chance)
        yield said


def say(link: Link, said: Sequence[bytes]) -> None:
    """Each message, and whatever comes soon behind it."""
    for data in said:
        link.send(data, link.now() + 1.0)
        link.receive(link.now() + _ANSWER_SECONDS)


def byte_mutation(assembly: Assembly, seconds: float, seed: int) -> tuple[int, Collection[int]]:
    """Conversations that were said, each on a connection of its own, and the tuples known at the end."""
    (name, protocol), *_more = assembly.protocols.items()
    target, carrier = assembly.target, assembly.runner.interfaces[name].executor.connection.transport
    assert isinstance(target, Covers)
    cases, stop = 0, time.monotonic() + seconds
    target.start()
    try:
        for said in conversations(protocol, random.Random(seed)):
            if time.monotonic() > stop:
                break
            cases += 1
            try:
                link = carrier.open(1.0)
                try:
                    say(link, said)
                finally:
                    link.close()
            except LinkError:
                if target.take_events():
                    target.reset()
            target.coverage()
        return cases, target.edges()
    finally:
        target.stop()


def told(name: str, cases: int, tuples: Collection[int]) -> str:
    """A line of the table."""
    return f"  {name:<30}{cases:>9,}{len({one >> 3 for one in tuples}):>9,}{len(tuples):>9,}"


def main() -> int:
    """Exit code 1 when fewer edges are reached than wanted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bench", type=Path)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--wanted", type=int, default=0, metavar="EDGES")
    wish = parser.parse_args()
    print(f"{wish.bench.stem}, {wish.seconds:g} s each\n  {'':<30}{'cases':>9}{'edges':>9}{'tuples':>9}", flush=True)
    found = campaign(wish.bench, wish.seconds, wish.seed)
    print(told("medfuzz", *found), flush=True)
    print(told("byte mutation", *byte_mutation(assemble(wish.bench, seed=wish.seed), wish.seconds, wish.seed)))
    edges = len({one >> 3 for one in found[1]})
    if wish.wanted:
        print(wanted("edges", edges, wish.wanted))
    return int(edges < wish.wanted)


if __name__ == "__main__":
    sys.exit(main())
