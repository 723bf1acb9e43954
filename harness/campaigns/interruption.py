"""What signals do to a command: the first one of a run is acted on in good order, a second one gives up what runs."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Generator
from types import FrameType
from typing import TYPE_CHECKING

from harness.through_c import raise_past_c

if TYPE_CHECKING:
    from harness.events import Event
    from harness.interfaces import Listener


Handler = Callable[[int, FrameType | None], None]
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def nothing() -> None:
    """The signal is only noted."""


def at_once() -> None:
    """Raises KeyboardInterrupt: what runs is given up where it stands, an emulator's slice behind it."""
    raise_past_c(KeyboardInterrupt())


def leave(number: int, _frame: FrameType | None) -> None:
    """A handler: ends the program with the shell's exit code for a signal, on its way out through every `finally`."""
    raise_past_c(SystemExit(128 + number))


def end_now(number: int, _frame: FrameType | None) -> None:
    """A handler while modules are loaded: nothing is open yet, and imports may lose an exception in a callback."""
    os._exit(128 + number)


class Interruption:
    """`number` is the signal that came first, 0 while none has; `act` is what happens then.

    A second one raises KeyboardInterrupt, once: whoever catches it has results to write, and is left in peace.
    """

    def __init__(self, act: Callable[[], None] = nothing) -> None:
        self.number = 0
        self.act = act
        self._resting = self._listening = self._due = self._each = False

    @contextlib.contextmanager
    def watched(self) -> Generator[None]:
        """Signals are taken meanwhile; one that nothing inside has caught ends the program with its exit code.

        After one that came, more of them cannot take the place of the outcome, which is still to be told.
        """
        try:
            with handled(self._take, *ENDING):
                try:
                    yield
                finally:
                    self._ignore_more()
        except KeyboardInterrupt:
            leave(self.number, None)

    def rest(self) -> None:
        """From here on signals are only noted: what is left to do is short."""
        self.act, self._resting, self._each = nothing, True, False

    def begin(self, act: Callable[[], None]) -> None:
        """From here on the first one acts so, also where it has come already."""
        self.act, self._resting = act, False
        if self.number:
            act()

    def hand_on(self, act: Callable[[], None]) -> None:
        """From here on each one acts so, also where one has come already, and none gives up what runs."""
        self._each = True
        self.begin(act)

    def wake(self) -> None:
        """From here on any further one gives up what runs."""
        self.act, self._resting = at_once, False

    def uninterrupted(self, listener: Listener) -> Listener:
        """The listener, which no signal stops half-way: a store's transaction, a line on a terminal."""

        def handed_on(event: Event) -> None:
            self._listening = True
            try:
                listener(event)
            finally:
                self._listening = False
            if self._due:
                self._due = False
                at_once()

        return handed_on

    def _ignore_more(self) -> None:
        for number in ENDING if self.number else ():
            signal.signal(number, signal.SIG_IGN)

    def _take(self, number: int, _frame: FrameType | None) -> None:
        first, self.number = not self.number, self.number or number
        if first or self._each:
            self.act()
        elif not self._resting:
            self._resting = True
            self._due = self._listening
            if not self._listening:
                at_once()


@contextlib.contextmanager
def handled(handler: Handler, *numbers: signal.Signals) -> Generator[None]:
    """The signals go to `handler` meanwhile; afterwards they do what they did before.

    A hang-up that whoever started us has us ignore (`nohup`) stays ignored, and what was set inside stays set.
    """
    previous = {number: signal.getsignal(number) for number in numbers}
    if previous.get(signal.SIGHUP) is signal.SIG_IGN:
        del previous[signal.SIGHUP]
    for number in previous:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, before in previous.items():
            if signal.getsignal(number) == handler:
                signal.signal(number, before)
