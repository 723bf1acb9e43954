"""A bench without a bench file: a command, where it is reached, what it speaks. It is written beside the run."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from harness.bench import anchored
from harness.errors import UsageError

NAME = "bench.toml"
_SETTLE = 0.2
_MODULE = "-m"


def in_words(command: str) -> list[str]:
    """What --cmd says, as a shell would split it; raises UsageError."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"--cmd '{command}': {error}; write it as in a shell") from error
    if not words:
        raise UsageError("--cmd is empty: name the program that is the device, with its arguments")
    return words


@dataclass(frozen=True, slots=True)
class Program:
    """`command` as in a shell; a transport and a protocol for each interface. Files are looked for in `folder`."""

    command: str
    transports: Sequence[str]
    protocols: Sequence[str]
    folder: Path

    @property
    def words(self) -> list[str]:
        """The command in words; raises UsageError."""
        return in_words(self.command)

    @property
    def name(self) -> str:
        """Of what is run: the script or module of an interpreter, else the program."""
        program, *arguments = self.words
        files = [Path(word).stem for word in arguments if (self.folder / word).is_file()]
        named = Path(program).stem if (self.folder / program).is_file() else Path(program).name
        modules = arguments[arguments.index(_MODULE) + 1 :] if _MODULE in arguments else []
        return (files or (modules[:1] if named.startswith("python") else []) or [named])[-1]

    @property
    def text(self) -> str:
        """The bench; raises UsageError."""
        return "\n".join(_lines(anchored(self._tables(), self.folder))).lstrip() + "\n"

    def _tables(self) -> dict[str, Any]:
        if not self.transports or len(self.transports) != len(self.protocols):
            raise UsageError(
                "--cmd wants --transport and --protocol, one of each for every interface: "
                "--transport tcp:127.0.0.1:2575 --protocol hl7_mllp"
            )
        pairs = zip(self.transports, self.protocols, strict=True)
        target = {"kind": "process", "name": self.name, "command": self.words, "cwd": str(self.folder.resolve())}
        return {
            "target": target | {"settle": _SETTLE},
            "interfaces": {
                "main" if number == 0 else f"link-{number + 1}": {"transport": link, "protocol": protocol}
                for number, (link, protocol) in enumerate(pairs)
            },
        }


def _lines(tables: dict[str, Any], above: str = "") -> Iterator[str]:
    """TOML; its strings and lists are JSON's."""
    for name, value in tables.items():
        if isinstance(value, dict):
            inner = cast("dict[str, Any]", value)
            if not all(isinstance(each, dict) for each in inner.values()):
                yield f"\n[{above}{name}]"
            yield from _lines(inner, f"{above}{name}.")
        else:
            yield f"{name} = {json.dumps(value, ensure_ascii=False)}"
