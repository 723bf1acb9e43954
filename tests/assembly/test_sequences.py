"""Sequences by Hypothesis: what may follow what; a fault is found and made small, and a sound device passes."""

import unittest

import pytest
from hypothesis import HealthCheck, Phase, settings

from fuzzers.stateful import machine_of
from harness.assembly.sequences import sequences
from harness.case import Send, Wait
from harness.errors import UsageError
from protocols.load import load_protocol

FEW = {
    "deadline": None,
    "database": None,
    "derandomize": True,
    "stateful_step_count": 5,
    "suppress_health_check": list(HealthCheck),
    "phases": (Phase.generate, Phase.shrink),
}
LINK = load_protocol("pump_link")


def run(tests, examples):
    """What a test class of sequences comes to."""
    tests.settings = settings(max_examples=examples, **FEW)
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(tests).run(result)
    return result


def test_a_fault_of_the_pump_is_found_and_what_shows_it_is_small():
    result = run(sequences("pump", "maintenance"), 600)
    ((_test, told),) = result.failures or result.errors
    assert "AssertionError: " in told
    steps = [line for line in told.splitlines() if "state.say_" in line and "def " not in line]
    assert 1 <= len(steps) <= 4


def test_the_pump_without_faults_passes():
    result = run(sequences("pump-fixed", "maintenance"), 40)
    assert (result.testsRun, result.failures, result.errors) == (1, [], [])


@pytest.fixture
def machine():
    """The pump's machine; nothing is played."""
    return machine_of(LINK, "maintenance", (), ("keypad_confirm", "air"), lambda case: None)()


def allowed(machine):
    """The messages that may be said now."""
    may = [rule.function.__name__ for rule in machine.rules if all(one(machine) for one in rule.preconditions)]
    return {name.removeprefix("say_") for name in may}


def test_what_needs_a_login_comes_behind_one(machine):
    machine.begin(state="idle")
    assert "open_session" in allowed(machine)
    assert "read_log" not in allowed(machine)
    machine.say_open_session(form=0)
    machine.say_prove(form=0)
    assert {"read_log", "bolus"} <= allowed(machine)


def test_rules_put_down_steps_and_bytes_are_sent_again(machine):
    machine.begin(state="session")
    machine.say_echo(form=0)
    machine.wait(seconds=1.0)
    machine.say_again(which=5)
    first, pause, again = machine.steps
    assert (first.message, pause, again.replay_of) == ("echo", Wait(1.0), 0)
    assert not first.mutated


def test_every_form_of_a_message_is_one_that_can_be_sent(machine):
    machine.begin(state="session")
    valid = len(LINK.message("echo").valid)
    for form in (*range(valid + 3), valid + 300):
        machine.say_echo(form=form)
    assert all(isinstance(step, Send) for step in machine.steps)
    assert [step.mutated for step in machine.steps] == [False] * valid + [True] * 4


def test_a_real_device_is_asked_nothing_before_its_bench_is_armed(tmp_path):
    bench = tmp_path / "b.toml"
    bench.write_text(
        '[target]\nkind = "external"\nname = "x"\n'
        '[interfaces.main]\ntransport = "tcp:127.0.0.1:1"\nprotocol = "pump_link"\n'
    )
    with pytest.raises(UsageError, match="armed = true"):
        sequences(str(bench))
    with pytest.raises(UsageError, match="Did you mean 'maintenance'"):
        sequences("pump", "maintenence")
