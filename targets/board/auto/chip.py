"""A chip of which only the core is known: ports and ticks as described, exact models by table, the rest unknown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from targets.board.auto.asked_port import AskedPort
from targets.board.auto.block import BlockPort, BlockSender
from targets.board.auto.description import Description, PortDescription
from targets.board.auto.framed_port import FramedPort
from targets.board.auto.port import Port
from targets.board.auto.tick import Ticker
from targets.board.auto.unknown import Unknown
from targets.board.bus import Bus
from targets.board.peripherals.base import Peripheral, Wiring
from targets.board.peripherals.gpio import Pins
from targets.board.peripherals.rewritable import Rewritable
from targets.board.peripherals.system import CycleCounter, SystemControl
from targets.board.schedule import NEVER

_PAGE = 0x1000


@dataclass(frozen=True, slots=True)
class Place:
    """One exact model: its name on the bench, where its registers begin, and what makes it."""

    name: str
    base: int
    make: Callable[[Wiring], Peripheral]


class NoWatchdog:
    """None that is known."""

    deadline = NEVER


class Flash(Rewritable):
    """Pages of code are read-only; what lies behind them can be programmed, and bits only cleared."""

    def __init__(self, wiring: Wiring) -> None:
        super().__init__()
        self.wiring = wiring

    def span(self, sector: int) -> slice:
        """Where a page lies in `cpu.flash`."""
        return slice(sector * _PAGE, (sector + 1) * _PAGE)

    def sector(self, offset: int) -> int:
        """The page that holds a byte of flash."""
        return offset // _PAGE

    def store(self, address: int, size: int, value: int) -> bool:
        """Program: bits can only be cleared; False where it is a fault."""
        memory = self.wiring.cpu.memory
        if not memory.in_rom(address) or self.holds_code(address):
            return False
        flash, span = self.wiring.cpu.flash, slice(self.offset(address), self.offset(address) + size)
        flash[span] = (int.from_bytes(flash[span], "little") & value).to_bytes(size, "little")
        self.mark(self.sector(span.start))
        return True


class MoreRam(Peripheral):
    """RAM besides the one of the stack, as a part of snapshots."""

    words = 0

    def reset(self) -> None:
        pass

    def state(self) -> Any:
        return {base: bytes(view) for base, view in self.wiring.cpu.more.items()}

    def restore(self, state: Any) -> None:
        for base, data in state.items():
            self.wiring.cpu.more[base][:] = data


class AutoChip:
    """Stands where `Chip` stands. `places` are exact models; they win over what was inferred."""

    def __init__(
        self,
        wiring: Wiring,
        bus: Bus,
        *,
        description: Description,
        places: Sequence[Place] = (),
        reset_requested: Callable[[], None],
        **_others: Any,
    ) -> None:
        self._wiring = wiring
        self.unknown = Unknown(wiring)
        bus.rest = self.unknown
        self.system, cycles = SystemControl(wiring, reset_requested), CycleCounter(wiring)
        bus.attach(0xE000E000, self.system)
        bus.attach(0xE0001000, cycles)
        self.modelled = {place.name: place.make(wiring) for place in places}
        for place in places:
            bus.attach(place.base, self.modelled[place.name])
        self.ports = [_port(wiring, port, self.unknown) for port in description.ports]
        senders = [
            BlockSender(wiring, port.description.sends, self.unknown, port.output)
            for port in self.ports
            if port.description.sends is not None
        ]
        self.ticker = Ticker(wiring, description.ticks, self.unknown)
        self.unknown.polling.known, self.unknown.polling.waits = description.values, description.waits
        self.usarts: Mapping[str, Any] = {
            **{port.description.name: port for port in self.ports},
            **{name: model for name, model in self.modelled.items() if hasattr(model, "feed")},
        }
        self.pins, self.watchdog, self.flash = Pins(wiring), NoWatchdog(), Flash(wiring)
        more = [MoreRam(wiring)] if wiring.cpu.more else []
        self._all: list[Peripheral] = [
            *(self.unknown, self.system, cycles, self.ticker, *self.ports, *senders, *more, *self.modelled.values())
        ]
        for number, peripheral in enumerate(self._all):
            peripheral.number = number

    @property
    def busy(self) -> bool:
        """True while bytes are on a wire towards the device, or wait to be read."""
        return any(port.receiving for port in self.usarts.values())

    @property
    def offering(self) -> bool:
        """True while a byte waits to be read."""
        return any(port.offering for port in self.ports)

    @property
    def taken(self) -> int:
        """How many bytes the firmware has taken in all."""
        return sum(port.taken for port in self.ports)

    def leaving(self, exception: int) -> None:
        """A handler is about to return."""
        for port in self.ports:
            if port.description.exception == exception:
                port.leaving()
        self.ticker.leaving(exception)

    def reset(self, cause: str) -> None:
        """Reset every register."""
        for peripheral in self._all:
            peripheral.reset()

    def state(self) -> list[object]:
        """The states of all peripherals, in order."""
        return [peripheral.state() for peripheral in self._all]

    def restore(self, states: list[object]) -> None:
        """Back to a `state()`."""
        for peripheral, state in zip(self._all, states, strict=True):
            peripheral.restore(state)
        self._wiring.touched.clear()


def _port(wiring: Wiring, description: PortDescription, unknown: Unknown) -> Port:
    if description.transfer is not None:
        return BlockPort(wiring, description, description.transfer, unknown)
    kind = AskedPort if description.asked else FramedPort if description.begins or description.ends else Port
    return kind(wiring, description, unknown)
