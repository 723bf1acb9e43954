"""Every error a user can meet: what happened, where, and what to do next."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence

_OR = "' or '"


class MedfuzzError(Exception):
    """Base of all; `exit_code` is what the command line ends with."""

    exit_code = 2


class UsageError(MedfuzzError):
    """The user's words are off: an option, a bench file, a formula, an unknown id."""

    exit_code = 2


class BenchError(MedfuzzError):
    """Our own cable, adapter, tool, store or disk failed."""

    exit_code = 3


class LinkError(BenchError):
    """A link could not be opened or broke. `BenchError` family, because a broken link is not a device fault.

    `since`: from when on the device was sought in vain, in seconds of the target; None where it was not sought.
    """

    since: float | None = None


class LinkClosed(LinkError):
    """The other end closed the link."""


class LinkGone(LinkError):
    """The link does not open, and will not by waiting: whoever was at the other end has ended."""


class TargetError(BenchError):
    """The target could not be started, reached, identified or brought back."""


class OwnError(BenchError):
    """Our own trouble: an exception of ours, a library's, a user's protocol, script, callback or monitor.

    Never the device's finding; `harness.own.own_error` makes one of any exception.
    """


class GuardRefused(MedfuzzError):
    """The guard withheld bytes that would carry a forbidden command."""

    exit_code = 2


class InternalError(MedfuzzError):
    """Something of ours that nobody foresaw; EX_SOFTWARE of sysexits.h, which no result has."""

    exit_code = 70


def did_you_mean(word: str, valid: Iterable[str]) -> str:
    """` Did you mean 'x'?` for the valid words that it is a part of, or for the nearest; else all valid words."""
    words = sorted(valid)
    if near := _akin(word, words) or difflib.get_close_matches(word, words, n=1):
        return f" Did you mean '{_OR.join(near)}'?"
    return f" Valid: {', '.join(words) or '(none)'}."


def _akin(word: str, words: Sequence[str]) -> list[str]:
    return [each for each in words if word.casefold() in re.split("[_-]", each.casefold())]
