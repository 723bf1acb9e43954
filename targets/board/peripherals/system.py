"""The private peripheral bus: SysTick, NVIC registers, system control block, cycle counter (ARM DDI 0403E, B3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from targets.board.nvic import BUS_FAULT, EXCEPTIONS, IRQ0, MEM_FAULT, NMI, PENDSV, SYSTICK, USAGE_FAULT, CoreRegisters
from targets.board.peripherals.base import Peripheral, Wired, Wiring

ICTR, SYST_CSR, SYST_RVR, SYST_CVR, SYST_CALIB = 0x004, 0x010, 0x014, 0x018, 0x01C
ISER, ICER, ISPR, ICPR, IABR, IPR, IPR_END = 0x100, 0x180, 0x200, 0x280, 0x300, 0x400, 0x4F0
CPUID, ICSR, VTOR, AIRCR, SCR, CCR, SHPR1, SHPR3, SHCSR = 0xD00, 0xD04, 0xD08, 0xD0C, 0xD10, 0xD14, 0xD18, 0xD20, 0xD24
CFSR, HFSR, MMFAR, BFAR, CPACR, STIR = 0xD28, 0xD2C, 0xD34, 0xD38, 0xD88, 0xF00
FPCCR, FPCAR = 0xF34, 0xF38
STKALIGN, LSPACT, LSPEN, ASPEN = 1 << 9, 1 << 0, 1 << 30, 1 << 31
CORTEX_M4 = 0x410FC241
_ENABLE, _TICKINT, _COUNTFLAG = 1, 2, 1 << 16
_FPCA = 1 << 2
_SYSRESETREQ, _VECTKEY, _VECTKEYSTAT, _PRIGROUP = 1 << 2, 0x05FA, 0xFA05, 7 << 8
_FAULT_ENABLES = ((1 << 16, MEM_FAULT), (1 << 17, BUS_FAULT), (1 << 18, USAGE_FAULT))
_PENDERS = ((1 << 31, NMI, True), (1 << 28, PENDSV, True), (1 << 27, PENDSV, False), (1 << 26, SYSTICK, True))


class SystemControl(Peripheral, CoreRegisters):
    """Registers from 0xE000E000. `reset_requested` is called by AIRCR.SYSRESETREQ."""

    kind = "system"
    size = 0x1000
    passive = True
    words = 0x400

    def __init__(self, wiring: Wiring, reset_requested: Callable[[], None]) -> None:
        self._reset_requested = reset_requested
        self._source = wiring.schedule.source(self._tick)
        super().__init__(wiring)

    def reset(self) -> None:
        super().reset()
        self.registers[CPUID >> 2] = CORTEX_M4
        self.registers[VTOR >> 2] = self.wiring.cpu.memory.vectors
        self.registers[AIRCR >> 2] = _VECTKEYSTAT << 16
        self.registers[CCR >> 2] = STKALIGN
        self.registers[FPCCR >> 2] = ASPEN | LSPEN
        self._origin = 0
        self.wiring.schedule.disarm(self._source)

    @property
    def vectors(self) -> int:
        """Address of the vector table."""
        return self.registers[VTOR >> 2] & ~0x7F

    @property
    def grouping(self) -> int:
        return 0xFF & ~((2 << (self.registers[AIRCR >> 2] >> 8 & 7)) - 1)

    @property
    def aligns(self) -> bool:
        return bool(self.registers[CCR >> 2] & STKALIGN)

    @property
    def stacks_floating(self) -> bool:
        return bool(self.registers[FPCCR >> 2] & ASPEN)

    def keep_floating(self, address: int) -> None:
        if self.registers[FPCCR >> 2] & LSPEN:
            self.wiring.touched.add(self)
            self.registers[FPCAR >> 2] = address
            self.registers[FPCCR >> 2] |= LSPACT

    def floating_kept(self) -> bool:
        kept = bool(self.registers[FPCCR >> 2] & LSPACT)
        if kept:
            self.wiring.touched.add(self)
            self.registers[FPCCR >> 2] &= ~LSPACT
        return kept

    def record_fault(self, status: int, address: int | None, *, bus: bool = False) -> None:
        """Set CFSR and, for a known address, MMFAR or BFAR with its valid bit."""
        self.wiring.touched.add(self)
        self.registers[CFSR >> 2] |= status | ((1 << 15 if bus else 1 << 7) if address is not None else 0)
        if address is not None:
            self.registers[(BFAR if bus else MMFAR) >> 2] = address

    def escalate(self) -> None:
        """HFSR.FORCED: a configurable fault became a HardFault."""
        self.wiring.touched.add(self)
        self.registers[HFSR >> 2] |= 1 << 30

    def read(self, offset: int) -> int:
        if offset == SYST_CVR:
            return self._systick_value()
        if ISER <= offset < IPR_END:
            return self._nvic_read(offset)
        if offset == ICSR:
            return self._interrupt_state()
        if offset == SYST_CSR:
            value = self.registers[offset >> 2]
            self.registers[offset >> 2] &= ~_COUNTFLAG
            return value
        if offset == FPCCR and self.wiring.cpu.masks()[3] & _FPCA:
            self.floating_kept()
        return super().read(offset)

    def write(self, offset: int, value: int) -> None:
        if offset in (SYST_CSR, SYST_RVR, SYST_CVR):
            self._systick_write(offset, value)
        elif ISER <= offset < IPR_END:
            self._nvic_write(offset, value)
        elif offset == ICSR:
            self._set_pending(value)
        elif offset == AIRCR:
            self._control(value)
        elif offset in (CFSR, HFSR):
            self.registers[offset >> 2] &= ~value
        elif offset == STIR:
            self.wiring.nvic.pend(IRQ0 + (value & 0x1FF))
        else:
            super().write(offset, value)
            self._follow(offset, value)

    def _control(self, value: int) -> None:
        """AIRCR: priority grouping, and the request of a reset; nothing without the key."""
        if value >> 16 != _VECTKEY:
            return
        self.registers[AIRCR >> 2] = _VECTKEYSTAT << 16 | value & _PRIGROUP
        if value & _SYSRESETREQ:
            self._reset_requested()

    def _follow(self, offset: int, value: int) -> None:
        if SHPR1 <= offset <= SHPR3:
            first = 4 + (offset - SHPR1)
            for i in range(4):
                self.wiring.nvic.priorities[first + i] = value >> 8 * i & 0xF0
        elif offset == SHCSR:
            for bit, number in _FAULT_ENABLES:
                enabled = self.wiring.nvic.enabled
                (enabled.add if value & bit else enabled.discard)(number)

    def _set_pending(self, value: int) -> None:
        for bit, number, pend in _PENDERS:
            if value & bit and pend:
                self.wiring.nvic.pend(number)
            elif value & bit:
                self.wiring.nvic.pending.discard(number)
        if value & 1 << 25:
            self.wiring.nvic.pending.discard(SYSTICK)

    def _interrupt_state(self) -> int:
        nvic = self.wiring.nvic
        pending = min(nvic.pending & nvic.enabled, default=0)
        waiting = any(number >= IRQ0 for number in nvic.pending)
        return (nvic.active[-1] if nvic.active else 0) | pending << 12 | waiting << 22

    def _nvic_read(self, offset: int) -> int:
        nvic = self.wiring.nvic
        if offset >= IPR:
            first = IRQ0 + offset - IPR
            return sum(nvic.priorities[first + i] << 8 * i for i in range(4))
        members = {ISER: nvic.enabled, ICER: nvic.enabled, IABR: set(nvic.active)}.get(offset & ~0x7F, nvic.pending)
        first = IRQ0 + 8 * (offset & 0x7F)
        return sum(1 << i for i in range(32) if first + i in members)

    def _nvic_write(self, offset: int, value: int) -> None:
        nvic, kind = self.wiring.nvic, offset & ~0x7F
        if offset >= IPR:
            first = IRQ0 + offset - IPR
            nvic.priorities[first : first + 4] = [value >> 8 * i & 0xF0 for i in range(4)]
            return
        first = IRQ0 + 8 * (offset & 0x7F)
        act = {ISER: nvic.enable, ICER: nvic.enabled.discard, ISPR: nvic.pend, ICPR: nvic.pending.discard}.get(kind)
        for number in (first + i for i in range(32) if value >> i & 1):
            if act and number < EXCEPTIONS:
                act(number)

    def _period(self) -> int:
        return (self.registers[SYST_RVR >> 2] & 0xFFFFFF) + 1

    def _systick_value(self) -> int:
        if not self.registers[SYST_CSR >> 2] & _ENABLE:
            return self.registers[SYST_CVR >> 2]
        elapsed = self.wiring.schedule.now() - self._origin
        return self._period() - 1 - elapsed % self._period()

    def _systick_write(self, offset: int, value: int) -> None:
        self.registers[offset >> 2] = value & 0xFFFFFF if offset != SYST_CVR else 0
        schedule = self.wiring.schedule
        self._origin = schedule.now()
        if self.registers[SYST_CSR >> 2] & _ENABLE and self._period() > 1:
            schedule.arm(self._source, self._origin + self._period())
        else:
            schedule.disarm(self._source)

    def _tick(self) -> None:
        self.wiring.touched.add(self)
        self.registers[SYST_CSR >> 2] |= _COUNTFLAG
        schedule = self.wiring.schedule
        schedule.arm(self._source, schedule.now() + self._period())
        if self.registers[SYST_CSR >> 2] & _TICKINT:
            self.wiring.nvic.pend(SYSTICK)

    def wired(self) -> Wired:
        return Wired((-1,), (self._source,))

    def state(self) -> Any:
        return self.registers[:], self._origin

    def restore(self, state: Any) -> None:
        self.registers[:], self._origin = state


class CycleCounter(Peripheral):
    """DWT (0xE0001000): CYCCNT counts virtual cycles."""

    kind = "cycles"
    size = 0x1000
    passive = True
    words = 0x10
    CYCCNT = 0x04

    def read(self, offset: int) -> int:
        if offset == self.CYCCNT:
            return (self.wiring.schedule.now() - self.registers[1]) & 0xFFFFFFFF
        return super().read(offset)

    def write(self, offset: int, value: int) -> None:
        if offset == self.CYCCNT:
            value = self.wiring.schedule.now() - value
        super().write(offset, value)
