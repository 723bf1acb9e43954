"""What the firmware compares, noted in C: the same as `CompareWatch`, without a call of Python at each."""

from __future__ import annotations

import ctypes
import struct
import weakref
from ctypes import c_uint32, c_void_p
from typing import Any

import unicorn

from harness.errors import TargetError
from harness.learned import Compared
from targets.board.compares import MOST, OFTEN, OPERANDS
from targets.board.cpu import Cpu
from targets.board.native.library import Library

_COMPARED = struct.Struct("<III")  # `struct compared`


class CompiledCompares:
    """One processor's, as long as that lives, which calls it."""

    def __init__(self, functions: Library, cpu: Cpu) -> None:
        self._functions, self._noted = functions, functions.compares_new(OFTEN, MOST)
        if not self._noted:
            raise TargetError("no memory is left to note what the firmware compares")
        weakref.finalize(cpu, functions.compares_delete, self._noted)
        cpu.hook(unicorn.UC_HOOK_TCG_OPCODE, functions.compares, c_void_p(self._noted), *OPERANDS)
        uc: Any = cpu.uc
        uc.ctl_flush_tb()

    def begin(self) -> None:
        """Note from now on."""
        self.forget()
        self._functions.compares_note(self._noted, 1)

    def forget(self) -> None:
        """Start afresh: the machine went back to an earlier moment."""
        self._functions.compares_forget(self._noted)

    def end(self) -> tuple[Compared, ...]:
        """What was noted, in its order; nothing is from now on."""
        self._functions.compares_note(self._noted, 0)
        count = c_uint32()
        found = self._functions.compares_found(self._noted, ctypes.byref(count))
        told = ctypes.string_at(found, count.value * _COMPARED.size)
        return tuple(Compared(*one) for one in _COMPARED.iter_unpack(told))
