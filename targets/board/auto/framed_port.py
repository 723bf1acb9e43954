"""A port whose messages begin and end with a signal, as with an own address and a stop condition on I2C."""

from __future__ import annotations

from typing import Any

from targets.board.auto.description import Gate, PortDescription
from targets.board.auto.port import BYTE_CYCLES, Port, applied

THINKING = 5e-3
_LONGEST_ANSWER, _FILL = 256, 32
_CODED = 5  # with so many gates in one register what stands there is a code
_REST, _BEGINS, _DATA, _ENDS, _READS, _ANSWERS, _CLOSES = range(7)


def coded(port: PortDescription, address: int) -> list[Gate]:
    """The gates in a register that are a whole code; none where each is a bit of its own."""
    gates = [gate for gate in port.gates if gate.address == address]
    return gates if len(gates) >= _CODED else []


def beside(port: PortDescription, address: int, value: int) -> int:
    """What a register reads as beside a signal: where it holds a code, as where a byte came."""
    return applied(coded(port, address), value, there=True)


class FramedPort(Port):
    """Shows `begins`, gives the bytes of a message, shows `ends`; then it reads the answer as it is described.

    An answer is over when the handler gives no byte any more, or the same again and again, which is what a device gives
    that has nothing left and no part of the answer.
    """

    def _connect(self) -> None:
        port = self.description
        self.show(port.begins, port.ends, port.reads)
        super()._connect()

    def show(self, begins: tuple[Gate, ...], ends: tuple[Gate, ...], reads: tuple[Gate, ...] = ()) -> None:
        """From now on, these."""
        self._signals = signals_of(self.description, begins, ends, reads)

    def reset(self) -> None:
        super().reset()
        self._stage, self._shown = _REST, tuple[Gate, ...]()
        self._answered = self._same = self._fill = 0
        self._status = False

    def feed(self, data: bytes) -> None:
        """A message, whole; one more while another is on its way goes on with that."""
        self._incoming += data
        if data and self._stage == _REST:
            self.signal()

    def signal(self) -> None:
        """Begin; a message without any bytes ends at once."""
        self._stage = _BEGINS
        self._go_on()

    @property
    def patience(self) -> int:
        return patience(self.description, self.wiring.hz)

    @property
    def receiving(self) -> bool:
        """True from the first signal to the last."""
        return self._stage != _REST

    @property
    def offering(self) -> bool:
        """True while a byte or a signal waits to be seen."""
        return self._calls

    @property
    def _calls(self) -> bool:
        return self.ready or bool(self._shown)

    def _go_on(self) -> None:
        """Arrange for the next signal, or byte; stages that have none are passed over."""
        while self._stage != _REST and not (self._incoming if self._stage == _DATA else self._signals[self._stage]):
            self._stage = (self._stage + 1) % (_CLOSES + 1)
        wait = BYTE_CYCLES if self._stage != _READS else round(THINKING * self.wiring.hz)
        if self._stage != _REST:
            self.wiring.schedule.arm(self._arrives, self.wiring.schedule.now() + wait)

    def _arrived(self) -> None:
        if self._stage == _DATA:
            super()._arrived()
            return
        self._shown = self._signals.get(self._stage, ())
        if self._stage == _READS:
            self._answered = self._same = 0
        self._raise()

    def _send(self, value: int) -> None:
        super()._send(value)
        self._same = self._same + 1 if value == self._fill else 1
        self._fill = value

    def _view(self, address: int, value: int, tried: bool) -> int:
        own, value = [gate for gate in self._shown if gate.address == address], super()._view(address, value, tried)
        return applied(own, beside(self.description, address, value), there=True) if own else value

    def _written(self, address: int, old: int, value: int) -> None:
        """Nothing that it writes asks for its bytes: who reads them does."""

    def leaving(self, exception: int) -> None:
        """It has seen what was shown."""
        gave, shown, self._shown = self._gave, self._shown, ()
        super().leaving(exception)
        self._offers, self._status = 0, False  # nothing is offered but what is shown
        if shown or (self._stage == _DATA and not self._incoming):
            self._answered += gave
            more = self._stage == _ANSWERS and gave and not self._is_over()
            self._stage += not more
            self._stage %= _CLOSES + 1
            self._stalled = False
            self._go_on()
            if self._stage == _REST and self._incoming:  # came while the answer was read
                self.signal()
        self._update()

    def _take(self) -> int:
        taken = super()._take()
        if self._stage == _DATA and not self._incoming and not self._handling:  # taken outside of its handler
            self._stage += 1
            self._go_on()
        return taken

    def _is_over(self) -> bool:
        same = self._same >= _FILL
        if same:
            del self.output[-_FILL:]
        return same or self._answered >= _LONGEST_ANSWER

    def state(self) -> Any:
        return super().state(), (self._stage, self._shown, self._answered, self._same, self._fill)

    def restore(self, state: Any) -> None:
        own, (self._stage, self._shown, self._answered, self._same, self._fill) = state
        super().restore(own)


def patience(port: PortDescription, hz: int) -> int:
    """Cycles until the longest answer is read."""
    return round(THINKING * hz) + (_LONGEST_ANSWER + _FILL) * BYTE_CYCLES if port.reads else 0


def signals_of(
    port: PortDescription, begins: tuple[Gate, ...], ends: tuple[Gate, ...], reads: tuple[Gate, ...]
) -> dict[int, tuple[Gate, ...]]:
    """What is shown in each stage of a message."""
    signals = {_BEGINS: begins, _ENDS: ends, _READS: reads, _ANSWERS: port.sending if reads else ()}
    return signals | {_CLOSES: ends if reads else ()}
