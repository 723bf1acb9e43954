"""The STM32F405 as the machine wires it: which peripheral sits where, on which interrupt and DMA stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from targets.board.bus import Bus
from targets.board.nvic import IRQ0
from targets.board.peripherals.analog import Adc, Rng
from targets.board.peripherals.base import Peripheral, Wiring
from targets.board.peripherals.clock import ClockControl
from targets.board.peripherals.dma import Dma, Stream
from targets.board.peripherals.flash import FlashController
from targets.board.peripherals.gpio import Pins
from targets.board.peripherals.system import CycleCounter, SystemControl
from targets.board.peripherals.timer import Timer
from targets.board.peripherals.usart import Usart
from targets.board.peripherals.watchdog import Watchdog

_USARTS = {"USART1": (0x40011000, 37, 2), "USART2": (0x40004400, 38, 1), "USART3": (0x40004800, 39, 1)}
_TIMERS = ((0x40000000, 28, 32), (0x40000400, 29, 16), (0x40000800, 30, 16), (0x40000C00, 50, 32))
_DMA1_IRQS = (11, 12, 13, 14, 15, 16, 17, 47)
_DMA2_IRQS = (56, 57, 58, 59, 60, 68, 69, 70)
_RECEIVE = {"USART1": ((2, 2, 4), (2, 5, 4)), "USART2": ((1, 5, 4),), "USART3": ((1, 1, 4),)}
_TRANSMIT = {"USART1": ((2, 7, 4),), "USART2": ((1, 6, 4),), "USART3": ((1, 3, 4), (1, 4, 7))}
P = TypeVar("P", bound=Peripheral)


class Chip:
    """All peripherals. `absent` names those that answer as an emulator without them does: reads 0, ignores writes."""

    def __init__(
        self,
        wiring: Wiring,
        bus: Bus,
        *,
        seed: int,
        absent: frozenset[str],
        expired: Callable[[], None],
        reset_requested: Callable[[], None],
    ) -> None:
        self._wiring, self._bus = wiring, bus
        self._all: list[Peripheral] = []
        self._restored: list[object] = []
        self._known: list[object] = []
        self.clock = self._place(0x40023800, ClockControl(wiring))
        self.system = self._place(0xE000E000, SystemControl(wiring, reset_requested))
        self._place(0xE0001000, CycleCounter(wiring))
        self.watchdog = self._place(0x40003000, Watchdog(wiring, expired))
        self.timers = [self._place(base, Timer(wiring, IRQ0 + irq, bits)) for base, irq, bits in _TIMERS]
        self.flash = self._optional("flash", absent, 0x40023C00, FlashController(wiring))
        self.adc = self._optional("adc", absent, 0x40012000, Adc(wiring))
        self.rng = self._optional("rng", absent, 0x50060800, Rng(wiring, seed))
        self._place_pins()
        self._place_serial()
        self._place(0xE0042000, Peripheral(wiring))
        self._active = [peripheral for peripheral in self._all if not peripheral.passive]
        for number, peripheral in enumerate(self._all):
            peripheral.number = number

    def _place(self, base: int, peripheral: P) -> P:
        self._bus.attach(base, peripheral)
        self._all.append(peripheral)
        return peripheral

    def _optional(self, name: str, absent: frozenset[str], base: int, peripheral: P) -> P:
        if name not in absent:
            self._bus.attach(base, peripheral)
        self._all.append(peripheral)
        return peripheral

    def _place_pins(self) -> None:
        self.pins = Pins(self._wiring)
        for i, gpio in enumerate(self.pins.ports.values()):
            self._place(0x40020000 + 0x400 * i, gpio)
        self._place(0x40013800, self.pins.selection)
        self._place(0x40013C00, self.pins.exti)

    def _place_serial(self) -> None:
        controllers = {
            1: self._place(0x40026000, Dma(self._wiring, tuple(IRQ0 + irq for irq in _DMA1_IRQS))),
            2: self._place(0x40026400, Dma(self._wiring, tuple(IRQ0 + irq for irq in _DMA2_IRQS))),
        }
        self.usarts: dict[str, Usart] = {}
        for name, (base, irq, bus_number) in _USARTS.items():
            divider = self._divider(bus_number)
            usart = self._place(base, Usart(self._wiring, IRQ0 + irq, divider))
            self.usarts[name] = usart
            usart.receivers = [
                (controllers[controller].streams[stream], channel) for controller, stream, channel in _RECEIVE[name]
            ]
            _connect(usart, [(controllers[c].streams[stream], channel) for c, stream, channel in _TRANSMIT[name]])

    def _divider(self, bus_number: int) -> Callable[[], int]:
        return lambda: self.clock.divider(bus_number)

    @property
    def peripherals(self) -> list[Peripheral]:
        """All of them, in the order of their states."""
        return self._all

    def drive(self, port: str, pin: int, level: bool) -> None:
        """Set an input pin from outside."""
        self._wiring.touched.update((self.pins.ports[port], self.pins.exti))
        self.pins.drive(port, pin, level)

    def reset(self, cause: str) -> None:
        """Reset every register; levels at pins and sensor inputs, which come from outside, stay."""
        self._wiring.touched.update(self._all)
        levels = self.pins.inputs()
        for peripheral in self._all:
            peripheral.reset()
        for letter, level in levels.items():
            self.pins.ports[letter].registers[4] = level
        self.clock.set_cause(cause)

    def state(self) -> list[object]:
        """The states of all peripherals, in order; what equals the last state is shared with it."""
        states = [peripheral.state() for peripheral in self._all]
        known = self._known or states
        self._known = [old if old == new else new for old, new in zip(known, states, strict=True)]
        return self._known

    def restore(self, states: list[object]) -> None:
        """Back to a `state()`."""
        touched = self._wiring.touched
        if states is not self._restored:
            before = self._restored or [None] * len(states)
            touched.update([p for p, new, old in zip(self._all, states, before, strict=True) if new is not old])
            self._restored = states
        for peripheral in touched:
            peripheral.restore(states[peripheral.number])
        touched.clear()
        touched.update(self._active)


def _connect(usart: Usart, streams: list[tuple[Stream, int]]) -> None:
    for stream, channel in streams:
        stream.sends_to[channel] = usart
    usart.transmit_requests = [stream.request for stream, _channel in streams]
