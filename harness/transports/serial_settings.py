"""The line settings of a serial moniker, as pyserial names them: `?baudrate=9600&parity=E&rtscts=on&dtr=off`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serial.rs485 import RS485Settings

from harness.errors import UsageError
from harness.transports import Endpoint

_TOO_FAST = 1 << 31
_BITS = ("5", "6", "7", "8")
_PARITIES = ("N", "E", "O", "M", "S")
_STOP_BITS = ("1", "1.5", "2")
_FLOW = ("xonxoff", "rtscts", "dsrdtr")
_LINES = ("dtr", "rts")
_RS485_LEVELS = {"rts_level_for_tx": True, "rts_level_for_rx": False, "loopback": False}
_RS485_DELAYS = ("delay_before_tx", "delay_before_rx")
_RS485 = (*_RS485_LEVELS, *_RS485_DELAYS)
_OF_URL = {"rfc2217": ("ign_set_control", "poll_modem", "timeout"), "socket": ()}
_OWN = ("baudrate", "bytesize", "parity", "stopbits", "boot", "echo")
_LOCAL = ("exclusive", "rs485", *_RS485)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a port is opened with. `lines`: levels of DTR and RTS, where they are said; `rs485`: None for no such mode.

    `boot`: the longest time in seconds that a board restarts for at each opening. `local`: a port of this machine.
    """

    url: str
    line: Mapping[str, Any]
    lines: Mapping[str, bool]
    rs485: RS485Settings | None
    exclusive: bool
    boot: float
    local: bool


def settings_of(endpoint: Endpoint) -> Settings:
    """8N1 at 115200 baud, for us alone, unless the moniker says otherwise; raises UsageError."""
    scheme, remote, _rest = endpoint.address.partition("://")
    of_url = _OF_URL.get(scheme, ()) if remote else ()
    endpoint.check(*_OWN, *_FLOW, *_LINES, *of_url, *(() if remote else _LOCAL))
    _refuse_pairs(endpoint, remote=bool(remote))
    query = "&".join(f"{key}={endpoint.options[key]}" for key in of_url if key in endpoint.options)
    return Settings(
        f"{endpoint.address}?{query}" if query else endpoint.address,
        _line(endpoint),
        {name: endpoint.switch(name, default=True) for name in _LINES if name in endpoint.options},
        _rs485(endpoint),
        endpoint.switch("exclusive", default=True) if not remote else False,
        endpoint.seconds("boot"),
        not remote,
    )


def _line(endpoint: Endpoint) -> dict[str, Any]:
    baudrate = endpoint.integer("baudrate", 115200)
    if not 0 < baudrate < _TOO_FAST:
        raise UsageError(f"{endpoint.moniker}: no line has {baudrate} baud")
    stop = endpoint.choice("stopbits", _STOP_BITS)
    return {
        "baudrate": baudrate,
        "bytesize": int(endpoint.choice("bytesize", _BITS, "8")),
        "parity": endpoint.choice("parity", _PARITIES),
        "stopbits": float(stop) if "." in stop else int(stop),
        **{name: endpoint.switch(name, default=False) for name in _FLOW},
    }


def _refuse_pairs(endpoint: Endpoint, *, remote: bool) -> None:
    """Settings that a library or a driver would refuse later, and less plainly."""
    if endpoint.switch("rtscts", default=False) and endpoint.switch("xonxoff", default=False):
        raise UsageError(f"{endpoint.moniker}: rtscts and xonxoff are two flow controls; give one of them")
    if remote and endpoint.switch("dsrdtr", default=False):
        raise UsageError(f"{endpoint.moniker}: dsrdtr is for ports of this machine; leave it out")
    if lone := next((name for name in _RS485 if name in endpoint.options and "rs485" not in endpoint.options), ""):
        raise UsageError(f"{endpoint.moniker}: {lone} is for rs485=on; give that, too")


def _rs485(endpoint: Endpoint) -> RS485Settings | None:
    if not endpoint.switch("rs485", default=False):
        return None
    levels = {name: endpoint.switch(name, default=default) for name, default in _RS485_LEVELS.items()}
    before, after = (endpoint.seconds(name) if name in endpoint.options else None for name in _RS485_DELAYS)
    return RS485Settings(**levels, delay_before_tx=before, delay_before_rx=after)
