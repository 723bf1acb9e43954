"""The bench file: target, interfaces, monitors, requirements and guard rails, read from TOML and checked."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Literal, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from harness.errors import UsageError, did_you_mean
from harness.userfile import is_file

_DEVICE_NAME = re.compile(r"COM\d+", re.IGNORECASE)
_WITH_PATH = ("serial", "unix", "pty")
_LINKS = (("target", "channel"), ("radio", "control"), ("radio", "listen"))
_PATHS = (("faults",), ("target", "elf"), ("safety", "requirements"), ("controls", "elf"))


KINDS = ("emulator", "process", "external")


class Table(BaseModel):
    """A TOML table: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class TargetTable(Table):
    """`[target]`: an emulated firmware, a process that the bench starts, or a device that is already there.

    `kind` may be a user's own: `FILE.py:NAME`, called with bench and seed. It is taken for real hardware.
    """

    kind: str
    name: str
    elf: str = ""
    hz: int = Field(default=16_000_000, gt=0)
    hang_budget: int = Field(default=1_000_000, gt=1000)
    ports: dict[str, str] = {}
    settle: float = Field(default=2.0, ge=0)
    recovery: float = Field(default=0.0, ge=0)
    command: list[str] = []
    ready: float = Field(default=10.0, gt=0)
    channel: str = ""
    reset_command: list[str] = []
    baseline_command: list[str] = []
    reset_timeout: float = Field(default=30.0, gt=0)
    armed: bool = False

    @model_validator(mode="after")
    def _complete(self) -> TargetTable:
        if self.kind not in KINDS and not is_file(self.kind):
            raise ValueError(f"kind '{self.kind}' is unknown.{did_you_mean(self.kind, KINDS)} Or write FILE.py:NAME")
        if self.kind == "emulator" and not self.elf:
            raise ValueError('an emulator needs elf = "FILE"')
        if self.kind == "process" and not self.command:
            raise ValueError('a process needs command = ["PROGRAM", …]')
        return self

    @property
    def is_hardware(self) -> bool:
        """True where a patient might be connected: everything that was not started by us."""
        return self.kind not in ("emulator", "process")


class IdentityTable(Table):
    """`[identity]`: what the device must say it is, over Bluetooth at every connection; empty is not compared."""

    model: str = ""
    serial: str = ""
    firmware: str = ""
    name: str = ""
    address_type: Literal["", "public", "random"] = ""


class InterfaceTable(Table):
    """`[interfaces.NAME]`: a transport and a protocol."""

    transport: str
    protocol: str
    states: list[str] = []
    fuzzers: list[str] = []
    max_len: int = Field(default=512, gt=0)
    max_case_bytes: int = Field(default=8192, gt=0)
    reply_timeout: float = Field(default=0.0, ge=0)
    open_timeout: float = Field(default=5.0, gt=0)
    probe_every: int = Field(default=4, gt=0)
    reconnect: bool | None = None
    may_close: bool = False
    script_arguments: list[str] = []
    script_session: int = Field(default=0, ge=0)
    forbidden: list[str] = []
    allowed_on_hardware: list[str] = []
    seeds: str = ""


class SignalTable(Table):
    """`[signals.NAME]`: from a variable (`symbol`) or output pin of emulated firmware, or by name over the channel."""

    symbol: str = ""
    pin: str = ""
    signed: bool = False
    scale: float = 1.0
    kind: Literal["number", "boolean"] = "number"
    range: tuple[float, float] = Field(default=(0.0, 1.0), strict=False)
    unit: str = ""
    note: str = ""


class StimulusTable(Table):
    """`[stimuli.NAME]`: a sensor input (`adc` channel) or input pin of the emulator, or an external command."""

    adc: int | None = Field(default=None, ge=0, le=18)
    pin: str = ""
    scale: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    initial: float = Field(default=0.0, allow_inf_nan=False)
    command: list[str] = []
    note: str = ""


class MonitorsTable(Table):
    """`[monitors]`: console patterns, canaries that must not leave the device, and settings that must not drift.

    `own` are monitors of a user's: `FILE.py:NAME`.
    """

    console_patterns: list[str] = []
    canaries: dict[str, str] = {}
    configuration: list[str] = []
    configuration_writes: str = ""
    session_states: list[str] = []
    uptime_field: str = ""
    boot_field: str = ""
    own: list[str] = []


class SafetyTable(Table):
    """`[safety]`: the requirements file and how far a pending obligation is followed, in seconds of target time."""

    requirements: str = ""
    horizon: float = Field(default=180.0, gt=0)


class RadioTable(Table):
    """`[radio]`: for `ble:` transports. `control` names a radio that runs already; without it one is started.

    `adapter` is `virtual`, where devices' host stacks attach at `listen` by H4, or a real one: `hci-socket:0`, `usb:0`,
    `serial:/dev/ttyACM0,1000000`, or `bleak`, the desktop's own for GATT only. A place to listen at is `unix:` (one of
    the campaign's own), `unix:PATH`, `tcp:HOST:PORT`, `pty:PATH`; one that other machines may reach wants
    `open = true`. `{radio}` in `[target] command` stands for the first.
    """

    adapter: str = "virtual"
    control: str = ""
    listen: list[str] = []
    open: bool = False


class LimitsTable(Table):
    """`[limits]`: what ends a campaign early or makes it inconclusive, and what a real device may be asked to bear."""

    max_inconclusive: float = Field(default=0.01, ge=0, le=1)
    max_resets: int = Field(default=0, ge=0)
    tries: int = Field(default=3, gt=0)


class FloorsTable(Table):
    """`[floors]`: what a run that found nothing must have reached to be green; else it ends with 4 and the reason.

    Shares are from 0 to 1: messages answered besides the probe (the valid ones, if there are some), cases withheld
    by the guard or left out, requirements exercised. `cases` is the least for each interface (a smaller --cases
    counts). `states`: every state that was tried.
    """

    answered: float = Field(default=0.1, ge=0, le=1)
    withheld: float = Field(default=0.5, ge=0, le=1)
    left_out: float = Field(default=0.2, ge=0, le=1)
    exercised: float = Field(default=0.0, ge=0, le=1)
    cases: int = Field(default=10, ge=0)
    states: bool = True


class ControlsTable(Table):
    """`[controls]`: recorded faults on which each monitor must fire, and the firmware that has them."""

    elf: str = ""
    recorded: dict[str, str] = {}


class Bench(Table):
    """A whole bench file."""

    target: TargetTable
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

    def with_elf(self, elf: Path) -> Bench:
        """The same bench with other firmware."""
        return self.with_target(elf=str(elf.resolve()))

    def with_target(self, **changes: str) -> Bench:
        """The same bench with other values in `[target]`."""
        changed = self.model_copy(update={"target": self.target.model_copy(update=changes)})
        changed._folder = self._folder
        return changed

    @property
    def folder(self) -> Path:
        """Where the bench file lies."""
        return self._folder


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
        return _overlay(_anchored(_merged(file, chain), file.parent), data)
    return data


def _anchored(data: dict[str, Any], folder: Path) -> dict[str, Any]:
    """An included bench's own files stay relative to its own folder."""
    _anchor_links(data, folder)
    for *tables, key in _PATHS:
        _anchor(_table(data, *tables), key, folder)
    if is_file(str(_table(data, "target").get("kind", ""))):
        _anchor(_table(data, "target"), "kind", folder)
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
        _anchor_link(_table(data, "interfaces", name), "transport", folder)


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
    place, mark, options = rest.partition("?")
    named = "/" not in place if scheme == "unix" else "://" in place or _DEVICE_NAME.fullmatch(place)
    if scheme not in _WITH_PATH or not place or named:
        return moniker
    return f"{scheme}:{folder.resolve() / place}{mark}{options}"


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
    where = [str(part) for part in detail["loc"]]
    if detail["type"] == "extra_forbidden":
        valid = _table_at(where[:-1]).model_fields
        return f"[{'.'.join(where[:-1])}] unknown key '{where[-1]}'.{did_you_mean(where[-1], valid)}"
    table = f"[{'.'.join(where[:-1])}] " if where[1:] else ""
    if detail["type"] == "missing":
        return (
            f"{table or 'the file '}needs the key '{where[-1]}'" if where[1:] else f"the table [{where[-1]}] is missing"
        )
    if detail["type"] == "value_error":
        return f"[{'.'.join(where)}] {detail['msg'].removeprefix('Value error, ')}"
    return f"{table}{where[-1] if where else ''}: {detail['msg']} (it is {detail['input']!r})"


def _table_at(where: list[str]) -> type[Table]:
    """The table model that a path of keys leads to: a field of a table, or any key of a `dict[str, Table]`."""
    model: Any = Bench
    for key in where:
        arguments = get_args(model)
        model = arguments[-1] if arguments else model.model_fields[key].annotation
    return model if isinstance(model, type) and issubclass(model, Table) else Bench
