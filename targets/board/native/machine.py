"""The described machine on the compiled core: the same as `Machine`, the reference, with its hot half in C."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from targets.board.chip import Chip
from targets.board.image import Image
from targets.board.machine import Machine
from targets.board.memory import STM32F405
from targets.board.native import library
from targets.board.native.banks import Banks
from targets.board.native.on_core import OnCore
from targets.board.native.part import DoesNotFit
from targets.board.peripherals.usart import Usart


def new_machine(image: Image, **options: Any) -> Machine:
    """A machine on the compiled core, or the reference where that was asked for or is all there is."""
    functions = library.library()
    if functions is None or options.get("memory", STM32F405) is not STM32F405 or options.get("chip", Chip) is not Chip:
        return Machine(image, **options)
    try:
        return CompiledMachine(image, functions=functions, **options)
    except DoesNotFit:
        return Machine(image, **options)


class CompiledMachine(OnCore):
    """A `Machine` whose peripherals are in C, but for a few."""

    def _adopt(self) -> Banks:
        banks = Banks(self._part, self.bus)
        for needed in (self.chip.system, self.chip.clock):
            banks.number(needed)
        return banks

    def _wires(self, banks: Banks) -> Mapping[Any, int]:
        return {usart: slot for slot, usart in enumerate(banks.of(Usart))}
