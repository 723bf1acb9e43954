"""What is known of a board: memory, core, ports, interrupts. Inferred, or written by a person; and as TOML."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from targets.board.memory import Memory


@dataclass(frozen=True, slots=True)
class Gate:
    """A bit of a register by which the firmware sees that something is there: it is `ready` (0 or 1) then."""

    address: int
    bit: int
    ready: int = 1

    def applied(self, value: int, there: bool) -> int:
        """The register's value with the bit as it is."""
        return value | 1 << self.bit if bool(self.ready) == there else value & ~(1 << self.bit)


@dataclass(frozen=True, slots=True)
class Transfer:
    """Received bytes go to memory: `pointer` and `count` are the registers that hold where, and how many at most.

    `left` reads as how many are missing still, `amount` as how many came; None where the firmware reads no such.
    """

    pointer: int
    count: int
    left: int | None = None
    amount: int | None = None


@dataclass(frozen=True, slots=True)
class PortDescription:
    """A stream of bytes. Addresses are of registers, `bank` is where its own ones lie (first, last).

    `receive` gives a byte when read, and `gates` say that there is one; `exception` is the number of the interrupt that
    does (IRQ n is 16 + n; 0 where it is polled). `transmit` takes a byte when written. `status` bits of registers
    (address, mask) read as set while nothing else is known of them: they changed nothing where a byte was received.
    `sending` are the bits with which the handler gives the next byte out; where another interrupt's handler does that,
    `sender` is its number (0: the same). In a `burst` its handler takes as many bytes as it likes without looking
    whether there are any. Its handler sees where a message `begins` and `ends`, and `reads` when the answer is fetched,
    as on I2C. Where it is `asked` a byte comes for each that is written, as from what hangs on SPI, and its interrupt
    is how that calls. With a `transfer` received bytes go to memory, with `sends` those that go out are taken from
    there.
    """

    name: str
    receive: int | None
    transmit: int | None
    gates: tuple[Gate, ...] = ()
    exception: int = 0
    bank: tuple[int, int] = (0, 0)
    status: tuple[tuple[int, int], ...] = ()
    sending: tuple[Gate, ...] = ()
    sender: int = 0
    burst: bool = False
    begins: tuple[Gate, ...] = ()
    ends: tuple[Gate, ...] = ()
    reads: tuple[Gate, ...] = ()
    asked: bool = False
    transfer: Transfer | None = None
    sends: Transfer | None = None
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tick:
    """An interrupt that is raised every `period` seconds, with these bits set while its handler runs."""

    exception: int
    gates: tuple[Gate, ...] = ()
    period: float = 0.001
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Description:
    """A whole board, of a `firmware` by its fingerprint ("": nobody knows which).

    `waits` are code addresses (and registers) at which the firmware waits for input, `values` what registers read as
    for the code at an address: found by trying at boot.
    """

    memory: Memory
    core: str
    ports: tuple[PortDescription, ...] = ()
    ticks: tuple[Tick, ...] = ()
    waits: frozenset[tuple[int, int]] = frozenset()
    values: dict[tuple[int, int], int] = field(default_factory=dict[tuple[int, int], int])
    idles: frozenset[int] = frozenset()
    default_handler: int = -1
    notes: tuple[str, ...] = ()
    firmware: str = ""

    def with_ports(self, *ports: PortDescription) -> Description:
        """The same board with other ports."""
        return replace(self, ports=tuple(ports))
