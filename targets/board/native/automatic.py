"""The machine for a chip that nobody described on the compiled core: the same as `AutoMachine`, which is the reference.

Registers without a model, ports, ticks and the look for where it rests are in C; exact models stay Python's.
"""

from __future__ import annotations

from collections.abc import Mapping
from ctypes import c_uint32
from typing import Any

from targets.board.auto.description import Description
from targets.board.auto.machine import AutoMachine
from targets.board.auto.waiting import Loop, LoopProof
from targets.board.image import Image
from targets.board.native import library
from targets.board.native.banks import Banks
from targets.board.native.inferred import CompiledAutoChip, CompiledPort
from targets.board.native.on_core import OnCore
from targets.board.native.part import DoesNotFit, fits

_BANKS = ("system", "cycles")


def new_auto_machine(image: Image, *, description: Description, **options: Any) -> AutoMachine:
    """A machine on the compiled core, or the reference where that was asked for or is all there is."""
    functions = library.library()
    if functions is not None:
        try:
            return CompiledAutoMachine(image, functions=functions, description=description, **options)
        except DoesNotFit:
            pass
    return AutoMachine(image, description, **options)


class CompiledAutoMachine(OnCore, AutoMachine):
    """An `AutoMachine` whose hot half is in C."""

    chip_kind = CompiledAutoChip

    def _adopt(self) -> Banks:
        banks = Banks(self._part, self.bus, _BANKS)
        banks.number(self.chip.system)
        banks.leave()
        self._shared.undescribed, self._shared.banded = True, self.cpu.memory.bit_band
        return banks

    def _wires(self, banks: Banks) -> Mapping[Any, int]:
        return {port: port.slot for port in self._inferred.ports if isinstance(port, CompiledPort)}

    @property
    def _inferred(self) -> CompiledAutoChip:
        assert isinstance(self.chip, CompiledAutoChip)
        return self.chip

    def _called(self) -> None:
        """What exact models have for the firmware."""
        super()._called()
        self._tell_fed()

    def _tell_fed(self) -> None:
        self._shared.feeding = any(model.receiving for model in self._inferred.fed)

    def _written(self, address: int, old: int, value: int) -> None:
        for watch in self._inferred.unknown.watchers:
            watch(address, old, value)

    def _on_invalid(self, _uc: Any, access: int, address: int, size: int, value: int, _data: Any) -> bool:
        stored = super()._on_invalid(_uc, access, address, size, value, _data)
        self._shared.stale = self._shared.stale or stored
        return stored

    # -- waiting ------------------------------------------------------------------------------------------------------

    def _watch_polling(self) -> None:
        """The core does."""

    def _new_proof(self) -> LoopProof | None:
        """The core looks for loops itself."""
        self.forget()

    def _new_waiting(self) -> Any:
        self._functions.forget_waiting(self._part.board)
        return self._functions.waiting(self._part.board).contents

    @property
    def loop(self) -> Loop:
        waits: Any = self._waiting
        return Loop(waits.head, frozenset(waits.places[: waits.place_count]), waits.round)

    def forget(self) -> None:
        self._functions.forget_loop(self._part.board)

    @property
    def spin(self) -> frozenset[int]:
        """As the reference's."""
        return self._spin

    @spin.setter
    def spin(self, places: frozenset[int]) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        self._spin = places
        fits(self._functions.spins(self._part.board, (c_uint32 * len(places))(*places), len(places)))

    _spin: frozenset[int] = frozenset()

    @property
    def _pausing(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        return bool(self._shared.pausing)

    @_pausing.setter
    def _pausing(self, pausing: bool) -> None:
        self._shared.pausing = pausing

    def run(self, until: int) -> None:
        self._tell_fed()
        self._shared.hang_budget = self.hang_budget
        super().run(until)

    # -- snapshots ----------------------------------------------------------------------------------------------------

    def snapshot(self) -> Any:
        return OnCore.snapshot(self)

    def restore(self, snapshot: Any) -> None:
        OnCore.restore(self, snapshot)
        self._forget_copied()
        self.forget()
