"""Port 0 of a bench's own program: a free one, which stands for `{port}` in its command and environment."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Mapping
from functools import reduce

from harness.bench import Bench
from harness.bench_tables import InterfaceTable, ProcessTable
from harness.errors import UsageError

_FREE = re.compile(r"(?P<scheme>tcp|tls|udp):(?P<host>[^?]+):0(?P<options>\?.*)?")
_NAMED = re.compile(r"\{port(?::[^{}]*)?\}")


def has_free_port(moniker: str) -> bool:
    """True where a program of the bench's own is given a port that nobody else has."""
    return _FREE.fullmatch(moniker) is not None


def with_free_ports(bench: Bench) -> Bench:
    """The bench with a free port for each interface at port 0, and the command that says so to its program.

    Raises UsageError for a command that has no place for one, or wants one that there is not.
    """
    table = bench.target
    if not isinstance(table, ProcessTable):
        return bench
    ports = {name: _free_port(found) for name, found in _free(bench)}
    words = {f"{{port:{name}}}": str(port) for name, port in ports.items()}
    words |= {"{port}": str(*ports.values())} if len(ports) == 1 else {}
    _require_named([*table.command, *table.env.values()], ports, words)
    own = {
        "command": [_filled(part, words) for part in table.command],
        "env": {name: _filled(value, words) for name, value in table.env.items()},
    }
    interfaces = {name: _at(one, ports.get(name)) for name, one in bench.interfaces.items()}
    return bench.with_changed(target=table.model_copy(update=own), interfaces=interfaces) if ports else bench


def _free(bench: Bench) -> Iterator[tuple[str, re.Match[str]]]:
    for name, table in bench.interfaces.items():
        if (found := _FREE.fullmatch(table.transport)) is not None:
            yield name, found


def _free_port(found: re.Match[str]) -> int:
    kind = socket.SOCK_DGRAM if found["scheme"] == "udp" else socket.SOCK_STREAM
    host = found["host"].strip("[]")
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind) as held:
            held.bind((host, 0))
            return int(held.getsockname()[1])
    except OSError as error:
        raise UsageError(f"{found[0]}: no port is free there ({error.strerror or error})") from error


def _require_named(parts: list[str], ports: Mapping[str, int], words: Mapping[str, str]) -> None:
    named = {word for part in parts for word in _NAMED.findall(part)}
    for word in sorted(named - words.keys()):
        raise UsageError(f"[target] has {word}, but {_wanted(word, list(ports))}")
    for name in ports:
        if not named & {f"{{port:{name}}}", "{port}"}:
            word = "{port}" if len(ports) == 1 else f"{{port:{name}}}"
            raise UsageError(f"[interfaces.{name}] has port 0, a free one, but [target] command does not take {word}")


def _wanted(word: str, names: list[str]) -> str:
    if word == "{port}" and names:
        return f"several interfaces have port 0: write {' and '.join(f'{{port:{name}}}' for name in names)}"
    where = f"[interfaces.{word[6:-1]}]" if ":" in word else "no interface"
    return f"{where} has no port 0" if ":" in word else f'{where} has port 0: write transport = "tcp:127.0.0.1:0"'


def _filled(text: str, words: Mapping[str, str]) -> str:
    return reduce(lambda text, word: text.replace(word, words[word]), words, text)


def _at(table: InterfaceTable, port: int | None) -> InterfaceTable:
    found = _FREE.fullmatch(table.transport)
    if port is None or found is None:
        return table
    return table.model_copy(update={"transport": f"{found['scheme']}:{found['host']}:{port}{found['options'] or ''}"})
