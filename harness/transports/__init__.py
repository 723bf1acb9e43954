"""Byte carriers: monikers, and the registry that opens them, one file a scheme."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from harness.errors import UsageError, did_you_mean
from harness.interfaces import Transport
from harness.registry import Registry


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A parsed moniker `SCHEME:ADDRESS?KEY=VALUE&…`."""

    moniker: str
    scheme: str
    address: str
    options: Mapping[str, str]

    def check(self, *valid: str) -> None:
        """Raise UsageError for an option that the scheme does not know."""
        for key in self.options:
            if key not in valid:
                raise UsageError(f"{self.moniker}: unknown option '{key}'.{did_you_mean(key, valid)}")

    def integer(self, key: str, default: int) -> int:
        """An integer option; raises UsageError."""
        text = self.options.get(key, str(default))
        if not text.isdigit():
            raise UsageError(f"{self.moniker}: option {key} must be a whole number, not '{text}'")
        return int(text)

    def seconds(self, key: str) -> float:
        """An option in seconds, 0 where it is not given; raises UsageError."""
        text = self.options.get(key, "0")
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value < math.inf:
            raise UsageError(f"{self.moniker}: option {key} is a number of seconds, not '{text}'")
        return value

    def choice(self, key: str, valid: Sequence[str], default: str = "") -> str:
        """An option out of some, the first by default, in capitals; raises UsageError."""
        text = self.options.get(key, default or valid[0]).upper()
        if text not in valid:
            raise UsageError(f"{self.moniker}: {key} must be one of {', '.join(valid)}, not '{text}'")
        return text

    def switch(self, key: str, *, default: bool) -> bool:
        """An option that is `on` or `off`; raises UsageError."""
        text = self.options.get(key, "on" if default else "off")
        if text not in ("on", "off"):
            raise UsageError(f"{self.moniker}: option {key} is on or off, not '{text}'")
        return text == "on"


transports: Registry[Callable[[Endpoint, object], Transport]] = Registry("transport")


def parse_moniker(moniker: str) -> Endpoint:
    """`serial:/dev/ttyUSB0?baudrate=115200` in parts; raises UsageError."""
    scheme, colon, rest = moniker.partition(":")
    if not colon or not rest:
        raise UsageError(
            f"'{moniker}' is not a transport; write SCHEME:ADDRESS, like serial:/dev/ttyUSB0?baudrate=115200"
        )
    address, _mark, query = rest.partition("?")
    return Endpoint(moniker, scheme, address, dict(parse_qsl(query, keep_blank_values=True)))


def transport(moniker: str, target: object) -> Transport:
    """The transport of a moniker; `target` is for schemes that live inside it. Raises UsageError."""
    endpoint = parse_moniker(moniker)
    if endpoint.scheme not in transports and endpoint.address.isdecimal():
        raise UsageError(f"'{moniker}' is not a transport. Did you mean 'tcp:{moniker}'?")
    return transports.get(endpoint.scheme)(endpoint, target)
