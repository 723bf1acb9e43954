"""A scripted device for tests and first trials: it answers by a function, in its own time, and can break on demand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.errors import LinkClosed, LinkError

Answer = Callable[[bytes], Sequence[bytes]]


class ScriptedLink:
    """Every send is handed to the device's `answer`; its pieces are received one by one. Time is virtual."""

    whole = False
    stream = True

    def __init__(self, device: ScriptedTransport) -> None:
        self._device = device
        self._pending: list[bytes] = []
        self._open = True

    def send(self, data: bytes, deadline: float) -> None:
        """Hand bytes to the script."""
        self._check()
        self._device.sent.append(data)
        self._pending += self._device.answer(data)

    def receive(self, deadline: float) -> bytes:
        """The next scripted piece, or b"" with the clock moved to the deadline."""
        self._check()
        if self._pending:
            self._device.clock += self._device.latency
            return self._pending.pop(0)
        self._device.clock = max(self._device.clock, deadline)
        return b""

    def _check(self) -> None:
        if not self._open or self._device.unplugged:
            raise LinkClosed("scripted: the link is closed")

    def close(self) -> None:
        """Idempotent."""
        self._open = False

    def now(self) -> float:
        """Virtual seconds."""
        return self._device.clock


class ScriptedTransport:
    """The fake device. `unplugged` breaks open links; `refuse` makes opening fail; `sent` records every send."""

    moniker = "scripted:"
    quiet_gap = 0.0

    def __init__(self, answer: Answer, latency: float = 0.001) -> None:
        self.answer, self.latency = answer, latency
        self.clock = 0.0
        self.sent: list[bytes] = []
        self.unplugged = self.refuse = False

    def open(self, timeout: float) -> ScriptedLink:
        """A new link; raises LinkError while `refuse` or `unplugged` is set."""
        if self.refuse or self.unplugged:
            raise LinkError("scripted: nothing is listening")
        return ScriptedLink(self)
