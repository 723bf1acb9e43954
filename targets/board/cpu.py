"""A Cortex-M core in Unicorn: memory map, registers in batches, and slices with an exact instruction count."""

from __future__ import annotations

import ctypes
import importlib.metadata
import struct
from collections.abc import Callable
from typing import Any

import unicorn
from unicorn import arm_const as arm
from unicorn.unicorn_py3.unicorn import Uc, UcError, uclib

from harness.errors import TargetError
from harness.through_c import ThroughC
from targets.board.memory import STM32F405, Memory

CORES = {
    "cortex-m0": arm.UC_CPU_ARM_CORTEX_M0,
    "cortex-m3": arm.UC_CPU_ARM_CORTEX_M3,
    "cortex-m4": arm.UC_CPU_ARM_CORTEX_M4,
    "cortex-m7": arm.UC_CPU_ARM_CORTEX_M7,
    "cortex-m33": arm.UC_CPU_ARM_CORTEX_M33,
}
_BY_HANDLE = ctypes.c_void_p
_READ_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint, ctypes.c_void_p)
_WRITE_CALLBACK = ctypes.CFUNCTYPE(
    None, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint, ctypes.c_uint64, ctypes.c_void_p
)
_FRAME = (
    *(arm.UC_ARM_REG_R0, arm.UC_ARM_REG_R1, arm.UC_ARM_REG_R2, arm.UC_ARM_REG_R3, arm.UC_ARM_REG_R12),
    *(arm.UC_ARM_REG_LR, arm.UC_ARM_REG_PC, arm.UC_ARM_REG_XPSR, arm.UC_ARM_REG_SP),
)
_MASKS = (arm.UC_ARM_REG_PRIMASK, arm.UC_ARM_REG_BASEPRI, arm.UC_ARM_REG_FAULTMASK, arm.UC_ARM_REG_CONTROL)
_FLOATING = (*(getattr(arm, f"UC_ARM_REG_S{number}") for number in range(16)), arm.UC_ARM_REG_FPSCR)
_CALIBRATION = (7, 123, 77, 311)
_WORDS = 1024
_READ_WRITE = unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE
_READ_EXECUTE = unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC
_CALIBRATION_SIZE = 4096


class RegisterBatch:
    """Reads or writes a fixed tuple of 32-bit registers in one C call."""

    def __init__(self, handle: int, registers: tuple[int, ...]) -> None:
        count = len(registers)
        self._handle, self._count = _BY_HANDLE(handle), count
        self._registers = (ctypes.c_int * count)(*registers)
        self._values = (ctypes.c_uint32 * count)()
        start = ctypes.addressof(self._values)
        self._pointers = (ctypes.c_void_p * count)(*(start + 4 * i for i in range(count)))
        self._struct = struct.Struct(f"<{count}I")
        library = ctypes.CDLL(uclib._name)
        self._read, self._write = library.uc_reg_read_batch, library.uc_reg_write_batch

    def read(self) -> tuple[int, ...]:
        """The registers' values, in the order given."""
        self._read(self._handle, self._registers, self._pointers, self._count)
        return self._struct.unpack_from(self._values)

    def write(self, *values: int) -> None:
        """Set all of the registers."""
        self._struct.pack_into(self._values, 0, *values)
        self._write(self._handle, self._registers, self._pointers, self._count)


class Cpu:
    """Registers, flash and RAM. `ram` and `flash` are the guest's memory itself, readable without a call.

    `core` is a key of `CORES`; `more` holds the further RAM of the map, by its address.

    One instruction is one cycle. `executed()` counts within the current slice, also from inside a callback, and
    `stop_after_instruction()` ends the slice once the instruction that is being executed is complete.
    """

    def __init__(self, memory: Memory = STM32F405, core: str = "cortex-m4") -> None:
        self.memory = memory
        self.uc: Any = Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
        self.uc.ctl_set_cpu_model(CORES[core])
        self._flash_buffer = (ctypes.c_uint8 * max(memory.rom_size, _CALIBRATION_SIZE))()
        self._ram_buffer = (ctypes.c_uint8 * memory.ram_size)()
        self._more = {base: (ctypes.c_uint8 * size)() for base, size in memory.more}
        self.flash = memoryview(self._flash_buffer).cast("B")
        self.ram = memoryview(self._ram_buffer).cast("B")
        self.more = {base: memoryview(buffer).cast("B") for base, buffer in self._more.items()}
        self._map_ram()
        handle = int(self.uc._uch.value)
        self.handle = _BY_HANDLE(handle)
        self.library: Any = ctypes.CDLL(uclib._name)
        self._start: Any = self.library.uc_emu_start
        self._start.argtypes = (ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_size_t)
        self._callbacks: tuple[Any, ...] = ()
        self._error: BaseException | None = None
        self._through_c = ThroughC(self.failed)
        self._frame = RegisterBatch(handle, _FRAME)
        self._masks = RegisterBatch(handle, _MASKS)
        self._core = RegisterBatch(handle, _FRAME + _MASKS)
        self._floating = RegisterBatch(handle, _FLOATING)
        self._pc = RegisterBatch(handle, (arm.UC_ARM_REG_PC,))
        self._unmasked = RegisterBatch(handle, (arm.UC_ARM_REG_PC, arm.UC_ARM_REG_PRIMASK))
        self._map_code(_CALIBRATION_SIZE)
        self.counter, self.limit = _find_counter(self.uc, handle, self._flash_buffer, memory.rom)
        self.uc.mem_unmap(memory.rom, _CALIBRATION_SIZE)
        self._map_others()

    def _map_ram(self) -> None:
        self._map_buffer(self.memory.ram, self._ram_buffer, self.memory.ram_size, _READ_WRITE)
        for base, buffer in self._more.items():
            self._map_buffer(base, buffer, len(buffer), _READ_WRITE)
        for base, size in self.memory.executable:
            self.uc.mem_protect(base, size, unicorn.UC_PROT_ALL)

    def _map_buffer(self, base: int, buffer: Any, size: int, rights: int, offset: int = 0) -> None:
        self.uc.mem_map_ptr(base, size, rights, ctypes.addressof(buffer) + offset)

    def _map_code(self, size: int) -> None:
        self._map_buffer(self.memory.rom, self._flash_buffer, size, _READ_EXECUTE)

    def _map_others(self) -> None:
        """Regions that read as erased, and those that show flash or RAM at another address."""
        for base, size in self.memory.blank:
            self.uc.mem_map(base, size, unicorn.UC_PROT_READ)
            self.uc.mem_write(base, b"\xff" * size)
        for base, shown, size in self.memory.aliases:
            if self.memory.in_rom(shown):
                self._map_buffer(base, self._flash_buffer, size, _READ_EXECUTE, shown - self.memory.rom)
            else:
                self._map_buffer(base, self._ram_buffer, size, _READ_WRITE, shown - self.memory.ram)

    def map_flash(self) -> None:
        """Map all of the flash as code, protected once more: Unicorn lets stores through to what is only mapped."""
        self._map_code(self.memory.rom_size)
        self.uc.mem_protect(self.memory.rom, self.memory.rom_size, _READ_EXECUTE)

    def forget_code(self, address: int, size: int) -> None:
        """Translate what lies there anew: it was rewritten behind the emulator's back."""
        self.uc.ctl_remove_cache(address, address + size)

    def run(self, pc: int, count: int) -> int:
        """Execute from `pc` until WFI, a stop, a fault or `count` instructions; returns how many were executed."""
        with self._through_c:
            status = self._start(self.handle, pc | 1, 0xFFFFFFFF, 0, max(count, 2))
        self.raise_kept()
        if status != unicorn.UC_ERR_OK:
            raise UcError(status)
        return self.executed()

    def raise_kept(self) -> None:
        """Raise what a callback raised in the last slice, ours or one behind Unicorn's own wrappers."""
        error, self._error = self._error or self.uc._hook_exception, None
        if error is not None:
            self.uc._hook_exception = None
            raise error

    def executed(self) -> int:
        """Instructions executed in the current slice, the current one included."""
        return min(self.counter.value, self.limit.value)

    def used_up(self) -> bool:
        """True when the last slice ended because its count was used up or shortened, not by WFI."""
        return self.counter.value > self.limit.value

    def shorten(self, count: int) -> None:
        """Let the current slice end after `count` instructions at the latest; the current one is completed."""
        self.limit.value = min(self.limit.value, max(count, self.counter.value))

    def stop_after_instruction(self) -> None:
        """End the slice after the current instruction (Unicorn's own stop would execute it again)."""
        self.limit.value = self.counter.value

    def frame(self) -> tuple[int, ...]:
        """R0 R1 R2 R3 R12 LR PC xPSR SP."""
        return self._frame.read()

    def set_frame(self, *values: int) -> None:
        """Set R0 R1 R2 R3 R12 LR PC xPSR SP."""
        self._frame.write(*values)

    def core(self) -> tuple[int, ...]:
        """R0 R1 R2 R3 R12 LR PC xPSR SP PRIMASK BASEPRI FAULTMASK CONTROL."""
        return self._core.read()

    def floating(self) -> tuple[int, ...]:
        """S0 to S15 and FPSCR: what an extended exception frame holds besides."""
        return self._floating.read()

    def set_floating(self, *values: int) -> None:
        """Set S0 to S15 and FPSCR."""
        self._floating.write(*values)

    def unmask(self, address: int) -> None:
        """Clear PRIMASK and go on at a Thumb address."""
        self._unmasked.write(address | 1, 0)

    def reset(self, stack: int, entry: int) -> None:
        """All registers as a reset leaves them. CONTROL gives way to privileged code only, and SPSEL in thread mode."""
        steps = (("ipsr", 3), ("control", 0), ("ipsr", 0), ("control", 0))
        for name, value in (*steps, ("primask", 0), ("basepri", 0), ("faultmask", 0)):
            self.set_register(name, value)
        self.set_frame(0, 0, 0, 0, 0, 0xFFFFFFFF, entry | 1, 1 << 24, stack & ~3)

    def masks(self) -> tuple[int, ...]:
        """PRIMASK BASEPRI FAULTMASK CONTROL."""
        return self._masks.read()

    @property
    def pc(self) -> int:
        """The program counter."""
        return self._pc.read()[0]

    def register(self, name: str) -> int:
        """A register by its name (`sp`, `psp`, `lr`)."""
        return int(self.uc.reg_read(getattr(arm, f"UC_ARM_REG_{name.upper()}")))

    def set_register(self, name: str, value: int) -> None:
        """Set a register by its name."""
        self.uc.reg_write(getattr(arm, f"UC_ARM_REG_{name.upper()}"), value)

    def map_mmio(self, read: Callable[[int, int], int], write: Callable[[int, int, int], None]) -> None:
        """Route peripheral and bit-band accesses to `read(address, size)` and `write(address, size, value)`."""
        for base, size in self.memory.registers:
            self._map_callbacks(base, size, read, write)

    def map_functions(self, read: Any, write: Any, region: Callable[[int], Any]) -> None:
        """As `map_mmio`, to two C functions that are told `region(base)` besides."""
        for base, size in self.memory.registers:
            self._map_functions(base, size, (read, write), region(base))

    def hook(self, kind: int, function: Any, user: Any, *more: int) -> None:
        """Let a C function be called with `user` at every event of this kind; `more` is what Unicorn asks besides."""
        added = ctypes.c_size_t()
        everywhere = ctypes.c_uint64(1), ctypes.c_uint64(0)
        status = self.library.uc_hook_add(
            self.handle, ctypes.byref(added), ctypes.c_int(kind), function, user, *everywhere, *map(ctypes.c_int, more)
        )
        if status != unicorn.UC_ERR_OK:
            raise TargetError(f"the emulator takes no hook of kind {kind}: status {status}")

    def _map_callbacks(
        self, base: int, size: int, read: Callable[[int, int], int], write: Callable[[int, int, int], None]
    ) -> None:
        """Map a region straight to two C callbacks: Unicorn's own wrappers would cost as much again as the access.

        An exception in a callback cannot pass through C; it ends the slice and is raised by `run`.
        """

        def reader(_uc: int, offset: int, width: int, _data: int) -> int:
            try:
                return read(base + offset, width)
            except BaseException as error:  # noqa: BLE001  raised again by run()
                self.failed(error)
                return 0

        def writer(_uc: int, offset: int, width: int, value: int, _data: int) -> None:
            try:
                write(base + offset, width, value)
            except BaseException as error:  # noqa: BLE001  raised again by run()
                self.failed(error)

        callbacks = (_READ_CALLBACK(reader), _WRITE_CALLBACK(writer))
        self._callbacks += callbacks
        self._map_functions(base, size, callbacks, None)

    def _map_functions(self, base: int, size: int, functions: tuple[Any, Any], user: Any) -> None:
        read, write = functions
        status = self.library.uc_mmio_map(
            self.handle, ctypes.c_uint64(base), ctypes.c_size_t(size), read, user, write, user
        )
        if status != unicorn.UC_ERR_OK:
            raise TargetError(f"the emulator cannot map {base:#x}: status {status}")

    def failed(self, error: BaseException) -> None:
        """Keep an exception that cannot pass through C, and end the slice."""
        self._error = self._error or error
        self.stop_after_instruction()

    def read(self, address: int, size: int) -> bytes | None:
        """Guest memory in flash or RAM, or None outside."""
        offset = address - self.memory.ram
        if 0 <= offset <= self.memory.ram_size - size:
            return bytes(self.ram[offset : offset + size])
        offset = address - self.memory.rom
        if 0 <= offset <= self.memory.rom_size - size:
            return bytes(self.flash[offset : offset + size])
        return self._read_more(address, size)

    def _read_more(self, address: int, size: int) -> bytes | None:
        for base, view in self.more.items():
            if 0 <= address - base <= len(view) - size:
                return bytes(view[address - base : address - base + size])
        return None

    def word(self, address: int) -> int:
        """A little-endian word of flash or RAM; 0 outside both."""
        return int.from_bytes(self.read(address, 4) or b"", "little")


def _find_counter(uc: Any, handle: int, flash: Any, base: int) -> tuple[ctypes.c_uint64, ctypes.c_uint64]:
    """Where Unicorn keeps the instruction counter and limit of a counted run: found by running known counts.

    Unicorn has no call that tells how many instructions a slice took, and a Python hook for each would cost a
    hundredfold. After `count=n` the counter holds n + 1 and the limit n; only one pair of words fits every run.
    """
    ctypes.memmove(flash, b"\x00\xbf" * 512, 1024)
    words = (ctypes.c_uint64 * _WORDS).from_address(handle)
    fits = set(range(_WORDS - 1))
    for count in _CALIBRATION:
        uc.emu_start(base | 1, 0xFFFFFFFF, count=count)
        fits = {i for i in fits if words[i] == count + 1 and words[i + 1] == count}
    ctypes.memset(flash, 0xFF, ctypes.sizeof(flash))
    uc.ctl_flush_tb()
    if len(fits) != 1:
        raise TargetError(
            f"unicorn {importlib.metadata.version('unicorn')} does not keep its instruction counter where 2.1.4 does; "
            "install the pinned version: pip install unicorn==2.1.4"
        )
    start = handle + 8 * fits.pop()
    return ctypes.c_uint64.from_address(start), ctypes.c_uint64.from_address(start + 8)
