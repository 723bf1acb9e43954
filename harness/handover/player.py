"""Plays a finding's messages and says whether the device still serves: what an exported script does.

It is copied into scripts with all that it uses, so it needs the standard library only.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from harness.case import LiveField, Reconnect, Reset, Send, Step, Stimulate, Wait
from harness.handover.places import Carrier, Gone
from harness.interfaces import Conversation, Frame
from protocols.wire import Place, Wire, session_value

SERVES, FAULT, NOT_TESTED, NOT_SEEN = 0, 1, 3, 4
UNEXPECTED_SECONDS = 0.3
_OLD = 3.0  # timeouts


@dataclass(frozen=True)
class Case:
    """What is played: the way to a state where it changes, what the probe then says, and the messages."""

    state: str
    preamble: tuple[Step, ...]
    proof: Mapping[str, int | str | bytes]
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Script:
    """One finding. `address` is "" where one must be given; `filler` and `quiet` bring a byte stream back in step.

    `seen`: a probe can tell whether the fault came back; `restart`: one that shows restarts can. `growing` are fields
    of the probe's answer that only a restart makes smaller, `counting` those that only one changes. `places` are where
    its integers lie, where nothing else reads them. `secrets` are bytes that the replies to `leaking` must not hold.
    With `owed`, the finding's one message must be answered.
    """

    title: str
    address: str
    probe: Send
    cases: tuple[Case, ...]
    timeout: float
    quiet: float
    filler: bytes
    reconnect: bool
    may_close: bool
    seen: bool
    restart: bool = False
    growing: tuple[str, ...] = ()
    counting: tuple[str, ...] = ()
    places: Mapping[str, Place] = field(default_factory=dict[str, Place])
    leaking: str = ""
    secrets: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    owed: bool = False

    def read(self, frame: Frame) -> Mapping[str, int | str | bytes]:
        """What can be read of the probe's answer, by name."""
        if not self.places:
            return frame.fields
        ends = {name: offset + length for name, (offset, length, _order) in self.places.items()}
        whole = {name: place for name, place in self.places.items() if ends[name] <= len(frame.data)}
        return {name: int.from_bytes(frame.data[at : ends[name]], order) for name, (at, _n, order) in whole.items()}


class NotTested(Exception):
    """Why nothing can be said of the device."""


def tell(line: str) -> None:
    """One line, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class Player:
    """One conversation with the device; `person` is asked for what no message can do, and says whether it is done.

    `undone` is what was not, and was not seen to be needless; `leaked` are the names of secrets that a reply held;
    `hung_up`: the device closed the connection, as it may, within a case.
    """

    def __init__(
        self,
        script: Script,
        place: Carrier,
        wire: Wire,
        checksums: Mapping[str, Callable[[bytes], bytes]],
        person: Callable[[str], bool],
        timeout: float,
    ) -> None:
        self.script, self._place, self._wire, self._person = script, place, wire, person
        self._checksums, self._timeout = checksums, timeout
        self._conversation = Conversation()
        self.undone: list[str] = []
        self.leaked: list[str] = []
        self.hung_up = False
        self._came = self._begun = b""
        self._ended = False

    def anew(self) -> None:
        """Another connection; raises Gone."""
        self._conversation.connected.clear()
        self._begun, self._ended = b"", False
        self._place.close()
        self._place.open()

    def leave(self) -> None:
        """Another connection, where nothing more can be said on this one; raises Gone."""
        if self._begun or self._ended:
            tell("  another connection")
            self.anew()

    def leave_session(self) -> None:
        """Another connection, where the probe began or ended a session on this one; raises Gone."""
        if self._conversation.connected:
            tell("  another connection")
            self.anew()
        self.leave()

    def start_over(self) -> None:
        """Another connection, on which nothing was said yet."""
        self._conversation = Conversation()
        self.anew()

    def probe(self) -> Frame | None:
        """Its proper answer; raises Gone."""
        answer = self.send(self.script.probe)[1]
        return answer if answer is not None and self._wire.served(answer) else None

    def probe_in_step(self) -> Frame | None:
        """As `probe`, and once more behind what brings a byte stream back in step."""
        if (answer := self.probe()) is not None:
            return answer
        self._listen(self.script.quiet)
        if self.script.filler:
            self._place.send(self.script.filler)
            self._listen(self.script.quiet)
        return self.probe()

    def grow_old(self) -> None:
        """Let the device run longer than a restart and the next probe can take, so that its uptime tells them."""
        self._listen(_OLD * self._timeout)

    def play(self, steps: tuple[Step, ...]) -> list[Frame | None]:
        """Perform the steps; the answers, None for a message without the one that is due. Raises Gone."""
        sent: dict[int, bytes] = {}
        answers: list[Frame | None] = []
        for number, step in enumerate(steps):
            if isinstance(step, Send):
                sent[number], answer = self.send(step, sent.get(step.replay_of))
                due = step.wait and self._wire.expects_reply(sent[number])
                answers += [answer] if answer or due else []
            else:
                self._do(step)
        return answers

    def send(self, step: Send, again: bytes | None = None) -> tuple[bytes, Frame | None]:
        """Send a message, or the bytes of an earlier one `again`; what really went out, and its answer."""
        data = self._resolved(step) if again is None else again
        tell(f"→ {step.message}: {data.hex(' ')}")
        self._came = b""
        self._begun = self._wire.unfinished(self._begun + data)
        self._place.send(data)
        if not step.wait:
            return data, None
        expects = self._wire.expects_reply(data)
        answer = self._listen(self._timeout if expects else UNEXPECTED_SECONDS, data)
        if step.message == self.script.leaking:
            held = (name for name, secret in self.script.secrets.items() if secret in self._came and secret not in data)
            self.leaked += [name for name in held if name not in self.leaked]
        if answer is None and expects:
            tell("  no reply, although one is due")
        return data, answer

    def _resolved(self, step: Send) -> bytes:
        data = bytearray(step.data)
        for live in step.live:
            data[live.offset : live.offset + live.length] = self._live(live, bytes(data))
        return bytes(data)

    def _live(self, live: LiveField, data: bytes) -> bytes:
        if live.name.startswith("session:"):
            return session_value(self._conversation, live.name[8:], live, data)
        if live.name.startswith("handle:"):
            return self._place.handle(live.name[7:]).to_bytes(2, "little")
        if live.name not in self._checksums:
            return self._wire.resolve(live, data, self._conversation)
        covered = bytearray(data[live.start : live.stop])
        first = live.offset - live.start
        if 0 <= first < len(covered):
            covered[first : first + live.length] = bytes(min(live.length, len(covered) - first))
        return self._checksums[live.name](bytes(covered))

    def _listen(self, seconds: float, asked: bytes = b"") -> Frame | None:
        """What comes within that time, until the answer to what was `asked`; keep-alives are answered."""
        deadline, rest = time.monotonic() + seconds, b""
        while came := self._place.receive(deadline):
            tell(f"← {came.hex(' ')}")
            self._came += came
            frames, rest = self._wire.split(rest + came)
            for frame in frames:
                self._ended = self._ended or self._wire.ends(frame)
                if reply := self._wire.learn(frame, self._conversation):
                    self._place.send(reply)
                if asked and self._wire.answers(asked, frame):
                    return frame
        return None

    def _do(self, step: Step) -> None:
        if isinstance(step, Wait):
            tell(f"  {step.seconds:g} s pass")
            self._listen(step.seconds)
        elif isinstance(step, Reconnect):
            tell("  another connection")
            self.anew()
        elif isinstance(step, Stimulate):
            self._ask(f"set {step.stimulus} to {step.value:g}")
        elif isinstance(step, Reset):
            self._ask("switch the device off and on again, and wait until it is up")
            self.start_over()

    def _ask(self, request: str) -> None:
        if not self._person(request):
            self.undone.append(request)


def play_all(player: Player) -> int:
    """From the first probe to the last; the exit code. Raises NotTested."""
    before = _first_contact(player)
    state, unanswered = "", False
    for case in player.script.cases:
        if case.state != state or player.script.reconnect:
            before = _enter(player, case)
            state = case.state
        try:
            unanswered = None in player.play(case.steps) or unanswered
        except Gone as gone:
            tell(f"  {gone}")
            if not player.script.may_close:
                return _verdict(f"FAULT: {gone}", FAULT)
            player.hung_up = True
            player.anew()
    return _last_contact(player, before, unanswered)


def _first_contact(player: Player) -> Frame:
    try:
        player.start_over()
        answer = player.probe_in_step()
        if answer is not None and player.script.growing:
            player.grow_old()
    except Gone as gone:
        raise NotTested(str(gone)) from gone
    if answer is None:
        raise NotTested("the device does not answer the probe before anything was done to it")
    return answer


def _enter(player: Player, case: Case) -> Frame:
    """Bring the device to the case's state, and let the probe prove it as far as its answer can be read."""
    tell(f"to state {case.state}:")
    try:
        player.start_over()
        answers = player.play(case.preamble)
        proof = player.probe()
        if not case.preamble:
            player.leave_session()
    except Gone as gone:
        raise NotTested(f"state {case.state} was not reached: {gone}") from gone
    if None in answers or proof is None:
        raise NotTested(f"state {case.state} was not reached: a message on the way had no answer")
    read = player.script.read(proof)
    for name, value in case.proof.items():
        if read and read.get(name) != value:
            raise NotTested(f"state {case.state} was not reached: wanted {name} = {value}; got {read.get(name)}")
    if read:
        player.undone.clear()
    elif case.proof:
        tell(f"  (this script cannot read whether the device is in state {case.state})")
    tell("the case:")
    return proof


def _last_contact(player: Player, before: Frame, unanswered: bool) -> int:
    try:
        player.leave()
        after = player.probe_in_step()
    except Gone as gone:
        return _verdict(f"FAULT: {gone}", FAULT)
    if after is None:
        return _verdict("FAULT: the probe is not answered any more", FAULT)
    earlier, later = player.script.read(before), player.script.read(after)
    if restarted := _restarted(player.script, earlier, later):
        return _verdict(f"FAULT: the device restarted: {restarted}", FAULT)
    if player.leaked:
        return _verdict(f"FAULT: the reply to {player.script.leaking} holds {', '.join(player.leaked)}", FAULT)
    if player.undone:
        raise NotTested(f"the probe is answered, but nobody did this: {', '.join(player.undone)}")
    return _served(player, later, unanswered)


def _served(player: Player, read: Mapping[str, int | str | bytes], unanswered: bool) -> int:
    """The verdict on a device that answers the last probe as well."""
    script = player.script
    if unanswered and script.owed:
        return _verdict("FAULT: the message is not answered, as it must be, and the probe is", FAULT)
    if script.owed and player.hung_up:
        return _verdict("the device hangs up instead of an answer: whether it may, this script cannot see", NOT_SEEN)
    if unanswered:
        words = "a message was not answered, the probe is: whether the device restarted, this script cannot see"
        return _verdict(words, NOT_SEEN)
    tells_restarts = any(name in read for name in (*script.growing, *script.counting))
    if not (script.seen or (script.restart and tells_restarts)):
        return _verdict("the probe is answered; whether the fault came back, this script cannot see", NOT_SEEN)
    return _verdict("the probe is answered: the device serves", SERVES)


def _restarted(script: Script, before: Mapping[str, int | str | bytes], after: Mapping[str, int | str | bytes]) -> str:
    """What of the probe's answer shows a restart; "" where nothing does, or it cannot be read."""
    for name in (*script.growing, *script.counting):
        old, new = before.get(name), after.get(name)
        if isinstance(old, int) and isinstance(new, int) and (new < old or (new > old and name in script.counting)):
            return f"{name} was {old} and is {new}"
    return ""


def _verdict(words: str, code: int) -> int:
    tell(words)
    return code


def ask_person(request: str) -> bool:
    """Wait until a person has done it; raises EOFError where there is none."""
    input(f"  please {request}, then press Enter ")
    return True


def ask_nobody(request: str) -> bool:
    """Go on without it."""
    tell(f"  (not done: {request})")
    return False


def main(
    script: Script,
    wire: Wire,
    checksums: Mapping[str, Callable[[bytes], bytes]],
    place_at: Callable[[str], Carrier],
    argv: list[str] | None = None,
) -> int:
    """The exit code: 0 the device serves, 1 it does not, 3 nothing was tested, 4 a probe cannot see this fault.

    `place_at` makes the place of an address; raises ValueError.
    """
    parser = argparse.ArgumentParser(description=script.title)
    words = "where the device is: tcp:HOST:PORT, serial:PORT?baudrate=115200, ble:ADDRESS?pair=on, …"
    if script.address:
        parser.add_argument("address", nargs="?", default=script.address, help=f"{words} (default: %(default)s)")
    else:
        parser.add_argument("address", help=words)
    parser.add_argument("--yes", action="store_true", help="go on without what only a person can do")
    parser.add_argument("--timeout", type=float, default=script.timeout, help="seconds for an answer (%(default)s)")
    given = parser.parse_args(argv)
    try:
        place = place_at(given.address)
    except ValueError as error:
        parser.error(str(error))
    try:
        return play_all(Player(script, place, wire, checksums, ask_nobody if given.yes else ask_person, given.timeout))
    except (NotTested, EOFError, KeyboardInterrupt) as reason:
        return _verdict(f"not tested: {reason or 'nobody pressed Enter'}", NOT_TESTED)
    finally:
        place.close()
