"""What every peripheral has: a bank of 32-bit registers, and access to time, interrupts and memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from targets.board.cpu import Cpu
from targets.board.nvic import Nvic
from targets.board.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a peripheral is connected to. `hz` is the core clock; `touched` are those that may have changed."""

    cpu: Cpu
    nvic: Nvic
    schedule: Schedule
    hz: int
    touched: set[Peripheral] = field(default_factory=set["Peripheral"])


@dataclass(frozen=True, slots=True)
class Wired:
    """What the compiled core has to know of a register bank: for each part its exception (-1: none) and its source.

    `mask` are the bits of a counter.
    """

    exceptions: tuple[int, ...] = ()
    sources: tuple[int, ...] = ()
    mask: int = 0


class Peripheral:
    """A register bank that remembers what is written; subclasses give registers their effects.

    Offsets are multiples of four within the bank; narrower accesses are widened by the bus. A `passive` one changes
    only by bus accesses or says so in `wiring.touched`, so that a snapshot of an untouched one need not be restored.
    One that is `in_core` has its state there; an `unseen` one changes without a word.
    """

    kind = "plain"  # which bank of the compiled core does the same; a subclass without a `kind` of its own has none
    size = 0x400
    words = 0x40
    passive = in_core = unseen = False
    number = 0

    def __init__(self, wiring: Wiring) -> None:
        self.wiring = wiring
        self.registers = [0] * self.words
        self.reset()

    def reset(self) -> None:
        """The registers' reset values."""
        self.registers[:] = [0] * self.words

    def read(self, offset: int) -> int:
        """Read one register, with its side effects."""
        index = offset >> 2
        return self.registers[index] if index < self.words else 0

    def write(self, offset: int, value: int) -> None:
        """Write one register, with its side effects."""
        index = offset >> 2
        if index < self.words:
            self.registers[index] = value

    def take_registers(self, registers: Any) -> None:
        """Keep the registers in the core's memory from here on."""
        self.registers = registers

    def wired(self) -> Wired:
        """How this bank is connected, for the compiled core."""
        return Wired()

    def state(self) -> Any:
        """A copy of everything that a snapshot must hold."""
        return self.registers[:]

    def restore(self, state: Any) -> None:
        """Back to a `state()`."""
        self.registers[:] = state
