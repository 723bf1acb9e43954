"""Which states a bench can bring its device to: what `run` would stumble over, said before anything starts."""

from __future__ import annotations

from collections.abc import Iterator

from fuzzers.chains import needed_stimuli
from harness.bench_tables import ServedTable
from harness.cli.assemble import Assembly
from harness.errors import UsageError


def require_stimuli(assembly: Assembly) -> None:
    """Raises UsageError for a stimulus that nothing can set, and for a state of the bench that needs a missing one."""
    _require_means(assembly)
    for name in assembly.protocols:
        for state in assembly.bench.interfaces[name].states:
            if missing := _missing(assembly, name, state):
                where = f"[interfaces.{name}] states: '{state}'"
                raise UsageError(f"{where} {_words(missing)}; describe it there, or leave the state out")


def _require_means(assembly: Assembly) -> None:
    target = assembly.bench.target
    for stimulus, table in assembly.bench.stimuli.items():
        if isinstance(target, ServedTable) and not target.channel and not table.command:
            raise UsageError(f'[stimuli.{stimulus}] needs command = ["PROGRAM", "{{value}}"] or [target] channel')


def left_out(assembly: Assembly) -> dict[str, str]:
    """`INTERFACE/STATE` of those that the fuzzers leave out, and why."""
    return {
        f"{name}/{state}": _words(missing)
        for name, state in _in_scope(assembly)
        if (missing := _missing(assembly, name, state))
    }


def reachable(assembly: Assembly, name: str) -> list[str]:
    """The states of an interface that the fuzzers start from."""
    return [state for other, state in _in_scope(assembly) if other == name and not _missing(assembly, name, state)]


def _in_scope(assembly: Assembly) -> Iterator[tuple[str, str]]:
    for name, protocol in assembly.protocols.items():
        for state in assembly.bench.interfaces[name].states or protocol.states:
            yield name, state


def _missing(assembly: Assembly, name: str, state: str) -> list[str]:
    needed = needed_stimuli(assembly.protocols[name].state(state).preamble)
    return sorted(needed - set(assembly.bench.stimuli))


def _words(missing: list[str]) -> str:
    return f"needs {', '.join(repr(stimulus) for stimulus in missing)}, which the bench does not have under [stimuli]"
