"""What Ctrl-C and a polite kill do to a command: the first is noted and acted on, a second one ends it at once."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Generator
from types import FrameType

Handler = Callable[[int, FrameType | None], None]


def nothing() -> None:
    """The signal is only noted."""


def at_once() -> None:
    """Raises KeyboardInterrupt: what runs is given up where it stands."""
    raise KeyboardInterrupt


def leave(number: int, _frame: FrameType | None) -> None:
    """A handler: ends the program with the shell's exit code for a signal, on its way out through every `finally`."""
    raise SystemExit(128 + number)


class Interruption:
    """`number` is the signal that came first, 0 while none has; `act` is what happens then."""

    def __init__(self, act: Callable[[], None] = nothing) -> None:
        self.number = 0
        self.act = act

    @contextlib.contextmanager
    def watched(self) -> Generator[None]:
        """Signals are taken meanwhile; one that nothing inside has caught ends the program with its exit code."""
        try:
            with handled(self._take, signal.SIGINT, signal.SIGTERM):
                yield
        except KeyboardInterrupt:
            leave(self.number, None)

    def _take(self, number: int, _frame: FrameType | None) -> None:
        first, self.number = not self.number, self.number or number
        (self.act if first else at_once)()


@contextlib.contextmanager
def handled(handler: Handler, *numbers: signal.Signals) -> Generator[None]:
    """The signals go to `handler` meanwhile; afterwards they do what they did before."""
    previous = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, before in previous.items():
            signal.signal(number, before)
