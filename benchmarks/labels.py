"""The labels: what each kind of event is, on which bench, and which verdicts are right for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from harness.verdict import Kind


class Group(StrEnum):
    """Whose an event is."""

    DEVICE = "device fault"
    BENCH = "bench fault"
    NOTHING = "nothing"


class Class(StrEnum):
    """What medfuzz made of it; the last four are of replays."""

    FINDING = "finding"
    PASS = "pass"
    NOT_GREEN = "not green"
    BENCH = "bench fault"
    ERROR = "error"
    REPRODUCED = "reproduced"
    FIXED = "fixed"
    FLAKY = "flaky"


F, P, N, B = Class.FINDING, Class.PASS, Class.NOT_GREEN, Class.BENCH
AGAIN, FIXED, FLAKY = Class.REPRODUCED, Class.FIXED, Class.FLAKY
EXTERNAL, PROCESS = "external", "process"


@dataclass(frozen=True, slots=True)
class Label:
    """One kind of event.

    `device` are options of the labelled device, `{seed}` and other words filled in; `target`, `interface`, `tables` are
    TOML lines of the bench. `right` are the verdicts that are right, `kinds` the kinds of finding that are (empty:
    any). `tested` is False where a green run would have tested nothing. `absent`: no device is started. `places`: the
    links it is tried on. `adapter`: what stands in front of it, as `medfuzz front --bench-faults` takes it. `held`: its
    process is stopped for 0.2 to 10 s once. With `other`, a finding is made on the device as it is and replayed on one
    with these options. `brief`: the fault lasts no longer than a busy machine may hold up a sound device.
    """

    name: str
    group: Group
    right: frozenset[Class]
    device: tuple[str, ...] = ()
    kinds: frozenset[Kind] = frozenset()
    target: str = ""
    interface: str = ""
    tables: str = ""
    life: str = EXTERNAL
    protocol: str = "PROTOCOL"
    places: tuple[str, ...] = ("tcp", "pty")
    cases: int = 16
    tested: bool = True
    absent: bool = False
    held: bool = False
    requirements: bool = False
    other: tuple[str, ...] | None = None
    fuzzers: tuple[str, ...] = ("enumerate",)
    adapter: str = ""
    brief: bool = False


def device(
    name: str, *options: str, kinds: tuple[Kind, ...] = (), right: tuple[Class, ...] = (F,), **more: object
) -> Label:
    """A fault of the device."""
    return Label(name, Group.DEVICE, frozenset(right), options, frozenset(kinds), **more)  # type: ignore[arg-type]


def bench(name: str, *options: str, right: tuple[Class, ...] = (P, N, B), **more: object) -> Label:
    """A fault of the bench, or of ours."""
    return Label(name, Group.BENCH, frozenset(right), options, **more)  # type: ignore[arg-type]


def nothing(name: str, *options: str, right: tuple[Class, ...] = (P,), **more: object) -> Label:
    """Nothing at all."""
    return Label(name, Group.NOTHING, frozenset(right), options, **more)  # type: ignore[arg-type]


COUNTERS = '[monitors]\nuptime_field = "uptime_ms"\nboot_field = "boots"\n'
UPTIME, BOOTS = '[monitors]\nuptime_field = "uptime_ms"\n', '[monitors]\nboot_field = "boots"\n'
SIGNALS = '[signals.rate]\nrange = [0, 1000]\n[safety]\nrequirements = "requirements.toml"\n'
RECONNECT = "reconnect = true"
NO_RESET = "reset_timeout = 1.0"
SHORT = "open_timeout = 1.0"
CANARIES = '[monitors.canaries]\npatient = "Jane Roe"\n'
CONSOLE = '[monitors]\nconsole_patterns = ["PANIC"]\n'
SETTINGS = '[monitors]\nconfiguration = ["limit"]\nconfiguration_writes = "writes"\n'
LAPSES = '[monitors]\nsession_states = ["idle"]\n'
STRANGER = '[identity]\nserial = "LB-00043"\n'
OURSELVES = '[identity]\nserial = "LB-00042"\n'
FORBIDDEN = 'forbidden = ["set_name", "set_rate", "select"]'
TCP, PTY = ("tcp",), ("pty",)
EXIT, SILENCE, REBOOT, GONE = Kind.EXIT, Kind.SILENCE, Kind.REBOOT, Kind.DISCONNECT
AWAY = (REBOOT, SILENCE, GONE)

DEVICE_FAULTS = (
    device("exit status", "--fault=exit", life=PROCESS, kinds=(EXIT,)),
    device("ended by a signal", "--fault=signal", life=PROCESS, kinds=(EXIT,)),
    device("slow death", "--fault=slow_death", life=PROCESS, kinds=(EXIT,)),
    device("dies when the connection is closed", "--fault=at_close", life=PROCESS, kinds=(EXIT,), places=TCP),
    device(
        "dies at a close per case", "--fault=at_close", life=PROCESS, interface=RECONNECT, kinds=(EXIT,), places=TCP
    ),
    device("crash, back after 50 ms", "--fault=exit", "--supervise=0.05", kinds=AWAY),
    device("crash, back after 1 s", "--fault=exit", "--supervise=1", kinds=AWAY, cases=12),
    device("crash, back after 3 s", "--fault=exit", "--supervise=3", kinds=AWAY, cases=8),
    device("crash with counters, back after 0.3 s", "--fault=signal", "--supervise=0.3", tables=COUNTERS, kinds=AWAY),
    device("slow death, back after 0.5 s", "--fault=slow_death", "--supervise=0.5", kinds=AWAY),
    device("never back, no reset", "--fault=exit", target=NO_RESET, interface=SHORT, right=(B, F)),
    device("hangs for ever", "--fault=hang", life=PROCESS, interface=SHORT, kinds=(SILENCE,), cases=8),
    device("hangs for ever, no reset", "--fault=hang", target=NO_RESET, interface=SHORT, right=(B, F), cases=6),
    device("answers again after 0.8 s", "--fault=hang_seconds", "--seconds=0.8", kinds=(SILENCE,), cases=8, brief=True),
    device("answers again after 2 s", "--fault=hang_seconds", "--seconds=2", kinds=(SILENCE,), cases=8, brief=True),
    device("answers again after 6 s", "--fault=hang_seconds", "--seconds=6", kinds=(SILENCE,), cases=6),
    device("answers again after 200 bytes", "--fault=hang_bytes", "--seconds=200", kinds=(SILENCE,), cases=8),
    device("answers again after 900 bytes", "--fault=hang_bytes", "--seconds=900", kinds=(SILENCE,), cases=8),
    device("serves on a new connection only", "--fault=mute_connection", kinds=(SILENCE,), places=TCP, cases=10),
    device("connection open but dead", "--fault=dead_connection", kinds=(SILENCE,), places=TCP, cases=10),
    device("closes the connection", "--fault=close", kinds=(GONE,), places=TCP),
    device("traceback, closes the connection", "--fault=traceback", life=PROCESS, kinds=(GONE,), places=TCP),
    device("restart, uptime falls", "--fault=restart", tables=UPTIME, kinds=(REBOOT,)),
    device("restart, boot counter", "--fault=restart", tables=BOOTS, kinds=(REBOOT,)),
    device("console alarm", "--fault=alarm", tables=CONSOLE, kinds=(Kind.CONSOLE,)),
    device("leak", "--fault=leak", tables=CANARIES, kinds=(Kind.LEAK,)),
    device("drift", "--fault=drift", tables=SETTINGS, kinds=(Kind.DRIFT,)),
    device(
        "unsafe signal", "--fault=unsafe", life=PROCESS, tables=SIGNALS, requirements=True, kinds=(Kind.UNSAFE_STATE,)
    ),
    device("two bugs", "--fault=two", life=PROCESS, interface=SHORT, kinds=(EXIT, SILENCE), cases=20),
    device("bug behind an earlier message", "--fault=later", life=PROCESS, kinds=(EXIT,), cases=24),
    device("crash, 60 %", "--fault=exit", "--probability=0.6", life=PROCESS, kinds=(EXIT,), right=(F, N)),
    device("restart, 60 %", "--fault=restart", "--probability=0.6", tables=COUNTERS, kinds=(REBOOT,), right=(F, N)),
    device("text: exit status", "--fault=exit", "--text", life=PROCESS, protocol="TEXT", kinds=(EXIT,)),
    device(
        "text: crash, back after 1 s", "--fault=exit", "--supervise=1", "--text", protocol="TEXT", kinds=AWAY, cases=12
    ),
    device(
        "text: hangs for ever",
        "--fault=hang",
        "--text",
        life=PROCESS,
        interface=SHORT,
        protocol="TEXT",
        kinds=(SILENCE,),
        cases=8,
    ),
    device("text: leak", "--fault=leak", "--text", protocol="TEXT", tables=CANARIES, kinds=(Kind.LEAK,)),
    device("text: closes the connection", "--fault=close", "--text", protocol="TEXT", kinds=(GONE,), places=TCP),
    device(
        "echo before a device that hangs, no reset",
        "--fault=hang",
        "--text",
        adapter="echo",
        protocol="TEXT",
        interface=SHORT,
        target=NO_RESET,
        right=(B, F, N),
        cases=4,
    ),
)
BENCH_FAULTS = (
    bench("echo before a live device", adapter="echo", right=(P, N)),
    bench("text: echo before a live device", "--text", adapter="echo", protocol="TEXT", right=(P, N)),
    bench("echo before a dead device", "--echo=dead", right=(B,), tested=False),
    bench("text: echo before a dead device", "--echo=dead", "--text", protocol="TEXT", right=(B,), tested=False),
    bench(
        "echo server, nothing said of answers", "--echo=dead", "--text", protocol="PLAIN", right=(B, N), tested=False
    ),
    bench("script: echo server", "--echo=dead", "--text", protocol="boofuzz", right=(B, N), tested=False, places=TCP),
    bench("greeting as text", adapter="greeting=LB-7 ready", right=(P,), places=TCP),
    bench("greeting as a frame", "--greeting=frame", right=(P,), places=TCP),
    bench("text: greeting", "--greeting=text", "--text", protocol="TEXT", right=(P,), places=TCP),
    bench(
        "text: greeting, nothing said of answers",
        "--greeting=text",
        "--text",
        protocol="PLAIN",
        right=(P, N),
        places=TCP,
    ),
    bench("paced bytes", adapter="paced=9600", right=(P,), cases=8),
    bench("text: paced bytes", "--text", adapter="paced=9600", protocol="TEXT", right=(P, N, B), cases=8),
    bench("pieces", adapter="pieces", right=(P,)),
    bench("dropped bytes", adapter="dropped=0.002", right=(P, N, B), cases=40),
    bench("flipped bits", adapter="flipped=0.002", right=(P, N, B), cases=40),
    bench("cable pulled and replugged once", adapter="adapter-gone=0.3@0.8,late=0.02", right=(P, N), cases=60),
    bench("adapter gone for 2 s once", adapter="adapter-gone=2@0.8,late=0.02", right=(P, N), cases=60),
    bench("process held once", "--slow=0.02", life=PROCESS, held=True, right=(P, N), cases=60),
    bench("device held once", "--slow=0.02", held=True, right=(P, N, B), cases=60),
    bench("slow to boot behind each opening", adapter="slow-boot=0.4", right=(P, N, B), cases=8),
    bench("chatty line", adapter="chatty=0.05", right=(P,), cases=40),
    bench("idle timeout", "--slow=0.02", adapter="idle-timeout=0.5", right=(P, N), places=TCP),
    bench("one connection slot", "--one-slot", right=(P,), places=TCP),
    bench("one slot, a connection per case", "--one-slot", interface=RECONNECT, right=(P, N, B), places=TCP, cases=8),
    bench(
        "one slot, pause given",
        "--one-slot",
        target="recovery = 0.6",
        interface=RECONNECT,
        right=(P,),
        places=TCP,
        cases=8,
    ),
    bench("split raises", protocol="RAISING_SPLIT", right=(B, N)),
    bench("answers raises", protocol="RAISING_ANSWERS", right=(B, N)),
    bench("monitor raises", protocol="RAISING_MONITOR", tables=LAPSES, right=(B, N)),
    bench("fuzzer raises", fuzzers=("raising",), right=(B,)),
    bench(
        "script: callback raises",
        "--text",
        protocol="boofuzz",
        interface='script_arguments = ["--raise"]',
        right=(B,),
        places=TCP,
    ),
    bench("nothing listens", absent=True, interface="open_timeout = 0.5", right=(B,), tested=False),
    bench("wrong device", tables=STRANGER, right=(B,), tested=False),
    bench(
        "channel without signals",
        "--silent-channel",
        life=PROCESS,
        tables=SIGNALS,
        requirements=True,
        right=(N,),
        tested=False,
    ),
    bench("answers the probe only", "--only-probe", right=(N,), tested=False, cases=12),
    bench("most withheld", protocol="ANYWHERE", interface=FORBIDDEN, right=(B, N), tested=False),
    bench("all withheld", interface="max_case_bytes = 4", right=(B, N), tested=False),
    bench("state not reached", protocol="UNREACHABLE", right=(B, N), tested=False, interface='states = ["armed"]'),
)
NOTHINGS = (
    nothing("plain"),
    nothing("plain, of our own", life=PROCESS),
    nothing("text: plain", "--text", protocol="TEXT"),
    nothing("script: plain", "--text", protocol="boofuzz", places=TCP),
    nothing("a connection per case", interface=RECONNECT, places=TCP),
    nothing("counters", tables=COUNTERS),
    nothing("with requirements", life=PROCESS, tables=SIGNALS, requirements=True),
    nothing("wrong answers, harmless", "--fault=wrong_answer"),
    nothing("slow, within its time", "--slow=0.2", cases=8),
    nothing("text: slow, within its time", "--slow=0.2", "--text", protocol="TEXT", cases=8),
    nothing("answers twice", "--answers=2"),
    nothing("pushes reports", "--pushes"),
    nothing("sequences", fuzzers=("sequence",)),
)


def replayed(
    name: str,
    fault: str,
    other: tuple[str, ...],
    right: tuple[Class, ...],
    group: Group,
    too: tuple[str, ...] = (),
    **more: object,
) -> Label:
    """A finding of `fault`, replayed on a device with `other` options."""
    return Label(f"replay: {name}", group, frozenset(right), (f"--fault={fault}", *too), other=other, **more)  # type: ignore[arg-type]


REPLAYS = (
    replayed("exit, as it was", "exit", ("--fault=exit",), (AGAIN,), Group.DEVICE, life=PROCESS),
    replayed("exit, fixed", "exit", (), (FIXED,), Group.NOTHING, life=PROCESS),
    replayed(
        "exit, another fault there",
        "exit",
        ("--fault=restart",),
        (FLAKY, AGAIN),
        Group.DEVICE,
        life=PROCESS,
        tables=COUNTERS,
    ),
    replayed("close, as it was", "close", ("--fault=close",), (AGAIN,), Group.DEVICE, places=TCP),
    replayed("close, fixed", "close", (), (FIXED,), Group.NOTHING, places=TCP),
    replayed(
        "crash and back, as it was",
        "exit",
        ("--fault=exit", "--supervise=0.5"),
        (AGAIN,),
        Group.DEVICE,
        too=("--supervise=0.5",),
    ),
    replayed("crash and back, fixed", "exit", (), (FIXED,), Group.NOTHING, too=("--supervise=0.5",)),
    replayed(
        "dead connection, as it was",
        "mute_connection",
        ("--fault=mute_connection",),
        (AGAIN,),
        Group.DEVICE,
        places=TCP,
        cases=8,
    ),
    replayed("dead connection, fixed", "mute_connection", (), (FIXED,), Group.NOTHING, places=TCP, cases=8),
    replayed("leak, fixed", "leak", (), (FIXED,), Group.NOTHING, tables=CANARIES),
    replayed(
        "leak, on another device",
        "leak",
        ("--fault=leak", "--serial=LB-00099"),
        (B,),
        Group.BENCH,
        tables=CANARIES + OURSELVES,
        tested=False,
    ),
    replayed("leak, on an echo", "leak", ("--echo=dead",), (B,), Group.BENCH, tables=CANARIES, tested=False),
    replayed(
        "leak, nothing listens",
        "leak",
        ("absent",),
        (B,),
        Group.BENCH,
        tables=CANARIES,
        interface="open_timeout = 0.5",
        tested=False,
    ),
    replayed("leak, unreachable state", "leak", ("--status=1",), (B,), Group.BENCH, tables=CANARIES, tested=False),
    replayed(
        "unsafe, channel without signals",
        "unsafe",
        ("--fault=unsafe", "--silent-channel"),
        (B, FLAKY),
        Group.BENCH,
        life=PROCESS,
        tables=SIGNALS,
        requirements=True,
        tested=False,
    ),
)
LABELS = (*DEVICE_FAULTS, *BENCH_FAULTS, *NOTHINGS, *REPLAYS)
