"""The fluid warmer of docs/examples once more, by the layout of its frame."""

from boofuzz import Byte, Bytes, DWord, Size, String, Word

from harness.interfaces import Mark, Resynchronization, State
from protocols.framed import Rules, command, framed
from protocols.framing import Framing, body, checksum, code, counter, length, start

FRAME = Framing(
    start(b"\xaa"),
    length(1, first="counter"),
    counter(),
    code(),
    body(),
    checksum("crc16_modbus", "little", first="length"),
    reply=lambda number: number | 0x80,
)
LOGGED_IN = {"accepted_in": ("session", "heating")}


def token():
    return DWord("token", 0, endian=">")


COMMANDS = (
    command("status", 1, says="status:B heating:B session:B target:H uptime_ms:I serial:8s version:H"),
    command("login", 2, Bytes("pin", b"739184", size=6), says="status:B token:I", marks=[Mark.AUTHENTICATION]),
    command(
        "set_target",
        3,
        token(),
        Word("target", 370, endian=">"),
        marks=[Mark.THERAPY],
        ranges={"target": (300, 410)},
        **LOGGED_IN,
    ),
    command("heat", 4, token(), Byte("on", 1), marks=[Mark.THERAPY], ranges={"on": (0, 1)}, **LOGGED_IN),
    command(
        "set_label",
        5,
        token(),
        Size("label_length", ".label", length=1),
        String("label", "WARD 3"),
        marks=[Mark.PRIVILEGED],
        **LOGGED_IN,
    ),
    command("logout", 6, token(), marks=[Mark.AUTHENTICATION], **LOGGED_IN),
    command("erase", 0x7E, token(), marks=[Mark.PRIVILEGED, Mark.FORBIDDEN_ON_HARDWARE], **LOGGED_IN),
)


def states(send):
    """A real device is wherever the last case left it: `idle` stops and logs out."""
    stop = (send("login"), send("heat", on=0))
    return (
        State("idle", (*stop, send("logout")), {"heating": 0, "session": 0}),
        State("session", stop, {"heating": 0, "session": 1}),
        State("heating", (send("login"), send("set_target"), send("heat")), {"heating": 1, "session": 1}),
    )


PROTOCOL = framed(
    "warmer",
    FRAME,
    COMMANDS,
    probe="status",
    states=states,
    chains=[("login", "set_target"), ("set_target", "heat"), ("heat", "logout")],
    rules=Rules(
        reports={0x70: "heating:B"},
        refuses=lambda fields: fields.get("status", 0) != 0,
        lapsed=lambda fields: fields.get("status") == 2,
        learns=("token",),
        identity=("FW-2", "serial", "version"),
    ),
    reply_timeout=0.5,
    resynchronization=Resynchronization(0.15),
)
