"""What an IntelliVue monitor's messages say: poll results with their observations, errors; it never raises."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from protocols.intellivue_pdu import (
    CONFIRMED_ACTION,
    ERROR,
    EXTENDED_POLL,
    INVOKE,
    LINKED,
    MDS_CREATE,
    OPERATIONS,
    POLL,
    RESULT,
    SESSIONS,
    Operation,
    event_of,
    operation_of,
    session_of,
)
from protocols.wire import Fields

ERRORS = {
    0: "no such object class",
    1: "no such object instance",
    2: "access denied",
    7: "get list error",
    8: "set list error",
    9: "no such action",
    10: "processing failure",
    15: "invalid argument value",
    16: "invalid scope",
    17: "invalid object instance",
}
_LABELS = {0x0927: "label", 0x0928: "model", 0x091E: "bed_label"}
_ACTION, _REPLY, _EXTENDED, _CREATED = 10, 20, 22, 24

Inner = Callable[[bytes, int], tuple[bytes, bool]]


@dataclass(frozen=True, slots=True)
class Polled:
    """A poll's result: which poll it answers and of what, and its list of contexts; `rest`: bytes behind that list."""

    action: int
    number: int
    sort: bytes
    group: int
    contexts: bytes
    count: int
    rest: bytes


def polled_of(told: Operation | None) -> Polled | None:
    """The result of a poll; None for another message, or one that is cut in its head."""
    if told is None or told.kind not in (RESULT, LINKED) or told.command != CONFIRMED_ACTION:
        return None
    action, reply = int.from_bytes(told.argument[6:8]), told.argument[_ACTION:]
    head = {POLL: _REPLY, EXTENDED_POLL: _EXTENDED}.get(action, 0)
    if not head or len(reply) < head + 4:
        return None
    count, length = (int.from_bytes(reply[at : at + 2]) for at in (head, head + 2))
    body = reply[head + 4 :]
    sort, group = reply[head - 6 : head - 2], int.from_bytes(reply[head - 2 : head])
    return Polled(action, int.from_bytes(reply[:2]), sort, group, body[:length], count, body[length:])


def lists_add_up(polled: Polled) -> bool:
    """Each list of a result has the items that it counts in the bytes that it tells, and nothing is left."""
    rest, whole = _items(polled.contexts, polled.count, 2, _observations)
    return whole and not rest and not polled.rest


def _observations(data: bytes, count: int) -> tuple[bytes, bool]:
    return _items(data, count, 2, _attributes)


def _attributes(data: bytes, count: int) -> tuple[bytes, bool]:
    for _ in range(count):
        length = int.from_bytes(data[2:4])
        if len(data) < 4 + length:
            return data, False
        data = data[4 + length :]
    return data, True


def _items(data: bytes, count: int, head: int, inner: Inner) -> tuple[bytes, bool]:
    """Items of a head, and a list of others: what is left, and whether each was there."""
    for _ in range(count):
        number, length = (int.from_bytes(data[at : at + 2]) for at in (head, head + 2))
        inside = data[head + 4 : head + 4 + length]
        if len(data) < head + 4 or len(inside) < length:
            return data, False
        rest, whole = inner(inside, number)
        if rest or not whole:
            return data, False
        data = data[head + 4 + length :]
    return data, True


def attributes_of(polled: Polled) -> Iterator[tuple[int, int, bytes]]:
    """Handle, id and value of each attribute, as far as the lists go."""
    contexts = polled.contexts
    while len(contexts) >= 6:
        objects = contexts[6 : 6 + int.from_bytes(contexts[4:6])]
        contexts = contexts[6 + len(objects) :]
        while len(objects) >= 6:
            values = objects[6 : 6 + int.from_bytes(objects[4:6])]
            handle, objects = int.from_bytes(objects[:2]), objects[6 + len(values) :]
            yield from _each(handle, values)


def _each(handle: int, values: bytes) -> Iterator[tuple[int, int, bytes]]:
    while len(values) >= 4:
        value = values[4 : 4 + int.from_bytes(values[2:4])]
        yield handle, int.from_bytes(values[:2]), value
        values = values[4 + len(value) :]


def read(data: bytes) -> Fields:
    """The fields of a message; of a poll's result, `attribute_HANDLE_ID` in hexadecimal digits, and labels as text."""
    if (session := session_of(data)) is not None:
        return {"message": SESSIONS[session.kind], "type": session.kind}
    told = operation_of(data)
    if told is None:
        return {}
    fields: dict[str, int | str | bytes] = {"message": OPERATIONS[told.kind], "type": told.kind}
    fields |= {"invoke_id": told.invoke_id, "command_type": told.command}
    if told.kind == ERROR:
        value = int.from_bytes(data[10:12])
        return fields | {"error_value": value, "error": ERRORS.get(value, "unknown")}
    if (polled := polled_of(told)) is not None:
        fields |= {"action_type": polled.action, "poll_number": polled.number, "polled_attr_grp": polled.group}
        return fields | _described(attributes_of(polled))
    if told.kind == INVOKE and (event := event_of(told)):
        told_of = told.argument[_CREATED:] if event == MDS_CREATE else b""
        return fields | {"event_type": event} | _described(_each(0, told_of))
    return fields


def _described(attributes: Iterator[tuple[int, int, bytes]]) -> dict[str, int | str | bytes]:
    found: dict[str, int | str | bytes] = {}
    for handle, number, value in attributes:
        found[f"attribute_{handle:x}_{number:04x}"] = value.hex()
        if number in _LABELS:
            found[_LABELS[number]] = _text(value)
    return found


def _text(value: bytes) -> str:
    """Strings with their lengths, of one or two bytes a character."""
    found: list[str] = []
    while len(value) >= 2:
        text, value = value[2 : 2 + int.from_bytes(value[:2])], value[2 + int.from_bytes(value[:2]) :]
        found.append(text.decode("utf-16-be" if text[:1] == b"\0" else "latin-1", "replace").strip(" \0"))
    return " ".join(filter(None, found))
