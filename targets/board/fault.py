"""Faults in words: what kind, where in the source, which address, and the fault status bits the core would show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import unicorn
from unicorn.unicorn_py3.unicorn import UcError

from harness.transcript import TargetEvent
from targets.board.image import Image
from targets.board.memory import Memory
from targets.board.nvic import BUS_FAULT, MEM_FAULT, SVC, USAGE_FAULT

if TYPE_CHECKING:
    from targets.board.machine import Machine

_UNDEFINED, _SERVICE_CALL, _PREFETCH_ABORT, _BREAKPOINT = 1, 2, 3, 7
_IACCVIOL, _DACCVIOL, _IBUSERR, _PRECISERR, _UNDEFINSTR, _INVSTATE = 1, 2, 1 << 8, 1 << 9, 1 << 16, 1 << 17
_READS = {unicorn.UC_MEM_READ_UNMAPPED, unicorn.UC_MEM_READ_PROT}
_WRITES = {unicorn.UC_MEM_WRITE_UNMAPPED, unicorn.UC_MEM_WRITE_PROT}
_NULL_PAGE = 0x1000
_WORD, _POPPED, _DEEPEST = 4, 512, 4
CONTROL_FLOW_LOST = frozenset({"execution outside the code", "undefined instruction", "breakpoint instruction"})


class Access:
    """The last invalid access that the memory hook saw."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget it."""
        self.kind, self.address, self.size, self.reason = -1, -1, 0, ""

    def set(self, kind: int, address: int, size: int) -> None:
        """Remember one."""
        self.kind, self.address, self.size = kind, address, size


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: its type in words, exception number, CFSR bits, and the address that was touched, if any."""

    type: str
    exception: int
    status: int
    address: int | None
    bus: bool = False


_UNDEFINED_INSTRUCTION = Fault("undefined instruction", USAGE_FAULT, _UNDEFINSTR, None)
_OF_TRAPS = {
    _UNDEFINED: _UNDEFINED_INSTRUCTION,
    -1: _UNDEFINED_INSTRUCTION,
    _SERVICE_CALL: Fault("service call where it is masked", SVC, 0, None),
    _BREAKPOINT: Fault("breakpoint instruction", USAGE_FAULT, _UNDEFINSTR, None),
}


def classify(error: UcError | None, trap: int, access: Access, memory: Memory) -> Fault:
    """What a Unicorn error or an unexpected exception number means on an ARMv7-M core."""
    if access.reason:
        return Fault("exception frame outside RAM", BUS_FAULT, 1 << 12, None, bus=True)
    if access.kind in _READS | _WRITES:
        verb = "read" if access.kind in _READS else "write"
        return _data_fault(verb, access, memory)
    if access.kind != -1 or trap == _PREFETCH_ABORT or (error is not None and "FETCH" in str(error)):
        return Fault("execution outside the code", MEM_FAULT, _IACCVIOL, None)
    return _OF_TRAPS.get(trap, Fault(f"exception {trap}", USAGE_FAULT, _INVSTATE, None))


def _data_fault(verb: str, access: Access, memory: Memory) -> Fault:
    if access.address < _NULL_PAGE and not memory.in_rom(access.address):
        return Fault(f"null pointer {verb}", BUS_FAULT, _PRECISERR, access.address, bus=True)
    if memory.in_rom(access.address):
        return Fault(f"{verb} to flash", MEM_FAULT, _DACCVIOL, access.address)
    return Fault(f"{verb} outside memory", BUS_FAULT, _PRECISERR, access.address, bus=True)


def place(image: Image, address: int) -> dict[str, str]:
    """`pc`, `symbol`, `line` of a code address, in words."""
    found = {"pc": f"{address & ~1:#010x}", "symbol": image.function_at(address), "line": image.line_at(address)}
    return {key: value for key, value in found.items() if value}


def whereabouts(machine: Machine) -> dict[str, str]:
    """`pc`, `symbol`, `line` of what executes, and `caller`: the function that the link register leads back to."""
    detail = place(machine.image, machine.cpu.pc)
    caller = machine.image.function_at(machine.cpu.register("lr") - 2)
    return detail | ({"caller": caller} if caller else {})


def event(fault: Fault, machine: Machine) -> TargetEvent:
    """The event of a fault. Where the program counter is wild, it tells who returned into nowhere."""
    pc, link = machine.cpu.pc, machine.cpu.register("lr")
    detail: dict[str, str] = {"type": fault.type, **place(machine.image, pc), "lr": f"{link:#010x}"}
    if machine.cpu.word(slot := machine.cpu.register("sp") - _WORD) & ~1 == pc & ~1:
        detail["returned"] = f"{slot:#010x}"
    if "symbol" not in detail:
        caller = place(machine.image, returned_from(machine) - 2)
        detail |= {key: caller[key] for key in ("symbol", "line") if key in caller}
    if fault.address is not None:
        detail["address"] = f"{fault.address:#010x}"
    detail["status"] = f"{fault.status:#010x}"
    detail["registers"] = _registers(machine)
    return TargetEvent("fault", machine.seconds, detail)


def returned_from(machine: Machine) -> int:
    """A place in the function that has just returned into nowhere; 0 where nothing tells.

    The link register leads there where what it called last called nothing itself; else into that. Then what was called
    has left return addresses below the stack: each behind a call of the function that the next one is in, up to it.
    """
    link, image = machine.cpu.register("lr"), machine.image
    left = list(islice(_left_below(machine), _DEEPEST))
    if not image.function_at(link - 2):
        return left[0] if left else 0
    for depth in range(1, len(left) + 1):
        within = [*(image.function_at(place - 2) for place in left[1:depth]), image.function_at(link - 2)]
        if [_called(machine, place & ~1) for place in left[:depth]] == within:
            return left[0]
    return link


def _left_below(machine: Machine) -> Iterator[int]:
    """Return addresses below the stack, the nearest first."""
    stack = machine.cpu.register("sp") & ~3
    for address in range(stack - _WORD, stack - _POPPED, -_WORD):
        found = machine.cpu.word(address)
        if found & 1 and machine.image.function_at(found - 2) and _is_call(machine, found & ~1):
            yield found


def _is_call(machine: Machine, behind: int) -> bool:
    """True when the instruction before is BL or BLX."""
    first, second = _before(machine, behind)
    return (first & 0xF800 == 0xF000 and second & 0xD000 == 0xD000) or second & 0xFF87 == 0x4780


def _before(machine: Machine, behind: int) -> tuple[int, int]:
    first, second = (machine.cpu.word(behind - distance) & 0xFFFF for distance in (4, 2))
    return first, second


def _called(machine: Machine, behind: int) -> str:
    """The function that BL before calls (ARM DDI 0403E, A7.7.18); "" where it is BLX, of a register."""
    first, second = _before(machine, behind)
    if first & 0xF800 != 0xF000 or second & 0xD000 != 0xD000:
        return ""
    sign = first >> 10 & 1
    upper = (~(second >> 13 ^ sign) & 1) << 23 | (~(second >> 11 ^ sign) & 1) << 22
    offset = upper | (first & 0x3FF) << 12 | (second & 0x7FF) << 1
    return machine.image.function_at(behind + offset - (sign << 24))


def stack_event(machine: Machine) -> TargetEvent:
    """The stack grew over its limit without running into unmapped memory."""
    detail: Mapping[str, str] = {"type": "stack grew over its limit", **place(machine.image, machine.cpu.pc)}
    return TargetEvent("fault", machine.seconds, detail)


def _registers(machine: Machine) -> str:
    names = ("r0", "r1", "r2", "r3", "r12", "lr", "pc", "xpsr", "sp")
    return " ".join(f"{name}={value:08x}" for name, value in zip(names, machine.cpu.frame(), strict=True))
