"""What the firmware compares while it runs: both operands of every subtraction that only sets flags, or sets them too.

It is on while a case is run that is to tell what the program wants to see (input-to-state: Aschermann et al., REDQUEEN,
NDSS 2019), and costs a translation of the code before and behind it: never on the way of ordinary cases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import unicorn

from harness.learned import Compared

if TYPE_CHECKING:
    from targets.board.machine import Machine

_OFTEN = 8  # times that one place is noted
_MOST = 4096  # operands in all


class CompareWatch:
    """Notes the operands of comparisons, the first few of each place, until it is removed."""

    def __init__(self, machine: Machine) -> None:
        self._uc: Any = machine.cpu.uc
        self._found: list[Compared] = []
        self._often: dict[int, int] = {}
        everywhere, plain = (1, 0), 0
        self._hook: Any = self._uc.hook_add(
            unicorn.UC_HOOK_TCG_OPCODE, self._compares, None, *everywhere, unicorn.UC_TCG_OP_SUB, plain
        )
        self._uc.ctl_flush_tb()

    def remove(self) -> tuple[Compared, ...]:
        """Take the hook out again; what was noted, in its order."""
        self._uc.hook_del(self._hook)
        self._uc.ctl_flush_tb()
        return tuple(self._found)

    def forget(self) -> None:
        """Start afresh: the machine went back to an earlier moment."""
        self._found.clear()
        self._often.clear()

    def _compares(self, _uc: Any, address: int, left: int, right: int, _size: int, _data: Any) -> None:
        times = self._often.get(address, 0)
        if times < _OFTEN and len(self._found) < _MOST:
            self._often[address] = times + 1
            self._found.append(Compared(address, left & 0xFFFFFFFF, right & 0xFFFFFFFF))
