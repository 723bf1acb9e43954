"""A scripted device for tests and first trials: it answers by a function, in its own time, and can break on demand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.errors import LinkClosed, LinkError

Answer = Callable[[bytes], Sequence[bytes]]


class ScriptedLink:
    """Every send is handed to the device's `answer`; its pieces are received one by one. Time is virtual."""

    whole = False

    def __init__(self, device: ScriptedTransport, number: int) -> None:
        self._device, self._number = device, number
        self._pending: list[tuple[float, bytes]] = []
        self._expect(device.greeting)
        self._open, self._leaves_at = True, float("inf")
        self.stream = device.stream

    def send(self, data: bytes, deadline: float) -> None:
        """Hand bytes to the script."""
        self._check()
        device = self._device
        device.sent.append(data)
        if self._number > device.deaf and self._leaves_at == float("inf"):
            self._expect(device.answer(data))

    def _expect(self, pieces: Sequence[bytes]) -> None:
        device = self._device
        first = device.clock + device.delay
        self._pending += [(first + number * device.pace, piece) for number, piece in enumerate(pieces)]

    def receive(self, deadline: float) -> bytes:
        """The next scripted piece that is there in time, or b"" with the clock moved to the deadline."""
        self._check(said=bool(self._pending))
        device = self._device
        if self._pending and self._pending[0][0] <= max(device.clock, deadline):
            due, piece = self._pending.pop(0)
            device.clock = max(device.clock, due) + device.latency
            self._leaves_at = device.clock + device.leaves_in
            return piece
        device.clock = max(device.clock, min(deadline, self._leaves_at))
        if device.clock >= self._leaves_at:
            raise LinkClosed("scripted: the device has hung up")
        return b""

    def _check(self, *, said: bool = False) -> None:
        """Raises LinkClosed; what a device had `said` when it hung up is still received, as over TCP."""
        left = self._number <= self._device.hung_up or self._device.clock >= self._leaves_at
        if not self._open or self._device.unplugged or (left and not said):
            raise LinkClosed("scripted: the link is closed")

    def close(self) -> None:
        """Idempotent."""
        self._open = False

    def now(self) -> float:
        """Virtual seconds."""
        return self._device.clock


class ScriptedTransport:
    """The fake device. `unplugged` breaks open links; `refuse` makes opening fail; `sent` records every send.

    `delay` is seconds from a message to its answer, `pace` from one piece of that to the next; `greeting` comes by
    itself on each connection; the device is gone until the clock shows `back_at`. Behind its first answer on a
    connection it reads nothing more, and closes that `leaves_in` seconds later. `opened` counts connections, of which
    the first `hung_up` are closed and the first `deaf` open and dead.
    """

    moniker = "scripted:"

    def __init__(self, answer: Answer, latency: float = 0.001) -> None:
        self.answer, self.latency, self.delay, self.pace = answer, latency, 0.0, 0.0
        self.clock = self.back_at = self.quiet_gap = self.byte_seconds = 0.0
        self.leaves_in = float("inf")
        self.sent: list[bytes] = []
        self.greeting: Sequence[bytes] = ()
        self.unplugged = self.refuse = False
        self.opened = self.hung_up = self.deaf = 0
        self.stream = True

    def open(self, timeout: float) -> ScriptedLink:
        """A new link; raises LinkError while `refuse` or `unplugged` is set, or the device is gone."""
        if self.refuse or self.unplugged or self.clock < self.back_at:
            raise LinkError("scripted: nothing is listening")
        self.opened += 1
        return ScriptedLink(self, self.opened)

    def hang_up(self, seconds: float = 0.0) -> None:
        """The device closes every connection, and is gone for some seconds."""
        self.hung_up, self.back_at = self.opened, self.clock + seconds

    def fall_deaf(self) -> None:
        """Connections that are open stay open and dead."""
        self.deaf = self.opened
