"""The commands by name; the module of one, and all that it needs, is loaded when it is called."""

from __future__ import annotations

import functools
import gc
import importlib
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from harness.campaigns.crash import details_in, internal_error
from harness.campaigns.interruption import ENDING, handled, leave
from harness.cli.crash import tell
from harness.cli.terminal import note, say
from harness.errors import InternalError, MedfuzzError

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("demo", "Fuzz two emulated pumps over TCP, serial and Bluetooth LE."),
    "discover": ("discover", "Show who advertises, or what a Bluetooth LE device has."),
    "init": ("init", "Write a bench file for a device; asks for what is not given."),
    "describe": ("describe", "Find out a board from a firmware, and write it down."),
    "check": ("check", "Check a bench before a campaign."),
    "send": ("send", "Send one message and show the reply."),
    "run": ("run", "Fuzz a bench."),
    "replay": ("replay", "Replay a finding."),
    "minimize": ("minimize", "Make a finding's reproducer smaller."),
    "export": ("export", "Hand a finding over: as a file, a test, a script or a capture."),
    "report": ("report", "Write a run's reports again, also of one that was killed."),
    "compare": ("compare", "Compare two runs' findings: new, gone, still there."),
    "diff": ("diff", "Play the same cases on two benches: who answers what."),
    "baseline": ("baseline", "Keep the file of known findings, for which a run does not fail."),
    "import": ("import_", "Take messages from captures, as seeds for the fuzzers."),
    "list": ("listing", "Show what there is."),
    "emulate": ("emulate", "Serve an emulated device until Ctrl-C."),
    "front": ("front", "Stand in front of a device and do what dirty benches do."),
    "radio": ("radio", "Run a Bluetooth LE radio until Ctrl-C."),
    "bleak": ("bleak", "Run a bleak script on the devices of `medfuzz radio`."),
    "work": ("work", ""),
}


class Commands(TyperGroup):
    """Lists names without loading anything; a command without a line is no user's."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = {
            name: TyperCommand(name, help=line, hidden=not line) for name, (_module, line) in COMMANDS.items()
        }

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command that is called, loaded."""
        name, _listed, rest = super().resolve_command(ctx, args)
        return name, loaded(name) if name else None, rest


def loaded(name: str) -> Any:
    """The command with its options. What escapes from it is a fault of ours, whatever Typer makes of its kind."""
    only = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    _module_of(name).register(only)
    command: Any = typer.main.get_command(only)
    for part in (command, *getattr(command, "commands", {}).values()):
        part.callback = _guarded(part.callback)
    return command


def _module_of(name: str) -> Any:
    """Nothing that is being loaded is garbage: to look for some, then and later, takes a fifth of the start."""
    module = f"harness.cli.{COMMANDS[name][0]}"
    if module not in sys.modules:
        gc.disable()
        try:
            importlib.import_module(module)
            gc.freeze()
        finally:
            gc.enable()
    return sys.modules[module]


def _guarded(call: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(call)
    def guarded(*words: Any, **options: Any) -> Any:
        with details_in(None, typer.Exit), handled(leave, *ENDING):
            return call(*words, **options)

    return guarded


app = typer.Typer(
    name="medfuzz",
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _say_version(wanted: bool) -> None:
    if wanted:
        from harness.campaigns.version import version_of
        from targets.board.native.library import core_name

        say(f"medfuzz {version_of('medfuzz')}")
        say(f"board: {core_name()}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Fuzz-test a medical device's interfaces and watch it for crashes, hangs and unsafe states.

    A device on your bench: init, check, send, run, in this order.
    """


def run_app() -> int:
    """The exit code; an error is one line on standard error."""
    try:
        app()
    except InternalError as error:
        tell(error)
        return error.exit_code
    except MedfuzzError as error:
        note(f"medfuzz: {error}")
        return error.exit_code
    except Exception as error:  # noqa: BLE001  also what loading a command raises
        failure = internal_error(error, None)
        tell(failure)
        return failure.exit_code
    return 0
