"""`medfuzz radio`: the radio process by itself, for host stacks that are not ours and for several campaigns."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from harness.radio.process import command
from harness.radio.wire import CONTROL


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(radio)


def radio(
    listen: Annotated[
        list[str] | None, typer.Option(help="Where a host stack attaches by H4: tcp:HOST:PORT, unix:PATH, pty:PATH.")
    ] = None,
    control: Annotated[
        str,
        typer.Option(
            help="Where campaigns speak to it, for [radio] control: unix:NAME, a place of your own, or tcp:HOST:PORT."
        ),
    ] = CONTROL,
    adapter: Annotated[
        str, typer.Option(help="virtual, or a real one: hci-socket:0, usb:0, serial:/dev/ttyACM0,1000000; bleak.")
    ] = "virtual",
    open_: Annotated[bool, typer.Option("--open", help="Other machines may reach a place on TCP, too.")] = False,
) -> None:
    """Run a Bluetooth LE radio until Ctrl-C; prints who attaches and what it advertises."""
    words = command(adapter, control, listen or [], reachable=open_)
    os.execv(words[0], words)
