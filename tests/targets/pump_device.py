"""The pump on the board, spoken to by hand: what the tests of its firmware share."""

from __future__ import annotations

from pathlib import Path

from harness.bench import load_bench
from harness.requirements import load_requirements
from harness.temporal import FormulaSet, SignalDeclaration, parse
from targets.board.image import Image
from targets.emulated import EmulatedTarget, EmulatorLink
from targets.pump.protocol.packets import OpenSession, ProgramRate, ProgramVolume, Prove, PumpFrame, frame, prove

PUMP = Path(__file__).parents[2] / "targets" / "pump"
BENCH = load_bench(PUMP / "bench.toml")
REQUIREMENTS = load_requirements(PUMP / "requirements.toml")
MLLP_START, MLLP_END = b"\x0b", b"\x1c\r"
QUERY = (
    "MSH|^~\\&|GATEWAY|WARD3|MP405|WARD3|20260101120000||QRY^R02|MSG00002|P|2.6\r"
    "QRD|20260101120000|R|I|Q17|||1^RD|MP405|STA\r"
)
HEADER = "MSH|^~\\&|GATEWAY|WARD3|MP405|WARD3|20260101120000||RGV^O15|MSG00001|P|2.6\r"
PATIENT = "PID|1||PAT-0001||DOE^JANE\r"
ORDER = "ORC|NW|ORDER-17\r"


def give(rate="5.0", volume="20", drug="1"):
    """An RXG segment."""
    return f"RXG|1|||{drug}^MORPHINE|{volume}||mL||||||||{rate}|mL/h\r"


def watched():
    """The pump's requirements, as its bench has them watched."""
    declared = {n: SignalDeclaration(n, s.kind, *s.range, s.unit) for n, s in BENCH.signals.items()}
    return FormulaSet([parse(r.formula, declared, r.id) for r in REQUIREMENTS if r.watched], len(declared))


class Pump:
    """One ELF, running: messages go out with token, counter and CRC in place."""

    def __init__(self, elf):
        table = BENCH.target
        self.target = EmulatedTarget(
            Image(elf),
            name="pump",
            ports={"serial": "USART1", "network": "USART2", "console": "USART3"},
            signals=BENCH.signals,
            stimuli=BENCH.stimuli,
            hz=table.hz,
            hang_budget=table.hang_budget,
            seed=1,
            settle=table.settle,
        )
        self.target.start()
        self.booted = self.target.snapshot()
        self.begin()

    def begin(self):
        """A fresh conversation with what has just booted."""
        self.link = EmulatorLink(self.target, self.target.usart("serial"))
        self.network = EmulatorLink(self.target, self.target.usart("network"))
        self.sequence = self.token = self.counter = 0
        self.sent = b""
        self.events = []
        self.safety = watched()
        self.violated = set()

    def again(self):
        """Back to the moment after the boot."""
        self.target.restore(self.booted)
        self.target.machine.sampler.restore(())
        self.begin()
        return self

    def exchange(self, data, link=None, seconds=0.3):
        """Send bytes on the maintenance link (or another one); what came until a whole reply or the deadline."""
        link = link or self.link
        link.send(data, 0)
        deadline, received = self.target.now() + seconds, b""
        while (more := link.receive(deadline)) and not whole(received := received + more):
            pass
        self.look()
        return received

    def ask(self, body, **fields):
        """Send one command; the reply's body, or None when nothing came."""
        names = [field.name for field in body.fields_desc]
        self.sequence = (self.sequence + 1) & 0xFF
        if "token" in names and not body.token:
            body.token = self.token
        if "counter" in names and not body.counter:
            self.counter += 1
            body.counter = self.counter
        for name, value in fields.items():
            setattr(body, name, value)
        self.sent = bytes(frame(body, self.sequence))
        reply = self.exchange(self.sent)
        return PumpFrame(reply).body if reply else None

    def session(self):
        """Open and prove."""
        challenge = self.ask(OpenSession()).challenge
        reply = self.ask(Prove(answer=prove(challenge)))
        self.token, self.counter = reply.token, reply.counter

    def infuse(self):
        """A session, a programme, the confirm key."""
        self.session()
        assert self.ask(ProgramRate()).status == 0
        assert self.ask(ProgramVolume()).status == 0
        self.press("confirm")

    def press(self, key):
        """A key goes down and up."""
        for level in (1, 0):
            self.target.stimulate(f"keypad_{key}", level)
            self.wait(0.01)

    def wait(self, seconds):
        """Let the pump's time pass."""
        self.target.advance(seconds)
        self.look()

    def stimulate(self, name, value, seconds=0.6):
        """A sensor changes and the control task sees it."""
        self.target.stimulate(name, value)
        self.wait(seconds)

    def hl7(self, text):
        """Send one HL7 message in its MLLP frame; the reply's text without the frame."""
        reply = self.exchange(MLLP_START + text.encode("latin-1") + MLLP_END, self.network)
        return reply.removeprefix(MLLP_START).removesuffix(MLLP_END).decode("latin-1")

    def order(self, **values):
        """An infusion order."""
        return self.hl7(HEADER + PATIENT + ORDER + give(**values))

    def look(self):
        """Take events and samples; judge the samples."""
        self.events += self.target.take_events()
        for sample in self.target.take_samples():
            self.violated |= {v.requirement for v in self.safety.push(sample.time, sample.values)}
        self.violated |= {v.requirement for v in self.safety.advance(self.target.now())}

    def value(self, signal):
        """A signal's present value."""
        sampler = self.target.machine.sampler
        sampler.restore(())
        sampler.sample(self.target.machine)
        return dict(zip(sampler.names, sampler.samples.pop().values, strict=True))[signal]

    @property
    def kinds(self):
        """What the machine reported, in order."""
        return [event.kind for event in self.events]


def whole(received):
    """True when a frame or an MLLP block has ended."""
    if received[:1] == b"\xa5":
        return len(received) >= 3 and len(received) >= 5 + int.from_bytes(received[1:3], "little")
    return received.endswith(MLLP_END)
