"""What the firmware compares, noted by the core: the same as `CompareWatch`, without a call of Python at each."""

from __future__ import annotations

import ctypes
import struct
from ctypes import c_uint32, c_void_p
from typing import Any

import unicorn

from harness.learned import Compared
from targets.board.compares import MOST, OFTEN, OPERANDS
from targets.board.cpu import Cpu
from targets.board.native.part import Core

_COMPARED = struct.Struct("<III")  # `struct compared`


class CompiledCompares:
    """One machine's."""

    def __init__(self, part: Core, cpu: Cpu) -> None:
        self._functions, self._board = part.functions, part.board
        cpu.hook(unicorn.UC_HOOK_TCG_OPCODE, self._functions.compares, c_void_p(part.board), *OPERANDS)
        uc: Any = cpu.uc
        uc.ctl_flush_tb()

    def begin(self) -> None:
        """Note from now on."""
        self._functions.note_compared(self._board, OFTEN, MOST)

    def forget(self) -> None:
        """Start afresh: the machine went back to an earlier moment."""
        self._functions.forget_compared(self._board)

    def end(self) -> tuple[Compared, ...]:
        """What was noted, in its order; nothing is from now on."""
        count = c_uint32()
        found = self._functions.compared(self._board, ctypes.byref(count))
        told = ctypes.string_at(found, count.value * _COMPARED.size) if found else b""
        return tuple(Compared(*one) for one in _COMPARED.iter_unpack(told))
