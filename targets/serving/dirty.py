"""A front that stands between medfuzz and any device, on TCP or a pty, and does what dirty benches do: `Proxy`."""

from __future__ import annotations

import selectors
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.errors import BenchError
from targets.serving.bench_faults import PTY, for_link, kind_of
from targets.serving.dirty_line import End, device_end
from targets.serving.dirty_pair import Pair, Setup
from targets.serving.dirty_place import PtyPlace, TcpPlace, refuse
from targets.serving.dirty_process import Supervised

_LONGEST_PAUSE, _LOOK = 0.05, 0.005
_CONNECT_SECONDS = 1.0
_EVER = float("inf")


class Proxy:
    """Serves the device at `upstream` to who comes to `listen`, from `with` on, in a thread of its own.

    `upstream`: `tcp:HOST:PORT`, `unix:PATH` or `serial:PATH?baudrate=…`; `listen`: `tcp:HOST:PORT` (port 0: one is
    chosen) or `pty:PATH`; clients go to `moniker`. `faults`: as `--bench-faults` takes them (`echo,paced=9600`).
    `events` is what was done, each with its moment in monotonic seconds. The device may be a `process`, which is ended
    with the front. Raises UsageError, BenchError.
    """

    def __init__(
        self, upstream: str, listen: str, faults: str = "", seed: int = 0, *, process: Supervised | None = None
    ) -> None:
        self._upstream, self._process = upstream, process
        self._kind = kind_of(listen)
        self._setup = Setup(for_link(faults, self._kind, process=process is not None), seed)
        self.events = self._setup.events
        self._place = PtyPlace(Path(listen.removeprefix("pty:"))) if self._kind == PTY else TcpPlace(listen)
        self.moniker = self._place.reached
        self._selector = selectors.DefaultSelector()
        self._pairs: list[Pair] = []
        self._free_at = 0.0
        self._gone_at = self._back_at = _EVER
        self._listening = self._stopping = False
        self._schedule()
        self._thread = threading.Thread(target=self._run, name="front", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stopping = True
        self._thread.join()

    def switch(self, faults: str) -> None:
        """From this moment on these faults and no others; raises UsageError."""
        self._setup.chosen = for_link(faults, self._kind, process=self._process is not None)
        self._schedule()

    @property
    def serves(self) -> bool:
        """True until `with` is left, or its thread has failed."""
        return self._thread.is_alive()

    @property
    def pid(self) -> int:
        """The device's process, 0 where it is not ours."""
        return self._process.pid if self._process else 0

    def _schedule(self) -> None:
        gone = self._setup.chosen.get("adapter-gone")
        self._gone_at = time.monotonic() + gone.at if gone else _EVER

    # -- the thread -----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._stopping:
                for key, _mask in self._selector.select(self._pause()):
                    key.data()
                self._turn(time.monotonic())
        finally:
            for pair in tuple(self._pairs):
                self._drop(pair)
            self._place.close()
            self._selector.close()
            if self._process:
                self._process.stop()

    def _pause(self) -> float:
        longest = _LOOK if isinstance(self._place, PtyPlace) and not self._pairs else _LONGEST_PAUSE
        due = min((pair.next() for pair in self._pairs), default=_EVER)
        return max(0.0, min(longest, due - time.monotonic()))

    def _turn(self, now: float) -> None:
        if self._process:
            self._process.turn(now, self._setup)
        self._adapter(now)
        if self._back_at == _EVER:
            self._welcome(now)
        for pair in tuple(self._pairs):
            pair.turn(now)
            if pair.ended:
                self._drop(pair)

    def _adapter(self, now: float) -> None:
        """Gone at its moment, with all that was connected, and back at another."""
        if now >= self._gone_at:
            self._gone_at, self._back_at = _EVER, now + self._setup.number("adapter-gone")
            self._listen(on=False)
            if isinstance(self._place, TcpPlace):
                self._place.hide()  # before anybody who is cut off could come again
            for pair in tuple(self._pairs):
                self._drop(pair)
            if isinstance(self._place, PtyPlace):
                self._place.hide()
            self._setup.note("adapter-gone")
        elif now >= self._back_at:
            self._place.show()
            self._back_at = _EVER
            self._setup.note("adapter-back")

    # -- who comes ------------------------------------------------------------------------------------------------

    def _welcome(self, now: float) -> None:
        """Whoever has opened the serial link; on TCP clients are waited for while there is a slot."""
        if isinstance(self._place, TcpPlace):
            self._listen(on="one-slot-waits" not in self._setup.chosen or self._has_slot(now))
        elif not self._pairs and (client := self._place.end) is not None:
            self._join(End(client.descriptor, lambda: None), now)

    def _listen(self, *, on: bool) -> None:
        if on != self._listening and isinstance(self._place, TcpPlace):
            if on:
                self._selector.register(self._place, selectors.EVENT_READ, self._accept)
            else:
                self._selector.unregister(self._place)
            self._listening = on

    def _has_slot(self, now: float) -> bool:
        return not self._pairs and now >= self._free_at

    def _accept(self) -> None:
        now = time.monotonic()
        if not isinstance(self._place, TcpPlace) or (client := self._place.accept()) is None:
            return
        if "one-slot" in self._setup.chosen and not self._has_slot(now):
            self._setup.note("refused")
            refuse(client)
        elif not self._join(End(client.fileno(), client.close), now):
            refuse(client)

    def _join(self, client: End, now: float) -> bool:
        """Connect the device behind a client; False where it is not there."""
        try:
            device = device_end(self._upstream, _CONNECT_SECONDS)
        except (OSError, BenchError):
            return False
        pair = Pair(client, device, self._setup, now, boots=self._kind == PTY)
        self._pairs.append(pair)
        self._selector.register(client.descriptor, selectors.EVENT_READ, pair.from_client)
        self._selector.register(device.descriptor, selectors.EVENT_READ, lambda: self._device(pair))
        return True

    def _device(self, pair: Pair) -> None:
        """A device's end that is over is looked at no more, or it would keep us busy."""
        pair.from_device()
        if pair.device_lost:
            self._selector.unregister(pair.device.descriptor)

    def _drop(self, pair: Pair) -> None:
        self._pairs.remove(pair)
        self._selector.unregister(pair.client.descriptor)
        if not pair.device_lost:
            self._selector.unregister(pair.device.descriptor)
        pair.close()
        self._free_at = time.monotonic() + max(self._setup.number("one-slot"), self._setup.number("one-slot-waits"))
