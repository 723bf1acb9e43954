"""Reset and clock control RCC (RM0090 ch. 7): ready bits follow their enables, bus dividers, reset cause."""

from __future__ import annotations

from typing import Any

from targets.board.peripherals.base import Peripheral

CR, CFGR, CSR = 0x00, 0x08, 0x74
HSION, HSEON, PLLON = 1 << 0, 1 << 16, 1 << 24
RMVF = 1 << 24
CAUSES = {"power-on": 0x0E000000, "pin": 0x04000000, "software": 0x14000000, "watchdog": 0x24000000}
_DIVIDERS = (2, 4, 8, 16)


class ClockControl(Peripheral):
    """Oscillators are ready as soon as they are enabled. The core frequency itself is fixed by the bench."""

    kind = "clock"
    passive = True
    words = 0x25

    def reset(self) -> None:
        super().reset()
        self.registers[0] = 0x83

    def set_cause(self, cause: str) -> None:
        """What CSR tells after this reset: a key of CAUSES."""
        self.registers[CSR >> 2] = CAUSES[cause]

    def read(self, offset: int) -> int:
        value = super().read(offset)
        if offset == CR:
            return value | (value & (HSION | HSEON | PLLON)) << 1
        if offset == CFGR:
            return value & ~0xC | (value & 3) << 2
        return value

    def write(self, offset: int, value: int) -> None:
        if offset == CSR and value & RMVF:
            self.registers[CSR >> 2] = 0
            return
        super().write(offset, value)

    def divider(self, bus: int) -> int:
        """Core cycles per cycle of APB1 or APB2."""
        field = self.registers[CFGR >> 2] >> (10 if bus == 1 else 13) & 7
        return _DIVIDERS[field & 3] if field & 4 else 1

    def state(self) -> Any:
        return self.registers[:]
