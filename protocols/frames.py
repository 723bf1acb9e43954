"""Protocols of whole Ethernet frames, from stacks of layers as scapy writes them (`protocols.stack`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.addresses import EXAMPLES
from harness.errors import UsageError, did_you_mean
from harness.interfaces import Mark, State
from protocols.frames_wire import ADDRESSES, SEQUENCE, FramesWire
from protocols.model import Message, Protocol, edges_of, messages_by_name
from protocols.render import Layout
from protocols.stack import derived, layers_of, stack_of, version_of

MAX_LEN = 1400
ECHO, WHO_HAS, OWN = "echo", "arp", "own"
_DATA = "medfuzz 0123456789abcdef"
PROBES = {
    (ECHO, 4): f"Ether()/IP()/ICMP(type=8, id=0x4d46, seq=1)/Raw('{_DATA}')",
    (ECHO, 6): f"Ether()/IPv6()/ICMPv6EchoRequest(id=0x4d46, seq=1)/Raw('{_DATA}')",
    (WHO_HAS, 4): "Ether()/ARP()",
    (WHO_HAS, 6): "Ether()/IPv6(hlim=255)/ICMPv6ND_NS(tgt=device_ip)/ICMPv6NDOptSrcLLAddr(lladdr=own_mac)",
}
"""What asks a device whether it serves."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A message's layers; by which `pattern` the guard tells it, what it `needs` before it, its marks."""

    text: str
    pattern: bytes = b""
    needs: tuple[str, ...] = ()
    marks: frozenset[Mark] = field(default_factory=frozenset[Mark])


def frames_protocol(
    name: str, stacks: Mapping[str, Stack], probe: str, *, version: int, chains: tuple[tuple[str, str], ...] = ()
) -> Protocol:
    """`probe` is the name of a stack. Addresses and the numbers of the probe's echoes are live; raises UsageError."""
    messages = messages_by_name(_message(key, stack, numbered=key == probe) for key, stack in stacks.items())
    asking = messages[probe].send()
    return Protocol(
        name=name,
        messages=messages,
        edges=edges_of(messages, chains),
        wire=FramesWire(version, asking, {key: stack.pattern for key, stack in stacks.items() if stack.pattern}),
        states={"idle": State("idle", ())},
        probe=asking,
        max_len=MAX_LEN,
        max_reply=1 << 16,
        waits=(0.05, 1.0),
    )


def stack_protocol(text: str, options: Mapping[str, str]) -> Protocol:
    """`scapy:Ether()/IP()/…`: one message; its probe is an echo, a question by ARP, or the message itself (`own`).

    Raises UsageError.
    """
    for key in options:
        if key != "probe":
            raise UsageError(f"protocol 'scapy:{text}' has no option '{key}'.{did_you_mean(key, ['probe'])}")
    version = version_of(text)
    layers = [type(layer).__name__ for layer in layers_of(stack_of(text))]
    usual = ECHO if {"IP", "IPv6"} & set(layers) else WHO_HAS
    probe = options.get("probe", usual)
    if probe not in (ECHO, WHO_HAS, OWN):
        raise UsageError(f"protocol 'scapy:{text}': probe is {ECHO}, {WHO_HAS} or {OWN}, not '{probe}'")
    own = next((name for name in reversed(layers) if name not in ("Raw", "Padding")), layers[0])
    stacks = {own: Stack(text)}
    if probe != OWN:
        stacks[f"{probe}_probe"] = Stack(PROBES[probe, version])
    return frames_protocol(f"scapy:{text}", stacks, own if probe == OWN else f"{probe}_probe", version=version)


def _message(name: str, stack: Stack, *, numbered: bool) -> Message:
    version = version_of(stack.text)
    request = derived(name, stack_of(stack.text))
    places: dict[bytes, str] = {getattr(EXAMPLES[version], one): one for one in ADDRESSES}
    live: dict[str, str] = {}
    for leaf in Layout(request).leaves:
        if leaf.default in places:
            primitive: Any = leaf.primitive
            primitive._fuzzable = False  # any other address would be withheld
            live[leaf.name] = places[leaf.default]
        elif numbered and leaf.name.rpartition(".")[2] == "seq":
            live[leaf.name] = SEQUENCE
    return Message(request, stack.marks, live, needs=stack.needs)
