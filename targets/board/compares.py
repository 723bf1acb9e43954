"""What the firmware compares while it runs: both operands of every subtraction that only sets flags, or sets them too.

It is on while a case is run that is to tell what the program wants to see (input-to-state: Aschermann et al., REDQUEEN,
NDSS 2019). From the first time on that somebody asks, the hook stays in the code, and looks only while it is to.
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
    """The reference. Its hook stays, as the core's does: code that is translated anew shows edges anew."""

    def __init__(self, cpu: Cpu) -> None:
        self._found: list[Compared] = []
        self._often: dict[int, int] = {}
        self._noting = False
        uc: Any = cpu.uc
        everywhere = 1, 0
        uc.hook_add(unicorn.UC_HOOK_TCG_OPCODE, self._compares, None, *everywhere, *OPERANDS)
        uc.ctl_flush_tb()

    def begin(self) -> None:
        """Note from now on."""
        self.forget()
        self._noting = True

    def forget(self) -> None:
        """Start afresh: the machine went back to an earlier moment."""
        self._found.clear()
        self._often.clear()

    def end(self) -> tuple[Compared, ...]:
        """What was noted, in its order; nothing is from now on."""
        self._noting = False
        return tuple(self._found)

    def _compares(self, _uc: Any, address: int, left: int, right: int, _size: int, _data: Any) -> None:
        if not self._noting:
            return
        times = self._often.get(address, 0)
        if times < OFTEN and len(self._found) < MOST:
            self._often[address] = times + 1
            self._found.append(Compared(address, left & 0xFFFFFFFF, right & 0xFFFFFFFF))
