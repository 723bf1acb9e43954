"""A conversation whose replies hold no time, sensor, setting or session: the same on any model of the STM32F405.

Played with `pump-irq.elf`. It begins with enough exchanges for the power-on self-test to end, also where only traffic
wakes the firmware.
"""

from __future__ import annotations

from dataclasses import dataclass

from scapy.packet import Packet

from targets.pump.protocol import packets

WARM_UP = 64
START, END = b"\x0b", b"\x1c\r"
HEADER = "MSH|^~\\&|GATEWAY|WARD3|MP405|WARD3|20260101120000||{type}|MSG{number:05d}|P|2.6\r"
PATIENT = "PID|1||PAT-0001||DOE^JANE\r"
ORDER = "ORC|NW|ORDER-17\r"
GIVE = "RXG|1|||1^MORPHINE|20||mL||||||||5.0|mL/h\r"


@dataclass(frozen=True, slots=True)
class Request:
    """Bytes for one port: `USART1` is the maintenance link, `USART2` the network module."""

    port: str
    data: bytes


def _link(body: Packet, sequence: int) -> Request:
    return Request("USART1", bytes(packets.frame(body, sequence)))


def _bodies() -> tuple[Packet, ...]:
    return (
        packets.Echo(data=b""),
        packets.Echo(data=bytes(range(64))),
        packets.Echo(count=9, data=b"short"),
        packets.Echo(data=bytes(65)),
        packets.MemoryStatistics(),
        *(packets.LibraryList(first=first) for first in (0, 2, 4, 255)),
        *(packets.LibraryRead(index=index) for index in range(6)),
        packets.OpenSession(role=7),
        packets.OpenSession(peer=b"a name that is too long for it"),
        packets.Prove(),
        *(body() for body in packets.REQUESTS.values() if _needs_token(body)),
    )


def _needs_token(body: type[packets.Body]) -> bool:
    return any(field.name == "token" for field in body.fields_desc)


def _malformed() -> tuple[bytes, ...]:
    good = bytes(packets.frame(packets.Echo(), 77))
    return (
        good[:-1] + b"\0",
        b"\xa5\x01\x00" + good,
        b"\xa5\xff\xff" + good,
        b"noise" + good,
        bytes(packets.PumpFrame(sequence=1, opcode=0x7E, body=packets.Echo())),
        bytes(packets.PumpFrame(sequence=2, opcode=0xFF)),
        bytes(packets.PumpFrame(sequence=3, opcode=0x01, body=packets.Echo())),
    )


def _messages() -> tuple[str, ...]:
    order, admission, other = (HEADER.replace("{type}", kind) for kind in ("RGV^O15", "ADT^A01", "ORU^R01"))
    return (
        order + PATIENT + ORDER + GIVE,
        order + PATIENT + ORDER.replace("NW", "CA"),
        order + PATIENT + ORDER.replace("NW", "CA"),
        order + PATIENT.replace("0001", "0002") + ORDER + GIVE,
        order + PATIENT.replace("DOE", "D" * 200) + ORDER + GIVE,
        order + ORDER + GIVE,
        order + PATIENT + ORDER,
        order + PATIENT + ORDER + GIVE.replace("5.0", "999.0"),
        order + PATIENT + ORDER + GIVE.replace("5.0", "5,0"),
        order + PATIENT + ORDER + GIVE.replace("mL/h", "L/h"),
        admission + PATIENT + "PV1|1|I|WARD3\r",
        admission + PATIENT,
        other + PATIENT,
        other.replace("^~\\&", "#~\\&"),
        other.replace("MSG{number:05d}", "C" * 40),
        "nothing of the kind",
        "",
    )


def requests() -> tuple[Request, ...]:
    """The requests in order; each is answered by at least one reply before the next is sent."""
    link = [_link(packets.Echo(), sequence) for sequence in range(WARM_UP)]
    link += [_link(body, 100 + number) for number, body in enumerate(_bodies())]
    link += [Request("USART1", data) for data in _malformed()]
    texts = (text.replace("{number:05d}", f"{number:05d}") for number, text in enumerate(_messages()))
    return (*link, *(Request("USART2", START + text.encode() + END) for text in texts))
