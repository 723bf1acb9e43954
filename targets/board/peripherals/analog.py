"""ADC1 (single software-started conversions) and the random number generator (RM0090 ch. 13, 24)."""

from __future__ import annotations

import random
from typing import Any

from targets.board.nvic import IRQ0
from targets.board.peripherals.base import Peripheral, Wired, Wiring

ADC_SR, ADC_CR1, ADC_CR2, ADC_SQR3, ADC_DR = 0x00, 0x04, 0x08, 0x34, 0x4C
EOC, EOCIE, ADON, SWSTART = 1 << 1, 1 << 5, 1 << 0, 1 << 30
RNG_CR, RNG_SR, RNG_DR, RNGEN, DRDY = 0x00, 0x04, 0x08, 1 << 2, 1 << 0
ADC_IRQ, ADC_FULL_SCALE = 18, 4095


class Adc(Peripheral):
    """Twelve-bit converter; `inputs[channel]` is the raw value a conversion gives, and outlives a reset."""

    kind = "adc"
    words = 24

    def __init__(self, wiring: Wiring) -> None:
        self.inputs = [0] * 19
        super().__init__(wiring)

    def read(self, offset: int) -> int:
        if offset == ADC_DR:
            self.registers[0] &= ~EOC
            if self.registers[ADC_CR1 >> 2] & EOCIE:
                self._update()
            return self.registers[ADC_DR >> 2]
        return self.registers[offset >> 2] if offset < 4 * self.words else 0

    def write(self, offset: int, value: int) -> None:
        """Firmware polls this bank in a loop: the interrupt line is looked at only where it can move."""
        if offset > ADC_CR2:
            super().write(offset, value)
            return
        if offset == ADC_CR2 and value & SWSTART and value & ADON:
            self.registers[ADC_CR2 >> 2] = value & ~SWSTART
            self._convert()
        elif offset == ADC_SR:
            self.registers[0] &= value
        else:
            super().write(offset, value)
        if offset == ADC_CR1 or self.registers[ADC_CR1 >> 2] & EOCIE:
            self._update()

    def _convert(self) -> None:
        channel = self.registers[ADC_SQR3 >> 2] & 31
        self.registers[ADC_DR >> 2] = self.inputs[channel] if channel < len(self.inputs) else 0
        self.registers[0] |= EOC

    def _update(self) -> None:
        high = bool(self.registers[0] & EOC and self.registers[ADC_CR1 >> 2] & EOCIE)
        self.wiring.nvic.line(IRQ0 + ADC_IRQ, high)

    def wired(self) -> Wired:
        return Wired((IRQ0 + ADC_IRQ,))

    def state(self) -> Any:
        return self.registers[:], self.inputs[:]

    def restore(self, state: Any) -> None:
        self.registers[:], self.inputs[:] = state


class Rng(Peripheral):
    """Random numbers from the campaign's seed: the same after every restore of a snapshot.

    `_at` is where the generator stands, while that is known; `_behind`, that it is still to be brought there.
    """

    kind = ""
    words = 3

    def __init__(self, wiring: Wiring, seed: int) -> None:
        self._random = random.Random(seed)
        self._at: Any = None
        self._behind = False
        super().__init__(wiring)

    def read(self, offset: int) -> int:
        enabled = self.registers[0] & RNGEN
        if offset == RNG_SR:
            return DRDY if enabled else 0
        if offset == RNG_DR:
            return self._draw() if enabled else 0
        return super().read(offset)

    def _draw(self) -> int:
        if self._behind:
            self._random.setstate(self._at)
        self._at, self._behind = None, False
        return self._random.getrandbits(32)

    def state(self) -> Any:
        self._at = self._at or self._random.getstate()
        return self.registers[:], self._at

    def restore(self, state: Any) -> None:
        self.registers[:], generator = state
        if self._at is not generator:
            self._at, self._behind = generator, True
