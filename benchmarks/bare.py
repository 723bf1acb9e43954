"""Unicorn alone, as a harness of one's own would drive it: the lower bound of what a message on the emulator costs.

Each message is put where the firmware's receive DMA puts it, at the moment at which the main loop is about to take it.
Then a case is a context restore, 128 KB of RAM, and one run to the next WFI, with plain memory where peripherals were.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import unicorn
from unicorn import arm_const as arm

from targets.board.machine import Machine
from targets.board.memory import STM32F405
from targets.board.peripherals.timer import CNT, Timer
from targets.board.peripherals.usart import Usart

_NAMES = (*(f"R{number}" for number in range(13)), "SP", "LR", "PC", "XPSR", "PRIMASK", "CONTROL")
_REGISTERS = tuple(getattr(arm, f"UC_ARM_REG_{name}") for name in _NAMES)
_MOST = 1_000_000
_SECOND = 16_000_000
_STREAMS = slice(0x26000, 0x26800)  # both DMA controllers


@dataclass(frozen=True, slots=True)
class Message:
    """A message as a case of its own: the state it is said in, the port, its bytes."""

    state: Any
    usart: Usart
    data: bytes


def on_machine(machine: Machine, messages: Sequence[Message]) -> float:
    """Messages a second on the machine alone: restored, fed, run to the first bytes of the answer."""
    began = time.perf_counter()
    for message in messages:
        machine.restore(message.state)
        message.usart.feed(message.data)
        machine.watched = message.usart
        machine.run(machine.schedule.base + _SECOND)
    return len(messages) / (time.perf_counter() - began)


@dataclass(frozen=True, slots=True)
class _Moment:
    """What one case begins with."""

    context: Any
    pc: int
    ram: bytes
    streams: bytes


class Bare:
    """One emulator without a machine around it."""

    def __init__(self, machine: Machine, messages: Sequence[Message]) -> None:
        self._machine = machine
        self._uc: Any = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        self._uc.ctl_set_cpu_model(arm.UC_CPU_ARM_CORTEX_M4)
        self._ram = (ctypes.c_uint8 * STM32F405.ram_size)()
        self._flash = (ctypes.c_uint8 * STM32F405.rom_size).from_buffer_copy(machine.cpu.flash)
        self._near = (ctypes.c_uint8 * STM32F405.registers[0][1])()
        self._map()
        self._moments = [self._moment(message) for message in messages]

    def _map(self) -> None:
        both = unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE
        (near, size), *others = STM32F405.registers
        self._uc.mem_map_ptr(STM32F405.rom, STM32F405.rom_size, unicorn.UC_PROT_ALL, ctypes.addressof(self._flash))
        self._uc.mem_map_ptr(STM32F405.ram, STM32F405.ram_size, both, ctypes.addressof(self._ram))
        self._uc.mem_map_ptr(near, size, both, ctypes.addressof(self._near))
        for base, length in others:
            self._uc.mem_map(base, length, both)

    def _moment(self, message: Message) -> _Moment:
        """The machine runs to where its interrupts have brought the whole message; from there on it is not needed."""
        machine = self._machine
        machine.restore(message.state)
        message.usart.feed(message.data)
        machine.watched = None
        while message.usart.receiving:
            machine.run(machine.schedule.next())
        machine.run(machine.schedule.base + 2)
        while machine.sleeping or machine.nvic.active:
            machine.run(machine.schedule.base + 1)
        for register in _REGISTERS:
            self._uc.reg_write(register, machine.cpu.uc.reg_read(register))
        self._copy_peripherals()
        return _Moment(self._uc.context_save(), machine.cpu.pc | 1, bytes(machine.cpu.ram), bytes(self._near[_STREAMS]))

    def _copy_peripherals(self) -> None:
        for peripheral, base in self._machine.bus.banks().items():
            words = [word & 0xFFFFFFFF for word in peripheral.registers]
            self._uc.mem_write(base, b"".join(word.to_bytes(4, "little") for word in words))
            if isinstance(peripheral, Timer):
                self._uc.mem_write(base + CNT, self._machine.bus.read(base + CNT, 4).to_bytes(4, "little"))

    def rate(self) -> float:
        """Messages a second."""
        began = time.perf_counter()
        for moment in self._moments:
            self._uc.context_restore(moment.context)
            ctypes.memmove(self._ram, moment.ram, STM32F405.ram_size)
            ctypes.memmove(ctypes.addressof(self._near) + _STREAMS.start, moment.streams, len(moment.streams))
            self._uc.emu_start(moment.pc, 0xFFFFFFFF, count=_MOST)
        return len(self._moments) / (time.perf_counter() - began)

    def instructions(self) -> float:
        """How many a message takes, on average; slow."""
        ran = 0

        def counted(_uc: Any, _address: int, _size: int, _data: Any) -> None:
            nonlocal ran
            ran += 1

        hook = self._uc.hook_add(unicorn.UC_HOOK_CODE, counted)
        self._uc.ctl_flush_tb()
        self.rate()
        self._uc.hook_del(hook)
        self._uc.ctl_flush_tb()
        return ran / len(self._moments)
