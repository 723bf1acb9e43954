"""Are verdicts right? `python -m benchmarks.verdicts` runs labelled events through the engine and prints a matrix."""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from benchmarks.labelled_event import Result, run_event
from benchmarks.labels import LABELS, Class, Group, Label
from harness.verdict import Kind

EVENT_SECONDS = 900.0
AT_ONCE = 20
RIGHT_SHARE = 0.98
BUSY = "import signal\nsignal.alarm(3600)\nwhile True: pass"

Event = tuple[Label, int]


def events(labels: Sequence[Label], count: int, seed: int) -> list[Event]:
    """`count` of them, each label in turn, each with a seed of its own; those that take long come first."""
    found = [(labels[number % len(labels)], seed + number // len(labels)) for number in range(count)]
    return sorted(found, key=lambda event: Kind.SILENCE not in event[0].kinds)


def run_events(wanted: Sequence[Event], *, at_once: int, held: bool = False) -> Iterator[Result]:
    """Each in a process of its own; one that does not end is ended, and is an error."""
    context, waiting = multiprocessing.get_context("fork"), list(reversed(wanted))
    running: dict[Connection, tuple[BaseProcess, Event, float]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                event = waiting.pop()
                ours, theirs = context.Pipe(duplex=False)
                process = context.Process(target=_child, args=(theirs, event, held))
                process.start()
                theirs.close()
                running[ours] = (process, event, time.monotonic())
            ready = wait(list(running), 1.0)
            late = [ours for ours, (_p, _e, began) in running.items() if time.monotonic() - began > EVENT_SECONDS]
            for ours in {*ready, *late}:
                process, event, began = running.pop(ours)
                yield _result(ours, process, event, time.monotonic() - began)
    finally:
        for process, _event, _began in running.values():
            process.kill()


def _child(theirs: Connection, event: Event, held: bool) -> None:
    theirs.send(run_event(*event, held=held))


def _result(ours: Connection, process: BaseProcess, event: Event, seconds: float) -> Result:
    with contextlib.closing(ours):
        try:
            if ours.poll():
                return ours.recv()
            process.terminate()
            return Result(*event, Class.ERROR, (), (), f"no end within {seconds:.0f} s", seconds)
        except EOFError:
            return Result(*event, Class.ERROR, (), (), "the process ended without a result", seconds)
        finally:
            process.join(5.0)
            process.kill()
            process.join()


@contextlib.contextmanager
def loops_beside(count: int) -> Generator[None]:
    """That many loops beside, ended by their ids."""
    loops = [subprocess.Popen([sys.executable, "-S", "-c", BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


# -- what is told ------------------------------------------------------------------------------------------------------


def matrix(results: Sequence[Result]) -> list[str]:
    """Labels × verdicts in Markdown, with the goals' sums by group."""
    classes = [one for one in Class if any(result.verdict is one for result in results)]
    lines = ["| label | " + " | ".join(classes) + " | right |", "|---|" + "--:|" * (len(classes) + 1)]
    for group in Group:
        ours = [result for result in results if _group(result) is group]
        lines.append(_row(f"**{group.value}**", ours, classes))
        names = dict.fromkeys(result.label.name for result in ours)
        lines += [_row(name, [r for r in ours if r.label.name == name], classes) for name in names]
    return lines


def _row(name: str, results: Sequence[Result], classes: Sequence[Class]) -> str:
    counts = Counter(result.verdict for result in results)
    right = f"{sum(result.right for result in results)}/{len(results)}"
    return f"| {name} | " + " | ".join(str(counts[one] or "") for one in classes) + f" | {right} |"


def _group(result: Result) -> Group:
    """A fault that no case set off is nothing."""
    return result.label.group if result.set_off else Group.NOTHING


def _line(result: Result) -> str:
    mark = "" if result.right else "  WRONG"
    return f"{result.seconds:5.1f} s  {result.label.name}, {result.seed}: {result.verdict.value}{mark}"


def misses(results: Sequence[Result]) -> dict[str, list[Result]]:
    """The goals, and what misses them."""
    green = (Class.PASS, Class.FIXED)
    blamed = (Class.FINDING, Class.REPRODUCED)
    wrong = [result for result in results if result.verdict not in result.allowed]
    return {
        "bench events called findings": [r for r in wrong if _group(r) is not Group.DEVICE and r.verdict in blamed],
        "device faults called pass or fixed": [r for r in wrong if _group(r) is Group.DEVICE and r.verdict in green],
        "green runs that tested nothing": [r for r in results if not r.label.tested and r.verdict in green],
    }


def told(results: Sequence[Result]) -> tuple[list[str], bool]:
    """The goals in words, what is wrong and how to run it alone; True when every goal is met."""
    lines, met = [], True
    for goal, missed in misses(results).items():
        lines.append(f"{goal}: {len(missed)} (goal: 0)")
        met &= not missed
    share = sum(result.right for result in results) / max(1, len(results))
    lines.append(f"in the right class: {share:.1%} (goal: {RIGHT_SHARE:.0%})")
    for wrong in (result for result in results if not result.right):
        lines.append(f"--only '{wrong.label.name}' --seed {wrong.seed}: {wrong.verdict.value} {' '.join(wrong.kinds)}")
        lines += [f"    {line}" for line in wrong.words.splitlines()]
    return lines, met and share >= RIGHT_SHARE


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verdicts", description=__doc__)
    parser.add_argument("--events", type=int, default=520)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="one label, once")
    parser.add_argument("--load", type=int, default=0, help="busy loops beside")
    parser.add_argument("--held", action="store_true", help="the device's process is stopped for 0.2 to 10 s at random")
    parser.add_argument("--at-once", type=int, default=AT_ONCE)
    return parser.parse_args(arguments)


def main() -> int:
    """Run, print; 0 when every goal is met."""
    options = parsed()
    labels = [label for label in LABELS if options.only in ("", label.name)]
    if not labels:
        sys.exit(f"no label '{options.only}': one of {', '.join(label.name for label in LABELS)}")
    began, results = time.monotonic(), []
    with loops_beside(options.load), contextlib.suppress(KeyboardInterrupt):  # then what has ended is told
        wanted = events(labels, 1 if options.only else options.events, options.seed)
        for result in run_events(wanted, at_once=options.at_once, held=options.held):
            results.append(result)
            mark = "" if result.right else "  WRONG"
            print(
                f"{len(results):4} {result.seconds:5.1f} s  {result.label.name}: {result.verdict.value}{mark}",
                file=sys.stderr,
            )
    lines, met = told(results)
    print("\n".join([*matrix(results), "", *lines]))
    print(f"{len(results)} events in {time.monotonic() - began:.0f} s")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
