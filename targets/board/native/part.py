"""One machine's part in C, made of its emulator and of the functions that the core asks."""

from __future__ import annotations

import ctypes
from ctypes import c_uint8, c_void_p
from typing import Any

from unicorn import arm_const as arm

from targets.board.cpu import Cpu
from targets.board.native.library import Callbacks, Library, Unicorn

_ORDER = ("r0", "r1", "r2", "r3", "r12", "lr", "pc", "xpsr", "sp", "primask", "basepri", "faultmask", "control")
_FLOATING = (*(f"s{number}" for number in range(16)), "fpscr")
_REGISTERS = (*_ORDER, "psp", "ipsr", *_FLOATING, *(f"r{number}" for number in range(4, 12)))
_CALLED = ("emu_start", "emu_stop", "reg_read_batch", "reg_write_batch", "context_restore")


class DoesNotFit(Exception):
    """A chip or bench has more of something than the core has room for; the reference has no such limit."""


def fits(result: int | None) -> None:
    """Raise DoesNotFit where a function of the core found no room."""
    if result is None or result < 0:
        raise DoesNotFit


class Core:
    """One machine's part in C, and the functions that work on it."""

    board: Any = None

    def __init__(self, functions: Library, cpu: Cpu, callbacks: Callbacks) -> None:
        self.functions, self._cpu, self._callbacks = functions, cpu, callbacks
        called = [getattr(cpu.library, f"uc_{name}") for name in _CALLED]
        self._unicorn = Unicorn(*(ctypes.cast(function, c_void_p) for function in called))
        ids = (ctypes.c_int * len(_REGISTERS))(*(getattr(arm, f"UC_ARM_REG_{name.upper()}") for name in _REGISTERS))
        self.board = functions.new(ctypes.byref(self._unicorn), ctypes.byref(callbacks), ids)
        self.shared: Any = functions.shared(self.board).contents
        self._memory()

    def _memory(self) -> None:
        shared, cpu = self.shared, self._cpu
        shared.uc, shared.ram, shared.flash = cpu.handle, *map(_address, (cpu.ram, cpu.flash))
        shared.counter, shared.limit = ctypes.addressof(cpu.counter), ctypes.addressof(cpu.limit)
        shared.ram_base, shared.ram_size = cpu.memory.ram, cpu.memory.ram_size
        shared.flash_base, shared.flash_size = cpu.memory.rom, cpu.memory.rom_size
        fits(self.functions.ready(self.board))
        for base, view in cpu.more.items():
            fits(self.functions.more(self.board, base, len(view), _address(view)))

    def __del__(self) -> None:
        if self.board is not None:
            self.functions.delete(self.board)


def _address(memory: memoryview) -> int:
    return ctypes.addressof(c_uint8.from_buffer(memory))
