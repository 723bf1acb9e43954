"""Tests of a bench's device that Hypothesis makes: sequences of its protocol's messages, for a test file of one's own.

    from harness.assembly.sequences import sequences

    TestLink = sequences("bench.toml", "maintenance")

pytest and unittest run it like any test. Set `settings` on it as on any machine's `TestCase`: it is one test, of as
many examples as `max_examples` says. What fails is made small, printed as a program, and kept for the next time.
"""

from __future__ import annotations

from unittest import TestCase as UnitTest

from fuzzers.stateful import machine_of
from harness.assembly.assemble import Assembly, assemble
from harness.assembly.benches import find_bench, interface_of_one, require_arming
from harness.assembly.meeting import meet
from harness.bench import load_bench
from harness.case import TestCase
from harness.outcome import Outcome


class _Device:
    """Started by the first sequence that is played, stopped by whoever runs the tests."""

    def __init__(self, assembly: Assembly) -> None:
        self._assembly, self._is_up = assembly, False

    def play(self, case: TestCase) -> Outcome:
        """One sequence; raises BenchError where the device cannot be had."""
        if not self._is_up:
            self._assembly.runner.start()
            meet(self._assembly)
            self._is_up = True
        return self._assembly.runner.run(case, probe=True)

    def stop(self) -> None:
        """Let go of it."""
        self._assembly.runner.stop()
        self._is_up = False


def sequences(bench: str, interface: str = "") -> type[UnitTest]:
    """The test of a bench's interface ("": the only one); the device runs while it does.

    Raises UsageError for a bench or an interface that is none, and for a real device that is not armed.
    """
    path = find_bench(bench)
    table = load_bench(path)
    name = interface_of_one(table, path, interface, "sequences(BENCH, '{}')")
    require_arming(table, path)
    assembly = assemble(path, seed=0, only=[name])
    device, stimuli = _Device(assembly), frozenset(table.stimuli)
    machine = machine_of(assembly.protocols[name], name, table.interfaces[name].states, stimuli, device.play)

    class Sequences(machine.TestCase):
        @classmethod
        def tearDownClass(cls) -> None:
            device.stop()

    Sequences.__doc__ = f"Sequences on {path}, {name}, that Hypothesis makes."
    return Sequences
