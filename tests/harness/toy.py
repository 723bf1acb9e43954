"""A toy device and its protocol for tests of the engine: one-byte commands, framed by `<` and `>`.

`<p>` probe → `<P…>` with state, boots and uptime; `<l>` login → `<L>`; `<x>` whatever the test planted.
"""

import copy
import re
import zlib

from harness.case import Origin, Send, TestCase
from harness.interfaces import Frame, FrameKind, Identity, Mark, Resynchronization, State, Traits


def message(data, name=None, **options):
    return Send(name or data.decode("latin-1"), b"<" + data + b">", **options)


def case(*steps, state="idle", interface="toy"):
    return TestCase(interface, state, steps, Origin("test", tuple(s.message for s in steps if isinstance(s, Send))))


class ToyProtocol:
    name = "toy"
    states = {"idle": State("idle", (), {"state": "i"}), "in": State("in", (message(b"l"),), {"state": "s"})}
    probe = message(b"p", "probe")
    reply_timeout = 1.0
    resynchronization = Resynchronization(0.1, b">")
    usual = {}
    marks = {"secret": frozenset({Mark.DISCLOSES_PATIENT_DATA})}
    max_reply = 4096
    framed = True
    undo = ()

    def split(self, buffer):
        frames = []
        while (start := buffer.find(b"<")) >= 0 and (end := buffer.find(b">", start)) >= 0:
            if start:
                frames.append(Frame(FrameKind.STRAY, buffer[:start]))
            data, buffer = buffer[start : end + 1], buffer[end + 1 :]
            kind = FrameKind.UNSOLICITED if data.startswith(b"<!") else FrameKind.REPLY
            frames.append(Frame(kind, data, self.fields(data)))
        return tuple(frames), buffer

    def fields(self, data):
        match = re.fullmatch(rb"<P(.)(\d+),(\d+)>", data)
        return {"state": match[1].decode(), "boots": int(match[2]), "uptime": int(match[3])} if match else {}

    def resolve(self, live, data, conversation):
        return conversation.values.get(live.name, b"\0" * live.length)

    def learn(self, frame, conversation):
        if frame.data.startswith(b"<T"):
            conversation.values["token"] = frame.data[2:3]
        return b"<k!>" if frame.data == b"<!k>" else b""

    def answers(self, sent, frame):
        return frame.data[1:2].lower() == sent[1:2]

    def expects_reply(self, sent):
        return sent.endswith(b">")

    def unfinished(self, sent):
        return b""

    def ends(self, frame):
        return frame.data == b"<E>"

    def served(self, frame):
        return bool(frame.fields)

    def identity(self, frame):
        return Identity("toy", "", str(frame.fields.get("boots", "")))

    def session_lapsed(self, frame):
        return frame.data.endswith(b"?>")

    def forbidden(self, messages):
        return re.compile(b"<(?:" + b"|".join(re.escape(m.encode()) for m in messages) + b")")


class ToyDevice:
    """Answers by the rules above; `planted` maps a message to what it does to the device.

    `hungry` is how many bytes its framer still waits for, whatever they are.
    """

    def __init__(self):
        self.state, self.boots, self.uptime, self.dead = "i", 1, 0, False
        self.planted = {}
        self.heard, self.hungry = b"", 0

    def reset(self):
        self.state, self.uptime, self.dead, self.heard, self.hungry = "i", 0, False, b"", 0

    def answer(self, data):
        eaten = min(self.hungry, len(data))
        self.hungry -= eaten
        self.heard += data[eaten:]
        replies = []
        while b">" in self.heard:
            request, self.heard = self.heard.split(b">", 1)
            replies += self.serve(request[request.rfind(b"<") + 1 :])
        return replies

    def serve(self, request):
        self.uptime += 1
        if request in self.planted:
            return self.planted[request](self) or []
        if self.dead:
            return []
        if request == b"p":
            return [f"<P{self.state}{self.boots},{self.uptime}>".encode()]
        if request == b"l":
            self.state = "s"
            return [b"<", b"L>"]
        return [b"<" + request[:1].upper() + request[1:] + b">"]


def arming(device):
    """From now on it dies of `x` behind an `a`, if it was not reset in between."""

    def reset():
        device.armed = False
        forget()

    def fire(device):
        device.dead = device.armed
        return [] if device.armed else [b"<X>"]

    forget, device.armed, device.reset = device.reset, False, reset
    device.planted |= {b"a": lambda device: setattr(device, "armed", True) or [b"<A>"], b"x": fire}


class ToyTarget:
    """A target without snapshots around a ToyDevice; time is the scripted link's."""

    name = "toy"
    traits = Traits(cheap_waits=True)

    def __init__(self, device, transport):
        self.device, self.transport = device, transport
        self.resets, self.events, self.console, self.samples = 0, [], [], []
        self.starts = self.stops = self.calmed = 0
        self.resettable = True

    def start(self):
        self.starts += 1
        self.device.reset()

    def stop(self):
        self.stops += 1

    def reset(self):
        self.resets += 1
        self.device.reset()

    def calm(self):
        self.calmed += 1

    def can_reset(self):
        return self.resettable

    def stimulate(self, stimulus, value):
        setattr(self.device, stimulus, value)

    def advance(self, seconds):
        self.transport.clock += seconds

    def now(self):
        return self.transport.clock

    def _take(self, name):
        taken = getattr(self, name)
        setattr(self, name, [])
        return taken

    def take_events(self):
        return self._take("events")

    def take_samples(self):
        return self._take("samples")

    def take_console(self):
        return self._take("console")

    def facts(self):
        return {"kind": "toy"}


class Snapshots(ToyTarget):
    """A target that keeps states, knows its edges (each message served is one), and explains faults."""

    explaining, known = False, frozenset()

    def snapshot(self):
        return copy.deepcopy({name: value for name, value in vars(self.device).items() if name != "planted"})

    def restore(self, snapshot):
        vars(self.device).update(copy.deepcopy(snapshot))

    def coverage(self):
        return len(self.edges())

    def edges(self):
        return {zlib.crc32(sent) for sent in self.transport.sent} | self.known

    def know(self, edges):
        self.known = set(edges)

    def explain_writes(self, *, on):
        self.explaining = on
