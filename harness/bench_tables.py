"""The tables of a bench file, each a model: what a key means, what it may hold, what it is when left out."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, field_validator, model_validator

from harness.errors import did_you_mean
from harness.userfile import is_file


class Table(BaseModel):
    """A TOML table: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class TargetTable(Table):
    """What `[target]` has whatever its `kind`. `settle` and `recovery` are what the device takes after a restart, and
    between two connections; `reset_timeout` what a reset may take, or coming back by itself; all in seconds."""

    kind: str
    name: str
    settle: float = Field(default=2.0, ge=0)
    recovery: float = Field(default=0.0, ge=0)
    reset_timeout: float = Field(default=30.0, gt=0)
    armed: bool = False

    @property
    def is_hardware(self) -> bool:
        """True where a patient might be connected: everything that was not started by us."""
        return True


DESCRIBED = "stm32f405"


class EmulatorTable(TargetTable):
    """`kind = "emulator"`: firmware on the board in this process.

    `board` is `stm32f405`, `auto` (what the firmware does with its registers is found out), a board file that
    `describe` wrote, or a chip of one's own, `FILE.py:NAME`. `others` are images beside it, such as a bootloader;
    `base` is where a `.bin` lies, `core` a Cortex-M that the file does not tell.
    """

    elf: str = Field(min_length=1)
    hz: int = Field(default=16_000_000, gt=0)
    hang_budget: int = Field(default=1_000_000, gt=1000)
    ports: dict[str, str] = {}
    board: str = DESCRIBED
    others: list[str] = []
    base: int | None = Field(default=None, ge=0)
    core: Literal["", "cortex-m0", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33"] = ""

    @property
    def is_hardware(self) -> bool:
        """It is none."""
        return False


class ServedTable(TargetTable):
    """What is outside this process: how it is reached besides the interfaces, and reset."""

    ready: float = Field(default=10.0, gt=0)
    channel: str = ""
    reset_command: list[str] = []
    baseline_command: list[str] = []


Coverage = Literal["auto", "afl", "python", False]
_SIZE, _SHIFTS = re.compile(r"([1-9]\d{0,9})([KMG])"), {"K": 10, "M": 20, "G": 30}


class ProcessTable(ServedTable):
    """`kind = "process"`: one that the bench starts and ends. `elf` stands for `{elf}` in its command.

    It runs in `cwd`, from the bench's folder on, with `env` in its environment besides ours. `coverage` is how it tells
    what of it has run: built with AFL++'s compilers (`afl`, with `auto` where it was), or by Python's own means. One
    that holds more `memory` than that (`512M`) is ended, which is the bench's doing.
    """

    command: list[str] = Field(min_length=1)
    elf: str = ""
    cwd: str = ""
    env: dict[str, str] = {}
    coverage: Coverage = "auto"
    memory: str = ""

    @field_validator("memory")
    @classmethod
    def _a_size(cls, memory: str) -> str:
        if memory and not _SIZE.fullmatch(memory):
            raise ValueError(f"'{memory}' is no size: write a number and K, M or G, like 512M")
        return memory

    @property
    def memory_bytes(self) -> int:
        """The limit in bytes, 0 for none."""
        size = _SIZE.fullmatch(self.memory)
        return int(size[1]) << _SHIFTS[size[2]] if size else 0

    @property
    def is_hardware(self) -> bool:
        """It is none."""
        return False


class ExternalTable(ServedTable):
    """`kind = "external"`: a device that is already there, or a program that somebody else starts."""


class OwnTable(ServedTable):
    """A user's own kind, `FILE.py:NAME`, called with bench and seed. It is taken for real hardware."""

    command: list[str] = []
    elf: str = ""
    options: dict[str, Any] = {}

    @field_validator("kind")
    @classmethod
    def _known(cls, kind: str) -> str:
        if not is_file(kind):
            raise ValueError(f"'{kind}' is unknown.{did_you_mean(kind, KINDS)} Or write FILE.py:NAME")
        return kind


OWN = "own"
TARGET_TABLES: dict[str, type[TargetTable]] = {
    "emulator": EmulatorTable,
    "process": ProcessTable,
    "external": ExternalTable,
    OWN: OwnTable,
}
KINDS = tuple(kind for kind in TARGET_TABLES if kind != OWN)


def table_of(target: object) -> str:
    """The place in `TARGET_TABLES` of a `[target]` as it was read, or as a model."""
    kind = cast("dict[str, object]", target).get("kind") if isinstance(target, dict) else getattr(target, "kind", "")
    return str(kind) if kind in KINDS else OWN


AnyTargetTable = Annotated[
    Annotated[EmulatorTable, Tag("emulator")]
    | Annotated[ProcessTable, Tag("process")]
    | Annotated[ExternalTable, Tag("external")]
    | Annotated[OwnTable, Tag(OWN)],
    Discriminator(table_of),
]


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
    max_case_bytes: int | None = Field(default=None, gt=0)
    reply_timeout: float = Field(default=0.0, ge=0)
    open_timeout: float = Field(default=5.0, gt=0)
    probe_every: int = Field(default=4, gt=0)
    reconnect: bool | None = None
    may_close: bool | None = None
    eager: bool = True
    script_arguments: list[str] = []
    script_session: int = Field(default=0, ge=0)
    forbidden: list[str] = []
    allowed_on_hardware: list[str] = []
    seeds: str = ""


class SignalTable(Table):
    """`[signals.NAME]`: from a variable (`symbol`) or output pin of emulated firmware, or by name over the channel.

    With `reply` it is a field of what the device answers, as the protocol's parser calls it.
    """

    symbol: str = ""
    pin: str = ""
    reply: str = ""
    signed: bool = False
    scale: float = 1.0
    kind: Literal["number", "boolean"] = "number"
    range: tuple[float, float] = Field(default=(0.0, 1.0), strict=False)
    unit: str = ""
    note: str = ""

    @model_validator(mode="after")
    def _from_one_place(self) -> Self:
        if self.reply and (self.symbol or self.pin):
            raise ValueError("it is told by a reply, or read from a symbol or pin: take one of them out")
        return self


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

    With `replies` what a device answers is held against the protocol's standard, with `resources` what a program of the
    bench's own keeps and how busy it is, `given_back` seconds after the last message. `own` are monitors of a user's:
    `FILE.py:NAME`.
    """

    console_patterns: list[str] = []
    canaries: dict[str, str] = {}
    configuration: list[str] = []
    configuration_writes: str = ""
    session_states: list[str] = []
    uptime_field: str = ""
    boot_field: str = ""
    replies: bool = True
    resources: bool = True
    given_back: float = Field(default=35.0, gt=0)
    own: list[str] = []


class SafetyTable(Table):
    """`[safety]`: the requirements file and how far a pending obligation is followed, in seconds of target time."""

    requirements: str = ""
    horizon: float = Field(default=180.0, gt=0)


class RadioTable(Table):
    """`[radio]`: for `ble:` transports. `control` names a radio that runs already; without it one is started.

    `adapter` is `virtual`, where devices' host stacks attach at `listen` by H4, or a real one: `hci-socket:0`, `usb:0`,
    `serial:/dev/ttyACM0,1000000`, or `bleak`, the desktop's own for GATT only. A place to listen at is `unix:` or
    `pty:` (one of the campaign's own), `unix:PATH`, `tcp:HOST:PORT`, `pty:PATH`; one that other machines may reach
    wants `open = true`. `{radio}` in `[target] command` and `env` stands for the first, `{radio.path}`, or
    `{radio.host}` and `{radio.port}`, for its parts.
    """

    adapter: str = "virtual"
    control: str = ""
    listen: list[str] = []
    open: bool = False


class LimitsTable(Table):
    """`[limits]`: what ends a campaign early or makes it inconclusive, and what a real device may be asked to bear.

    `triage`: seconds that findings may be made smaller for, in all: a fifth of a run's time while it has cases, of
    which a crash, a hang or an unsafe state may have half a minute in advance.
    """

    max_inconclusive: float = Field(default=0.01, ge=0, le=1)
    max_resets: int = Field(default=0, ge=0)
    tries: int = Field(default=3, gt=0)
    triage: float = Field(default=600.0, ge=0)


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
