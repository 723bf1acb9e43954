"""Deadlines and exceptions in the core, for all of Python that arms, pends and asks."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from ctypes import c_uint32

from targets.board.cpu import Cpu
from targets.board.native.part import Core, fits
from targets.board.nvic import CoreRegisters, Nvic, StackingFault
from targets.board.schedule import Schedule

_MOST_MEMBERS, _MOST_SOURCES = 1024, 128


class CompiledSchedule(Schedule):
    """Deadlines in the core."""

    def __init__(self, part: Core, executed: Callable[[], int]) -> None:
        self.part, self._shared, self._state = part, part.shared, part.shared.state
        super().__init__(executed)

    @property
    def base(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Cycles up to the current slice."""
        return self._state.base

    @base.setter
    def base(self, cycle: int) -> None:
        self._state.base = cycle

    @property
    def running(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """True within a slice."""
        return bool(self._shared.running)

    @running.setter
    def running(self, running: bool) -> None:
        self._shared.running = running

    def source(self, action: Callable[[], None]) -> int:
        fits(-1 if len(self._actions) == _MOST_SOURCES else 0)
        self._actions.append(action)
        self._shared.source_count = len(self._actions)
        return len(self._actions) - 1

    def act(self, source: int) -> None:
        """What is to happen at this source's deadline."""
        self._actions[source]()

    def due(self, source: int) -> int:
        return self.part.functions.due(self.part.board, source)

    def arm(self, source: int, cycle: int) -> None:
        self.part.functions.arm(self.part.board, source, cycle)

    def disarm(self, source: int) -> None:
        self.part.functions.disarm(self.part.board, source)

    def clear(self) -> None:
        self.part.functions.clear(self.part.board)

    def next(self) -> int:
        return self._shared.state.next

    def fire(self) -> None:
        self.part.functions.fire(self.part.board)

    def state(self) -> tuple[int, list[int], int]:
        return self.base, [self.due(source) for source in range(len(self._actions))], self.next()


class CompiledNvic(Nvic):
    """Exceptions in the core."""

    def __init__(self, part: Core, cpu: Cpu, registers: Callable[[], CoreRegisters]) -> None:
        self._functions, self._board = part.functions, part.board
        super().__init__(cpu, registers)

    def _members(self, which: int) -> list[int]:
        members = (c_uint32 * _MOST_MEMBERS)()
        return list(members[: self._functions.members(self._board, which, members)])

    @property
    def pending(self) -> set[int]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """A copy."""
        return set(self._members(0))

    @property
    def lines(self) -> set[int]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """A copy."""
        return set(self._members(1))

    @property
    def enabled(self) -> set[int]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """A copy."""
        return set(self._members(2))

    @property
    def active(self) -> list[int]:  # pyright: ignore[reportIncompatibleVariableOverride]
        """A copy."""
        return self._members(3)

    def reset(self) -> None:
        self._functions.nvic_reset(self._board)

    def pend(self, number: int) -> None:
        self._functions.pend(self._board, number)

    def line(self, number: int, level: bool) -> None:
        self._functions.line(self._board, number, level)

    def enable(self, number: int) -> None:
        self._functions.enable(self._board, number)

    def priority(self, number: int) -> int:
        return self._functions.priority(self._board, number)

    def group(self, number: int) -> int:
        return self._functions.group(self._board, number)

    def candidate(self) -> int:
        return self._functions.candidate(self._board)

    def running(self) -> int:
        return self._functions.running(self._board)

    def masked(self, number: int, masks: Sequence[int] = ()) -> bool:
        return bool(self._functions.masked(self._board, number))

    def takes(self, number: int) -> bool:
        return bool(self._functions.takes(self._board, number))

    def enter(self, number: int) -> int:
        address = c_uint32()
        if self._functions.enter(self._board, number, ctypes.byref(address)):
            raise StackingFault("exception frame outside RAM")
        return address.value

    def leave(self, link: int) -> int:
        if self._functions.leave(self._board, link):
            raise StackingFault("exception frame outside RAM")
        return self._cpu.pc
