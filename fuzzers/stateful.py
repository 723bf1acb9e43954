"""A `RuleBasedStateMachine` of Hypothesis out of a protocol: rules are messages, a sequence is one case.

Messages are valid or have one field bent; those that need a login come behind one. Bytes are sent again, and there are
the waits and actions that the protocol names. What a rule does is put down; at the end it is played, and the monitors
say what came of it. (Hypothesis: MacIver et al., JOSS 2019.)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from hypothesis import note, reject
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from fuzzers.chains import can_take, is_natural
from fuzzers.planned import checked_states
from fuzzers.pools import classes_of
from fuzzers.values import Values
from harness.case import Origin, Send, Step, TestCase, Wait
from harness.errors import GuardRefused
from harness.interfaces import Mark
from harness.outcome import Outcome
from harness.verdict import KINDS, Blame, Observation
from protocols.model import Message, Protocol

NAME = "stateful"
_SHOWN = 32  # bytes
Play = Callable[[TestCase], Outcome]


def machine_of(
    protocol: Protocol, interface: str, states: Sequence[str], stimuli: Collection[str], play: Play
) -> type[RuleBasedStateMachine]:
    """The machine of an interface, in some of its states (none: all); `stimuli` are those that the bench has.

    Raises UsageError where no state is in reach.
    """
    begins = checked_states(protocol, states, stimuli)
    actions = [steps for steps in protocol.actions.values() if can_take(steps, stimuli)]
    rules: dict[str, Any] = {f"say_{name}": _said(message, protocol) for name, message in protocol.messages.items()}
    rules["begin"] = initialize(state=st.sampled_from(begins))(begin)
    rules["say_again"] = precondition(_has_sent)(rule(which=st.integers(0, 7))(say_again))
    if protocol.waits:
        rules["wait"] = rule(seconds=st.sampled_from(protocol.waits))(wait)
    if actions:
        rules["act"] = rule(action=st.sampled_from(actions))(act)
    return type("Sequence", (_Sequence,), {"interface": interface, "play": staticmethod(play), **rules})


class _Sequence(RuleBasedStateMachine):
    interface: str
    play: Play

    def __init__(self) -> None:
        super().__init__()
        self.state, self.steps = "", list[Step]()

    def teardown(self) -> None:
        """Play what was put down; raises AssertionError where the device shows a fault."""
        if not any(isinstance(step, Send) for step in self.steps):
            return
        path = tuple(step.message for step in self.steps if isinstance(step, Send))
        try:
            outcome = self.play(TestCase(self.interface, self.state, tuple(self.steps), Origin(NAME, path)))
        except GuardRefused:
            reject()
        for exchange in outcome.transcript.exchanges:
            note(f"{exchange.message}: {_shown(exchange.sent)} → {_shown(b''.join(exchange.replies))}")
        if seen := [one for one in outcome.observations if KINDS[one.kind].blame is Blame.DEVICE]:
            raise AssertionError(_words(seen))


def _shown(data: bytes) -> str:
    return f"{data[:_SHOWN].hex(' ')} … ({len(data)} bytes)" if len(data) > _SHOWN else data.hex(" ") or "nothing"


def _words(seen: Sequence[Observation]) -> str:
    return "; ".join(f"{one.kind}: {one.summary}" for one in seen)


def begin(self: _Sequence, state: str) -> None:
    self.state = state


def wait(self: _Sequence, seconds: float) -> None:
    self.steps.append(Wait(seconds))


def act(self: _Sequence, action: tuple[Step, ...]) -> None:
    self.steps += action


def _has_sent(self: _Sequence) -> bool:
    return any(isinstance(step, Send) for step in self.steps)


def say_again(self: _Sequence, which: int) -> None:
    """The very bytes of an earlier message, counters and tokens and all."""
    sent = [place for place, step in enumerate(self.steps) if isinstance(step, Send) and step.replay_of < 0]
    place = sent[which % len(sent)]
    step: Any = self.steps[place]
    self.steps.append(Send(step.message, step.data, step.live, step.spans, True, replay_of=place))


def _said(message: Message, protocol: Protocol) -> Any:
    """The rule that sends a message: 0 as it stands, then its valid forms, then each value of each field."""
    bends = [values for several in classes_of(message, 0, protocol.max_len).values() for values in several]
    most = len(message.valid) + sum(values.count for values in bends) - 1

    def say(self: _Sequence, form: int) -> None:
        self.steps += [*protocol.lead_in(message.name), protocol.in_place(_form(message, bends, form))]

    def may_be_said(self: _Sequence) -> bool:
        sent = {step.message for step in self.steps if isinstance(step, Send)}
        needed = (edge.target for edge in protocol.path_to(message.name)[:-1])
        logins = {name for name in needed if Mark.AUTHENTICATION in protocol.message(name).marks}
        return is_natural(protocol, message, self.state) or logins <= sent

    say.__name__ = say.__qualname__ = f"say_{message.name}"
    return precondition(may_be_said)(rule(form=st.integers(0, most))(say))


def _form(message: Message, bends: Sequence[Values], form: int) -> Send:
    if form < len(message.valid):
        return message.valid[form]
    form -= len(message.valid)
    for values in bends:
        if form < values.count:
            return message.mutated(values.at(form))
        form -= values.count
    raise IndexError(form)
