"""Infers a board from its firmware: boots it with nothing known, looks at what it does, tries, and boots it again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from targets.board.auto.boot import Blocks, Boot, boot
from targets.board.auto.chip import Place
from targets.board.auto.description import Description, PortDescription, Tick, Transfer
from targets.board.auto.experiment import WINDOW, Bench
from targets.board.auto.machine import AutoMachine
from targets.board.auto.quiet import quiet_values
from targets.board.auto.sending import sending_of
from targets.board.auto.streams import Search, Stream
from targets.board.auto.ticks import ticks_of
from targets.board.auto.transfers import Received, received_by
from targets.board.auto.unknown import Access
from targets.board.image import Image
from targets.board.layout import REGISTERS, core_of, extended, memory_of, with_code
from targets.board.memory import Memory
from targets.board.nvic import EXCEPTIONS, IRQ0

_MOST_EXTENSIONS, _LONG = 12, 10 * WINDOW
GREETINGS = (b"\r\n", b"help\r\n", b"?\r\n", b"\x00\x01\x02\x03", b"AT\r\n")
_PRINTED, _PATIENCE, _NEAR = 3, 400_000, 0x20


def describe(
    image: Image, *, memory: Memory | None = None, core: str = "", places: Sequence[Place] = ()
) -> Description:
    """What is found out about the board of an image; raises BenchError where it has no vector table."""
    description = Description(memory or memory_of(image), core or core_of(image))
    first, description = _booted(image, description, places)
    ports = _undisturbed_ports(image, first, description, places) or _ports(first)
    description = _resting(image, replace(description, ports=ports), places)
    second, description = _booted(image, description, places)
    others = set(handled(second.machine)) - {port.exception for port in ports}
    ticks = ticks_of(second.machine, others, [port.bank for port in ports if port.receive is not None])
    if not second.machine.events:
        ticks = _harmless(image, description, ticks, places)
    description = replace(description, ticks=ticks)
    return _resting(image, _speaking(image, description, places), places)


def _harmless(
    image: Image, description: Description, ticks: Sequence[Tick], places: Sequence[Place]
) -> tuple[Tick, ...]:
    """Those with which it boots: what crashes firmware that nobody has sent anything yet counts no time."""
    return tuple(tick for tick in ticks if not boot(image, replace(description, ticks=(tick,)), places).machine.events)


def _booted(image: Image, description: Description, places: Sequence[Place]) -> tuple[Boot, Description]:
    """A machine that has booted; the map grows by what the firmware uses on the way, before any input."""
    booted = boot(image, description, places)
    for _ in range(_MOST_EXTENSIONS):
        if (memory := _larger(image, description.memory, booted)) is None:
            break
        description = replace(description, memory=memory)
        booted = boot(image, description, places)
    return booted, replace(description, default_handler=_default_handler(booted.machine))


def _larger(image: Image, memory: Memory, booted: Boot) -> Memory | None:
    """The map with what it wanted at boot; None where it wanted nothing."""
    if booted.stray is not None:
        return extended(memory, booted.stray)
    return None if booted.jumped is None else with_code(memory, image, booted.jumped, booted.machine.cpu.read)


def _default_handler(machine: AutoMachine) -> int:
    """The handler of most interrupts: nobody's own."""
    handlers = Counter(machine.nvic.vector(number) for number in range(IRQ0, EXCEPTIONS))
    handlers = Counter({at: count for at, count in handlers.items() if machine.cpu.memory.in_rom(at)})
    best = handlers.most_common(1)
    return best[0][0] if best and best[0][1] > 2 else -1


def handled(machine: AutoMachine) -> list[int]:
    """Interrupts that the firmware enabled and has a handler of its own for."""
    default = _default_handler(machine)
    return [
        number
        for number in sorted(machine.nvic.enabled)
        if number >= IRQ0 and machine.cpu.memory.in_rom(at := machine.nvic.vector(number)) and at != default
    ]


# -- ports ------------------------------------------------------------------------------------------------------------


def _undisturbed_ports(
    image: Image, first: Boot, description: Description, places: Sequence[Place]
) -> tuple[PortDescription, ...]:
    """Those that show where no value was tried that gives bytes: its buffers are full of what nobody sent else.

    A register that is not nought while nothing came gives them with nought, too.
    """
    known = _as_it_waits(first.machine, description)
    rested = boot(image, known, places)
    for values in list(quiet_values(rested.machine)):
        quiet = replace(known, values={**known.values, **values}, waits=known.waits | set(values))
        ports = _ports(boot(image, quiet, places))
        registers = {register for _code, register in values}
        if any(gate.address in registers for port in ports for gate in port.gates):
            return ports
    return _ports(rested)


def _ports(booted: Boot) -> tuple[PortDescription, ...]:
    """Streams that an interrupt's handler reads, or that are polled; and registers that only give bytes out."""
    machine, found = booted.machine, dict[int, PortDescription]()
    for exception in handled(machine):
        for stream in _streams(Bench(machine, exception)):
            found.setdefault(stream.address, _with_sending(machine, _port(stream, exception)))
    for received in received_by(machine, handled(machine)):
        found.setdefault(received.transfer.pointer, _transfer_port(machine, received))
    for window in (WINDOW, _LONG):
        if not found:
            for stream in _streams(Bench(machine, window=window)):
                found.setdefault(stream.address, _port(stream, 0))
    ports = sorted(found.values(), key=lambda port: port.bank)
    named = [replace(port, name=f"UART{number}") for number, port in enumerate(ports)]
    return tuple(_with_sends(_with_transmit(port, booted.log), booted.blocks) for port in named)


def _with_sends(port: PortDescription, blocks: Blocks) -> PortDescription:
    """With the registers that tell where in memory its answers stand, where no register takes them byte by byte."""
    low, high = port.bank
    found = {pair: set(b"".join(said)) for pair, said in blocks.items() if low <= pair[0] <= high}
    best = max(found, key=lambda pair: len(found[pair]), default=None)
    if port.transmit is not None or best is None or len(found[best]) < _PRINTED:
        return port
    words = (
        f"{len(blocks[best])} blocks of memory that {best[0]:#010x} points to held {len(found[best])} different bytes"
    )
    return replace(port, sends=Transfer(*best), status=(), evidence=(*port.evidence, words))


def _with_sending(machine: AutoMachine, port: PortDescription) -> PortDescription:
    """With how its handler gives bytes out, if it has some to give at this moment."""
    bench = Bench(machine, port.exception)
    found = sending_of(bench, port.exception)
    bench.leave()
    if found is None:
        return port
    words = f"its handler writes a byte to {found.address:#010x} each time it is called"
    return replace(port, transmit=found.address, sending=found.gates, evidence=(*port.evidence, words))


def _transfer_port(machine: AutoMachine, received: Received) -> PortDescription:
    """A port whose bytes go to memory; its own registers are those of the page of what its handler touches."""
    transfer, exception = received.transfer, received.exception
    bank = _own_registers(machine, transfer)
    words = [f"what stands at {received.buffer:#010x}, which {transfer.pointer:#010x} points to, is read"]
    words += [f"{transfer.count:#010x} tells how many bytes are missing of {received.size}"] if transfer.left else []
    words += [f"it is read only while bit {g.bit} of {g.address:#010x} is {g.ready}" for g in received.gates]
    words += [f"IRQ {exception - IRQ0} is enabled and its own handler reads it"] if exception else []
    return PortDescription(
        name="",
        receive=None,
        transmit=None,
        gates=received.gates,
        exception=exception,
        bank=bank,
        transfer=transfer,
        evidence=tuple(words),
    )


def _own_registers(machine: AutoMachine, transfer: Transfer) -> tuple[int, int]:
    """The port's bank: around the register that the transfer takes bytes from, where its controller is told one."""
    values = machine.chip.unknown.values
    near = [at for at in values if abs(at - transfer.pointer) <= _NEAR and at != transfer.pointer]
    sources = [values[at] for at in near if REGISTERS[0] <= values[at] < REGISTERS[0] + REGISTERS[1]]
    if sources:
        return sources[0] & ~0x3F, sources[0] | 0x3F
    return transfer.pointer & ~0xFFF, transfer.pointer | 0xFFF


def _streams(bench: Bench) -> list[Stream]:
    try:
        found = [stream for stream in Search(bench).streams() if not _solicited(stream)]
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
        evidence=tuple(_evidence(stream, exception)),
    )


def _evidence(stream: Stream, exception: int) -> list[str]:
    words = [f"what is read from {stream.address:#010x} ends up as a byte in memory"]
    words += [f"it is read only while bit {g.bit} of {g.address:#010x} is {g.ready}" for g in stream.gates]
    if exception:
        words.append(f"IRQ {exception - IRQ0} is enabled and its own handler reads it")
    return words


def _with_transmit(port: PortDescription, log: Sequence[Access]) -> PortDescription:
    """With the register of its bank that takes most different bytes; what is set up there takes few."""
    if port.transmit is not None:
        return port
    low, high = port.bank
    values: dict[int, list[int]] = {}
    handled_ones = set[int]()
    for access in log:
        if access.write and low <= access.address <= high and access.value <= 0xFFFF:
            values.setdefault(access.address, []).append(access.value)
            handled_ones |= {access.address} if access.handler == port.exception else set()
    spoken = {address: len(set(given)) for address, given in values.items() if _are_bytes(given)}
    best = max(spoken, key=lambda address: spoken[address], default=None)
    if best is None or spoken[best] < _PRINTED:
        return port
    words = f"{len(values[best])} bytes were written to {best:#010x}, {spoken[best]} different ones"
    status = port.status if best in handled_ones else ()  # who sends without a handler enables none for it
    return replace(port, transmit=best, status=status, evidence=(*port.evidence, words))


def _are_bytes(given: Sequence[int]) -> bool:
    """True where only the lowest byte varies; what stands above it belongs to the register."""
    return len({value >> 8 for value in given}) == 1


# -- at rest ----------------------------------------------------------------------------------------------------------


def _resting(image: Image, description: Description, places: Sequence[Place]) -> Description:
    """With what it does once its ports are quiet: values that its loops wait for, where it waits, where it rests."""
    return _as_it_waits(boot(image, description, places).machine, description)


def _as_it_waits(machine: AutoMachine, description: Description) -> Description:
    polling = machine.chip.unknown.polling
    return replace(
        description,
        waits=frozenset(polling.dry_sites),
        values=dict(polling.learned),
        idles=frozenset({machine.rests} if machine.sleeping else ()),
    )


def _speaking(image: Image, description: Description, places: Sequence[Place]) -> Description:
    """With the registers that its answers go out by, and without ports that take nothing."""
    found: list[PortDescription] = []
    values = dict(description.values)
    for number, port in enumerate(description.ports):
        machine = boot(image, description, places).machine
        log, taken = _talk(machine, number)
        if taken:
            words = f"it took {taken} of {sum(map(len, GREETINGS))} bytes that were sent to it"
            found.append(_with_transmit(replace(port, evidence=(*port.evidence, words)), log))
            values |= machine.chip.unknown.polling.learned
    return replace(description, ports=tuple(found), values=values)


def _talk(machine: AutoMachine, number: int) -> tuple[list[Access], int]:
    """Say a few usual things to a port; what the firmware does, and how many bytes it takes."""
    port, log = machine.chip.ports[number], list[Access]()
    machine.chip.unknown.log = log
    for greeting in GREETINGS:
        port.feed(greeting)
        machine.run(machine.schedule.base + _PATIENCE)
    machine.chip.unknown.log = None
    return log, port.taken
