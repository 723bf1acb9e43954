"""A client's connection and the device's behind it, with the bench's faults on what goes through."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping

from targets.serving.bench_faults import Chosen
from targets.serving.dirty_line import End, Line

_QUIET = 0.02
_BOOT = b"rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n"
_PIECE = 2
_EVER = float("inf")


class Setup:
    """What is chosen at this moment, chance, and the record of what was done, with monotonic seconds."""

    def __init__(self, chosen: Mapping[str, Chosen], seed: int) -> None:
        self.chosen = dict(chosen)
        self.chance = random.Random(seed)
        self.events: list[tuple[float, str]] = []

    def number(self, name: str, default: float = 0.0) -> float:
        """A fault's number, `default` where it is not chosen."""
        return self.chosen[name].number if name in self.chosen else default

    def note(self, name: str) -> None:
        """It was done."""
        self.events.append((time.monotonic(), name))

    def noise(self, data: bytes) -> bytes:
        """What a bad line makes of it."""
        dropped, flipped = self.number("dropped"), self.number("flipped")
        if not dropped and not flipped:
            return data
        kept = bytearray()
        for byte in data:
            if self.chance.random() < dropped:
                self.note("dropped")
            elif self.chance.random() < flipped:
                self.note("flipped")
                kept.append(byte ^ 1 << self.chance.randrange(8))
            else:
                kept.append(byte)
        return bytes(kept)


class Pair:
    """Opened at `now`, monotonic seconds. `boots`: opening restarts the device."""

    def __init__(self, client: End, device: End, setup: Setup, now: float, *, boots: bool) -> None:
        self.client, self.device, self._setup = client, device, setup
        self._up, self._down = Line(device, setup.chance), Line(client, setup.chance)
        self._heard = self._told = self._logged = now
        self._silent_until = now
        self.ended = self.device_lost = False
        self._open(now, boots=boots)

    def _open(self, now: float, *, boots: bool) -> None:
        setup = self._setup
        self._silent_until = now + max(setup.number("slow-boot"), setup.number("dtr-reset") if boots else 0.0)
        if self._silent_until > now:
            setup.note("boot")
        if boots and "dtr-reset" in setup.chosen:
            self._down.put(_BOOT, now + _QUIET)
        if greeting := setup.chosen.get("greeting"):
            setup.note("greeting")
            self._down.put(greeting.text.encode() + b"\r\n", self._silent_until)

    def from_client(self) -> None:
        """Hand on what the client sent; at its end the pair has ended."""
        now, setup = time.monotonic(), self._setup
        data = self.client.read()
        if data is None:
            self.ended = True
            return
        self._heard = now
        if "echo" in setup.chosen:
            self._down.put(setup.noise(data), now)
        if now < self._silent_until:
            return
        if now >= self._logged + setup.number("console", _EVER) and self._down.idle:
            self._logged = now
            setup.note("console")
            self._down.put(b"[%10.3f] link: %d bytes in\r\n" % (now, len(data)), now)
        self._up.put(setup.noise(data), now)

    def from_device(self) -> None:
        """Hand on what the device said; at its end the pair ends when all is handed on."""
        now = time.monotonic()
        data = self.device.read()
        if data is None:
            self.device_lost = True
        elif now >= self._silent_until:
            self._down.put(self._setup.noise(data), now + self._setup.number("late"))

    def turn(self, now: float) -> None:
        """Hand on what is due, and do what the moment brings."""
        setup = self._setup
        if self._down.idle and now >= max(self._told + setup.number("chatty", _EVER), self._down.last + _QUIET):
            self._told = now
            if now >= self._silent_until:
                self._down.put(b"*IDLE %.1f\r\n" % now, now)
                setup.note("chatty")
        if now >= self._heard + setup.number("idle-timeout", _EVER) and self._down.idle:
            setup.note("idle-timeout")
            self.ended = True
        baud, most = setup.number("paced"), _PIECE if "pieces" in setup.chosen else 0
        self._up.turn(now, most=0, baud=baud)
        self._down.turn(now, most=most, baud=baud)
        self.ended = self.ended or (self.device_lost and self._down.idle)

    def next(self) -> float:
        """When it has something to do."""
        return min(self._up.next(), self._down.next())

    def close(self) -> None:
        """Both ends."""
        self.client.close()
        self.device.close()
