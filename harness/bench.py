"""The bench file: target, interfaces, monitors, requirements and guard rails, read from TOML and checked."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

from pydantic import PrivateAttr, ValidationError

from harness.bench_tables import (
    OWN,
    TARGET_TABLES,
    AnyTargetTable,
    ControlsTable,
    EmulatorTable,
    FloorsTable,
    IdentityTable,
    InterfaceTable,
    LimitsTable,
    MonitorsTable,
    OwnTable,
    ProcessTable,
    RadioTable,
    SafetyTable,
    ServedTable,
    SignalTable,
    StimulusTable,
    Table,
    TargetTable,
    table_of,
)
from harness.errors import UsageError, did_you_mean
from harness.place import TLS_FILES
from harness.userfile import is_file

_DEVICE_NAME = re.compile(r"COM\d+", re.IGNORECASE)
_WITH_PATH = ("serial", "unix", "pty")
_OWN_PORT = "pty:"  # of an interface: a port by name, which the program is given
_LINKS = (("target", "channel"), ("radio", "control"), ("radio", "listen"))
_PATHS = (("faults",), ("target", "elf"), ("safety", "requirements"), ("controls", "elf"))


Wanted = TypeVar("Wanted", bound=TargetTable)


class Bench(Table):
    """A whole bench file."""

    target: AnyTargetTable
    interfaces: dict[str, InterfaceTable]
    identity: IdentityTable = IdentityTable()
    signals: dict[str, SignalTable] = {}
    stimuli: dict[str, StimulusTable] = {}
    monitors: MonitorsTable = MonitorsTable()
    safety: SafetyTable = SafetyTable()
    radio: RadioTable = RadioTable()
    limits: LimitsTable = LimitsTable()
    floors: FloorsTable = FloorsTable()
    controls: ControlsTable = ControlsTable()
    faults: str = ""
    include: str = ""
    excluded: dict[str, str] = {}
    _folder: Path = PrivateAttr(default=Path())

    def path(self, name: str) -> Path:
        """A file named in the bench, relative to the bench file."""
        return self._folder / name

    @property
    def emulator(self) -> EmulatorTable:
        """The `[target]` of an emulated firmware; raises UsageError for another kind."""
        return self._target_as(EmulatorTable)

    @property
    def served(self) -> ServedTable:
        """The `[target]` of what is outside this process; raises UsageError for another kind."""
        return self._target_as(ServedTable)

    @property
    def process(self) -> ProcessTable:
        """The `[target]` of a process that the bench starts; raises UsageError for another kind."""
        return self._target_as(ProcessTable)

    @property
    def measured(self) -> Mapping[str, SignalTable]:
        """The signals that the target tells; the others are fields of replies."""
        return {name: table for name, table in self.signals.items() if not table.reply}

    @property
    def is_hardware(self) -> bool:
        """True where a patient might be connected: so whatever is started by us, where frames leave for a cable."""
        return self.target.is_hardware or any(table.transport.startswith("raw:") for table in self.interfaces.values())

    @property
    def firmware(self) -> Path:
        """The firmware's file; raises UsageError for a kind of target that names none."""
        if not isinstance(self.target, EmulatorTable | ProcessTable | OwnTable):
            raise UsageError(f"a target of kind '{self.target.kind}' takes no firmware: leave --elf out")
        return self.path(self.target.elf)

    def _target_as(self, wanted: type[Wanted]) -> Wanted:
        if not isinstance(self.target, wanted):
            raise UsageError(
                f"[target] kind = '{self.target.kind}' is no {wanted.__name__.removesuffix('Table').lower()}"
            )
        return self.target

    def with_elf(self, elf: Path) -> Bench:
        """The same bench with other firmware; raises UsageError where the kind of target has none."""
        return self.with_target(elf=str(elf.resolve())) if self.firmware else self

    def with_target(self, **changes: str) -> Bench:
        """The same bench with other values in `[target]`."""
        return self.with_changed(target=self.target.model_copy(update=changes))

    def with_changed(self, **tables: object) -> Bench:
        """The same bench with other tables."""
        changed = self.model_copy(update=tables)
        changed._folder = self._folder
        return changed

    @property
    def folder(self) -> Path:
        """Where the bench file lies."""
        return self._folder


def is_program(bench: Bench) -> bool:
    """True where the device itself is a program that the bench starts, and not what a program stands in front of."""
    return isinstance(bench.target, ProcessTable) and not bench.target.channel


def load_bench(path: Path) -> Bench:
    """Read and check a bench file; raises UsageError naming file, table, key and the nearest valid word."""
    bench = _checked(path, _merged(path))
    if not bench.interfaces:
        raise UsageError(f"{path}: [interfaces] is empty; describe at least one interface, see `medfuzz init`")
    return bench


def load_device(path: Path) -> Bench:
    """What a bench says of its device, for those who only run it: interfaces are left out. Raises UsageError."""
    return _checked(path, _merged(path) | {"interfaces": {}})


def _checked(path: Path, data: dict[str, Any]) -> Bench:
    _anchor_links(data, path.parent)
    try:
        bench = Bench.model_validate(data)
    except ValidationError as error:
        raise UsageError(f"{path}: {_first_error(error)}") from error
    bench._folder = path.parent.resolve()  # pyright: ignore[reportPrivateUsage]
    return bench


def _merged(path: Path, above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """The file's tables over those of the file it includes, and so on; tables are merged, values replaced."""
    data, chain = _toml(path), (*above, path.resolve())
    if isinstance(base := data.get("include"), str) and base:
        file = path.parent / base
        if file.resolve() in chain:
            raise UsageError(f"bench {path}: include = '{base}' leads back to itself; include another file")
        return _overlay(_fitting(anchored(_merged(file, chain), file.parent), data), data)
    return data


def _fitting(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Where another kind of target is put in the place of the included one, what only that has is left out."""
    old, new = _table(base, "target"), _table(over, "target")
    if "kind" in new and table_of(new) != table_of(old):
        known = TARGET_TABLES[table_of(new)].model_fields
        return base | {"target": {key: value for key, value in old.items() if key in known}}
    return base


def anchored(data: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The tables of a bench with its own files relative to its own folder, wherever they are put."""
    _anchor_links(data, folder)
    for *tables, key in _PATHS:
        _anchor(_table(data, *tables), key, folder)
    if is_file(str(_table(data, "target").get("kind", ""))):
        _anchor(_table(data, "target"), "kind", folder)
    _anchor_board(_table(data, "target"), folder)
    monitors = _table(data, "monitors")
    if isinstance(own := monitors.get("own"), list):
        monitors["own"] = [str(folder.resolve() / str(spec)) for spec in cast("list[object]", own)]
    recorded = _table(data, "controls", "recorded")
    for key in recorded:
        _anchor(recorded, key, folder)
    for name in _table(data, "interfaces"):
        interface = _table(data, "interfaces", name)
        _anchor(interface, "seeds", folder)
        if ".py" in str(interface.get("protocol", "")):
            _anchor_protocol(interface, folder)
    return data


def _anchor_board(target: dict[str, Any], folder: Path) -> None:
    """A board that is a file, and the images beside the firmware."""
    board = str(target.get("board", ""))
    if is_file(board) or board.endswith(".toml"):
        _anchor(target, "board", folder)
    if isinstance(others := target.get("others"), list):
        target["others"] = [str((folder / str(other)).resolve()) for other in cast("list[object]", others)]


def _table(data: dict[str, Any], *names: str) -> dict[str, Any]:
    table: Any = data
    for name in names:
        table = cast("dict[str, Any]", table).get(name) if isinstance(table, dict) else None
    return cast("dict[str, Any]", table) if isinstance(table, dict) else {}


def _anchor(table: dict[str, Any], key: str, folder: Path) -> None:
    if isinstance(name := table.get(key), str) and name:
        table[key] = str((folder / name).resolve())


def _anchor_links(data: dict[str, Any], folder: Path) -> None:
    """Ports and sockets by a relative path, too: the bench's commands make them in its folder."""
    for *tables, key in _LINKS:
        _anchor_link(_table(data, *tables), key, folder)
    for name in _table(data, "interfaces"):
        interface = _table(data, "interfaces", name)
        if not str(interface.get("transport")).startswith(_OWN_PORT):
            _anchor_link(interface, "transport", folder)


def _anchor_link(table: dict[str, Any], key: str, folder: Path) -> None:
    """A moniker, or a list of them; what is neither is left for the check."""
    value: Any = table.get(key)
    if isinstance(value, str):
        table[key] = _anchored_link(value, folder)
    elif isinstance(value, list):
        table[key] = [_anchored_link(v, folder) if isinstance(v, str) else v for v in cast("list[Any]", value)]


def _anchored_link(moniker: str, folder: Path) -> str:
    """`unix:NAME`, without a slash, is in a folder of the user's own."""
    scheme, _colon, rest = moniker.partition(":")
    if scheme == "listen":
        return f"listen:{_anchored_link(rest, folder)}"
    place, mark, options = rest.partition("?")
    if scheme == "tls":
        return f"{scheme}:{place}{mark}{_anchored_options(options, folder)}"
    named = "/" not in place if scheme == "unix" else "://" in place or _DEVICE_NAME.fullmatch(place)
    if scheme not in _WITH_PATH or not place or named:
        return moniker
    return f"{scheme}:{folder.resolve() / place}{mark}{options}"


def _anchored_options(options: str, folder: Path) -> str:
    """Those of TLS that name files."""
    parts = [part.partition("=") for part in options.split("&") if part]
    return "&".join(
        f"{key}={(folder / value).resolve()}" if key in TLS_FILES else f"{key}{eq}{value}" for key, eq, value in parts
    )


def _anchor_protocol(interface: dict[str, Any], folder: Path) -> None:
    """`FILE.py`, `FILE.py:NAME` or `boofuzz:FILE.py`."""
    scheme, colon, rest = str(interface["protocol"]).partition(":")
    if scheme == "boofuzz":
        interface["protocol"] = f"boofuzz:{(folder / rest).resolve()}"
    else:
        interface["protocol"] = f"{(folder / scheme).resolve()}{colon}{rest}"


def _overlay(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old: Any = merged.get(key)
        tables = isinstance(old, dict) and isinstance(value, dict)
        merged[key] = _overlay(cast("dict[str, Any]", old), cast("dict[str, Any]", value)) if tables else value
    return merged


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"bench {path}: {error.strerror}. Name a bench file, or one of the shipped benches") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"bench {path} is not valid TOML: {error}") from error


def _first_error(error: ValidationError) -> str:
    details = error.errors(include_url=False)
    detail = next((d for d in details if d["type"] == "extra_forbidden"), details[0])
    path = [str(part) for part in detail["loc"]]
    where = [path[0], *path[2:]] if path[:1] == ["target"] and path[1:] else path  # without the kind's own
    if detail["type"] == "extra_forbidden":
        valid = _table_at(path[:-1]).model_fields
        return (
            f"[{'.'.join(where[:-1])}] unknown key '{where[-1]}'.{_other_kinds(path) or did_you_mean(path[-1], valid)}"
        )
    table = f"[{'.'.join(where[:-1])}] " if where[1:] else ""
    if detail["type"] == "missing":
        return (
            f"{table or 'the file '}needs the key '{where[-1]}'" if where[1:] else f"the table [{where[-1]}] is missing"
        )
    if detail["type"] == "value_error":
        return f"[{'.'.join(where)}] {detail['msg'].removeprefix('Value error, ')}"
    return f"{table}{where[-1] if where else ''}: {detail['msg']} (it is {detail['input']!r})"


def _other_kinds(path: list[str]) -> str:
    """Which kinds of target have a key that this one has not; "" where none has."""
    having = [
        k for k, table in TARGET_TABLES.items() if path[0] == "target" and path[-1] in table.model_fields and k != OWN
    ]
    return f" It is for a target of kind {' or '.join(having)}, and this one is '{path[1]}'." if having else ""


def _table_at(where: list[str]) -> type[Table]:
    """The table model that a path of keys leads to: a field of a table, or any key of a `dict[str, Table]`."""
    if where[:1] == ["target"]:
        return TARGET_TABLES[where[1]]
    model: Any = Bench
    for key in where:
        arguments = get_args(model)
        model = arguments[-1] if arguments else model.model_fields[key].annotation
    return model if isinstance(model, type) and issubclass(model, Table) else Bench
