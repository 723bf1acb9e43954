"""Writes a protocol of one's own from a GATT table, for `discover`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from harness.discovery.gatt_table import INDICATE, READ, WRITE, WRITE_COMMAND, Found, GattTable
from harness.discovery.presentation_formats import OURS, described, field_of, format_of

PROTOCOL_FILE = "device.py"
DEVICE_NAME, CLIENT_CONFIGURATION = "2a00", "2902"
_TAKES = {WRITE: "write", WRITE_COMMAND: "command"}
_SHOWN = 32  # bytes of a value
_UPDATES = re.compile(r"\b(?:DFU|OAD|OTA)\b")
_PROTOCOL = '''"""{title} over GATT, as discovered; values are what the device said, or plausible ones."""

{imports}

WRITTEN = frozenset({{Mark.PRIVILEGED}})  # Mark.THERAPY where a write acts on the patient
{helper}{values}

{left_out}MESSAGES = (
{messages}
)
CHAINS = (
{chains}
)

PROTOCOL = {protocol}

ATT = with_table(
    (
{attributes}
    )
)
'''
_COMMAND = '''

def command(name, uuid, value):
    """A Write Command: nothing answers it."""
    parts = (
        boofuzz.Byte("opcode", 0x52),
        boofuzz.Word("handle", 0, endian="<"),
        boofuzz.Block("value", children=fields_of(value)),
    )
    live = {"handle": f"handle:{uuid}"}
    return Message(boofuzz.Request(name, children=parts), marks=WRITTEN, live=live, reply_expected=False)
'''
_READ_WIRE = '''

class ReadWire(GattWire):
    """A probe that reads a characteristic, because the device's name cannot be read."""

    def served(self, frame):
        return frame.data[:1] == b"\\x0b"
'''


def protocol_text(table: GattTable) -> str:
    """The protocol file."""
    return _Writer(table).text()


class _Writer:
    """`_spoken` are the characteristics that messages are written for, by UUID; `_without` the others, and why."""

    def __init__(self, table: GattTable) -> None:
        self._table = table
        self._spoken: dict[str, Found] = {}
        self._without: list[str] = []
        for found in table.characteristics:
            self._place(found)
        short = Counter(found.uuid.partition("-")[0] for found in self._spoken.values())
        self._words = {uuid: _words(found, short) for uuid, found in self._spoken.items()}

    def _place(self, found: Found) -> None:
        title = f"{found.uuid} {found.name}".rstrip()
        if found.uuid in self._spoken:
            self._without.append(f"{title} at {found.handle:#06x}: a message finds the first with this UUID")
        elif _UPDATES.search(found.name):
            self._without.append(f"{title}: it replaces the firmware")
        elif found.properties & (READ | WRITE | WRITE_COMMAND):
            self._spoken[found.uuid] = found

    def text(self) -> str:
        spoken = list(self._spoken.values())
        writable = [found for found in spoken if _writable(found)]
        helper = _COMMAND if any(not found.properties & WRITE for found in writable) else ""
        helper += _READ_WIRE if not self._probe_is_name else ""
        return _PROTOCOL.format(
            title=plain(self._table.name) or "A device",
            imports="\n".join(_imports(writable, helper)),
            helper=helper,
            values="".join(self._value(found) for found in writable),
            left_out="".join(f"# Left out: {plain(reason)}\n" for reason in self._without),
            messages="\n".join(f"    {line}," for found in spoken for line in self._messages(found)),
            chains="\n".join(self._chains(spoken)),
            protocol=self._protocol(),
            attributes="\n".join(self._attributes()),
        )

    @property
    def _probe_is_name(self) -> bool:
        name = self._spoken.get(DEVICE_NAME)
        return (name is not None and name.value is not None) or self._read_instead is None

    @property
    def _read_instead(self) -> Found | None:
        return next((found for found in self._spoken.values() if found.value is not None), None)

    def _protocol(self) -> str:
        made = f'service("{_slug(self._table.name) or "device"}", MESSAGES, CHAINS)'
        if self._probe_is_name or self._read_instead is None:
            return made
        name = f"read_{self._words[self._read_instead.uuid]}"
        return f'replace({made}, wire=ReadWire(), probe=messages_by_name(MESSAGES)["{name}"].send())'

    def _messages(self, found: Found) -> Iterator[str]:
        words = self._words[found.uuid]
        if found.properties & READ:
            yield f'read("read_{words}", "{found.uuid}")'
        value = f"{_class(words)}()"
        if found.properties & WRITE:
            kind = "control" if _is_control_point(found) else "write"
            yield f'{kind}("write_{words}", "{found.uuid}", {value}, marks=WRITTEN)'
        elif found.properties & WRITE_COMMAND:
            yield f'command("write_{words}", "{found.uuid}", {value})'

    def _attributes(self) -> Iterator[str]:
        """Every handle that is known, what may be written to it, and what it had."""
        for found in self._table.characteristics:
            kept = _UPDATES.search(found.name)
            takes = [word for bit, word in _TAKES.items() if found.properties & bit and not kept]
            title = f"{found.uuid} {plain(found.name)}".rstrip()
            yield f"        {_attribute(found.handle, takes, found.value)},  # {title}"
            for uuid, handle in found.descriptors.items():
                writable = uuid == CLIENT_CONFIGURATION and not kept
                yield f"        {_attribute(handle, ['write'] * writable, None)},  # {uuid}"

    def _chains(self, spoken: Sequence[Found]) -> Iterator[str]:
        for found in spoken:
            if found.properties & READ and _writable(found):
                words = self._words[found.uuid]
                yield f'    ("write_{words}", "read_{words}"),'

    def _value(self, found: Found) -> str:
        name, kind = _class(self._words[found.uuid]), format_of(found)
        told = f"{found.uuid} {found.name}".rstrip() + (f": {described(found)}" if kind else "")
        return f'\n\nclass {name}(Value):\n    """{plain(told)}."""\n\n    fields_desc = [{field_of(found)}]\n'


def _attribute(handle: int, takes: Sequence[str], value: bytes | None) -> str:
    told = "".join(f'"{word}", ' for word in takes).removesuffix(" " if len(takes) == 1 else ", ")
    known = f', bytes.fromhex("{value[:_SHOWN].hex()}")' if value else ""
    return f"Attribute({handle:#06x}, ({told}){known})"


def _imports(writable: Sequence[Found], helper: str) -> Iterator[str]:
    """In the order that ruff wants them; only what is used."""
    fields = {kind.field for found in writable if (kind := format_of(found)) and kind.field}
    fields |= {"StrLenField"} if any(not (kind := format_of(found)) or not kind.field for found in writable) else set()
    by_replace, by_command = "ReadWire" in helper, "def command" in helper
    if by_replace:
        yield "from dataclasses import replace\n"
    if by_command:
        yield "import boofuzz"
    if scapy := sorted(fields - OURS):
        yield f"from scapy.fields import {', '.join(scapy)}"
    if by_command or scapy:
        yield ""
    yield "from harness.interfaces import Mark"
    yield "from protocols.att_table import Attribute, with_table"
    if by_command:
        yield "from protocols.derive import fields_of"
    kinds = {"control" if _is_control_point(found) else "write" for found in writable if found.properties & WRITE}
    yield f"from protocols.gatt.messages import {', '.join(sorted({'read', 'service'} | kinds))}"
    if writable:
        yield "from protocols.gatt.packets import Value"
    if ours := sorted(fields & OURS):
        yield f"from protocols.gatt.values import {', '.join(ours)}"
    if by_replace:
        yield "from protocols.gatt.wire import GattWire"
    if names := (["Message"] if by_command else []) + (["messages_by_name"] if by_replace else []):
        yield f"from protocols.model import {', '.join(names)}"


def _writable(found: Found) -> bool:
    return bool(found.properties & (WRITE | WRITE_COMMAND))


def _is_control_point(found: Found) -> bool:
    """Its answer is an indication (Core 5.4 vol 3 part G says nothing of them; every medical service has one)."""
    return bool(found.properties & INDICATE and found.properties & WRITE and not found.properties & READ)


def _words(found: Found, short: Counter[str]) -> str:
    """What its messages are named after: its name, else the first part of its UUID, else all of it."""
    first = found.uuid.partition("-")[0]
    return _slug(found.name) or (first if short[first] == 1 else _slug(found.uuid))


def _slug(text: str) -> str:
    return "_".join(re.findall(r"[a-z0-9]+", text.lower()))


def _class(words: str) -> str:
    return "Value" + "".join(word.capitalize() for word in words.split("_"))


def plain(text: str) -> str:
    """Without what could end a comment or a string."""
    return re.sub(r"[^\w .,:()/^*+-]", "?", text, flags=re.ASCII)
