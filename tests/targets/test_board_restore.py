"""Going back and forth between kept states: what a case shows does not depend on which state came before."""

from harness.assembly.assemble import assemble
from harness.assembly.benches import find_bench
from harness.case import Origin, TestCase, Wait

STATES = {"maintenance": ("session", "infusing"), "network": ("idle", "ordered")}


def shown(runner, protocols, interface, state):
    """What the probe and a second of waiting show in a state: bytes, times, signals, console, verdicts."""
    case = TestCase(interface, state, (protocols[interface].probe, Wait(1.0)), Origin("test"))
    outcome = runner.run(case, probe=True)
    transcript, observations = outcome.transcript, list(outcome.observations)
    assert transcript.state_reached
    return transcript.exchanges, transcript.samples, transcript.console, transcript.ended, observations


def test_every_state_shows_the_same_whichever_state_came_before():
    assembly = assemble(find_bench("pump-fixed"), seed=1)
    runner, protocols = assembly.runner, assembly.protocols
    runner.start()
    places = [(interface, state) for interface, states in STATES.items() for state in states]
    for place in places:
        shown(runner, protocols, *place)
    alone = {place: [shown(runner, protocols, *place) for _ in range(2)][1] for place in places}
    for first in places:
        for then in places:
            assert shown(runner, protocols, *first) == alone[first]
            assert shown(runner, protocols, *then) == alone[then]
