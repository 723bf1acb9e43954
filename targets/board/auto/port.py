"""A stream of bytes into and out of the firmware, over registers whose roles were inferred."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from targets.board.auto.description import Gate, PortDescription
from targets.board.auto.unknown import Registers
from targets.board.peripherals.base import Peripheral, Wiring

BYTE_CYCLES = 700
_AGAIN_CYCLES = 7000
_OFFERS, _MOST_GIVEN = 2, 16_384


class Port(Peripheral):
    """One port. Bytes wait on the wire until the one before was read, so that none is lost by our pace.

    Where it is polled the next one is there at once, as from a FIFO. So it is for a handler that looks whether there is
    one more, and for one that reads on without looking; else it is called later, so that something else can run.

    An interrupt is raised while a byte waits, and after a write to the port's own registers, as long as the handler
    takes or gives bytes: what enables the transmitter's interrupt is such a write. `taken` counts the bytes that were
    read. A handler that gives bytes without an end, with none taken, is offered no more.
    """

    words = 0

    def __init__(self, wiring: Wiring, description: PortDescription, unknown: Registers) -> None:
        self.description, self._unknown, self.wiring = description, unknown, wiring
        self._arrives = wiring.schedule.source(self._arrived)
        self._again = wiring.schedule.source(self._raise)
        self.output: list[tuple[int, bytes]] = []
        self._connect()
        super().__init__(wiring)

    def _connect(self) -> None:
        unknown, port = self._unknown, self.description
        if port.receive is not None:
            unknown.readers[port.receive] = self._take
        if port.transmit is not None:
            unknown.writers[port.transmit] = self._send
        for address in self.gates:
            unknown.views.setdefault(address, []).append(partial(self._view, address))
        if self.watches:
            unknown.watchers.append(self._written)

    @property
    def watches(self) -> bool:
        """True where writes to its own registers may enable the interrupt of the transmitter."""
        port = self.description
        return bool(port.sender or (port.exception and (port.sending or port.status)))

    @property
    def gates(self) -> frozenset[int]:
        """Registers with bits of its own."""
        port = self.description
        gates = (*port.gates, *port.sending, *port.begins, *port.ends, *port.reads)
        return frozenset(gate.address for gate in gates) | {at for at, _mask in port.status}

    def _view(self, address: int, value: int, tried: bool) -> int:
        """A register as it reads now: something was received, or the handler is offered to send, or neither."""
        port = self.description
        if self._more and any(gate.address == address for gate in port.gates):
            self.ready, self._more, self._early = True, False, True
        offered = self._status and self._giving and not (self.ready and self._handling)
        if offered and (own := [gate for gate in port.sending if gate.address == address]):
            return applied(own, value, there=True)
        if offered and not port.sending and not tried:
            value |= next((mask for at, mask in port.status if at == address), 0)
        return applied([gate for gate in port.gates if gate.address == address], value, there=self.ready)

    def reset(self) -> None:
        self._incoming: bytes = b""
        self._last, self.ready, self._status = 0, False, True
        self.taken = self._sent = self._offers = self._given = 0
        self._gave = self._took = self._touched = self._stalled = self._more = self._early = False
        self._enabler = 0
        self._enablers: frozenset[int] = frozenset()
        self.wiring.schedule.disarm(self._arrives)
        self.wiring.schedule.disarm(self._again)

    def feed(self, data: bytes) -> None:
        """Put bytes on the wire behind those that are already on it."""
        self._incoming += data
        if not self.ready and self._incoming:
            self.wiring.schedule.arm(self._arrives, self.wiring.schedule.now() + BYTE_CYCLES)

    @property
    def receiving(self) -> bool:
        """True while bytes are on the wire, or wait to be read."""
        return bool(self._incoming)

    @property
    def patience(self) -> int:
        """Cycles that a message takes besides its bytes."""
        return 0

    @property
    def offering(self) -> bool:
        """True while a byte waits to be read."""
        return self.ready

    def _arrived(self) -> None:
        self.ready, self._early = bool(self._incoming), False
        self._raise()

    def _take(self) -> int:
        burst = self.description.burst and self._took
        if self.ready or (burst and self._incoming):
            self._last, self._incoming, self.ready = self._incoming[0], self._incoming[1:], False
            self.taken, self._given = self.taken + 1, 0
            self._unknown.forget()  # a loop that gets bytes polls nothing in vain
            self._took = self._took or self._handling
            self._await_next()
            self._update()
        elif burst:
            self._last = 0
        return self._last

    def _await_next(self) -> None:
        self.ready = bool(self._incoming) and not self.description.exception
        self._more, self._early = bool(self._incoming) and self._handling, False
        if self._incoming and not self.ready:
            self.wiring.schedule.arm(self._arrives, self.wiring.schedule.now() + BYTE_CYCLES)

    def _send(self, value: int) -> None:
        self._sent += 1
        self._gave = self._gave or self._giving
        self.output.append((self.wiring.schedule.now(), bytes((value,))))

    @property
    def _handling(self) -> bool:
        return self.description.exception in self.wiring.nvic.active

    @property
    def sender(self) -> int:
        """The interrupt whose handler gives bytes out."""
        return self.description.sender or self.description.exception

    @property
    def _giving(self) -> bool:
        return self.sender in self.wiring.nvic.active

    def _written(self, address: int, old: int, value: int) -> None:
        """A write to an own register may have enabled the interrupt of the transmitter."""
        low, high = self.description.bank
        if not low <= address <= high or address == self.description.transmit:
            return
        if not self._giving:
            self._enabler, self._offers, self._given = address, _OFFERS, 0
            self._update()
        elif value & ~old or address in self._enablers:
            self._enabler, self._touched = address, True

    def _raise(self) -> None:
        self._stalled = False
        self._update()

    @property
    def _calls(self) -> bool:
        """True while its interrupt is to be raised."""
        return self.ready

    def _update(self) -> None:
        number, sender, nvic = self.description.exception, self.sender, self.wiring.nvic
        if sender != number:
            nvic.line(sender, self._offers > 0 and sender in nvic.enabled)
        if not number:
            return
        waits = self._calls and not self._stalled
        nvic.line(number, (waits or (self._offers > 0 and sender == number)) and number in nvic.enabled)
        if self._calls and (self._stalled or number not in nvic.enabled):
            self.wiring.schedule.arm(self._again, self.wiring.schedule.now() + _AGAIN_CYCLES)

    def leaving(self, exception: int) -> None:
        """A handler of its own is about to return: it is called again at once only where it took or gave bytes.

        Where it did neither, it is once called with the status bits the other way round.
        """
        if self._early and self.ready:
            self.ready = False
        if exception != self.sender:
            self._stalled = self.ready and not self._took
        elif self._gave:
            self._enablers |= {self._enabler}
            self._given += 1
            self._offers = _OFFERS if self._given < _MOST_GIVEN else 0
        elif self._took:
            self._offers = _OFFERS if self._touched else self._offers
        else:
            self._refused()
        self._settled()

    def _settled(self) -> None:
        """What one call of the handler did counts no more."""
        self._gave = self._took = self._touched = self._more = self._early = False
        self._update()

    def _refused(self) -> None:
        self._stalled = self.ready if self.sender == self.description.exception else self._stalled
        self._offers = max(0, self._offers - 1)
        self._status = not self._status if self._offers > 0 and not self.description.sending else True

    def state(self) -> Any:
        return (
            (self._incoming, self._last, self.ready, self._status),
            (self.taken, self._sent, self._given, self._offers, self._enabler, self._enablers),
            (self._gave, self._took, self._touched, self._stalled, self._more, self._early),
            self.output[:],
        )

    def restore(self, state: Any) -> None:
        (self._incoming, self._last, self.ready, self._status), counts, flags, output = state
        self.taken, self._sent, self._given, self._offers, self._enabler, self._enablers = counts
        self._gave, self._took, self._touched, self._stalled, self._more, self._early = flags
        self.output[:] = output


def applied(gates: Sequence[Gate], value: int, *, there: bool) -> int:
    """The value of their register with these bits as they are."""
    for gate in gates:
        value = gate.applied(value, there)
    return value
