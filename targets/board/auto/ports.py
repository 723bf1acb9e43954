"""The ports of a firmware that has booted: what its handlers and its loops read bytes from, and write them to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from targets.board.auto.boot import Blocks, Boot
from targets.board.auto.description import Gate, PortDescription, Transfer
from targets.board.auto.experiment import WINDOW, Bench, Budget
from targets.board.auto.machine import AutoMachine
from targets.board.auto.sending import sending_of
from targets.board.auto.streams import Search, Stream
from targets.board.auto.transfers import Received, received_by
from targets.board.auto.unknown import Access
from targets.board.layout import REGISTERS
from targets.board.nvic import EXCEPTIONS, IRQ0

_PRINTED, _NEAR, _LONG, _BANK = 3, 0x20, 10 * WINDOW, 10


def default_handler(machine: AutoMachine) -> int:
    """The handler of most interrupts: nobody's own."""
    handlers = Counter(machine.nvic.vector(number) for number in range(IRQ0, EXCEPTIONS))
    handlers = Counter({at: count for at, count in handlers.items() if machine.cpu.memory.in_rom(at)})
    best = handlers.most_common(1)
    return best[0][0] if best and best[0][1] > 2 else -1


def handled(machine: AutoMachine) -> list[int]:
    """Interrupts that the firmware enabled and has a handler of its own for."""
    default = default_handler(machine)
    return [
        number
        for number in sorted(machine.nvic.enabled)
        if number >= IRQ0 and machine.cpu.memory.in_rom(at := machine.nvic.vector(number)) and at != default
    ]


def ports_of(booted: Boot, budget: Budget, *, thorough: bool = False) -> tuple[PortDescription, ...]:
    """Streams that an interrupt's handler reads, or that are polled; `thorough`: those that take longer to be found."""
    machine = booted.machine
    if thorough:
        found = _asked(machine, budget) or _interrupting(machine, budget, thorough=True)
    else:
        found = _usual(machine, budget)
    ports = sorted(found.values(), key=lambda port: port.bank)
    named = [replace(port, name=f"{_kind(port)}{number}") for number, port in enumerate(ports)]
    return tuple(_with_sends(with_transmit(port, booted.log), booted.blocks) for port in named)


def _usual(machine: AutoMachine, budget: Budget) -> dict[int, PortDescription]:
    """Streams that a handler reads, those through memory, or where there is none those that are polled."""
    found = _interrupting(machine, budget, thorough=False)
    for received in received_by(machine, handled(machine), budget):
        found.setdefault(received.transfer.pointer, _transfer_port(machine, received))
    for window in (WINDOW, _LONG):
        if not found:
            for stream in _streams(Bench(machine, window=window, budget=budget)):
                found.setdefault(stream.address, _port(stream, 0))
    return found


def _interrupting(machine: AutoMachine, budget: Budget, *, thorough: bool) -> dict[int, PortDescription]:
    """Streams that an interrupt's handler reads."""
    found: dict[int, PortDescription] = {}
    exceptions = handled(machine)
    for exception in exceptions:
        for stream in _streams(Bench(machine, exception, budget=budget), thorough=thorough):
            found.setdefault(stream.address, _with_sending(machine, _port(stream, exception)))
    others = set(exceptions) - {port.exception for port in found.values()}
    return {address: with_sender(machine, port, others) for address, port in found.items()}


def _kind(port: PortDescription) -> str:
    """What its name begins with; only how it is used is known."""
    return "SPI" if port.asked else "FIFO" if port.burst else "UART"


def _asked(machine: AutoMachine, budget: Budget) -> dict[int, PortDescription]:
    """Registers that give a byte for each that is written, to a loop or behind an interrupt."""
    found: dict[int, PortDescription] = {}
    for exception in (*handled(machine), 0):
        bench = Bench(machine, exception, _LONG, budget=budget)
        for stream in Search(bench).streams():
            if _solicited(stream) and stream.address not in found:
                found[stream.address] = _asked_port(stream, exception)
        bench.leave()
    return found


def _asked_port(stream: Stream, exception: int) -> PortDescription:
    words = ["a byte comes for each that is written there: something hangs on it that is asked"]
    words += [f"it is asked behind IRQ {exception - IRQ0}"] if exception else []
    port = _port(stream, exception)
    evidence = (*_why(stream), *words)
    return replace(port, transmit=stream.address, asked=True, status=(), burst=False, evidence=evidence)


def _with_sends(port: PortDescription, blocks: Blocks) -> PortDescription:
    """With the registers that tell where in memory its answers stand, where no register takes them byte by byte."""
    low, high = port.bank
    found = {pair: set(b"".join(said)) for pair, said in blocks.items() if low <= pair[0] <= high}
    found = {pair: said for pair, said in found.items() if len(blocks[pair]) > 1}  # one may be any two settings
    best = max(found, key=lambda pair: len(found[pair]), default=None)
    if port.transmit is not None or best is None or len(found[best]) < _PRINTED:
        return port
    words = (
        f"{len(blocks[best])} blocks of memory that {best[0]:#010x} points to held {len(found[best])} different bytes"
    )
    return replace(port, sends=Transfer(*best), status=(), evidence=(*port.evidence, words))


def _with_sending(machine: AutoMachine, port: PortDescription, exception: int = 0) -> PortDescription:
    """With how its handler, or that of another interrupt, gives bytes out, if it has some to give at this moment."""
    bench = Bench(machine, exception or port.exception)
    found = sending_of(bench, bench.exception)
    bench.leave()
    if found is None or (exception and found.address >> _BANK != port.bank[0] >> _BANK):
        return port
    whose = f"the handler of IRQ {exception - IRQ0}" if exception else "its handler"
    words = f"{whose} writes a byte to {found.address:#010x} each time it is called"
    evidence = (*port.evidence, words)
    return replace(port, transmit=found.address, sending=found.gates, sender=exception, evidence=evidence)


def with_sender(machine: AutoMachine, port: PortDescription, exceptions: Collection[int]) -> PortDescription:
    """With the interrupt beside its own whose handler gives bytes out, where none is known to."""
    for exception in sorted(exceptions) if port.transmit is None else ():
        if (found := _with_sending(machine, port, exception)).transmit is not None:
            return found
    return port


def _transfer_port(machine: AutoMachine, received: Received) -> PortDescription:
    """A port whose bytes go to memory; its own registers are those of the page of what its handler touches."""
    transfer, exception = received.transfer, received.exception
    bank = _own_registers(machine, transfer)
    words = [f"what stands at {received.buffer:#010x}, which {transfer.pointer:#010x} points to, is read"]
    words += [f"{transfer.count:#010x} tells how many bytes are missing of {received.size}"] if transfer.left else []
    return PortDescription(
        name="",
        receive=None,
        transmit=None,
        gates=received.gates,
        exception=exception,
        bank=bank,
        transfer=transfer,
        evidence=(*words, *_when(received.gates, exception)),
    )


def _own_registers(machine: AutoMachine, transfer: Transfer) -> tuple[int, int]:
    """The port's bank: around the register that the transfer takes bytes from, where its controller is told one."""
    values = machine.chip.unknown.written()
    near = [at for at in values if abs(at - transfer.pointer) <= _NEAR and at != transfer.pointer]
    sources = [values[at] for at in near if REGISTERS[0] <= values[at] < REGISTERS[0] + REGISTERS[1]]
    if sources:
        return sources[0] & ~0x3F, sources[0] | 0x3F
    return transfer.pointer & ~0xFFF, transfer.pointer | 0xFFF


def _streams(bench: Bench, *, thorough: bool = False) -> list[Stream]:
    try:
        found = [stream for stream in Search(bench, thorough=thorough).streams() if not _solicited(stream)]
        return [stream for stream in found if not bench.exception or bench.is_set_up(_registers(stream))]
    finally:
        bench.leave()


def _registers(stream: Stream) -> tuple[int, ...]:
    return (stream.address, *(gate.address for gate in stream.gates))


def _solicited(stream: Stream) -> bool:
    """True where a byte comes only behind one that was sent, as on SPI: the register is written before each read."""
    first = next((a for a in stream.trace.accesses if a.address == stream.address), None)
    return first is not None and first.write


def _port(stream: Stream, exception: int) -> PortDescription:
    touched = [a.address for a in stream.trace.accesses if a.address >> 12 == stream.address >> 12]
    touched += [gate.address for gate in stream.gates if gate.address >> 12 == stream.address >> 12]
    near = [a for a in touched if exception or abs(a - stream.address) < 0x80]
    bank = (min([*near, stream.address]) & ~0x3F, max([*near, stream.address]) | 0x3F)
    return PortDescription(
        name="",
        receive=stream.address,
        transmit=None,
        gates=stream.gates,
        exception=exception,
        bank=bank,
        status=stream.status if exception else (),
        burst=stream.burst,
        evidence=(*_why(stream), *_when(stream.gates, exception)),
    )


def _why(stream: Stream) -> Iterator[str]:
    """What tells that a register gives bytes, and how they are taken."""
    behind = f", once {bytes(stream.lead).hex(' ')} came" if stream.lead else ""
    yield f"what is read from {stream.address:#010x} ends up as a byte in memory{behind}"
    if stream.burst:
        yield "its handler reads it as often as it likes without asking whether there is a byte: it is a FIFO"


def _when(gates: Sequence[Gate], exception: int) -> Iterator[str]:
    """With which bits, and in whose handler, a port is read."""
    yield from (f"it is read only while bit {gate.bit} of {gate.address:#010x} is {gate.ready}" for gate in gates)
    if exception:
        yield f"IRQ {exception - IRQ0} is enabled and its own handler reads it"


def with_transmit(port: PortDescription, log: Sequence[Access]) -> PortDescription:
    """With the register of its bank that takes most different bytes; settings take few, or are looked at."""
    if port.transmit is not None:
        return port
    low, high = port.bank
    values: dict[int, list[int]] = {}
    handled_ones = set[int]()
    for access in log:
        if access.write and low <= access.address <= high and access.value <= 0xFFFF:
            values.setdefault(access.address, []).append(access.value)
            handled_ones |= {access.address} if access.handler == port.exception else set()
    looked = {access.address for access in log if not access.write} - {port.receive}
    spoken = {address: len(set(given)) for address, given in values.items() if _are_bytes(given)}
    spoken = {address: count for address, count in spoken.items() if address not in looked}
    best = max(spoken, key=lambda address: spoken[address], default=None)
    if best is None or spoken[best] < _PRINTED:
        return port
    words = f"{len(values[best])} bytes were written to {best:#010x}, {spoken[best]} different ones"
    status = port.status if best in handled_ones else ()  # who sends without a handler enables none for it
    return replace(port, transmit=best, status=status, evidence=(*port.evidence, words))


def _are_bytes(given: Sequence[int]) -> bool:
    """True where only the lowest byte varies; what stands above it belongs to the register."""
    return len({value >> 8 for value in given}) == 1
