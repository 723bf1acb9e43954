"""An emulated device in this process: the board as a target, and the `emulator:` transport to its serial ports."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.bench_tables import SignalTable, StimulusTable
from harness.errors import LinkClosed, LinkError, UsageError, did_you_mean
from harness.functions import FunctionsRun
from harness.interfaces import Traits
from harness.learned import Compared, Words
from harness.transcript import Sample, TargetEvent
from harness.transports import Endpoint, transports
from targets.board.compares import Compares
from targets.board.explain import WriteWatch
from targets.board.fault import CONTROL_FLOW_LOST
from targets.board.functions import functions_run
from targets.board.image import Image
from targets.board.machine import Machine
from targets.board.memory import STM32F405
from targets.board.native.machine import new_machine
from targets.board.peripherals.usart import Usart
from targets.board.sampler import Sampler, SignalSource, parse_pin
from targets.board.telling import told, where
from targets.board.words import words_of

_CONSOLE = "console"


@dataclass(frozen=True, slots=True)
class _Snapshot:
    machine: Any
    epoch: int


class EmulatedTarget:
    """Firmware on the board. Time is virtual; `advance` and `receive` let it pass."""

    traits = Traits(virtual_clock=True, cheap_waits=True)

    def __init__(
        self,
        image: Image,
        *,
        name: str,
        ports: Mapping[str, str],
        signals: Mapping[str, SignalTable],
        stimuli: Mapping[str, StimulusTable],
        hz: int,
        hang_budget: int,
        seed: int,
        settle: float,
        build: Callable[..., Machine] = new_machine,
        ram: int = STM32F405.ram,
    ) -> None:
        self.name, self._image, self._stimuli, self._settle = name, image, stimuli, settle
        sources = {key: SignalSource(s.symbol, s.pin, s.signed, s.scale) for key, s in signals.items()}
        self.machine = build(image, seed=seed, hz=hz, hang_budget=hang_budget, sampler=Sampler(sources, image, ram))
        self._ports = {link: self._usart(link, port) for link, port in ports.items()}
        self._console: list[tuple[float, bytes]] = []
        self._seed = seed
        self._watch: WriteWatch | None = None
        self._compares: Compares | None = None
        self.epoch = 0
        self._booted: tuple[tuple[str, ...], Callable[[], str]] = ((), str)
        for stimulus in stimuli:
            self._check(stimulus)

    def _usart(self, link: str, port: str) -> Usart:
        usarts = self.machine.chip.usarts
        if port not in usarts:
            raise UsageError(f"[target.ports] {link} = '{port}' is not a serial port.{did_you_mean(port, usarts)}")
        return usarts[port]

    def start(self) -> None:
        """Power on and let the firmware boot for the bench's `settle` seconds."""
        self.machine.power_on()
        self.machine.events.clear()
        self.calm()
        self.epoch += 1
        self.advance(self._settle)
        self._booted = tuple(told(event.kind, event.detail) for event in self.machine.events), where(self.machine)
        self.machine.sampler.restore(())  # every life of the device begins with all its signals told

    @property
    def doubt(self) -> str:
        """Why the board may not be this firmware's; "" where nothing speaks against it."""
        return ""

    @property
    def booted(self) -> tuple[tuple[str, ...], str]:
        """What happened in the last start, and where the firmware then was."""
        events, place = self._booted
        return events, place()

    def stop(self) -> None:
        """Nothing to let go of: the machine is memory."""

    def reset(self) -> None:
        """A power cycle that keeps what flash keeps."""
        self.machine.reset("power-on")
        self.epoch += 1
        self.advance(self._settle)

    def can_reset(self) -> bool:
        """Always."""
        return True

    def words(self) -> Words:
        """Those of the image."""
        return words_of(self._image)

    def usart(self, link: str) -> Usart:
        """The serial port behind a link name; raises LinkError."""
        if link not in self._ports:
            hint = did_you_mean(link, self._ports)
            raise LinkError(f"emulator has no port '{link}'.{hint} See [target.ports]")
        return self._ports[link]

    def link(self, port: str) -> EmulatorLink:
        """An open link to a port."""
        return EmulatorLink(self, self.usart(port))

    def byte_seconds(self, port: str) -> float:
        """What a byte takes on the line of a port, at the rate that the firmware has set."""
        return self.usart(port).byte_cycles / self.machine.hz

    def stimulate(self, stimulus: str, value: float) -> None:
        """Set a sensor input (raw = value / scale) or an input pin (0 or 1)."""
        table = self._check(stimulus)
        if not math.isfinite(value):
            raise UsageError(f"stimulus '{stimulus}' cannot be {value}; give a number in its unit")
        raw = round(value / table.scale)
        if table.adc is not None:
            self.machine.chip.adc.inputs[table.adc] = max(0, min(raw, 4095))
        else:
            port, pin = parse_pin(table.pin)
            self.machine.chip.drive(port, pin, bool(raw))

    def calm(self) -> None:
        """Every stimulus at its initial value."""
        for name, stimulus in self._stimuli.items():
            self.stimulate(name, stimulus.initial)

    def _check(self, stimulus: str) -> StimulusTable:
        table = self._stimuli.get(stimulus)
        if table is None:
            raise UsageError(f"unknown stimulus '{stimulus}'.{did_you_mean(stimulus, self._stimuli)} See [stimuli]")
        if table.adc is None and not table.pin:
            raise UsageError(f'[stimuli.{stimulus}] needs adc = CHANNEL or pin = "PORT AND NUMBER" in an emulator')
        return table

    def advance(self, seconds: float) -> None:
        """Let virtual time pass; what the ports send meanwhile waits for `receive`."""
        machine = self.machine
        machine.watched = None
        machine.run(machine.schedule.base + round(seconds * machine.hz))

    def now(self) -> float:
        """Virtual seconds since power-on."""
        return self.machine.seconds

    def take_events(self) -> Sequence[TargetEvent]:
        """Faults, hangs and resets since the last call."""
        events, self.machine.events = self.machine.events, []
        return [self._explained(event) for event in events] if self._watch else events

    def explain_writes(self, *, on: bool) -> None:
        """Watch every store, so that a fault's detail names the objects that were overwritten; slow."""
        if self._watch is not None:
            self._watch.remove()
        self._watch = WriteWatch(self.machine) if on else None

    def note_compared(self) -> None:
        """Note the operands of comparisons from now on."""
        self._compares = self.machine.compares
        self._compares.begin()

    def take_compared(self) -> tuple[Compared, ...]:
        """What was compared since the last restore; nothing is noted from now on."""
        compares, self._compares = self._compares, None
        return () if compares is None else compares.end()

    def _explained(self, event: TargetEvent) -> TargetEvent:
        if self._watch is None or event.kind != "fault":
            return event
        lost = event.detail.get("type") in CONTROL_FLOW_LOST
        words = self._watch.explanation(event.detail.get("returned", "") if lost else "")
        return replace(event, detail={**event.detail, "overwritten": words}) if words else event

    def take_samples(self) -> Sequence[Sample]:
        """Signal samples since the last call; only an idle firmware's variables agree with each other."""
        sampler = self.machine.sampler
        if self.machine.sleeping and not self.machine.locked:
            sampler.sample(self.machine)
        samples, sampler.samples = sampler.samples, []
        return samples

    def take_console(self) -> Sequence[tuple[float, bytes]]:
        """What the console port printed since the last call."""
        usart = self._ports.get(_CONSOLE)
        if usart is None or not usart.output:
            return ()
        text = [(cycle / self.machine.hz, data) for cycle, data in usart.output]
        usart.output.clear()
        return text

    def facts(self) -> Mapping[str, str]:
        """What runs, and what the emulator does not model."""
        return {
            "kind": "emulated STM32F405 (Cortex-M4, Unicorn)",
            "firmware": self._image.path.name,
            "firmware_sha256": self._image.sha256,
            "core_hz": str(self.machine.hz),
            "limits": "one instruction is one cycle; page 0 unmapped; the network module's IP stack is not modelled",
        }

    def snapshot(self) -> _Snapshot:
        """The machine, and which start or reset it belongs to."""
        return _Snapshot(self.machine.snapshot(), self.epoch)

    def restore(self, snapshot: Any) -> None:
        """Back to a snapshot; links opened since a later reset stay open."""
        self.machine.restore(snapshot.machine)
        if self._watch is not None:
            self._watch.forget()
        if self._compares is not None:
            self._compares.forget()
        self.machine.events.clear()
        self.epoch = snapshot.epoch

    def work(self) -> int:
        """Instructions executed so far."""
        return self.machine.work

    def coverage(self) -> int:
        """Distinct edges executed since the start."""
        return len(self.machine.edges)

    def edges(self) -> Collection[int]:
        """The edges themselves: where a jump came from, and where it went."""
        return self.machine.edges

    def know(self, edges: Collection[int]) -> None:
        """Count these as seen."""
        self.machine.edges.update(edges)

    def functions(self) -> FunctionsRun | None:
        """By the image's symbols; None where it has none."""
        return functions_run(self._image, self.machine.edges, self.machine.cpu.memory.vectors)

    def memory(self, symbol: str) -> bytes:
        """The bytes of a variable; for tests and explanations."""
        found = self._image.symbols[symbol]
        return self.machine.cpu.read(found.address, found.size) or b""


class EmulatorLink:
    """One serial port of the machine; receiving runs the firmware."""

    whole = False
    stream = True

    def __init__(self, target: EmulatedTarget, usart: Usart) -> None:
        self._machine, self._usart, self._open = target.machine, usart, True
        usart.output.clear()

    def send(self, data: bytes, deadline: float) -> None:
        """Put bytes on the wire."""
        if not self._open:
            raise LinkClosed("the emulator link is closed")
        self._usart.feed(data)

    def receive(self, deadline: float) -> bytes:
        """Run the firmware until it has sent something, or to the deadline."""
        machine, output = self._machine, self._usart.output
        machine.watched = self._usart
        machine.run(int(deadline * machine.hz) + 1)
        if not output:
            return b""
        base = machine.schedule.base
        ready = [data for cycle, data in output if cycle <= base]
        del output[: len(ready)]
        return b"".join(ready)

    def close(self) -> None:
        """Forget what was received."""
        self._open = False
        self._usart.output.clear()

    def now(self) -> float:
        """Virtual seconds."""
        return self._machine.seconds


class EmulatorTransport:
    """`emulator:/PORT`: a port of the bench's emulated target."""

    quiet_gap = 0.0

    def __init__(self, moniker: str, target: EmulatedTarget, port: str) -> None:
        self.moniker, self._target, self._port = moniker, target, port
        self.byte_seconds = 0.0

    def open(self, timeout: float) -> EmulatorLink:
        """A new link; never waits."""
        self.byte_seconds = self._target.byte_seconds(self._port)
        return self._target.link(self._port)


@transports.register("emulator")
def emulator_transport(endpoint: Endpoint, target: object) -> EmulatorTransport:
    """Needs an emulated target; raises UsageError for another kind."""
    if not isinstance(target, EmulatedTarget):
        raise UsageError(f"{endpoint.moniker}: only a target of kind 'emulator' has emulator links")
    return EmulatorTransport(endpoint.moniker, target, endpoint.address.lstrip("/"))
