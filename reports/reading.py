"""What the protocols and the bench know of bytes: replies parsed as `medfuzz send` prints them, and secrets by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from harness.case import Step
from harness.interfaces import FrameKind, WireProtocol
from reports.text import visible

MOST_FIELDS, LONGEST_VALUE = 40, 80


@dataclass(frozen=True, slots=True)
class Reader:
    """Protocols by interface (none where the bench is not at hand), and secrets by name."""

    protocols: Mapping[str, WireProtocol] = field(default_factory=dict[str, WireProtocol])
    secrets: Mapping[str, bytes] = field(default_factory=dict[str, bytes])

    def fields(self, interface: str, reply: bytes) -> tuple[tuple[str, str], ...]:
        """Names and values of what a reply says; empty where nothing can be read out of it."""
        protocol = self.protocols.get(interface)
        if protocol is None:
            return ()
        try:
            frames, _ = protocol.split(reply)
            read = [item for frame in frames if frame.kind is not FrameKind.STRAY for item in frame.fields.items()]
        except Exception:  # noqa: BLE001  a parser of the user's own must not cost the report
            return ()
        return tuple((visible(str(name)), _value(value)) for name, value in read[:MOST_FIELDS])

    def preamble(self, interface: str, state: str) -> tuple[Step, ...]:
        """The steps on the way to a state, () where they are not known."""
        protocol = self.protocols.get(interface)
        found = protocol.states.get(state) if protocol else None
        return found.preamble if found else ()

    def leaked(self, sent: bytes) -> Mapping[str, bytes]:
        """The secrets that were not sent: in what came back they are leaks."""
        return {name: secret for name, secret in self.secrets.items() if secret not in sent}


def _value(value: object) -> str:
    text = value.hex(" ") if isinstance(value, bytes) else str(value)
    return visible(text[:LONGEST_VALUE] + "…" * (len(text) > LONGEST_VALUE))


def secrets_in(manifest: Mapping[str, Any]) -> dict[str, bytes]:
    """The bench's canaries as its manifest has them; one that cannot be read is left out."""
    table: Any = manifest
    for key in ("configuration", "monitors", "canaries"):
        table = cast("Mapping[str, Any]", table).get(key) if isinstance(table, Mapping) else None
    if not isinstance(table, Mapping):
        return {}
    found = {str(name): _secret(str(text)) for name, text in cast("Mapping[str, Any]", table).items()}
    return {name: secret for name, secret in found.items() if secret}


def _secret(text: str) -> bytes:
    try:
        return bytes.fromhex(text[4:]) if text.startswith("hex:") else text.encode()
    except ValueError:
        return b""
