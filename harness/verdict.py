"""Observations that monitors make and the verdict of one case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    """What one executed case showed."""

    PASS = "pass"
    FINDING = "finding"
    BENCH_FAULT = "bench_fault"
    INCONCLUSIVE = "inconclusive"


class Kind(StrEnum):
    """What a monitor saw; `KINDS` says what each means. The order is the order of severity."""

    UNSAFE_STATE = "unsafe_state"
    CRASH = "crash"
    HANG = "hang"
    REBOOT = "reboot"
    LEAK = "leak"
    ACCESS = "access"
    DRIFT = "drift"
    EXIT = "exit"
    SPIN = "spin"
    RESOURCE_LEAK = "resource_leak"
    CONSOLE = "console"
    SILENCE = "silence"
    DISCONNECT = "disconnect"
    WRONG_REPLY = "wrong_reply"
    NO_REPLY = "no_reply"
    SESSION_LAPSED = "session_lapsed"
    LINK_LOST = "link_lost"
    UNKNOWN_SIGNAL = "unknown_signal"
    UNDECIDED = "undecided"


class Blame(StrEnum):
    """Whose an observation is: the device's, the bench's, or not to be said."""

    DEVICE = "device"
    BENCH = "bench"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a kind means: words for one and for several, how grave it is shown, and whose it is.

    `symptom_of` are kinds that explain it where they are seen in the same case. `timed`: seen because something did not
    come in time, an answer or the end of what was begun, so that a machine or a cable that is held up can look the
    same; all replays must agree.
    """

    one: str
    many: str
    grave: bool = False
    blame: Blame = Blame.DEVICE
    symptom_of: frozenset[Kind] = frozenset()
    timed: bool = False


UNSERVING = "liveness"  # the monitor that asks whether a device serves
_ENDS = frozenset({Kind.CRASH, Kind.HANG, Kind.EXIT})
_GONE = _ENDS | {Kind.REBOOT}
KINDS: Mapping[Kind, Meaning] = {
    Kind.UNSAFE_STATE: Meaning("unsafe state", "unsafe states", grave=True),
    Kind.CRASH: Meaning("crash", "crashes", grave=True),
    Kind.HANG: Meaning("hang", "hangs", grave=True),
    Kind.REBOOT: Meaning("reboot", "reboots", grave=True, symptom_of=_ENDS),
    Kind.LEAK: Meaning("leak", "leaks", grave=True),
    Kind.ACCESS: Meaning("access without pairing", "accesses without pairing", grave=True),
    Kind.DRIFT: Meaning("configuration drift", "configuration drifts"),
    Kind.EXIT: Meaning("process exit", "process exits", grave=True, symptom_of=frozenset({Kind.CRASH})),
    Kind.SPIN: Meaning("spin", "spins", grave=True, symptom_of=_GONE, timed=True),
    Kind.RESOURCE_LEAK: Meaning("resource leak", "resource leaks", grave=True, symptom_of=_GONE, timed=True),
    Kind.CONSOLE: Meaning("console alarm", "console alarms", symptom_of=_GONE),
    Kind.SILENCE: Meaning("silence", "silences", symptom_of=_GONE | {Kind.SPIN}, timed=True),
    Kind.DISCONNECT: Meaning(
        "disconnection", "disconnections", symptom_of=_GONE | {Kind.SILENCE, Kind.CONSOLE}, timed=True
    ),
    Kind.WRONG_REPLY: Meaning("wrong reply", "wrong replies", symptom_of=_GONE),
    Kind.NO_REPLY: Meaning(
        "missing reply", "missing replies", symptom_of=_GONE | {Kind.SILENCE, Kind.DISCONNECT, Kind.CONSOLE}, timed=True
    ),
    Kind.SESSION_LAPSED: Meaning("lapsed session", "lapsed sessions", blame=Blame.NOBODY),
    Kind.LINK_LOST: Meaning("lost link", "lost links", blame=Blame.BENCH, symptom_of=_GONE | {Kind.SILENCE}),
    Kind.UNKNOWN_SIGNAL: Meaning("unknown signal", "unknown signals", blame=Blame.NOBODY),
    Kind.UNDECIDED: Meaning("doubt", "doubts", blame=Blame.NOBODY),
}


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing one monitor saw. `fingerprint` holds the parts that make its bucket, most telling first.

    `blames` is the message that it followed, where no better cause is known. The runner adds of which `protocol` that
    is, and which of its fields were `unusual` where the device was gone: see `harness.attribution`.
    """

    kind: Kind
    monitor: str
    summary: str
    time: float
    fingerprint: tuple[str, ...] = ()
    requirement: str = ""
    detail: Mapping[str, str] = field(default_factory=dict[str, str])
    blames: str = ""
    unusual: tuple[str, ...] = ()
    protocol: str = ""

    @property
    def timed(self) -> bool:
        """True for what a machine or a cable that is held up can look like: nothing came in time.

        A hang is, where no probe was served; not where the device told of it.
        """
        return KINDS[self.kind].timed or (self.kind is Kind.HANG and self.monitor == UNSERVING)


def verdict_of(observations: Iterable[Observation]) -> Verdict:
    """A device fault outranks a bench fault, a bench fault outranks doubt; nothing seen is a pass."""
    blamed = {KINDS[observation.kind].blame for observation in observations}
    if Blame.DEVICE in blamed:
        return Verdict.FINDING
    if Blame.BENCH in blamed:
        return Verdict.BENCH_FAULT
    return Verdict.INCONCLUSIVE if blamed else Verdict.PASS
