"""One bench for all tests of a session: its device is started when one of them wants it, and stopped at the end."""

from __future__ import annotations

from pathlib import Path

from harness.assembly.assemble import assemble
from harness.assembly.benches import find_bench, interface_of_one
from harness.assembly.speaking import Speaker
from harness.bench import load_bench
from harness.errors import LinkError, MedfuzzError
from harness.finding import Finding
from harness.handover.replay_all import Row, unplayable
from harness.handover.replaying import Device, Replays
from harness.known.baseline import Baseline
from harness.known.file import baseline_beside, load_baseline, today


class Rig:
    """`bench` is a file or a shipped bench's name, `known` a file of known findings (default: the one beside it).

    Raises UsageError for what is none.
    """

    def __init__(self, bench: str, known: Path | None = None) -> None:
        self.path = find_bench(bench)
        self.bench = load_bench(self.path)
        file = known or baseline_beside(self.path)
        self.baseline: Baseline | None = None if file is None else load_baseline(file, today())
        self._device: Device | None = None
        self._failure: MedfuzzError | None = None

    @property
    def device(self) -> Device:
        """The device, up; raises UsageError, BenchError, each time where it could not be started."""
        if self._failure is not None:
            raise self._failure
        if self._device is None:
            try:
                self._device = Device(assemble(self.path, seed=0)).__enter__()
            except MedfuzzError as error:
                self._failure = error
                raise
        return self._device

    def speaker(self, interface: str = "") -> Speaker:
        """A new connection to an interface, by default the only one, of a device that serves; an emulated one is fresh.

        Raises UsageError, BenchError.
        """
        name = self._named(interface)
        runner = self.device.assembly.runner
        if runner.independent or not self._serves(name):
            runner.fresh()
        speaker = Speaker(self.device.assembly, name)
        speaker.open()
        return speaker

    def replay(self, finding: Finding, tries: int | None) -> Row:
        """The tries, or why there are none; raises UsageError, BenchError."""
        if why := unplayable(self.device.assembly, finding):
            return Row(finding, Replays(()), why)
        return Row(finding, self.device.replay(finding, tries))

    def close(self) -> None:
        """Stop the device, if it was started."""
        if self._device is not None:
            self._device.__exit__(None, None, None)
            self._device = None

    def _named(self, interface: str) -> str:
        return interface_of_one(self.bench, self.path, interface, "@pytest.mark.interface('{}')")

    def _serves(self, name: str) -> bool:
        try:
            return self.device.assembly.runner.contact(name) is not None
        except LinkError:
            return False
