"""What the engine needs of a link, target, protocol, monitor, fuzzer and report: the only home of structural types."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, runtime_checkable
from typing import Protocol as Interface

from harness.case import LiveField, Procedure, Send, Step, TestCase
from harness.events import Event
from harness.functions import FunctionsRun
from harness.learned import Compared, Learned, Words
from harness.outcome import Outcome
from harness.quick import quick
from harness.temporal import Watched
from harness.transcript import Sample, TargetEvent, Transcript
from harness.usage import Usage, Wakefulness
from harness.verdict import Observation


class Link(Interface):
    """An open connection. Deadlines are absolute link seconds (`now()`).

    `whole`: the link itself knows when an answer is complete, and says b"" then; what comes up to that is read.
    `stream`: it carries bytes without borders, so that a wrong length can swallow what follows.
    """

    whole: bool
    stream: bool

    def send(self, data: bytes, deadline: float) -> None:
        """Send all of `data`; raises LinkError, LinkClosed."""
        ...

    def receive(self, deadline: float) -> bytes:
        """At least one byte as soon as there is one, or b"" at the deadline; raises LinkError, LinkClosed."""
        ...

    def close(self) -> None:
        """Idempotent; never raises."""
        ...

    def now(self) -> float:
        """The link's clock in seconds: monotonic, virtual in the emulator."""
        ...


class Transport(Interface):
    """Opens links to one endpoint, named by its moniker.

    `quiet_gap`: seconds without a byte that end an answer where the protocol has no framing (0: it comes in one piece).
    `byte_seconds`: what a byte that was sent takes to the other end of the line (0: no time to speak of).
    """

    moniker: str
    quiet_gap: float
    byte_seconds: float

    def open(self, timeout: float) -> Link:
        """A new link within `timeout` seconds; raises LinkError saying what to do next."""
        ...


@runtime_checkable
class Listens(Interface):
    """A transport to which the device connects, in its own time: `open` waits for it. It listens until it is `shut`."""

    def give_up_when(self, hopeless: Callable[[], str]) -> None:
        """`hopeless` says why nobody will connect any more, else "": `open` raises LinkGone then."""
        ...

    def shut(self) -> None:
        """Listen no more; idempotent."""
        ...


@runtime_checkable
class Bursts(Interface):
    """A link that can put several messages on the wire at once, each still a message of its own."""

    def burst(self, messages: Sequence[bytes], deadline: float, *, awaited: bool = True) -> None:
        """Send all of them, `awaited` when answers are read next; raises LinkError, LinkClosed."""
        ...


@runtime_checkable
class Performs(Interface):
    """A link whose carrier can do more than carry messages."""

    def perform(self, step: Procedure, timeout: float) -> bool:
        """Do it within `timeout` seconds; False when what was sent before is answered no more (the link was cut).

        What came of it is told as an event. Raises UsageError for an unknown one, LinkError, BenchError.
        """
        ...


@runtime_checkable
class Offers(Interface):
    """A transport whose links perform procedures, and which notes what becomes of its connections."""

    @property
    def procedures(self) -> Mapping[str, tuple[Step, ...]]:
        """Those worth trying, as steps by name; none of them malformed."""
        ...

    def restore(self) -> bool:
        """Undo what procedures did; True when that ended the connection. Raises BenchError."""
        ...

    def restarted(self) -> None:
        """The device was restarted at our wish: what it kept in memory only may be gone."""
        ...

    def survey(self) -> None:
        """Look whether the device is still as it was at first; ends the connection. Raises LinkError, BenchError."""
        ...

    def take_events(self) -> Sequence[TargetEvent]:
        """What happened to connections since the last call: `disconnected`, `procedure`, `bond`, `table`, …."""
        ...


@runtime_checkable
class Handles(Interface):
    """A link to a device that numbers its attributes, and whose conversation ends with the connection."""

    def fresh(self, timeout: float) -> bool:
        """Make the connection ready within so many seconds; True when it is another one than at the last call.

        Raises LinkError.
        """
        ...

    def handle(self, uuid: str) -> int:
        """The handle of a characteristic's value; raises LinkError where there is none."""
        ...


@runtime_checkable
class HearsEchoes(Interface):
    """A transport that knows an echo: bytes came, and `only_copies` of what was sent, which say nothing of a device."""

    @property
    def only_copies(self) -> bool:
        """From the first link on; False once the device said something of its own."""
        ...


@runtime_checkable
class Fences(Interface):
    """A transport that sends a fence behind each message, as long as `fenced` is true."""

    fenced: bool


@dataclass(frozen=True, slots=True)
class Identity:
    """What the device says it is; matched with the bench before the first malformed byte.

    `name` and `address_type` (`public`, `random`) are a Bluetooth device's.
    """

    model: str = ""
    serial: str = ""
    firmware: str = ""
    name: str = ""
    address_type: str = ""


@dataclass(frozen=True, slots=True)
class Traits:
    """What a target says of its time. What it can do besides are structural types: `Restores`, `Covers`, `Explains`.

    `virtual_clock`: its links' time is its own, so that how busy this machine is changes nothing. `cheap_waits`:
    letting its time pass costs next to no wall time.
    """

    virtual_clock: bool = False
    cheap_waits: bool = False


class Target(Interface):
    """The device under test; owns its life. Times are seconds of the target's own clock."""

    name: str

    @property
    def traits(self) -> Traits:
        """What it says of its time."""
        ...

    def start(self) -> None:
        """Bring it up; raises TargetError."""
        ...

    def stop(self) -> None:
        """Let go of everything; idempotent."""
        ...

    def reset(self) -> None:
        """A cold start: what a power cycle would give; raises TargetError."""
        ...

    def can_reset(self) -> bool:
        """False where nothing that `reset` could do brings the device back."""
        ...

    def stimulate(self, stimulus: str, value: float) -> None:
        """Set a sensor or switch; raises UsageError for an unknown one."""
        ...

    def calm(self) -> None:
        """Set every sensor and switch back to the bench's initial value."""
        ...

    def advance(self, seconds: float) -> None:
        """Let target time pass."""
        ...

    def now(self) -> float:
        """The target's clock."""
        ...

    def take_events(self) -> Sequence[TargetEvent]:
        """Faults, hangs, resets, exits since the last call."""
        ...

    def take_samples(self) -> Sequence[Sample]:
        """Signal samples since the last call, oldest first; taken on change."""
        ...

    def take_console(self) -> Sequence[tuple[float, bytes]]:
        """Console text since the last call, with times."""
        ...

    def facts(self) -> Mapping[str, str]:
        """For the manifest: kind, firmware file and hash, emulator limits."""
        ...


@runtime_checkable
class Restores(Interface):
    """A target that can go back to an earlier moment: every case starts from a kept state, independent of the last."""

    def snapshot(self) -> object:
        """Everything: memory, registers, peripherals, time."""
        ...

    def restore(self, snapshot: Any) -> None:
        """Back to a snapshot of this target."""
        ...


@runtime_checkable
class LetsPass(Interface):
    """A target outside this process, on the wall clock, whose own time may pass faster than that."""

    def let_pass(self, seconds: float) -> bool:
        """True where so much of its own time has passed at once, False where none has; raises TargetError."""
        ...


@runtime_checkable
class Works(Interface):
    """A target that counts what its program executes: that is the same on every machine, where seconds are not."""

    def work(self) -> int:
        """Instructions executed so far; never goes back on restore."""
        ...


@runtime_checkable
class Covers(Interface):
    """A target that knows which of its code has run."""

    def coverage(self) -> int:
        """Distinct edges seen since the start; never goes back on restore."""
        ...

    def edges(self) -> Collection[int]:
        """The edges themselves, each a number that means the same in every run of this firmware."""
        ...

    def know(self, edges: Collection[int]) -> None:
        """Count these as seen."""
        ...


@runtime_checkable
class Names(Interface):
    """A target that knows the functions of its program by name."""

    def functions(self) -> FunctionsRun | None:
        """Which ran since the start, and which did not; None where they have no names."""
        ...


@runtime_checkable
class Tells(Interface):
    """A target whose program is at hand."""

    def words(self) -> Words:
        """Numbers and texts in it that a message may have to hold."""
        ...


@runtime_checkable
class Owns(Interface):
    """A target that runs processes of its own: for how long one is held up is not the device's doing."""

    def pids(self) -> Collection[int]:
        """Their ids."""
        ...

    def watch(self, carrier: Transport) -> Transport:
        """The same transport; one that does not open any more raises LinkGone where the process has ended."""
        ...


@runtime_checkable
class Located(Interface):
    """A target that may know of which processes of this machine its device is made."""

    def device(self) -> Collection[int] | None:
        """Their ids; none where the device is not on this machine, None where that is not known."""
        ...


@runtime_checkable
class Meters(Interface):
    """A target that knows what its program uses. Times are of its own clock."""

    @property
    def measured(self) -> bool:
        """False where there is no program of the bench's own, or it is not the device."""
        ...

    def usage(self, since: float) -> Sequence[Usage]:
        """What it held at quiet moments since then, oldest first; of its present life only."""
        ...

    def busy(self, since: float) -> float | None:
        """Which share of one processor core it has used since then, in its present life; None where nobody knows."""
        ...

    def awake(self, seconds: float) -> Wakefulness | None:
        """How awake it is for so many seconds from now on, at which it comes back; None where nobody knows."""
        ...

    @property
    def was_idle(self) -> bool:
        """True once all of its threads have slept for half of a time, in any life."""
        ...

    def begin_anew(self) -> None:
        """What it holds or does is not to be met by later cases: the one after the next begins with a reset."""
        ...

    def now(self) -> float:
        """The target's clock."""
        ...

    def advance(self, seconds: float) -> None:
        """Let target time pass."""
        ...


@runtime_checkable
class Explains(Interface):
    """A target that can say more about a fault when it is replayed slowly."""

    def explain_writes(self, *, on: bool) -> None:
        """Add `overwritten` to the detail of faults."""
        ...


@runtime_checkable
class Compares(Interface):
    """A target that can tell what its program compares."""

    def note_compared(self) -> None:
        """From here on, slowly; a restore begins it anew."""
        ...

    def take_compared(self) -> tuple[Compared, ...]:
        """No more from here on: the first few comparisons of each place, in their order."""
        ...


class FrameKind(StrEnum):
    """How a piece of what came in counts."""

    REPLY = "reply"
    UNSOLICITED = "unsolicited"
    STRAY = "stray"


@quick
@dataclass(frozen=True, slots=True)
class Frame:
    """One piece of received bytes. A reply carries what the parser read, for people and for proofs."""

    kind: FrameKind
    data: bytes
    fields: Mapping[str, int | str | bytes] = field(default_factory=dict[str, "int | str | bytes"])


@runtime_checkable
class Identifies(Interface):
    """A transport that knows by itself who is at the other end."""

    def identity(self) -> Identity:
        """What the device said at the first connection."""
        ...


@dataclass(slots=True)
class Conversation:
    """What one link's two sides know of each other: live values by name. Fresh for each connection to a fresh state.

    `connected` is what holds on this connection only: it is empty on another one.
    """

    values: dict[str, Any] = field(default_factory=dict[str, Any])
    last_received: bytes = b""
    connected: dict[str, Any] = field(default_factory=dict[str, Any])

    def copy(self) -> Conversation:
        """An independent copy: `values` and `connected` are copied one level deep."""
        return Conversation(dict(self.values), self.last_received, dict(self.connected))


class Mark(StrEnum):
    """What a message means to a person who reads the report."""

    PRIVILEGED = "privileged"
    THERAPY = "therapy"
    AUTHENTICATION = "authentication"
    DISCLOSES_PATIENT_DATA = "discloses_patient_data"
    FORBIDDEN_ON_HARDWARE = "forbidden_on_hardware"


@dataclass(frozen=True, slots=True)
class State:
    """A named condition: how to reach it from a cold start and what the probe's answer then says."""

    name: str
    preamble: tuple[Step, ...]
    proof: Mapping[str, int | str | bytes] = field(default_factory=dict[str, "int | str | bytes"])


@dataclass(frozen=True, slots=True)
class Resynchronization:
    """How a byte stream is brought back in step: wait `seconds` of silence, then send `filler` if any."""

    seconds: float
    filler: bytes = b""


class WireProtocol(Interface):
    """What is said on one interface, as the engine sees it (`protocols.model.Protocol` is ours)."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    @property
    def states(self) -> Mapping[str, State]:
        """States by name."""
        ...

    @property
    def probe(self) -> Send:
        """A harmless valid message whose answer proves that the target serves."""
        ...

    @property
    def reply_timeout(self) -> float:
        """Seconds within which a serving device answers."""
        ...

    @property
    def resynchronization(self) -> Resynchronization:
        """How a byte stream is brought back in step."""
        ...

    @property
    def marks(self) -> Mapping[str, frozenset[Mark]]:
        """Marks by message name."""
        ...

    @property
    def usual(self) -> Mapping[str, Send]:
        """Messages as they stand, by name."""
        ...

    @property
    def max_reply(self) -> int:
        """Bytes after which reading one answer ends, whatever comes."""
        ...

    @property
    def framed(self) -> bool:
        """True when `split` knows where an answer ends; False takes whatever has come as one."""
        ...

    @property
    def undo(self) -> tuple[Step, ...]:
        """What brings a device that nothing resets back to rest from any state, as far as messages can."""
        ...

    def split(self, buffer: bytes) -> tuple[tuple[Frame, ...], bytes]:
        """Whole frames at the front of `buffer`, and the rest. Never raises on hostile bytes."""
        ...

    def resolve(self, live: LiveField, data: bytes, conversation: Conversation) -> bytes:
        """The `live.length` bytes of one live field; `data` has the earlier fields in place."""
        ...

    def learn(self, frame: Frame, conversation: Conversation) -> bytes:
        """Take tokens and challenges from a frame; returns bytes to send at once (a keep-alive answer) or b""."""
        ...

    def answers(self, sent: bytes, frame: Frame) -> bool:
        """True when `frame` is the reply to `sent`."""
        ...

    def unfinished(self, sent: bytes) -> bytes:
        """The end of all that was sent on a connection which only begins a message: it may wait for the rest."""
        ...

    def ends(self, frame: Frame) -> bool:
        """True when nothing more can be said on the connection on which the frame came: who asked closes it."""
        ...

    def expects_reply(self, sent: bytes) -> bool:
        """True when a device that serves must answer `sent`."""
        ...

    def served(self, frame: Frame) -> bool:
        """True when `frame` is the probe's proper answer."""
        ...

    def identity(self, frame: Frame) -> Identity:
        """What the probe's answer says of the device (empty strings where it does not say)."""
        ...

    def session_lapsed(self, frame: Frame) -> bool:
        """True when the reply says that the session which the state needs is gone."""
        ...

    def forbidden(self, messages: Sequence[str]) -> re.Pattern[bytes]:
        """A pattern that matches the outgoing stream as soon as it would carry one of `messages`, well formed or not.

        It must not need more than `guard.OVERLAP` bytes behind the point where the message is recognized.
        """
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """A field of a message that is not as it usually is: what is in it, and what usually is.

    `computed`: a length or checksum, which the message works out from the rest unless a part says otherwise. `number`
    is the byte order (`big`, `little`) of one that is an integer, else "".
    """

    name: str
    data: bytes
    usual: bytes
    computed: bool = False
    number: str = ""


@runtime_checkable
class Dissects(Interface):
    """A protocol that takes its messages apart, so that they can be made less unusual and stay well formed."""

    def parts(self, send: Send) -> tuple[Part, ...] | None:
        """The fields that differ from the message as it stands; None for bytes that it does not know."""
        ...

    def texts(self, send: Send) -> tuple[Part, ...]:
        """The usual fields of no fixed size that hold something: whatever can be left empty."""
        ...

    def composed(self, send: Send, parts: Sequence[Part]) -> Send:
        """The same message with only these fields unusual; lengths and checksums are right where no part says so."""
        ...

    def meant(self, send: Send) -> str:
        """The message that a device takes the bytes for: another one where its code stands in the code's place."""
        ...


@dataclass(frozen=True, slots=True)
class Related:
    """What else tells of the place in a device that a message writes: a message that reads it, others that write it."""

    read: Send
    writes: tuple[Send, ...] = ()


@runtime_checkable
class Expects(WireProtocol, Interface):
    """A protocol that knows what a right reply is, as far as its standard leaves no choice."""

    def refuses(self, reply: bytes) -> bool:
        """True when a reply says that what it answers was not carried out."""
        ...

    def wrong(self, sent: bytes, reply: Frame) -> str:
        """Why the reply to `sent` cannot be right, in words that one fault has in common; or ""."""
        ...

    def demands(self, sent: bytes) -> bool:
        """True where an answer to `sent` is demanded, also of a device that cannot read it."""
        ...

    def around(self, sent: bytes) -> Related | None:
        """What else tells of the place that `sent` writes; None for what writes none."""
        ...

    def absent(self, reply: Frame) -> bool:
        """True when the reply says that there is no such place in the device."""
        ...

    def content(self, reply: Frame) -> bytes:
        """What a reply says, without what belongs to its request alone: equal for equal contents."""
        ...


@runtime_checkable
class Monitor(Interface):
    """Watches a target and reports. `state`/`restore` put what it learned into the snapshot."""

    name: str

    def observe(self, case: TestCase, transcript: Transcript) -> Sequence[Observation]:
        """What this case showed."""
        ...

    def state(self) -> object:
        """What it has learned; passed back to `restore`. Immutable or copied."""
        ...

    def restore(self, state: Any) -> None:
        """Back to an earlier `state()`."""
        ...


@runtime_checkable
class Measuring(Interface):
    """A monitor that also says how well its requirements were exercised."""

    def take(self) -> Watched:
        """What was seen since the last call."""
        ...

    def never_told(self) -> Mapping[str, Sequence[str]]:
        """Requirements that read signals which never had a value, and the names of these."""
        ...


class Fuzzer(Interface):
    """A source of test cases for one interface; its turn comes in one of `every` rounds, 1 or more for costly cases."""

    name: str
    interface: str

    @property
    def every(self) -> int:
        """As it is at present."""
        ...

    def cases(self) -> Iterator[TestCase]:
        """Breadth first; the same sequence for the same seed."""
        ...

    def forecast(self) -> int:
        """How many cases there are in all."""
        ...

    def learn(self, case: TestCase, outcome: Outcome) -> None:
        """Feedback after a case of its interface, whichever fuzzer's it was."""
        ...


@runtime_checkable
class Learns(Interface):
    """A fuzzer whose cases depend on what came of earlier ones, and that another run can bring to the same place."""

    def state(self) -> Learned:
        """What was learned, to be written down."""
        ...

    def restore(self, learned: Learned) -> None:
        """Before any case is dealt: what was learned when they were dealt before."""
        ...

    def recall(self, case: TestCase) -> None:
        """A case of its interface was dealt again, and is not run."""
        ...


@runtime_checkable
class Leads(Interface):
    """A fuzzer whose cases come before those of all others."""

    leads: bool


@runtime_checkable
class Looks(Interface):
    """A fuzzer that looks at what a program compares while some of its cases run."""

    def looks(self, case: TestCase) -> bool:
        """True for one of its own that is run so."""
        ...


class Socket(Interface):
    """The open link as a script's callback uses it: raw bytes, through the guard and on record."""

    @property
    def last_received(self) -> bytes:
        """What came in answer to the last message; before the first one, the last frame of the conversation."""
        ...

    @property
    def last_sent(self) -> bytes:
        """The last message as it went out, b"" before the first."""
        ...

    @property
    def messages(self) -> Sequence[str]:
        """Names of the messages sent in this case, in order."""
        ...

    @property
    def mutated(self) -> bool:
        """True when one of them was mutated, so that the answer may be any."""
        ...

    def send(self, data: bytes) -> None:
        """Send all of `data`; raises LinkError, LinkClosed, GuardRefused."""
        ...

    def receive(self) -> bytes:
        """What comes next, or b"" after the interface's reply timeout; raises LinkError, LinkClosed."""
        ...

    def reopen(self) -> None:
        """Another connection; raises LinkError."""
        ...


Listener = Callable[[Event], None]
Callback = Callable[[Conversation, bytes, Socket], bytes | None]
ON_CONNECTION, BEFORE_CASE, AFTER_CASE = "on a connection", "before a case", "after a case"
"""Callbacks by these names run then, not on an edge; `BEFORE_CASE` on every connection too."""
