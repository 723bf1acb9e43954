"""Does firmware serve that answers nothing? It takes bytes, and waits where it waited before, or gets on with each."""

from __future__ import annotations

from unicorn import arm_const as arm

from targets.board.auto.machine import AutoMachine
from targets.board.auto.port import Port
from targets.board.cpu import RegisterBatch

_OWN = (*(getattr(arm, f"UC_ARM_REG_R{number}") for number in range(4, 12)), arm.UC_ARM_REG_SP)
_FILLER = b"\r\n0a \x00\xff" * 8
_MOST_STACK, _PATIENCE, _STEP = 1024, 200_000, 4


class Liveness:
    """Knows where the firmware rests; asks with bytes where it rests elsewhere, and takes them back."""

    def __init__(self, machine: AutoMachine) -> None:
        self._machine = machine
        self._places = set(machine.description.idles)
        self._thread = RegisterBatch(int(machine.cpu.uc._uch.value), _OWN)

    def learn(self) -> None:
        """Where it is now is where it waits."""
        if self._machine.sleeping and not self._machine.locked:
            self._places.add(self._machine.rests)

    def _knows(self, place: int) -> bool:
        """True for where it waited before, or in the loop around that; one is looked at every other instruction."""
        loop = self._machine.loop
        if place == loop.head and not self._places.isdisjoint(loop.places):
            return True
        return place & ~1 in self._machine.spin or any(abs(known - place) <= _STEP for known in self._places)

    def serves(self, port: Port) -> bool:
        """True when it took all and waits; else a hang is told, if it is one."""
        machine = self._machine
        if machine.locked or not machine.sleeping or port.receiving:
            return False
        if self._knows(machine.rests):
            return True
        moment, place = machine.snapshot(), machine.rests
        alive = self._gets_on(port)
        machine.restore(moment)
        if not alive:
            machine.hang_here(place)
        return alive

    def _gets_on(self, port: Port) -> bool:
        """True when bytes bring it to a known place, or change what is not an interrupt's doing; or are answered.

        Where it is polled, and no controller puts them into memory, who takes bytes is the firmware itself.
        """
        before, said = self._own_state(), len(port.output)
        by_itself = not port.description.exception and port.description.transfer is None
        for byte in _FILLER:
            port.feed(bytes((byte,)))
            self._machine.run_to_rest(self._machine.schedule.base + _PATIENCE + port.patience, port.patience)
            if port.receiving or self._machine.locked:
                return False
            if self._knows(self._machine.rests) or not self._machine.sleeping or self._own_state() != before:
                return True
            if by_itself or len(port.output) > said:
                return True
        return False

    def _own_state(self) -> tuple[object, ...]:
        """Registers that a handler gives back, and the stack above."""
        own = self._thread.read()
        return own, self._machine.cpu.read(own[-1], _MOST_STACK)
