"""A program that is a Bluetooth LE peripheral's host stack, on a radio of our own: started to be asked what it has."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Sequence

from harness.bench import Bench
from harness.errors import TargetError
from targets.served import ServedTarget

_PLACES = {"{radio.port}": "tcp:127.0.0.1:0", "{radio.path}": "pty:"}
_ANY = "unix:"
_SETTLE = 0.2


def place_for(command: Sequence[str]) -> str:
    """Where a stack attaches that is given the radio in that way: a TCP port, a serial port, or a socket."""
    text = " ".join(command)
    return next((place for part, place in _PLACES.items() if part in text), _ANY)


@contextlib.contextmanager
def host_stack(command: Sequence[str], place: str) -> Generator[ServedTarget]:
    """The program, run here, attached to its `radio`; raises TargetError with its last words where it does not run."""
    target = {"kind": "process", "name": command[0], "command": list(command), "settle": _SETTLE}
    stack = ServedTarget(Bench.model_validate({"target": target, "interfaces": {}, "radio": {"listen": [place]}}))
    try:
        stack.start()
        stack.advance(_SETTLE)
        if words := stack.epitaph():
            raise TargetError(words)
        yield stack
    finally:
        stack.stop()
