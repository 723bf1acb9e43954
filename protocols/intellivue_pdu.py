"""Philips IntelliVue Data Export messages as bytes: session and presentation, remote operations, what is polled."""

from __future__ import annotations

from dataclasses import dataclass

CONNECT, ACCEPT, REFUSE, FINISH, DISCONNECT, ABORT = 0x0D, 0x0E, 0x0C, 0x09, 0x0A, 0x19
SESSIONS = {
    CONNECT: "association request",
    ACCEPT: "association response",
    REFUSE: "refuse",
    FINISH: "release request",
    DISCONNECT: "release response",
    ABORT: "abort",
}
EXPORT = 0xE100
CONTEXT = 2
INVOKE, RESULT, ERROR, LINKED = 1, 2, 3, 5
OPERATIONS = {INVOKE: "ROIV", RESULT: "RORS", ERROR: "ROER", LINKED: "ROLRS"}
EVENT_REPORT, CONFIRMED_EVENT_REPORT, GET, SET, CONFIRMED_SET, CONFIRMED_ACTION = 0, 1, 3, 4, 5, 7
CONFIRMED = frozenset({CONFIRMED_EVENT_REPORT, GET, CONFIRMED_SET, CONFIRMED_ACTION})
MDS, NUMERIC, WAVE, ALARMS, PATIENT = 0x21, 0x06, 0x09, 0x36, 0x2A
POLL, EXTENDED_POLL = 0x0C16, 0xF13B
MDS_CREATE, CONNECT_INDICATION = 0x0D06, 0x0D17
PERIOD, NUMERIC_PRIORITY, WAVE_PRIORITY = 0xF13E, 0xF228, 0xF23A
HEADER, LONG_FORM = 8, 0xFF

SESSION_DATA = bytes.fromhex("0508130100160102800014020002")
REQUEST_HEADER = bytes.fromhex(
    "3180a0808001010000a280a003000001a480308002010106045201000130800602510100"
    "0000003080020102060c2a8648ce14020100000001013080060c2a8648ce140201000000"
    "020100000000000061803080020101a0806080a180060c2a8648ce140201000000030100"
    "00be802880060c2a8648ce140201000000010102010281"
)
TRAILER = bytes(16)
RELEASE = bytes.fromhex("61803080020101a08062808001000000000000000000")
ABORT_DATA = bytes.fromhex("110103")
ABORTED = bytes.fromhex("a080a0803080020101060251010000000061803080020101a080648080010100000000000000000000")


@dataclass(frozen=True, slots=True)
class Session:
    """What associates, releases or aborts: its type, and what its length counts."""

    kind: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Operation:
    """A remote operation: `command` is 0 in an error; `argument` is what its own length should count, `told` that."""

    kind: int
    invoke_id: int
    command: int
    argument: bytes
    told: int
    linked: int = 0

    @property
    def confirmed(self) -> bool:
        """True for a request that is answered."""
        return self.kind == INVOKE and self.command in CONFIRMED

    @property
    def whole(self) -> bool:
        """The length is that of what there is."""
        return self.told == len(self.argument)


def size_of(data: bytes) -> int:
    """Bytes of the message at the front; 0 for none, and more than there are where it is only begun."""
    if data[:1] in (bytes([kind]) for kind in SESSIONS):
        if len(data) < 2:
            return 2
        return 4 + int.from_bytes(data[2:4]) if data[1] == LONG_FORM else 2 + data[1]
    if data[:1] == b"\xe1":
        return HEADER + int.from_bytes(data[6:HEADER]) if len(data) >= HEADER else HEADER
    return 0


def session_of(data: bytes) -> Session | None:
    """The session message that the bytes are, whole and alone; else None."""
    if data[:1] == b"\xe1" or not data or size_of(data) != len(data) or len(data) < 2:
        return None
    return Session(data[0], data[4:] if data[1] == LONG_FORM else data[2:])


def operation_of(data: bytes) -> Operation | None:
    """The remote operation that the bytes are, whole and alone; else None."""
    if data[:4] != EXPORT.to_bytes(2) + CONTEXT.to_bytes(2) or size_of(data) != len(data):
        return None
    kind, body = int.from_bytes(data[4:6]), data[HEADER:]
    if kind == LINKED:
        kind, linked, body = LINKED, int.from_bytes(body[:2]), body[2:]
    else:
        linked = 0
    if kind not in OPERATIONS or len(body) < 6:
        return None
    first, second, told = (int.from_bytes(body[at : at + 2]) for at in (0, 2, 4))
    return Operation(kind, first, 0 if kind == ERROR else second, body[6:], told, linked)


def operation(kind: int, invoke_id: int, command: int, argument: bytes) -> bytes:
    """An operation with right lengths."""
    inner = invoke_id.to_bytes(2) + command.to_bytes(2) + len(argument).to_bytes(2) + argument
    return EXPORT.to_bytes(2) + CONTEXT.to_bytes(2) + kind.to_bytes(2) + len(inner).to_bytes(2) + inner


def event_of(told: Operation) -> int:
    """The type of an event report; 0 for another operation."""
    return int.from_bytes(told.argument[10:12]) if told.command in (EVENT_REPORT, CONFIRMED_EVENT_REPORT) else 0


def created(event: Operation) -> bytes:
    """What confirms an event report: its object, its time and its type again."""
    told = event.argument[:12].ljust(12, b"\0")
    return operation(RESULT, event.invoke_id, CONFIRMED_EVENT_REPORT, told + bytes(2))
