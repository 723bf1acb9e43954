"""Asks for what was not given on the command line; a wrong answer is asked again, with the reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from harness.cli.terminal import say
from harness.errors import UsageError

T = TypeVar("T")


def ask(question: str, default: str, read: Callable[[str], T], *, instead: str, hint: str = "") -> T:
    """What `read` makes of the answer, or of `default` where it is empty; asked again while that raises UsageError.

    `hint` is said once before. Raises UsageError at the end of the input, naming the option to give `instead`.
    """
    if hint:
        say(hint)
    while True:
        try:
            answer = input(f"{question} [{default or 'none'}]: ").strip() or default
        except UnicodeDecodeError:
            say("  that is not UTF-8 text")
            continue
        except (EOFError, OSError, RuntimeError):
            say("")
            raise UsageError(
                f"the input ended before every question was answered; nothing was written. Give {instead}, or answer"
            ) from None
        try:
            return read(answer)
        except UsageError as reason:
            say(f"  {reason}")
