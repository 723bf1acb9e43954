"""One peripheral as the harness knows it: its connection through the radio, its GATT table, who it says it is."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.errors import LinkClosed, LinkError, TargetError
from harness.identity import unlike
from harness.interfaces import Identity
from harness.radio.att import ATT, CONFIRMATION, ERROR, INDICATION, MTU, MTU_REQUEST, READ, WRITE, answers
from harness.radio.client import RadioClient
from harness.radio.watch import Watch
from harness.radio.wire import Kind, Message

NOTIFY, INDICATE, WRITABLE, WITHOUT_RESPONSE = 0x10, 0x20, 0x08, 0x04
CCCD = "2902"
_KEYS_DIFFER = 0x3D
EVERYTHING = -1
_SETUP_SECONDS = 2.0
_LOOK_BACK_SECONDS, _STALL_SECONDS, _WORTH_SECONDS = 2.0, 15.0, 0.05
_NAMES = {"name": "2a00", "model": "2a24", "serial": "2a25", "firmware": "2a26"}
_RECOGNIZED_BY = ("serial", "name")
_ABSENT = (0x01, 0x02, 0x0A)  # invalid handle, read not permitted, attribute not found
_PRIVATE = (0b00, 0b01)
ANYBODY = Identity()
_REASONS = {
    0x05: "authentication failure",
    0x08: "supervision timeout: out of range, or its host is gone",
    0x13: "the device ended it",
    0x15: "the device powers off",
    0x16: "we ended it",
    0x1F: "unspecified: adapter 'bleak' is not told",
    0x3D: "MIC failure: wrong key",
    0x3E: "it was not established",
}


@dataclass(frozen=True, slots=True)
class Characteristic:
    """One characteristic: the handle of its value, the bits of its properties, its descriptors' handles by UUID."""

    uuid: str
    handle: int
    properties: int
    descriptors: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def cccd(self) -> int:
        """The handle of its Client Characteristic Configuration, or 0."""
        return self.descriptors.get(CCCD, 0)


@dataclass(frozen=True, slots=True)
class Service:
    """One primary service and what is in it."""

    uuid: str
    handle: int
    characteristics: tuple[Characteristic, ...]


class MalformedTable(LinkError):
    """What the device tells is no GATT table."""


class Peer:
    """One peripheral: its connection, whoever uses it, and what was learned of it. Times are monotonic seconds.

    It must be `wanted`: what it says is compared at its first connection, and at every further one its address type and
    its serial number, or its name where it has none, before anybody gets the connection.
    """

    def __init__(self, client: Callable[[], RadioClient], address: str, wanted: Identity = ANYBODY) -> None:
        self._new_client, self.address, self._wanted = client, address, wanted
        self._client: RadioClient | None = None
        self._connection = 0
        self._taps: tuple[int, ...] = ()
        self._waiting = deque[Message]()
        self._subscribed = self._paired = False
        self.watch, self.moved = Watch(), False
        self.services: tuple[Service, ...] = ()
        self.table: tuple[Characteristic, ...] = ()
        self.identity = Identity()
        self.name = ""
        self._given = self._spoke_at = 0.0
        self._missed_at: float | None = None

    @property
    def connection(self) -> int:
        """The radio's number of the connection, never used again; 0 without one."""
        return self._connection

    @property
    def adapter(self) -> str:
        """The radio's; raises BenchError."""
        return self._radio_client().adapter

    @property
    def connected(self) -> bool:
        """True while the connection is up, as far as was heard."""
        return self._connection != 0

    def open(self, channel: int, timeout: float, *, paired: bool, subscribed: bool, held: int = 0) -> None:
        """Connect, unless that is so already, and route the PDUs of ATT and `channel` here (EVERYTHING: of all).

        With `paired` the link is encrypted, else it is not. With `subscribed` notifications and indications are asked
        for. A connection that is lost on the way, as by a device that restarts, is made anew, but not the one that is
        `held`: whoever is on it hears of its loss. Raises LinkError, LinkClosed, BenchError.
        """
        deadline = time.monotonic() + timeout
        while True:
            current = self._connection
            try:
                self.notice()
                if self.connected and paired != self._paired:
                    self.close()
                self._prepare(channel, timeout, paired=paired, subscribed=subscribed)
            except LinkClosed:
                self._forget()
                if (held and current == held) or time.monotonic() > deadline:
                    raise
            else:
                return

    def _prepare(self, channel: int, timeout: float, *, paired: bool, subscribed: bool) -> None:
        if not self.connected:
            self._connect(timeout, paired=paired)
        if subscribed and not self._subscribed:
            self._subscribe()
        self._tap(tuple(sorted({ATT, channel})))

    def _tap(self, channels: tuple[int, ...]) -> None:
        if self._taps != channels:
            everything = EVERYTHING in channels
            self.ask("tap", channels=[cid for cid in channels if cid > 0], everything=everything)
            self._taps = channels

    def ask(self, ask: str, timeout: float = _SETUP_SECONDS, **words: Any) -> dict[str, Any]:
        """Ask the radio about this connection; raises LinkError, LinkClosed, RadioLost."""
        return self._radio_client().ask(ask, timeout, connection=self._connection, **words)

    def begin(self, ask: str, timeout: float = _SETUP_SECONDS, **words: Any) -> None:
        """Ask and go on; what is answered is not heard. Raises RadioLost."""
        self._radio_client().begin(ask, timeout, connection=self._connection, **words)

    def _radio_client(self) -> RadioClient:
        if self._client is None:
            self._client = self._new_client()
        return self._client

    @property
    def patience(self) -> float:
        """Seconds after which it is not only late: `Watch.patience`, and no less than it was given to connect.

        For one whose next address is not known, no more.
        """
        lost = self.rotates and not self._paired
        return self._given if lost else max(self.watch.patience, self._given)

    @property
    def missed(self) -> float:
        """Seconds for which it was sought in vain since it was there last, or since the bench had it restarted."""
        return 0.0 if self._missed_at is None else time.monotonic() - self._missed_at

    def restarted(self) -> None:
        """It restarted at our wish: it is not missed, and need not know us any more."""
        self._missed_at = None
        self.watch.restarted()

    @property
    def rotates(self) -> bool:
        """True where its address is a private one, which changes by itself (Core vol 6 part B 1.3.2)."""
        return self.identity.address_type == "random" and int(self.address[:2], 16) >> 6 in _PRIVATE

    def _connect(self, timeout: float, *, paired: bool) -> None:
        client, started, met = self._radio_client(), time.monotonic(), bool(self.table)
        self._given = timeout if self._missed_at is None else max(self._given, timeout)
        self._missed_at = self._missed_at or started
        answer = client.ask("connect", timeout, address=self.address, measure=not met)
        self._missed_at = None
        self.watch.waited(time.monotonic() - started if met else float(answer.get("interval", 0.0)), again=met)
        self._connection, self._taps, self._subscribed = int(answer["connection"]), (), False
        self._paired = paired
        self.watch.connected()
        try:
            if paired:
                self._encrypt(timeout)
            if self.table:
                self._tap((ATT,))
                if self._exchange(bytes([MTU_REQUEST]) + MTU.to_bytes(2, "little")):
                    self._recognize(str(answer.get("type", "")))
            else:
                self._discover(timeout, str(answer.get("type", "")))
        except (LinkError, TargetError):
            self.close()
            raise

    def _encrypt(self, timeout: float) -> None:
        try:
            bond = str(self.ask("pair", timeout).get("bond", ""))
        except LinkClosed:
            with contextlib.suppress(LinkClosed):
                self.notice()
            if self.watch.ended_with == _KEYS_DIFFER:  # the next attempt is made without ours
                self.ask("forget", address=self.address)
                self.watch.encrypted("lost")
            raise
        self.watch.encrypted(bond)

    def _recognize(self, address_type: str) -> None:
        """Who was met before, asked again; raises TargetError for somebody else.

        A case may have given the device another name, so that the serial number goes before it.
        """
        known = (field for field in _RECOGNIZED_BY if getattr(self._wanted, field) and getattr(self.identity, field))
        field = next(known, "")
        told = self._told(_NAMES[field]) if field else None
        self._match(Identity(address_type=address_type, **({field: told} if told else {})))
        if told == "":
            raise TargetError(f"ble:{self.address}: the device tells no {field} any more. Is it still the same device?")

    def _told(self, uuid: str) -> str | None:
        """The text of a characteristic; "" where it is not there any more, None where that cannot be said."""
        answer = self.read(self.handle(uuid))
        if answer[:1] == bytes([ERROR]):
            return "" if len(answer) > 4 and answer[4] in _ABSENT else None
        return _decoded(answer)

    def _match(self, found: Identity) -> None:
        if words := unlike(self._wanted, found):
            raise TargetError(f"ble:{self.address}: {words}")

    def _discover(self, timeout: float, address_type: str) -> None:
        self.learn_table(timeout, MTU)
        self._tap((ATT,))
        told = {name: self._text(uuid) for name, uuid in _NAMES.items()}
        self.name = told["name"]
        self.identity = Identity(address_type=address_type, **told)
        self._match(self.identity)

    def learn_table(self, timeout: float, mtu: int = 0) -> None:
        """Read the GATT table; the radio's own client does, after an exchange of the MTU (0: none).

        Raises MalformedTable, LinkError, RadioLost.
        """
        self._tap(())
        answer = self.ask("table", timeout, mtu=mtu)
        if malformed := answer.get("malformed"):
            raise MalformedTable(f"ble:{self.address}: the device's GATT table cannot be read: {malformed}")
        self.services = tuple(_service(found) for found in answer["services"])
        self.table = tuple(found for service in self.services for found in service.characteristics)

    def _text(self, uuid: str) -> str:
        """The text of a characteristic, or "" where there is none to read."""
        handle = self.handle(uuid)
        answer = self.read(handle) if handle else b""
        return _decoded(answer) or ""

    def read(self, handle: int) -> bytes:
        """What answers a Read Request: a Read Response, an Error Response, or b"" when nothing does."""
        return self._exchange(bytes([READ]) + handle.to_bytes(2, "little"))

    def _exchange(self, pdu: bytes) -> bytes:
        """Send an ATT request and return its answer; b"" when none comes."""
        return self.exchange([pdu])[0]

    def exchange(self, pdus: Sequence[bytes]) -> list[bytes]:
        """Send ATT requests right behind one another and return their answers, b"" for one that does not come.

        What else comes meanwhile is received later.
        """
        self.send(Kind.PDU, *(ATT.to_bytes(2, "little") + pdu for pdu in pdus))
        found, others, deadline = [b""] * len(pdus), list[Message](), time.monotonic() + _SETUP_SECONDS
        while b"" in found and (message := self.receive(deadline)) is not None:
            body = message.body[2:] if int.from_bytes(message.body[:2], "little") == ATT else b""
            place = next((n for n, pdu in enumerate(pdus) if not found[n] and answers(pdu, body)), None)
            if place is None:
                others.append(message)
            else:
                found[place] = body
        self._waiting.extendleft(reversed(others))
        return found

    def _subscribe(self) -> None:
        """Notifications and indications of every characteristic that has them."""
        self._subscribed = True
        self._tap((ATT,))
        for found in self.table:
            if found.cccd:
                self._exchange(subscription(found, 2 if found.properties & INDICATE else 1))
        self._set_aside()

    def _set_aside(self) -> None:
        """What was told before anybody asked; an indication that is not confirmed would keep the device from more."""
        indication = ATT.to_bytes(2, "little") + bytes([INDICATION])
        for message in self._waiting:
            if message.body.startswith(indication):
                self.send(Kind.PDU, ATT.to_bytes(2, "little") + bytes([CONFIRMATION]))
        self._waiting.clear()

    def handle(self, uuid: str) -> int:
        """The value handle of the first characteristic with a UUID; 0 when there is none."""
        return next((found.handle for found in self.table if found.uuid == uuid.lower()), 0)

    def send(self, kind: Kind, *bodies: bytes) -> None:
        """Put PDUs or frames on the connection."""
        self._spoke_at = time.monotonic()
        self._radio_client().send(self._connection, *bodies, kind=kind)

    def receive(self, deadline: float) -> Message | None:
        """The next PDU of this connection, or None at the deadline; raises LinkClosed when the device is gone.

        Time that the radio, or a host stack on this machine, was kept from running since either side spoke does not
        count.
        """
        since = max(self._spoke_at, time.monotonic() - _LOOK_BACK_SECONDS)
        latest = deadline
        while not self._waiting:
            message = self._radio_client().receive(latest)
            if message is not None:
                self._take(message)
            elif (later := deadline + self._stalled(since, deadline)) > latest:
                latest = later
            elif not self._waiting:
                return None
        self._spoke_at = time.monotonic()
        return self._waiting.popleft()

    def hear(self, timeout: float, since: float) -> dict[str, Any]:
        """Its next advertisement within `timeout` seconds, and those that this machine lost `since` then.

        Raises LinkError, RadioLost.
        """
        deadline, given = time.monotonic() + timeout, timeout
        while True:
            try:
                return self.ask("hear", given, address=self.address)
            except LinkError:
                if time.monotonic() < deadline:  # for another reason than that it is late
                    raise
                given = deadline + self._stalled(since, deadline) - time.monotonic()
                if given < _WORTH_SECONDS:
                    raise

    def _stalled(self, since: float, deadline: float) -> float:
        """Seconds of our own since then, if there was time at all to wait for anything."""
        if deadline <= since:
            return 0.0
        within = time.monotonic() - since
        return min(float(self._radio_client().ask("stalled", _STALL_SECONDS, within=within)["seconds"]), _STALL_SECONDS)

    def notice(self) -> None:
        """Take in what came without being asked for; raises LinkClosed when the device is gone."""
        while self.connected and (message := self._radio_client().receive(0.0)) is not None:
            self._take(message)

    def _take(self, message: Message) -> None:
        if message.connection != self._connection or not self._connection:
            return
        if message.kind == Kind.PDU:
            self._waiting.append(message)
        elif message.kind == Kind.EVENT and message.words.get("event") == "disconnected":
            self._forget()
            reason = int(message.words.get("reason", 0))
            words = f"HCI reason {reason:#04x} ({_REASONS.get(reason, 'see Core vol 1 part F')})"
            self.watch.disconnected(reason, words)
            raise LinkClosed(f"ble:{self.address}: disconnected, {words}")

    def _forget(self) -> None:
        self._connection = 0
        self._waiting.clear()

    def close(self, reason: int = 0x13) -> None:
        """End the connection; idempotent."""
        if self._connection and self._client is not None:
            number = self._connection
            self._forget()
            self._client.ask("disconnect", connection=number, reason=reason)

    def release(self) -> None:
        """Let go of the radio."""
        self._forget()
        if self._client is not None:
            self._client.close()
            self._client = None


def _decoded(answer: bytes) -> str | None:
    """The text of a Read Response; None for anything else."""
    return answer[1:].decode("utf-8", "replace").rstrip("\0") if answer[:1] == bytes([READ + 1]) else None


def _service(found: Mapping[str, Any]) -> Service:
    inside = tuple(_characteristic(each) for each in found["characteristics"])
    return Service(str(found["uuid"]), int(found["handle"]), inside)


def _characteristic(found: Mapping[str, Any]) -> Characteristic:
    descriptors: Sequence[Mapping[str, Any]] = found["descriptors"]
    handles = {str(d["uuid"]): int(d["handle"]) for d in reversed(descriptors)}
    return Characteristic(str(found["uuid"]), int(found["handle"]), int(found["properties"]), handles)


def subscription(found: Characteristic, value: int) -> bytes:
    """The write of a Client Characteristic Configuration."""
    return bytes([WRITE]) + found.cccd.to_bytes(2, "little") + value.to_bytes(2, "little")
