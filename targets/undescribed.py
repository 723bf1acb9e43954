"""Firmware for a chip that nobody described, as a target: it serves when it takes bytes and waits again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.at_rest import AT_REST
from harness.bench_tables import SignalTable, StimulusTable
from harness.errors import LinkError, UsageError, did_you_mean
from targets.board.auto.liveness import Liveness
from targets.board.auto.machine import AutoMachine
from targets.board.auto.port import Port
from targets.board.image import Image
from targets.emulated import EmulatedTarget, EmulatorLink

_LEARNING, _LINGER = 1_000_000, 0.03


class UndescribedTarget(EmulatedTarget):
    """Its ports have the names of the description, or those that the bench gives them."""

    machine: AutoMachine

    def __init__(self, image: Image, **options: Any) -> None:
        _require_symbols(options["signals"])
        super().__init__(image, **options)
        self.liveness = Liveness(self.machine)

    @property
    def doubt(self) -> str:
        """Addresses in a board file are those of one build."""
        known, own = self.machine.description.firmware, self.machine.image.fingerprint
        return f"it is of another build of the firmware ({known}, this is {own})" if known not in ("", own) else ""

    def start(self) -> None:
        """As any emulated device; then where it waits is looked at once."""
        with self.machine.coming_up():
            super().start()
            if not self.machine.spin and not self.machine.sleeping:
                self.machine.learn_spin(_LEARNING)
        self.liveness.learn()

    def reset(self) -> None:
        """A power cycle that keeps what flash keeps."""
        with self.machine.coming_up():
            super().reset()

    def _check(self, stimulus: str) -> StimulusTable:
        raise UsageError(f"[stimuli.{stimulus}] an inferred board has no sensors and no pins; leave it out")

    def usart(self, link: str) -> Any:
        """The port behind a link name, or of that name; raises LinkError."""
        usarts: Mapping[str, Any] = self.machine.chip.usarts
        if link not in self._ports and link not in usarts:
            known = [*self._ports, *usarts]
            raise LinkError(
                f"emulator has no port '{link}'.{did_you_mean(link, known)} `describe` shows those there are"
            )
        return self._ports.get(link) or usarts[link]

    def link(self, port: str) -> EmulatorLink:
        """An open link to a port."""
        return RestingLink(self, self.usart(port))

    def byte_seconds(self, port: str) -> float:
        """Bytes are there as soon as the firmware looks for them."""
        return 0.0

    def facts(self) -> Mapping[str, str]:
        """What runs, and that the board was inferred."""
        core = self.machine.description.core.replace("cortex-m", "Cortex-M")
        return {
            **super().facts(),
            "kind": f"emulated {core} (Unicorn), board inferred from the firmware",
            **({"board": self.doubt} if self.doubt else {}),
            "limits": "one instruction is one cycle; registers and interrupts as inferred, see docs/board.md",
        }


def _require_symbols(signals: Mapping[str, SignalTable]) -> None:
    for name, signal in signals.items():
        if not signal.symbol:
            raise UsageError(f'[signals.{name}] an inferred board has no pins; write symbol = "A VARIABLE"')


class RestingLink(EmulatorLink):
    """A port whose answer is complete when the firmware waits again. A message without bytes asks whether it does."""

    whole = True

    def __init__(self, target: UndescribedTarget, port: Port) -> None:
        super().__init__(target, port)  # pyright: ignore[reportArgumentType]
        self._port, self._machine, self._liveness = port, target.machine, target.liveness
        self._asked = self._fresh = self._rested = False

    def send(self, data: bytes, deadline: float) -> None:
        """Put bytes on the wire; none is a question."""
        super().send(data, deadline)
        self._asked, self._fresh, self._rested = not data, True, False

    def receive(self, deadline: float) -> bytes:
        """What the firmware sent, up to where it rests; b"" behind that once, later at the deadline."""
        machine, until = self._machine, int(deadline * self._machine.hz) + 1
        machine.watched = None
        if self._fresh:
            machine.run_to_rest(until, 0 if self._rested else round(_LINGER * machine.hz))
            self._rested = True
        else:
            machine.run(until)
        if came := self._output():
            return came
        self._fresh = False
        if not self._asked:
            return b""
        self._asked, self._fresh = False, (serves := self._liveness.serves(self._port))
        return AT_REST if serves else b""

    def _output(self) -> bytes:
        output = self._port.output
        came = b"".join(data for _cycle, data in output)
        output.clear()
        return came
