"""The harness's side of procedures and surveys: what a device is asked to bear besides PDUs, and what came of it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping

from harness.case import Procedure
from harness.errors import LinkClosed, LinkError
from harness.radio.att import MTU_REQUEST
from harness.radio.peer import WRITABLE, MalformedTable, Peer, Service, subscription

_SHORTEST_SECONDS = 0.2
_DONE, _NOTHING = "done", "no answer"
_IN_THE_RADIO = frozenset({"update_parameters", "pair", "encrypt"})
Numbers = Mapping[str, int]
Act = Callable[[Peer, str, Numbers, float], bool]


def perform(peer: Peer, step: Procedure, timeout: float) -> bool:
    """Do it on the connection and note its outcome; False when that cut the connection. Raises BenchError.

    What the radio does may go on while the next step is made.
    """
    name, numbers = step.name, dict(step.arguments)
    try:
        if not step.wait and name in _IN_THE_RADIO:
            return _begin(peer, name, numbers, timeout)
        return PROCEDURES[name](peer, name, numbers, timeout)
    except LinkClosed:
        with contextlib.suppress(LinkClosed):
            peer.notice()
        _came(peer, name, "the connection was lost")
    except LinkError as error:
        _came(peer, name, str(error))
        peer.close()
    return False


def _begin(peer: Peer, name: str, numbers: Numbers, timeout: float) -> bool:
    peer.watch.expect_no_bond()
    peer.begin("perform", timeout, name=name, numbers=dict(numbers))
    _came(peer, name, "begun")
    return True


def _came(peer: Peer, name: str, outcome: str) -> None:
    peer.watch.note("procedure", name=name, outcome=outcome)


def _on_air(peer: Peer, name: str, numbers: Numbers, timeout: float) -> bool:
    outcome = str(peer.ask("perform", timeout, name=name, numbers=dict(numbers))["outcome"])
    _came(peer, name, outcome)
    return True


def _pair(peer: Peer, name: str, numbers: Numbers, timeout: float) -> bool:
    """One that is completed may replace the bond that there was; one that is broken off must not end it."""
    outcome = str(peer.ask("perform", timeout, name=name, numbers=dict(numbers))["outcome"])
    _came(peer, name, outcome)
    if outcome == _DONE:
        peer.watch.expect_no_bond()
    if outcome == _DONE and not numbers.get("bonding", 1):
        peer.ask("forget", address=peer.address)
    return True


def _encrypt(peer: Peer, name: str, numbers: Numbers, timeout: float) -> bool:
    """No device may take a key that was never agreed on."""
    outcome = str(peer.ask("perform", timeout, name=name, numbers=dict(numbers))["outcome"])
    _came(peer, name, outcome)
    if outcome == _DONE and not numbers["key"]:
        peer.watch.note("bond", state="zero key")
    return True


def _disconnect(peer: Peer, name: str, numbers: Numbers, _timeout: float) -> bool:
    peer.close(numbers.get("reason", 0x13))
    _came(peer, name, _DONE)
    return False


def _exchange_mtu(peer: Peer, name: str, numbers: Numbers, _timeout: float) -> bool:
    (answer,) = peer.exchange([bytes([MTU_REQUEST]) + numbers["mtu"].to_bytes(2, "little")])
    _came(peer, name, answer.hex() or _NOTHING)
    return True


def _subscribe(peer: Peer, name: str, numbers: Numbers, _timeout: float) -> bool:
    """Every CCCD at once, without waiting between."""
    pdus = [subscription(found, numbers["value"]) for found in peer.table if found.cccd]
    found = peer.exchange(pdus) if pdus else []
    _came(peer, name, f"{sum(map(bool, found))} of {len(pdus)} answered")
    return True


def _forget_bond(peer: Peer, name: str, _numbers: Numbers, _timeout: float) -> bool:
    peer.ask("forget", address=peer.address)
    peer.watch.expect_no_bond()
    _came(peer, name, _DONE)
    return True


def _change_address(peer: Peer, name: str, numbers: Numbers, _timeout: float) -> bool:
    peer.close()
    _move(peer, numbers["kind"])
    _came(peer, name, _DONE)
    return False


def _move(peer: Peer, kind: int) -> None:
    """The key that we have is for the address that we had."""
    peer.ask("change_address", kind=kind)
    peer.moved = kind != 0
    peer.watch.expect_no_bond()


def restore(peer: Peer) -> None:
    """Back to our first address, and to a connection with parameters of its own; raises BenchError."""
    peer.close()
    if peer.moved:
        _move(peer, 0)


PROCEDURES: Mapping[str, Act] = {
    "disconnect": _disconnect,
    "update_parameters": _on_air,
    "exchange_mtu": _exchange_mtu,
    "subscribe": _subscribe,
    "pair": _pair,
    "encrypt": _encrypt,
    "forget_bond": _forget_bond,
    "change_address": _change_address,
}


def advertises(peer: Peer, waited: float = 0.0) -> bool:
    """Listen for its next advertisement, `waited` seconds less than it can take; what it says is compared.

    What this machine lost meanwhile does not count. One that does not come is noted, unless the device is at a private
    address, which changes by itself.
    """
    started = time.monotonic()
    try:
        heard = peer.hear(max(peer.patience - waited, _SHORTEST_SECONDS), started - waited)
    except LinkError:
        if not peer.rotates:
            peer.watch.note("advertising", state="stopped")
        return False
    peer.watch.waited(time.monotonic() - started, again=True)
    renamed = any(found.uuid == "2a00" and found.properties & WRITABLE for found in peer.table)
    peer.watch.advertised(bytes.fromhex(str(heard.get("data", ""))), renamed=renamed)
    return True


def survey(peer: Peer, timeout: float) -> None:
    """Look whether GATT table and advertisement are what they were; ends the connection.

    A table that is not told is none that changed: what the device does not answer shows in the cases.
    """
    before = list(_rows(peer.services))
    try:
        peer.learn_table(timeout)
        peer.watch.compared(before, list(_rows(peer.services)))
    except MalformedTable as malformed:
        peer.watch.note("table", new=str(malformed))
    except LinkError as error:
        peer.watch.note("survey", failed=str(error))
        with contextlib.suppress(LinkClosed):
            peer.notice()
    peer.close()
    advertises(peer)


def _rows(services: tuple[Service, ...]) -> Iterator[str]:
    for service in services:
        yield f"{service.handle:#06x} service {service.uuid}"
        for found in service.characteristics:
            yield f"{found.handle:#06x} {found.uuid} ({found.properties:#04x})"
