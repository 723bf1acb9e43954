"""Bluetooth LE: `ble:ADDRESS?layer=gatt|att|smp|signalling|l2cap` and `ble:ADDRESS?char=UUID`, over the radio process.

What is sent and received are PDUs of the layer (ATT for `gatt` and `char`, whole frames for `l2cap`); with `char` what
is sent is the value to write. All links to one address share one connection: a peripheral takes one central.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.case import Procedure, Step
from harness.errors import BenchError, LinkClosed, LinkError, UsageError, did_you_mean
from harness.interfaces import Identity
from harness.radio.att import ATT, WRITE, WRITE_COMMAND, answers, is_request, refusal
from harness.radio.peer import EVERYTHING, WRITABLE, Peer
from harness.radio.perform import PROCEDURES, advertises, perform, restore, survey
from harness.radio.process import BLEAK, Radio
from harness.radio.wire import Kind
from harness.transcript import TargetEvent
from harness.transports import Endpoint, transports
from harness.transports.ble_procedures import NEEDS_SMP, offered

SIGNALLING, SMP = 5, 6
CHANNELS: Mapping[str, int] = {
    "gatt": ATT,
    "char": ATT,
    "att": ATT,
    "smp": SMP,
    "signalling": SIGNALLING,
    "l2cap": EVERYTHING,
}
_ADDRESS = re.compile("[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}")
SUBSCRIBED, FENCED = frozenset({"gatt", "char"}), frozenset({"att", "smp", "signalling", "l2cap"})
_HEAD = 4  # bytes of an L2CAP frame before its payload
_BY_ITSELF = 0x13  # the HCI reason of a device that ends a connection, as it may
_ROTATES = "Its address is a private one and changes; pair=on lets it be known by the key that it is made with"
FENCES = (b"\x0a\x00\x00", b"\x0c\x00\x00\x00\x00", b"\x04\x00\x00\x00\x00")  # reads of handle 0, which is none


@dataclass(frozen=True, slots=True)
class Route:
    """Which part of a connection a moniker means: its layer, one characteristic ("": all), encrypted or not.

    `procedures`: the adapter is one that performs them.
    """

    layer: str
    characteristic: str
    paired: bool
    procedures: bool = True

    @property
    def channel(self) -> int:
        """The L2CAP channel, or EVERYTHING."""
        return CHANNELS[self.layer]

    @property
    def pairs(self) -> bool:
        """True where the Security Manager's PDUs are the radio's own and not the link's."""
        return self.channel not in (SMP, EVERYTHING)


class BleLink:
    """One layer of a connection. With a fence, `receive` says b"" as soon as everything that was sent is answered.

    The fence is a read of handle 0 right behind what is sent: it is always answered, and in order, so that a PDU which
    the device drops costs a round trip instead of a timeout. It is of another kind than the requests before it, or a
    malformed one's refusal could be taken for its own. After a timeout the next send makes a fresh connection.
    """

    stream = False

    def __init__(
        self, moniker: str, peer: Peer, route: Route, timeout: float, performed: Callable[[], None], *, fenced: bool
    ) -> None:
        self._moniker, self._peer, self._route, self._timeout = moniker, peer, route, timeout
        self._performed = performed
        self._cid, self._uuid, self.whole = route.channel, route.characteristic, fenced
        self._connection = 0
        self._begin()
        self._join(timeout)

    def _begin(self) -> None:
        self._timed_out = self._owed = False
        self._fences: list[bytes] = []
        self._said = b""
        self._awaited: list[bytes] = []

    def _join(self, timeout: float) -> None:
        subscribed = self._route.layer in SUBSCRIBED
        paired, held = self._route.paired, self._connection
        self._peer.open(self._cid, timeout, paired=paired, subscribed=subscribed, held=held)

    def fresh(self, timeout: float) -> bool:
        """Make the connection ready to send on within `timeout` seconds; True when it is another one than last time.

        After a timeout it is made anew: a late answer would be taken for the next request's. So is one that the device
        ended when all was answered, as devices do that are left alone. Raises LinkError.
        """
        ended = self._left_alone()
        if self._timed_out:
            self._peer.close()
        try:
            self._join(timeout)
        except LinkError as error:
            raise (ended or error) from error
        if self._peer.connection == self._connection:
            return False
        self._connection = self._peer.connection
        self._begin()
        return True

    def _left_alone(self) -> LinkClosed | None:
        """How the device ended the connection when all was answered; raises LinkClosed for any other end."""
        try:
            self._peer.notice()
        except LinkClosed as ended:
            if self._owed or self._peer.watch.ended_with != _BY_ITSELF:
                raise
            return ended
        return None

    def send(self, data: bytes, deadline: float) -> None:
        """Send one PDU; raises LinkError, LinkClosed, BenchError."""
        self.burst((data,), deadline)

    def burst(self, messages: Sequence[bytes], deadline: float, *, awaited: bool = True) -> None:
        """Send PDUs right behind one another, and a fence behind the last where answers are read next.

        Two fences under way would be two like requests at once. Raises LinkError, LinkClosed, BenchError.
        """
        self.fresh(self._timeout)
        self._owed = True
        pdus = [self._pdu(data) for data in messages]
        if self._cid == EVERYTHING:
            self._peer.send(Kind.FRAME, *pdus)
        else:
            self._peer.send(Kind.PDU, *(self._cid.to_bytes(2, "little") + pdu for pdu in pdus))
        if self.whole:
            self._said += b"".join(pdu[_HEAD:][:1] if self._cid == EVERYTHING else pdu[:1] for pdu in pdus)
            self._awaited = [FENCES[0]]
            if awaited:
                self._fence_off()
        elif self._cid == ATT:
            self._awaited += [pdu for pdu in pdus if is_request(pdu)]

    def _fence_off(self) -> None:
        """Send a fence of a kind that nothing under way has, as far as there is one left."""
        said = {*self._said, *(fence[0] for fence in self._fences)}
        fence = next((fence for fence in FENCES if fence[0] not in said), FENCES[-1])
        self._fences.append(fence)
        self._peer.send(Kind.PDU, ATT.to_bytes(2, "little") + fence)

    def _pdu(self, data: bytes) -> bytes:
        if not self._uuid:
            return data
        found = next((c for c in self._peer.table if c.uuid == self._uuid), None)
        if found is None:
            raise LinkError(f"{self._moniker}: the device has no characteristic {self._uuid}; see `medfuzz discover`")
        operation = WRITE if found.properties & WRITABLE else WRITE_COMMAND
        return bytes([operation]) + found.handle.to_bytes(2, "little") + data

    def receive(self, deadline: float) -> bytes:
        """The next PDU; b"" at the deadline, or when the fence is answered."""
        while (message := self._peer.receive(deadline)) is not None:
            cid, pdu = int.from_bytes(message.body[:2], "little"), message.body[2:]
            if cid == ATT and (fence := self._passed(pdu)):
                self._fences.remove(fence)
                if not self._fences:
                    self._awaited, self._owed, self._said = [], False, b""
                    return b""
            elif self._cid == EVERYTHING:
                return len(pdu).to_bytes(2, "little") + message.body
            elif cid == self._cid:
                if not self.whole:
                    self._answered(pdu)
                return pdu
        self._timed_out = bool(self._awaited)
        return b""

    def _passed(self, pdu: bytes) -> bytes:
        """The fence that this refuses, b"" if none: of two under way, a stack may answer the later one first."""
        return next((fence for fence in self._fences if pdu.startswith(refusal(fence, 0)[:-1])), b"")

    def _answered(self, pdu: bytes) -> None:
        """The first request that this answers is awaited no more."""
        request = next((request for request in self._awaited if answers(request, pdu)), None)
        if request is not None:
            self._awaited.remove(request)
            self._owed = bool(self._awaited)

    def perform(self, step: Procedure, timeout: float) -> bool:
        """On a connection that is up. Raises UsageError where it is none, or not one of this layer."""
        if step.name not in PROCEDURES or (step.name in NEEDS_SMP and not self._route.pairs):
            names = PROCEDURES.keys() - (frozenset() if self._route.pairs else NEEDS_SMP)
            raise UsageError(f"procedure '{step.name}': {self._moniker} has none such.{did_you_mean(step.name, names)}")
        self.fresh(self._timeout)
        self._performed()
        try:
            return perform(self._peer, step, timeout)
        finally:
            self._awaited, self._timed_out = [], False

    def handle(self, uuid: str) -> int:
        """The value handle of a characteristic; raises LinkError."""
        if not (found := self._peer.handle(uuid)):
            raise LinkError(f"{self._moniker}: the device has no characteristic {uuid}; see `medfuzz discover`")
        return found

    def close(self) -> None:
        """End the connection; idempotent, never raises."""
        try:
            self._peer.close()
        except BenchError:
            self._peer.release()

    def now(self) -> float:
        """The monotonic clock."""
        return time.monotonic()


class BleTransport:
    """Opens links to one part of one address. `fenced` may be switched for a sequential run."""

    quiet_gap = byte_seconds = 0.0

    def __init__(self, moniker: str, peer: Peer, route: Route, *, fenced: bool) -> None:
        self.moniker, self._peer, self._route, self.fenced = moniker, peer, route, fenced
        self._disturbed, self._timeout = False, 0.0
        self.procedures = offered(pairs=route.pairs) if route.procedures else dict[str, tuple[Step, ...]]()

    def open(self, timeout: float) -> BleLink:
        """Connect within `timeout` seconds; raises LinkError, BenchError, UsageError."""
        if self._route.layer not in SUBSCRIBED and self._peer.adapter == BLEAK:
            raise UsageError(
                f"{self.moniker}: adapter '{BLEAK}' reaches GATT only, not layer '{self._route.layer}'. Leave it out, "
                "or give the radio an adapter that carries it: usb:0, hci-socket:0, serial:PORT,SPEED"
            )
        self._timeout = timeout
        try:
            return self._joined(timeout)
        except LinkClosed:
            raise
        except LinkError as error:
            if not self._peer.table:
                raise LinkError(f"{self.moniker}: {error}. Is the device on, in range and advertising?") from error
            if not advertises(self._peer, self._peer.missed):
                hint = _ROTATES if self._peer.rotates else "It does so no more: look at the device"
                raise LinkError(f"{self.moniker}: {error}. {hint}") from error
        return self._late(timeout)

    def _joined(self, timeout: float) -> BleLink:
        return BleLink(self.moniker, self._peer, self._route, timeout, self._disturb, fenced=self.fenced)

    def _late(self, timeout: float) -> BleLink:
        """It advertises after all."""
        try:
            return self._joined(timeout)
        except LinkClosed:
            raise
        except LinkError as error:
            raise LinkError(f"{self.moniker}: {error}. It advertises, and takes no connection") from error

    def _disturb(self) -> None:
        self._disturbed = True

    def restore(self) -> bool:
        """After procedures the connection is ended, and the next one comes from our first address."""
        disturbed, self._disturbed = self._disturbed, False
        if disturbed:
            restore(self._peer)
        return disturbed

    def restarted(self) -> None:
        """A bond need not outlast a restart."""
        self._peer.restarted()

    def survey(self) -> None:
        """Read the GATT table again, hear an advertisement, and open the connection anew for what the bond is worth.

        On a connection of its own: a pairing that a case has begun is broken off, behind which a device may answer
        nothing else.
        """
        self._peer.close()
        self.open(self._timeout)
        survey(self._peer, self._timeout)
        self.open(self._timeout)

    def take_events(self) -> tuple[TargetEvent, ...]:
        """Those of the peripheral, whichever of its links they happened on."""
        return self._peer.watch.take()

    def identity(self) -> Identity:
        """What the device information service said at the first connection."""
        return self._peer.identity


@transports.register("ble")
def ble_transport(endpoint: Endpoint, target: object) -> BleTransport:
    """`ble:ADDRESS?…`; `pair=on` encrypts, `fence=off` is for a device that objects to two requests at once.

    `adapter=` is that of the bench's `[radio]`, for all links. Raises UsageError.
    """
    endpoint.check("layer", "char", "fence", "pair", "adapter")
    radio = getattr(target, "radio", None)
    if not isinstance(radio, Radio):
        raise UsageError(f"{endpoint.moniker}: needs a target of kind 'process' or 'external'")
    if adapter := endpoint.options.get("adapter", ""):
        radio.choose(adapter)
    characteristic = endpoint.options.get("char", "").lower()
    layer = "char" if characteristic else endpoint.options.get("layer", "gatt")
    if layer not in CHANNELS:
        raise UsageError(f"{endpoint.moniker}: unknown layer '{layer}'.{did_you_mean(layer, CHANNELS)}")
    route = Route(layer, characteristic, endpoint.switch("pair", default=False), radio.adapter != BLEAK)
    fenced = endpoint.switch("fence", default=layer in FENCED)
    return BleTransport(endpoint.moniker, radio.peer(_address(endpoint)), route, fenced=fenced)


def is_address(text: str) -> bool:
    """True for six octets in hexadecimal digits, like F0:F1:F2:F3:F4:F5."""
    return _ADDRESS.fullmatch(text) is not None


def _address(endpoint: Endpoint) -> str:
    address = endpoint.address.upper()
    if not is_address(address):
        raise UsageError(f"{endpoint.moniker}: write ble:ADDRESS, like ble:F0:F1:F2:F3:F4:F5?layer=att")
    return address
