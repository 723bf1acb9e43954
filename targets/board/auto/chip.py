"""A chip of which only the core is known: ports and ticks as described, exact models by table, the rest unknown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from targets.board.auto import asked_port, framed_port
from targets.board.auto.asked_port import AskedPort
from targets.board.auto.block import BlockPort, BlockSender
from targets.board.auto.description import Description, PortDescription, Tick
from targets.board.auto.framed_port import FramedPort
from targets.board.auto.port import Port
from targets.board.auto.tick import Ticker
from targets.board.auto.unknown import Registers, Unknown
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
    unseen = True

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
        self.unknown: Any = self._new_unknown()
        bus.rest = self.unknown
        self.system, cycles = SystemControl(wiring, reset_requested), CycleCounter(wiring)
        bus.attach(0xE000E000, self.system)
        bus.attach(0xE0001000, cycles)
        self.modelled = {place.name: place.make(wiring) for place in places}
        for place in places:
            bus.attach(place.base, self.modelled[place.name])
        self.ports = [self._new_port(port) for port in description.ports]
        senders = [sender for port in self.ports if (sender := self._new_sender(port))]
        self.ticker = self._new_ticker(description.ticks)
        self.unknown.knows(description.values, description.waits)
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

    def _new_unknown(self) -> Registers:
        return Unknown(self._wiring)

    def _new_port(self, description: PortDescription) -> Port:
        return kind_of(description)(self._wiring, description, self.unknown)

    def _new_sender(self, port: Port) -> Peripheral | None:
        """What sends from memory beside a port."""
        sends = port.description.sends
        return None if sends is None else BlockSender(self._wiring, sends, self.unknown, port.output)

    def _new_ticker(self, ticks: Sequence[Tick]) -> Ticker:
        return Ticker(self._wiring, ticks, self.unknown)

    @property
    def peripherals(self) -> list[Peripheral]:
        """All of them, in the order of their states."""
        return self._all

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
            if exception in (port.description.exception, port.sender):
                port.leaving(exception)
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


def kind_of(description: PortDescription) -> type[Port]:
    """The class of a port: through memory, asked, with signals around its messages, or of single bytes."""
    if description.transfer is not None:
        return BlockPort
    return AskedPort if description.asked else FramedPort if description.begins or description.ends else Port


def patience_of(port: PortDescription, hz: int) -> int:
    """Cycles that a message to a port takes besides its bytes."""
    kind = kind_of(port)
    return (
        asked_port.patience(port) if kind is AskedPort else framed_port.patience(port, hz) if kind is FramedPort else 0
    )
