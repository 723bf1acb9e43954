"""Registries: dictionaries filled by one decorator; a duplicate name raises, an unknown one names the nearest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from harness.errors import UsageError, did_you_mean

T = TypeVar("T")


class Registry(Generic[T]):
    """Named things of one kind."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator that files its argument under `name`; raises ValueError on a second one."""

        def add(entry: T) -> T:
            if name in self._entries:
                raise ValueError(f"{self.kind} '{name}' is registered twice")
            self._entries[name] = entry
            return entry

        return add

    def get(self, name: str) -> T:
        """The entry; raises UsageError with the nearest valid name."""
        try:
            return self._entries[name]
        except KeyError:
            raise UsageError(f"unknown {self.kind} '{name}'.{did_you_mean(name, self._entries)}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._entries))
