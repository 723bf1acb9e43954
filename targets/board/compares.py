"""What the firmware compares while it runs: both operands of every subtraction that only sets flags, or sets them too.

It is on while a case is run that is to tell what the program wants to see (input-to-state: Aschermann et al., REDQUEEN,
NDSS 2019). The reference translates all code anew before and behind it; the compiled core looks by itself.
"""

from __future__ import annotations

from typing import Any, Protocol

import unicorn

from harness.learned import Compared
from targets.board.cpu import Cpu

OFTEN = 8  # times that one place is noted
MOST = 4096  # operands in all; a power of two
OPERANDS = unicorn.UC_TCG_OP_SUB, 0  # of Unicorn's: every subtraction, whatever becomes of it


class Compares(Protocol):
    """Notes the operands of comparisons, the first few of each place, from `begin` to `end`."""

    def begin(self) -> None:
        """Note from now on."""
        ...

    def forget(self) -> None:
        """Start afresh: the machine went back to an earlier moment."""
        ...

    def end(self) -> tuple[Compared, ...]:
        """What was noted, in its order; nothing is from now on."""
        ...


class CompareWatch:
    """The reference: a hook in Python, which is there as long as it notes."""

    def __init__(self, cpu: Cpu) -> None:
        self._uc: Any = cpu.uc
        self._found: list[Compared] = []
        self._often: dict[int, int] = {}
        self._hook: Any = None

    def begin(self) -> None:
        """Note from now on."""
        self.forget()
        everywhere = 1, 0
        self._hook = self._uc.hook_add(unicorn.UC_HOOK_TCG_OPCODE, self._compares, None, *everywhere, *OPERANDS)
        self._uc.ctl_flush_tb()

    def forget(self) -> None:
        """Start afresh: the machine went back to an earlier moment."""
        self._found.clear()
        self._often.clear()

    def end(self) -> tuple[Compared, ...]:
        """What was noted, in its order; the hook is gone."""
        self._uc.hook_del(self._hook)
        self._uc.ctl_flush_tb()
        return tuple(self._found)

    def _compares(self, _uc: Any, address: int, left: int, right: int, _size: int, _data: Any) -> None:
        times = self._often.get(address, 0)
        if times < OFTEN and len(self._found) < MOST:
            self._often[address] = times + 1
            self._found.append(Compared(address, left & 0xFFFFFFFF, right & 0xFFFFFFFF))
