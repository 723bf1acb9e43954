"""The bench file that `init` writes, as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.discovery.clocks import Clocks

_TEMPLATE = """# A bench for medfuzz: what the device is, how to talk to it, what to watch. See docs/bench.md.

[target]
kind = "external"
armed = false                   # true once no patient can be connected to it: `run` asks for that
name = {name}
{reset}

[identity]                      # what the device must say it is; empty is not compared
model = ""
serial = ""
firmware = ""

{interfaces}{radio}
[monitors]
{clocks}
console_patterns = ["(?i)fault|assert|panic|overflow"]
canaries = {{}}                   # name = "bytes that must not appear in a reply"
"""
_INTERFACE = """[interfaces.{interface}]
transport = {transport}
protocol = {protocol}           # `medfuzz list protocols` shows the others
states = [{states}]             # leave out what is not to be tried; empty: all
forbidden = []                  # messages that must never leave, whatever a mutation makes
"""
_RADIO = """
[radio]                         # see docs/ble.md
{key} = {value}
"""
NO_RESET = '# reset_command = ["uhubctl", "-a", "cycle", "-p", "1"]   # none: a run ends when the device hangs'


@dataclass(frozen=True, slots=True)
class Chosen:
    """A protocol as it stands in the bench, and its states; none of a file that is still to be written."""

    spec: str
    states: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answers:
    """All that was given or answered; `radio` is the table as text."""

    name: str
    interfaces: tuple[tuple[str, Chosen], ...]
    radio: str
    reset: tuple[str, ...]


def bench_text(answers: Answers, clocks: Clocks) -> str:
    """The whole file."""
    names = _names([link for link, _spoken in answers.interfaces])
    interfaces = [_interface(name, *chosen) for name, chosen in zip(names, answers.interfaces, strict=True)]
    return _TEMPLATE.format(
        name=quoted(answers.name),
        reset=f"reset_command = [{', '.join(map(quoted, answers.reset))}]" if answers.reset else NO_RESET,
        interfaces="\n".join(interfaces),
        radio=answers.radio,
        clocks="\n".join(_clock_lines(clocks)),
    )


def _names(links: Sequence[str]) -> list[str]:
    """`main`, then the scheme of each, with a number where it comes again."""
    names = ["main"]
    for link in links[1:]:
        scheme = link.partition(":")[0]
        same = sum(name.partition("-")[0] == scheme for name in names)
        names.append(f"{scheme}-{same + 1}" if same else scheme)
    return names


def _clock_lines(clocks: Clocks) -> Iterator[str]:
    """What was found stands in the bench; what was not, as a comment."""
    for key, field, what in (
        ("uptime_field", clocks.uptime, "grows with time in the probe's answer, and falls when the device restarts"),
        ("boot_field", clocks.boots, "counts restarts in the probe's answer"),
    ):
        yield f"{f'{key} = {quoted(field)}':<31} # {what}" if field else f'# {key} = ""    # {what}'


def _interface(name: str, transport: str, protocol: Chosen) -> str:
    return _INTERFACE.format(
        interface=name,
        transport=quoted(transport),
        protocol=quoted(protocol.spec),
        states=", ".join(map(quoted, protocol.states)),
    )


def radio_text(chosen: str) -> str:
    """The [radio] table of an adapter, or of a radio that runs."""
    return _RADIO.format(key="control" if chosen.startswith("tcp:") else "adapter", value=quoted(chosen))


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else "?" for c in escaped) + '"'
