"""Messages sent by their names to a device that is up: what `medfuzz send` and tests of one's own do."""

from __future__ import annotations

from contextlib import suppress

from harness.assembly.assemble import Assembly
from harness.case import Send
from harness.errors import MedfuzzError, TargetError, UsageError, did_you_mean
from harness.interfaces import Frame
from harness.monitors.device import is_told, words_of
from harness.transcript import Exchange

_GLANCE_SECONDS = 0.5
RAW = "bytes"  # the name of what is none of the protocol's messages


class Speaker:
    """One interface of a started bench; `exchange` is the last message with what came, as bytes and times."""

    def __init__(self, assembly: Assembly, interface: str) -> None:
        self.name, self._assembly = interface, assembly
        self._interface = assembly.runner.interfaces[interface]

    @property
    def exchange(self) -> Exchange:
        """Raises UsageError where nothing was sent yet."""
        if not self._interface.executor.exchanges:
            raise UsageError(f"nothing was sent on '{self.name}' yet")
        return self._interface.executor.exchanges[-1]

    def open(self) -> None:
        """A new connection on which nothing was said yet; raises LinkError."""
        self._interface.executor.close()
        self._interface.executor.begin()
        self._interface.executor.connection.open()

    def close(self) -> None:
        """Idempotent."""
        self._interface.executor.close()

    def enter(self, state: str) -> None:
        """Bring the device to a state of the protocol; raises UsageError, and TargetError where it is not reached."""
        self._assembly.protocols[self.name].state(state)
        if not self._assembly.runner.enter(self._interface, state):
            raise TargetError(f"[interfaces.{self.name}] state '{state}' is not reached; its proof is not given")

    def send(self, message: str) -> Frame | None:
        """Send a valid message by its name; its answer, None where none came. Raises UsageError, LinkError."""
        return self._interface.executor.send(self._assembly.protocols[self.name].message(message).send())

    def send_bytes(self, data: bytes) -> Frame | None:
        """Send bytes as they are, through the guard; what answers them, None where nothing does. Raises LinkError."""
        return self._interface.executor.send(Send(RAW, data))

    def ask(self, message: str) -> Frame:
        """As `send`; raises TargetError where no answer came."""
        if (answer := self.send(message)) is None:
            raise TargetError(self.unanswered)
        return answer

    @property
    def fate(self) -> str:
        """What became of the device meanwhile, as far as its target tells; "" where nothing did."""
        with suppress(MedfuzzError):  # whether it still takes connections
            self._interface.executor.renew(_GLANCE_SECONDS)
        events = self._assembly.runner.target.take_events()
        return "; ".join(map(words_of, filter(is_told, events)))

    @property
    def unanswered(self) -> str:
        """That the last message had no answer, and what to look at."""
        moniker = self._assembly.bench.interfaces[self.name].transport
        waited = self.exchange.ended_at - self.exchange.sent_at
        return f"{moniker}: no answer in {waited:.2f} s. Check wiring, speed and protocol of [interfaces.{self.name}]"


def interface_of(assembly: Assembly, message: str) -> str:
    """The first interface that knows a message, or the only one where it is none; raises UsageError."""
    if not message and len(assembly.protocols) > 1:
        raise UsageError(f"on which interface? Name one of {', '.join(assembly.protocols)} by --interface")
    for name, protocol in assembly.protocols.items():
        if not message or message in protocol.messages:
            return name
    known = [word for protocol in assembly.protocols.values() for word in protocol.messages]
    raise UsageError(f"no interface of this bench knows a message '{message}'.{did_you_mean(message, known)}")
