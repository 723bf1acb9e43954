"""`medfuzz check`: links, probes, identity, states, formulas, and a positive control of each monitor."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from harness.assembly import guards
from harness.assembly.assemble import Assembly, assemble
from harness.assembly.benches import find_bench
from harness.assembly.echo import echo_seen
from harness.assembly.fuzzing import make_fuzzers
from harness.assembly.meeting import meet
from harness.assembly.states import left_out, reachable, require_stimuli
from harness.bench_tables import ProcessTable
from harness.cli.program import command
from harness.cli.terminal import say
from harness.document import read_document
from harness.errors import BenchError, MedfuzzError, UsageError
from harness.finding import Finding, upgraded
from harness.identity import described
from harness.scope import REMEDY, unreached
from harness.triage.replay import replay_once, same_fault
from harness.verdict import Kind
from targets.emulated import EmulatedTarget

OK, FAILED, NOT_SHOWN, NOT_TESTED, NOT_USED = "ok", "FAILED", "not demonstrated", "not tested", "not used"
_CONTROLLED = (
    *(Kind.CRASH, Kind.HANG, Kind.REBOOT, Kind.SILENCE, Kind.UNSAFE_STATE),
    *(Kind.LEAK, Kind.DRIFT, Kind.CONSOLE, Kind.EXIT),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One checked thing: what, how it went, and what was seen."""

    what: str
    result: str
    detail: str = ""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(check)


def check(bench: Annotated[str, typer.Argument(help="A bench file, or a shipped bench.")]) -> None:
    """Check a bench before a campaign. Exit code: 0 sound, 3 something failed."""
    path, failed = find_bench(bench), 0
    assembly = assemble(path, seed=0)
    require_stimuli(assembly)
    make_fuzzers(assembly, seed=0)
    try:
        for line in chain(_bench_lines(assembly), _control_lines(path, assembly)):
            failed += line.result == FAILED
            say(f"{line.what:<34} {line.result:<16} {line.detail}".rstrip())
    finally:
        assembly.runner.stop()
    if failed:
        raise BenchError(f"{failed} of the checks failed; mend the bench before a campaign is believed")


def _bench_lines(assembly: Assembly) -> Iterator[Line]:
    try:
        assembly.runner.start()
        yield from _boot_lines(assembly)
        identities = meet(assembly)
        met = {name: tuple(interface.executor.exchanges) for name, interface in assembly.runner.interfaces.items()}
    except MedfuzzError as error:
        yield Line("target and links", FAILED, str(error))
        return
    yield Line(
        "target", OK, ", ".join(f"{k} {v}" for k, v in assembly.target.facts().items() if k in ("kind", "firmware"))
    )
    for name, identity in identities.items():
        words = described(identity) or "it does not say who it is"
        yield Line(f"interface {name}", OK, f"{assembly.bench.interfaces[name].transport}: {words}")
        if echo := echo_seen(assembly.bench.interfaces[name].transport, met[name]):
            yield Line(f"echo {name}", FAILED, echo)
        if guarding := guards.described(assembly.bench, name, assembly.protocols[name]):
            yield Line(f"guard {name}", OK, guarding)
        yield from (Line(f"script {name}", NOT_USED, note) for note in assembly.protocols[name].notes)
    if assembly.bench.is_hardware and not assembly.bench.target.armed:
        yield Line("armed", "not yet", "`run` wants armed = true in [target], once no patient can be connected")
    if not assembly.runner.independent:
        yield _reset_line(assembly)
    for name in identities:
        yield from _state_lines(assembly, name)
    yield from (Line(f"state {state}", NOT_TESTED, why) for state, why in left_out(assembly).items())
    yield from _coverage_lines(assembly)
    watched = [requirement for requirement in assembly.requirements if requirement.watched]
    if watched:
        yield Line("requirements", OK, f"{len(watched)} formulas over {len(assembly.bench.signals)} signals")


def _boot_lines(assembly: Assembly) -> Iterator[Line]:
    """How emulated firmware came up, and where it is: more than that no probe is answered."""
    if isinstance(assembly.target, EmulatedTarget):
        if doubt := assembly.target.doubt:
            yield Line("board", "doubtful", f"{doubt}: `{command()} describe` finds it out anew")
        events, place = assembly.target.booted
        yield from (Line("boot", FAILED, event) for event in events)
        yield Line("boot", OK if not events else FAILED, f"it {place}")


def _reset_line(assembly: Assembly) -> Line:
    """Whether the bench can bring a real device back, by trying: a night may hang on it."""
    if not assembly.target.can_reset():
        return Line(
            "reset", "none", "nothing brings back a device that stays dead: see reset_command, or `run --interactive`"
        )
    started = time.monotonic()
    try:
        assembly.runner.fresh()
        meet(assembly)
    except MedfuzzError as error:
        return Line("reset", FAILED, str(error))
    return Line("reset", OK, f"{1000 * (time.monotonic() - started):.0f} ms until it serves")


def _coverage_lines(assembly: Assembly) -> Iterator[Line]:
    """What a program told of its code so far; one that was to tell, and did not, was refused at its start."""
    table, edges = assembly.bench.target, assembly.runner.coverage()
    if not isinstance(table, ProcessTable) or not table.coverage:
        return
    if edges:
        yield Line("coverage", OK, f"{edges:,} edges so far, {'by Python' if table.coverage == 'python' else 'AFL++'}")
    else:
        yield Line("coverage", "none", "the program wrote nothing to AFL++'s map: it is not built with afl-cc")


def _state_lines(assembly: Assembly, name: str) -> Iterator[Line]:
    """Each state in turn; where they are reached anew, once more: the first round began on a device just started."""
    sound: list[str] = []
    for state in reachable(assembly, name):
        line = _state_line(assembly, name, state, f"state {name}/{state}")
        sound += [state] if line.result == OK else []
        yield line
    if not assembly.runner.independent and len(sound) > 1:
        again = (_state_line(assembly, name, state, f"state {name}/{state} again") for state in sound)
        yield from (line for line in again if line.result == FAILED)


def _state_line(assembly: Assembly, name: str, state: str, what: str) -> Line:
    started = time.monotonic()
    try:
        reached = assembly.runner.enter(assembly.runner.interfaces[name], state)
    except MedfuzzError as error:
        return Line(what, FAILED, str(error))
    if not reached:
        return Line(what, FAILED, f"{unreached(state, name)}: {assembly.runner.why}. {REMEDY}")
    return Line(what, OK, f"{1000 * (time.monotonic() - started):.0f} ms")


def _control_lines(path: Path, assembly: Assembly) -> Iterator[Line]:
    """Each monitor must fire on a recorded fault of the bench's control firmware."""
    controls = assembly.bench.controls
    for kind in (kind.value for kind in _CONTROLLED if kind.value in controls.recorded):
        what = f"monitor for {kind}"
        finding = _recorded(assembly.bench.path(controls.recorded[kind]))
        emulated = assembly.bench.target.kind == "emulator" and controls.elf
        elf = assembly.bench.path(controls.elf) if emulated else None
        yield _demonstrate(what, path, finding, elf)
    if without := [kind.value for kind in _CONTROLLED if kind.value not in controls.recorded]:
        words = "no recorded fault under [controls] to try them on; `medfuzz replay --save` writes one"
        yield Line("other monitors" if controls.recorded else "monitors", NOT_SHOWN, f"{', '.join(without)}: {words}")


def _recorded(path: Path) -> Finding:
    try:
        return read_document(path).finding
    except UsageError as error:
        raise BenchError(f"control {error}") from error


def _demonstrate(what: str, path: Path, finding: Finding, elf: Path | None) -> Line:
    if elf is None:
        return _by_transcript(what, path, finding)
    control = assemble(path, seed=1, elf=elf)
    try:
        control.runner.start()
        again = replay_once(control.runner, finding.window, finding)
    finally:
        control.runner.stop()
    if again.bench_error:
        return Line(what, FAILED, again.bench_error)
    return Line(what, OK if again.reproduced else FAILED, f"control: {finding.observation.summary}")


def _by_transcript(what: str, path: Path, finding: Finding) -> Line:
    """On a real device no fault is provoked: the monitors read the recorded transcript of one instead."""
    runner = assemble(path, seed=1, only=[finding.case.interface]).runner
    today = upgraded(finding, runner.interfaces[finding.case.interface].protocol.name)
    if any(same_fault(seen, today) for seen in runner.observed(finding.case, finding.transcript)):
        return Line(what, OK, f"recorded transcript: {finding.observation.summary}")
    return Line(what, NOT_SHOWN, "its recorded transcript needs the state before it; show it on the emulator")
