"""Steps, live fields, origin and the test case: what a fuzzer yields and the executor runs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from harness.quick import quick

PREAMBLE = "preamble"  # the Origin's fuzzer of what is sent on the way to a state
_BEHIND, _NOTHING_LIVE = "\2", b"()"


@dataclass(frozen=True, slots=True)
class LiveField:
    """Bytes of a template that are computed at send time: `data[offset:offset + length]`.

    `name` selects the protocol's resolver (`sequence`, `token`, `crc16`, `session:NAME`). A checksum
    names the bytes it covers as `[start, stop)`; other fields leave both 0. Fields are resolved in order.
    """

    name: str
    offset: int
    length: int
    start: int = 0
    stop: int = 0


@dataclass(frozen=True, slots=True)
class FieldSpan:
    """Which bytes of a message a named field covers; used for annotation only."""

    name: str
    offset: int
    length: int


@quick
@dataclass(frozen=True, slots=True)
class Send:
    """Send one message. `callback` names a boofuzz edge whose callback runs at send time and may replace the bytes.

    `replay_of` is the index of an earlier step of the same case: the bytes that step really sent go out again,
    live fields and all (-1: none). Where that step did not send, `data` and `live` are used as in any other step.
    Without `wait` nothing is read before the next step: what that sends or does comes right behind.
    """

    message: str
    data: bytes
    live: tuple[LiveField, ...] = ()
    spans: tuple[FieldSpan, ...] = field(default=(), compare=False)
    mutated: bool = field(default=False, compare=False)
    callback: str = ""
    replay_of: int = -1
    wait: bool = True

    def filled(self, value: Callable[[LiveField, bytes], bytes]) -> bytes:
        """Its bytes with live fields computed in order: each by `value`, with the earlier ones in place."""
        data = self.data
        for live in self.live:
            data = data[: live.offset] + value(live, data) + data[live.offset + live.length :]
        return data


@quick
@dataclass(frozen=True, slots=True)
class Wait:
    """Let `seconds` of link time pass; unsolicited traffic is collected meanwhile."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Reconnect:
    """Close the link and open it again."""


@dataclass(frozen=True, slots=True)
class Reset:
    """Reset the target through its own means (not through the fuzzed link)."""


@dataclass(frozen=True, slots=True)
class Stimulate:
    """Set a sensor or switch, named in the bench, to a value in the stimulus's own unit."""

    stimulus: str
    value: float


@dataclass(frozen=True, slots=True)
class Procedure:
    """What the link's carrier does besides carrying messages: its name, and its arguments by name.

    Without `wait` the next step comes while it runs, where the carrier can do that.
    """

    name: str
    arguments: tuple[tuple[str, int], ...] = ()
    wait: bool = True


Step = Send | Wait | Reconnect | Reset | Stimulate | Procedure


@quick
@dataclass(frozen=True, slots=True)
class Origin:
    """Where a case came from: enough to say in words what was mutated, and to generate it again.

    One that is `aimed` was made for what the device answered to another case.
    """

    fuzzer: str
    path: tuple[str, ...] = ()
    field: str = ""
    mutation: str = ""
    seed: int = 0
    parent: str = ""
    aimed: bool = False

    @property
    def mutation_text(self) -> str:
        """The mutation, and which captured seed or conversation it was made to."""
        return f"{self.mutation} of {self.parent}" if self.parent else self.mutation


@dataclass(frozen=True)
class TestCase:
    """An ordered tuple of steps on one interface, started in one state."""

    __test__ = False

    interface: str
    state: str
    steps: tuple[Step, ...]
    origin: Origin = field(compare=False)

    @cached_property
    def id(self) -> str:
        """Sixteen hex digits: a hash of interface, state, templates and waits (live bytes count as zero)."""
        digest = hashlib.blake2b(f"{self.interface}\0{self.state}".encode(errors="surrogatepass"), digest_size=8)
        for step in self.steps:
            digest.update(_template(step))
        return digest.hexdigest()

    @property
    def messages(self) -> tuple[str, ...]:
        """Names of the messages that are sent and of the procedures between them, in order."""
        return tuple(_name(step) for step in self.steps if isinstance(step, Send | Procedure))


def _name(step: Send | Procedure) -> str:
    return step.message if isinstance(step, Send) else step.name


def _template(step: Step) -> bytes:
    if not isinstance(step, Send):
        return b"\0" + repr(step).encode()
    data = step.data
    for live in step.live:
        data = data[: live.offset] + bytes(live.length) + data[live.offset + live.length :]
    head = f"{'' if step.wait else _BEHIND}\1{step.message}\0{step.callback}\0{step.replay_of}\0{len(data)}\0"
    return head.encode(errors="surrogatepass") + data + (_live_template(step.live) if step.live else _NOTHING_LIVE)


@lru_cache(maxsize=4096)
def _live_template(live: tuple[LiveField, ...]) -> bytes:
    """Most cases have the live fields of many others."""
    return repr(live).encode()
