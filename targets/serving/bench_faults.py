"""What devices, cables and adapters in the field do that is no fault of the device, by name: `--bench-faults`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.errors import UsageError, did_you_mean

TCP, PTY = "tcp", "pty"
_BOTH = frozenset({TCP, PTY})


@dataclass(frozen=True, slots=True)
class BenchFault:
    """One by its name: what it does, what `NAME=VALUE` is (`default` where it is left out), on which links."""

    what: str
    default: str = ""
    value: str = ""
    links: frozenset[str] = _BOTH
    process: bool = False


BLE_FAULTS = {
    "slow-advertising": BenchFault("advertises every two seconds only"),
    "late-advertising": BenchFault("needs two seconds before it advertises again after a connection"),
    "odd-name": BenchFault("its name is not UTF-8, and changes its case from connection to connection"),
    "mtu-refused": BenchFault("refuses to exchange the MTU"),
    "rotating-address": BenchFault("has another resolvable private address after each connection"),
    "duplicate-uuids": BenchFault("has one service and its characteristic twice"),
    "idle-disconnect": BenchFault("ends a connection on which nothing is asked for a second"),
}
LINK_FAULTS = {
    "echo": BenchFault("what is sent comes back first, as on two-wire RS-485"),
    "greeting": BenchFault("says a line on each connection", "READY", "TEXT"),
    "console": BenchFault("log lines between the frames, at most one in so many seconds", "0.2", "SECONDS"),
    "paced": BenchFault("a line of so many baud, byte by byte", "9600", "BAUD"),
    "pieces": BenchFault("what the device says comes in pieces of one or two bytes"),
    "slow-boot": BenchFault("takes what is sent and answers nothing, so long after each connection", "1", "SECONDS"),
    "dropped": BenchFault("each byte is lost with this probability", "0.001", "P"),
    "flipped": BenchFault("of each byte a bit is turned with this probability", "0.001", "P"),
    "one-slot": BenchFault(
        "a second connection is refused; a slot stays busy so long after its end", "1", "SECONDS", frozenset({TCP})
    ),
    "one-slot-waits": BenchFault(
        "a second connection waits; a slot stays busy so long after its end", "1", "SECONDS", frozenset({TCP})
    ),
    "idle-timeout": BenchFault(
        "ends a connection on which nothing is sent for so long", "1", "SECONDS", frozenset({TCP})
    ),
    "chatty": BenchFault("says something by itself every so many seconds", "0.1", "SECONDS"),
    "adapter-gone": BenchFault(
        "the place is gone for so long, at such a moment; a serial link comes back as another tty", "1@1", "SECONDS@AT"
    ),
    "dtr-reset": BenchFault(
        "each opening restarts the device: a boot text, and nothing else so long", "1", "SECONDS", frozenset({PTY})
    ),
    "late": BenchFault("each answer is so late", "0.2", "SECONDS"),
    "held": BenchFault(
        "the device's process is stopped so long, once in such a time on average", "1@5", "SECONDS@MEAN", process=True
    ),
    "watchdog": BenchFault(
        "a device's process that has ended is started again after so long", "1", "SECONDS", process=True
    ),
}


def kind_of(place: str) -> str:
    """TCP or PTY: of `tcp:HOST:PORT` or `pty:PATH`; raises UsageError."""
    kind = place.partition(":")[0]
    if kind not in _BOTH:
        raise UsageError(f"'{place}': a front is at tcp:HOST:PORT or pty:PATH")
    return kind


@dataclass(frozen=True, slots=True)
class Chosen:
    """A fault's `NAME=NUMBER@AT`, or `NAME=TEXT`. `at` is 0 where none is given."""

    number: float
    at: float
    text: str


def chosen(words: str, known: Mapping[str, BenchFault]) -> dict[str, Chosen]:
    """Out of a list with commas; raises UsageError for a name that there is not, and for a value that is none."""
    found: dict[str, Chosen] = {}
    for word in filter(None, (word.strip() for word in words.split(","))):
        name, equals, value = word.partition("=")
        if name not in known:
            where = "over Bluetooth LE" if known is BLE_FAULTS else "on a TCP or serial link"
            raise UsageError(f"--bench-faults: no '{name}' {where}.{did_you_mean(name, known)}")
        fault = known[name]
        if equals and not fault.value:
            raise UsageError(f"--bench-faults: {name} takes no value; write it without '={value}'")
        found[name] = _value(name, value if equals else fault.default, fault)
    return found


def _value(name: str, text: str, fault: BenchFault) -> Chosen:
    if fault.value in ("", "TEXT"):
        return Chosen(0.0, 0.0, text)
    number, _at, moment = text.partition("@")
    try:
        made = Chosen(float(number), float(moment or fault.default.partition("@")[2] or 0), text)
    except ValueError:
        made = Chosen(-1.0, 0.0, text)
    if not (0 <= made.number < float("inf") and 0 <= made.at < float("inf")) or (fault.value == "BAUD") > made.number:
        raise UsageError(f"--bench-faults: {name}={fault.value}, not '{text}', such as {name}={fault.default}")
    return made


def for_link(words: str, link: str, *, process: bool = False) -> dict[str, Chosen]:
    """Those of a link of kind TCP or PTY; raises UsageError for one that it cannot have.

    `process`: the device is a process that was started for it.
    """
    found = chosen(words, LINK_FAULTS)
    for name in found:
        if link not in LINK_FAULTS[name].links:
            raise UsageError(f"--bench-faults: {name} is none of a {'serial' if link == PTY else 'TCP'} link")
        if LINK_FAULTS[name].process and not process:
            words = f"medfuzz front LISTEN UPSTREAM --bench-faults {name} -- COMMAND"
            raise UsageError(f"--bench-faults: {name} is of a device's process, which a front starts: `{words}`")
    return found


def for_links(words: str, links: Sequence[str]) -> dict[str, str]:
    """The words by link, each fault where it can be; raises UsageError for one that none of them can have."""
    found = chosen(words, LINK_FAULTS)
    parts = {word.strip().partition("=")[0]: word.strip() for word in words.split(",")}
    fit = {link: [part for name, part in parts.items() if name and link in LINK_FAULTS[name].links] for link in links}
    for name in found:
        if not any(parts[name] in fitting for fitting in fit.values()):
            raise UsageError(f"--bench-faults: {name} is none of the links that are served")
    return {link: ",".join(fitting) for link, fitting in fit.items()}
