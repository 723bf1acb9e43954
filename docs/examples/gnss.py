"""A GNSS receiver's binary port (UBX of the u-blox M8 interface description): ten messages."""

from boofuzz import Byte, Bytes, DWord, Word

from harness.interfaces import Mark
from protocols.framed import Rules, command, framed
from protocols.framing import Framing, body, checksum, code, length, start

FRAME = Framing(
    start(b"\xb5\x62"),
    code(2),  # class and id
    length(2, "little"),
    body(),
    checksum("fletcher8", first="code"),
)
ACK, NAK = 0x0501, 0x0500
RATE = (Word("meas_rate", 1000), Word("nav_rate", 1), Word("time_ref", 0))
PORT = (Byte("port", 1), Byte("reserved", 0), Word("tx_ready", 0), DWord("mode", 0x8D0), DWord("baud_rate", 9600))
MASKS = (Word("in_mask", 7), Word("out_mask", 3), Word("flags", 0), Word("reserved2", 0))
CHANGES = {"marks": [Mark.PRIVILEGED]}
COMMANDS = (
    command("version", 0x0A04, says="software:30s hardware:10s extensions:*"),
    command("position", 0x0102, says="time:I longitude:i latitude:i height:i"),
    command("status", 0x0103, says="time:I fix:B flags:B fix_status:B flags2:B first_fix:I uptime_ms:I"),
    command("rate", 0x0608, says="meas_rate:H nav_rate:H time_ref:H"),
    command("set_rate", 0x0608, *RATE, ranges={"meas_rate": (50, 10_000), "nav_rate": (1, 127)}, **CHANGES),
    command("message_rate", 0x0601, Bytes("of", b"\x01\x02", size=2), Byte("rate", 1), **CHANGES),
    command("port", 0x0600, Byte("port", 1), says="port:B reserved:B tx_ready:H mode:I baud_rate:I"),
    command("set_port", 0x0600, *PORT, *MASKS, ranges={"port": (0, 4)}, **CHANGES),
    command("save", 0x0609, DWord("clear", 0), DWord("save", 0x1F), DWord("load", 0), **CHANGES),
    command("restart", 0x0604, DWord("how", 0x10000), reply_expected=False, marks=[Mark.FORBIDDEN_ON_HARDWARE]),
)

PROTOCOL = framed(
    "gnss",
    FRAME,
    COMMANDS,
    probe="version",
    chains=[("set_rate", "rate"), ("set_port", "port")],
    rules=Rules(
        says={ACK: "code:>H", NAK: "code:>H refused:*"},
        refuses=lambda fields: "refused" in fields,
        identity=("receiver", "", "software"),
        order="little",
    ),
)
