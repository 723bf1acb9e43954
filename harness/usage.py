"""What a program uses: resources that it may keep by mistake, and how awake it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Wakefulness:
    """Of the thread of a program that slept least: for which share of a time it was awake, and for which it ran.

    It is awake while it runs, and while it would run and waits for a processor: how busy this machine is changes
    nothing. `together`: the shares for which all its threads ran, added up; threads of an interpreter take turns.
    """

    awake: float
    ran: float
    together: float


class Resource(StrEnum):
    """What a program holds, in the order in which it is told: one that keeps threads keeps their memory, too."""

    DESCRIPTORS = "descriptors"
    PROCESSES = "processes"
    THREADS = "threads"
    MEMORY = "memory"


@dataclass(frozen=True, slots=True)
class Usage:
    """A program and all that it started, at one moment of the monotonic clock.

    `memory` is bytes of its own that it wrote to (no files, nothing shared); None where it was not measured, or where
    it tells nothing: a garbage collector or a sanitizer keeps what the program has given back.
    """

    time: float
    descriptors: int
    processes: int
    threads: int
    memory: int | None

    def of(self, resource: Resource) -> int | None:
        """How much of one resource."""
        match resource:
            case Resource.DESCRIPTORS:
                return self.descriptors
            case Resource.PROCESSES:
                return self.processes
            case Resource.THREADS:
                return self.threads
            case Resource.MEMORY:
                return self.memory
