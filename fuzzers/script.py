"""Loads a script that was written for boofuzz as a Protocol, without letting it run anything or touch a network."""

from __future__ import annotations

import io
import runpy
import socket
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NoReturn

import boofuzz

from fuzzers.home import Home
from fuzzers.session import DeviceSession
from fuzzers.stand_ins import AcceptedMonitor, ScriptTarget
from harness.errors import UsageError
from harness.own import own_error
from protocols.model import Protocol

_ON_SOCKETS = ("connect", "connect_ex", "bind", "sendto", "sendmsg")
_ON_MODULE = ("getaddrinfo", "gethostbyname", "gethostbyname_ex")


def load_boofuzz_session(path: Path, arguments: Sequence[str] = (), number: int = 0) -> DeviceSession:
    """The session that the script makes, its graph and callbacks ready; raises UsageError naming the file.

    The script runs as `__main__`, with `arguments`, in its own folder, with stand-ins for boofuzz's Session, Target and
    monitors, so that `fuzz()` returns at once. Of several sessions it is the one with that `number`, from 1.
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such boofuzz script")
    home, made = Home(path, arguments), list[DeviceSession]()

    class Recorded(DeviceSession):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self.home = home
            made.append(self)

    Recorded.__name__ = Recorded.__qualname__ = "Session"
    _run(path, home, Recorded)
    if not made:
        raise UsageError(f"{path}: the script makes no boofuzz Session; make one and connect() messages to it")
    return _chosen(path, made, number)


def load_boofuzz_script(path: Path, arguments: Sequence[str] = (), session: int = 0, **options: Any) -> Protocol:
    """The script's messages, graph and callbacks as a Protocol named after the file; raises UsageError."""
    return load_boofuzz_session(path, arguments, session).protocol(path.stem, **options)


def _chosen(path: Path, made: Sequence[DeviceSession], number: int) -> DeviceSession:
    """The only one with messages, or the one wanted; raises UsageError that lists them."""
    filled = [session for session in made if session.messages]
    if number == 0 and len(filled) <= 1:
        return (*filled, made[0])[0]
    if 1 <= number <= len(made):
        return made[number - 1]
    each = "; ".join(f"{k}: {', '.join(session.messages) or 'no messages'}" for k, session in enumerate(made, 1))
    raise UsageError(
        f"{path}: the script makes {len(made)} Sessions ({each}); say which in the bench: script_session = 1"
    )


def _run(path: Path, home: Home, session: type[DeviceSession]) -> None:
    """Run the script; what it prints is shown only where it fails."""
    said = io.StringIO()
    try:
        with home.loading(), _stand_ins(session), _no_network(), redirect_stdout(said), redirect_stderr(said):
            runpy.run_path(str(path.resolve()), run_name="__main__")
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error
    except SystemExit as error:
        if error.code not in (None, 0):
            raise UsageError(f"{path}: SystemExit: {error.code}{_last(said)}; correct script or arguments") from error
    except Exception as error:
        raise UsageError(str(own_error(error, f"{path}: cannot be loaded"))) from error


def _last(said: io.StringIO) -> str:
    lines = said.getvalue().strip().splitlines()
    return f" ({lines[-1]})" if lines else ""


@contextmanager
def _stand_ins(session: type[DeviceSession]) -> Generator[None]:
    """Every name that boofuzz's modules have for what would open something leads to its stand-in."""
    instead: dict[Any, Any] = {
        boofuzz.Session: session,
        boofuzz.Target: ScriptTarget,
        boofuzz.ProcessMonitor: AcceptedMonitor,
        boofuzz.NetworkMonitor: AcceptedMonitor,
        boofuzz.ProcessMonitorLocal: AcceptedMonitor,
        boofuzz.pedrpc.Client: AcceptedMonitor,
        boofuzz.open_test_run: _refused("open_test_run() is not supported: medfuzz keeps its own store"),
    }
    with ExitStack() as undo:
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] == "boofuzz":
                _replace(
                    undo, module, {key: value for key, value in vars(module).items() if _has(instead, value)}, instead
                )
        yield


def _has(instead: Mapping[Any, Any], value: object) -> bool:
    return any(value is original for original in instead)


def _replace(undo: ExitStack, module: Any, names: Mapping[str, Any], instead: Mapping[Any, Any]) -> None:
    for name, original in names.items():
        undo.callback(setattr, module, name, original)
        setattr(module, name, instead[original])


@contextmanager
def _no_network() -> Generator[None]:
    """No socket is connected, bound or sent on, no name is looked up; what tries is named."""
    refuse = _refused("the script uses the network while it is loaded; do that in a callback, or leave it out")
    own: Any = socket.socket
    with ExitStack() as undo:
        for name in _ON_SOCKETS:
            undo.callback(setattr if name in vars(own) else _remove, own, name, getattr(own, name))
            setattr(own, name, refuse)
        for name in _ON_MODULE:
            undo.callback(setattr, socket, name, getattr(socket, name))
            setattr(socket, name, refuse)
        yield


def _remove(place: object, name: str, _inherited: object) -> None:
    delattr(place, name)


def _refused(words: str) -> Any:
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise UsageError(words)

    return refuse
