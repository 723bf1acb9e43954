"""GPIO ports, SYSCFG's external-interrupt selection and EXTI (RM0090 ch. 8, 9, 12)."""

from __future__ import annotations

from typing import Any

from targets.board.nvic import IRQ0
from targets.board.peripherals.base import Peripheral, Wired, Wiring

IDR, ODR, BSRR = 0x10, 0x14, 0x18
EXTICR1, PORTS = 0x08, "ABCDEFGHI"
IMR, EMR, RTSR, FTSR, SWIER, PR = 0x00, 0x04, 0x08, 0x0C, 0x10, 0x14
_EXTI_IRQ = (6, 7, 8, 9, 10, *[23] * 5, *[40] * 6)


class Gpio(Peripheral):
    """One port. Inputs are set from outside; outputs are read back from ODR."""

    kind = "gpio"
    passive = True
    words = 10

    def set_input(self, pin: int, level: bool) -> None:
        """Drive one pin from outside."""
        self.registers[IDR >> 2] = self.registers[IDR >> 2] & ~(1 << pin) | level << pin

    def write(self, offset: int, value: int) -> None:
        if offset == BSRR:
            output = self.registers[ODR >> 2]
            self.registers[ODR >> 2] = (output & ~(value >> 16) | value & 0xFFFF) & 0xFFFF
        elif offset != IDR:
            super().write(offset, value)


class Exti(Peripheral):
    """External interrupts 0 to 15; lines of one shared vector keep it pending while any is."""

    kind = "exti"
    passive = True
    words = 6

    def edge(self, line: int, *, rising: bool) -> None:
        """The selected pin changed its level."""
        wanted = self.registers[(RTSR if rising else FTSR) >> 2]
        if wanted >> line & 1:
            self.registers[PR >> 2] |= 1 << line
            self._update()

    def write(self, offset: int, value: int) -> None:
        if offset == PR:
            self.registers[PR >> 2] &= ~value
        elif offset == SWIER:
            self.registers[PR >> 2] |= value & self.registers[IMR >> 2]
        else:
            super().write(offset, value)
        self._update()

    def wired(self) -> Wired:
        return Wired(tuple(IRQ0 + irq for irq in _EXTI_IRQ))

    def _update(self) -> None:
        active = self.registers[PR >> 2] & self.registers[IMR >> 2]
        levels: dict[int, bool] = {}
        for line, irq in enumerate(_EXTI_IRQ):
            levels[irq] = levels.get(irq, False) or bool(active >> line & 1)
        for irq, level in levels.items():
            self.wiring.nvic.line(IRQ0 + irq, level)


class Pins:
    """All ports together: pin names (`PB3`), input edges, and which port an EXTI line listens to."""

    def __init__(self, wiring: Wiring) -> None:
        self.ports = {letter: Gpio(wiring) for letter in PORTS}
        self.selection = Peripheral(wiring)
        self.exti = Exti(wiring)

    def drive(self, port: str, pin: int, level: bool) -> None:
        """Set an input pin; an edge reaches EXTI when SYSCFG selects this port for the line."""
        gpio = self.ports[port]
        before = bool(gpio.registers[IDR >> 2] >> pin & 1)
        gpio.set_input(pin, level)
        field = self.selection.registers[(EXTICR1 >> 2) + pin // 4] >> 4 * (pin % 4) & 15
        if before != level and field == PORTS.index(port):
            self.exti.edge(pin, rising=level)

    def output(self, port: str, pin: int) -> int:
        """The level an output pin is driven to: 0 or 1."""
        return self.ports[port].registers[ODR >> 2] >> pin & 1

    def inputs(self) -> dict[str, Any]:
        """Levels driven from outside, which outlive a reset of the chip."""
        return {letter: gpio.registers[IDR >> 2] for letter, gpio in self.ports.items()}
