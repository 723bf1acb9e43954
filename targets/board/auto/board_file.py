"""The board file: what was inferred, as TOML for a person to correct, with the evidence for each part."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from harness.bench_tables import Table
from harness.errors import UsageError
from targets.board.auto.description import Description, Gate, PortDescription, Tick, Transfer
from targets.board.memory import Memory
from targets.board.nvic import EXCEPTIONS, IRQ0

_HEAD = """# A board for medfuzz, inferred from {source}. See docs/board.md.
# Comments are the evidence. Correct what is wrong; `[target] board = "THIS FILE"` takes it as it stands.
"""


class MemoryTable(Table):
    """Addresses and sizes in bytes."""

    rom: tuple[int, int]
    ram: tuple[int, int]
    vectors: int
    registers: list[tuple[int, int]]
    more: list[tuple[int, int]] = Field(default=[])
    blank: list[tuple[int, int]] = Field(default=[])
    aliases: list[tuple[int, int, int]] = Field(default=[])
    executable: list[tuple[int, int]] = Field(default=[])
    bit_band: bool = True


Address = Annotated[int, Field(ge=0, le=0xFFFFFFFF)]
Irq = Annotated[int, Field(ge=0, lt=EXCEPTIONS - IRQ0)]


class GateTable(Table):
    """A bit that says whether there is something."""

    address: Address
    bit: int = Field(ge=0, le=31)
    ready: Literal[0, 1] = 1


class TransferTable(Table):
    """Registers by which bytes go to memory, or from it."""

    pointer: Address
    count: Address
    left: Address | None = None
    amount: Address | None = None


class PortTable(Table):
    """A stream of bytes; `irq` is the interrupt's number on the chip."""

    name: str
    receive: Address | None = None
    transmit: Address | None = None
    irq: Irq | None = None
    bank: tuple[Address, Address] = (0, 0)
    gates: list[GateTable] = Field(default=[])
    status: list[tuple[int, int]] = Field(default=[])
    sending: list[GateTable] = Field(default=[])
    sending_irq: Irq | None = None
    burst: bool = False
    begins: list[GateTable] = Field(default=[])
    ends: list[GateTable] = Field(default=[])
    reads: list[GateTable] = Field(default=[])
    asked: bool = False
    transfer: TransferTable | None = None
    sends: TransferTable | None = None


class TickTable(Table):
    """An interrupt that comes again and again, every `period` seconds."""

    irq: Irq
    period: float = Field(default=0.001, gt=0)
    gates: list[GateTable] = Field(default=[])


class BoardTable(Table):
    """A whole file."""

    core: str
    firmware: str = ""
    default_handler: int = -1
    idles: list[int] = Field(default=[])
    memory: MemoryTable
    port: list[PortTable] = Field(default=[])
    tick: list[TickTable] = Field(default=[])
    poll: list[dict[Literal["code", "register", "value"], int]] = Field(default=[])


def read_board(path: Path) -> Description:
    """A board from its file; raises UsageError naming file, key and fault."""
    try:
        table = BoardTable.model_validate(tomllib.loads(path.read_text(encoding="utf-8")), strict=False)
    except OSError as error:
        raise UsageError(
            f"board {path}: {error.strerror}. `medfuzz describe FIRMWARE --out {path}` writes one"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"board {path} is not valid TOML: {error}") from error
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        raise UsageError(f"board {path}: {'.'.join(map(str, detail['loc']))}: {detail['msg']}") from error
    return _description(table)


def _description(table: BoardTable) -> Description:
    polls = [(poll["code"], poll["register"], poll.get("value")) for poll in table.poll]
    return Description(
        memory=_memory(table.memory),
        core=table.core,
        ports=tuple(map(_port, table.port)),
        ticks=tuple(Tick(16 + t.irq, tuple(map(_gate, t.gates)), t.period) for t in table.tick),
        waits=frozenset((code, register) for code, register, value in polls if value is None),
        values={(code, register): value for code, register, value in polls if value is not None},
        idles=frozenset(table.idles),
        default_handler=table.default_handler,
        firmware=table.firmware,
    )


def _memory(table: MemoryTable) -> Memory:
    return Memory(
        *table.rom,
        *table.ram,
        registers=tuple(table.registers),
        more=tuple(table.more),
        blank=tuple(table.blank),
        aliases=tuple(table.aliases),
        bit_band=table.bit_band,
        table=table.vectors,
        executable=tuple(table.executable),
    )


def _gate(table: GateTable) -> Gate:
    return Gate(table.address, table.bit, table.ready)


def _port(table: PortTable) -> PortDescription:
    return PortDescription(
        name=table.name,
        receive=table.receive,
        transmit=table.transmit,
        gates=tuple(map(_gate, table.gates)),
        exception=0 if table.irq is None else 16 + table.irq,
        bank=table.bank,
        status=tuple(table.status),
        sending=tuple(map(_gate, table.sending)),
        sender=0 if table.sending_irq is None else 16 + table.sending_irq,
        burst=table.burst,
        begins=tuple(map(_gate, table.begins)),
        ends=tuple(map(_gate, table.ends)),
        reads=tuple(map(_gate, table.reads)),
        asked=table.asked,
        transfer=_transfer(table.transfer),
        sends=_transfer(table.sends),
    )


def _transfer(table: TransferTable | None) -> Transfer | None:
    return None if table is None else Transfer(table.pointer, table.count, table.left, table.amount)


# -- writing ----------------------------------------------------------------------------------------------------------


def board_text(description: Description, source: str, names: Sequence[tuple[int, str]] = ()) -> str:
    """The whole file; `names` gives functions by address, for comments."""
    functions = dict(names)
    lines = [_HEAD.format(source=source), f'core = "{description.core}"']
    lines += [f'firmware = "{description.firmware}"   # the build that this was inferred from']
    lines += [f"default_handler = {_hex(description.default_handler)}"] if description.default_handler >= 0 else []
    places = ", ".join(map(_hex, sorted(description.idles)))
    lines += [f"idles = [{places}]   # where it rests: {_at(functions, description.idles)}"]
    lines += [*_poll_lines(description, functions)]
    lines += ["", *_memory_lines(description.memory), *(f"# {note}" for note in description.notes)]
    for port in description.ports:
        lines += ["", *_port_lines(port)]
    for tick in description.ticks:
        lines += ["", *_evidence(tick.evidence), "[[tick]]", f"irq = {tick.exception - 16}", f"period = {tick.period}"]
        lines += _gate_lines(tick.gates)
    return "\n".join(lines).rstrip() + "\n"


def _hex(number: int) -> str:
    return f"{number:#010x}" if number > 9 else str(number)


def _list(rows: Sequence[Sequence[int]]) -> str:
    return "[" + ", ".join(f"[{', '.join(map(_hex, row))}]" for row in rows) + "]"


def _at(functions: dict[int, str], addresses: Sequence[int] | frozenset[int]) -> str:
    return ", ".join(functions.get(address) or "?" for address in sorted(addresses)) or "nowhere"


def _evidence(words: Sequence[str]) -> Iterator[str]:
    return (f"# {word}" for word in words)


def _memory_lines(memory: Memory) -> Iterator[str]:
    yield "[memory]   # addresses and sizes, as the image's segments, stack pointer and symbols tell"
    yield f"rom = [{_hex(memory.rom)}, {_hex(memory.rom_size)}]"
    yield f"ram = [{_hex(memory.ram)}, {_hex(memory.ram_size)}]"
    yield f"vectors = {_hex(memory.vectors)}"
    yield f"registers = {_list(memory.registers)}"
    named = ("more", "blank", "aliases", "executable")
    for key, rows in ((name, getattr(memory, name)) for name in named):
        if rows:
            yield f"{key} = {_list(rows)}"
    yield f"bit_band = {'true' if memory.bit_band else 'false'}"


def _port_lines(port: PortDescription) -> Iterator[str]:
    yield from _evidence(port.evidence)
    yield "[[port]]"
    yield f'name = "{port.name}"'
    for key, value in (("receive", port.receive), ("transmit", port.transmit)):
        if value is not None:
            yield f"{key} = {_hex(value)}"
    if port.exception:
        yield f"irq = {port.exception - 16}"
    yield f"bank = [{_hex(port.bank[0])}, {_hex(port.bank[1])}]"
    for key in ("gates", "sending", "begins", "ends", "reads"):
        yield from _gate_lines(getattr(port, key), key)
    if port.sender:
        yield f"sending_irq = {port.sender - 16}   # its handler gives bytes out"
    if port.asked:
        yield "asked = true   # a byte comes for each that is written; the interrupt says that there are some"
    if port.burst:
        yield "burst = true   # the handler reads on without looking at a gate"
    if port.status:
        yield f"status = {_list(port.status)}   # bits that may read as set"
    for key, transfer in (("transfer", port.transfer), ("sends", port.sends)):
        if transfer is not None:
            yield f"{key} = {_transfer_text(transfer)}"


def _gate_lines(gates: Sequence[Gate], key: str = "gates") -> list[str]:
    rows = [f"{{ address = {_hex(gate.address)}, bit = {gate.bit}, ready = {gate.ready} }}" for gate in gates]
    return [f"{key} = [{', '.join(rows)}]"] if rows else []


def _transfer_text(transfer: Transfer) -> str:
    named = (
        ("pointer", transfer.pointer),
        ("count", transfer.count),
        ("left", transfer.left),
        ("amount", transfer.amount),
    )
    return "{ " + ", ".join(f"{key} = {_hex(value)}" for key, value in named if value is not None) + " }"


def _poll_lines(description: Description, functions: dict[int, str]) -> Iterator[str]:
    """What polling loops want to see (found by trying), and those that wait for input."""
    rows = [(code, register, value) for (code, register), value in sorted(description.values.items())]
    rows += [(code, register, None) for code, register in sorted(description.waits)]
    if not rows:
        return
    yield "# A loop at `code` polls `register`: it goes on when that reads as `value`; without one it waits for input."
    yield "poll = ["
    for code, register, value in rows:
        shown = "" if value is None else f", value = {value if value < 0 else _hex(value)}"
        yield f"  {{ code = {_hex(code)}, register = {_hex(register)}{shown} }},   # in {functions.get(code) or '?'}"
    yield "]"
