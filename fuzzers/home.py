"""A script's own surroundings, there while its code runs: folder, arguments, modules beside it, messages by name."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import boofuzz.blocks

_ROOMS = frozenset({"harness", "protocols", "targets", "fuzzers", "reports"})


class Home:
    """Of one loaded script: another one, or the same loaded again, has its own siblings and its own `s_get` names."""

    def __init__(self, script: Path, arguments: Sequence[str] = ()) -> None:
        self._folder = str(script.resolve().parent)
        self._argv = [str(script.resolve()), *arguments]
        self._modules: dict[str, ModuleType] = {}
        self._requests: dict[str, Any] = {}
        self._current: Any = None

    @contextmanager
    def loading(self) -> Generator[None]:
        """As `entered`, with nothing of the folder imported yet."""
        hidden = self._taken_out(self._siblings())
        try:
            with self.entered():
                yield
        finally:
            sys.modules.update(hidden)

    @contextmanager
    def entered(self) -> Generator[None]:
        """Inside, the script finds what it found when it was loaded; outside, nothing of it is left."""
        argv, path, folder = sys.argv, sys.path, Path.cwd()
        hidden = self._taken_out(self._modules)
        sys.modules.update(self._modules)
        sys.argv, sys.path = list(self._argv), [self._folder, *path]
        os.chdir(self._folder)
        self._swap_requests()
        number = len(sys.modules)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # boofuzz's own, about names that many scripts still use
                yield
        finally:
            self._swap_requests()
            os.chdir(folder)
            sys.argv, sys.path = argv, path
            names = self._siblings() if len(sys.modules) != number else list(self._modules)
            self._modules = self._taken_out(names)
            sys.modules.update(hidden)

    def _swap_requests(self) -> None:
        """boofuzz keeps the messages of `s_initialize` in one place for all."""
        blocks: Any = boofuzz.blocks
        outside, current = dict(blocks.REQUESTS), blocks.CURRENT
        blocks.REQUESTS.clear()
        blocks.REQUESTS.update(self._requests)
        blocks.CURRENT = self._current
        self._requests, self._current = outside, current

    def _siblings(self) -> list[str]:
        """Names of modules that were imported from the folder."""
        return [name for name, module in list(sys.modules.items()) if self._is_sibling(name, module)]

    def _is_sibling(self, name: str, module: object) -> bool:
        place = f"{self._folder}/{name.replace('.', '/')}"
        file = getattr(module, "__file__", None)
        return file in (f"{place}.py", f"{place}/__init__.py") and name.partition(".")[0] not in _ROOMS

    def _taken_out(self, names: Sequence[str] | dict[str, ModuleType]) -> dict[str, ModuleType]:
        return {name: sys.modules.pop(name) for name in list(names) if name in sys.modules}
