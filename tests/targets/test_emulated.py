"""The board as a target: time, links, sensors, signals and snapshots of an emulated device."""

import itertools
from dataclasses import replace
from pathlib import Path

import pytest

from harness.assembly.assemble import assemble
from harness.bench import load_bench
from harness.case import Origin, TestCase, Wait
from harness.errors import BenchError, LinkClosed, LinkError, UsageError
from harness.transcript import Way
from harness.transports import transport
from targets.boards import emulated_target

PUMP = Path(__file__).parents[2] / "targets" / "pump"
BENCH = load_bench(PUMP / "bench-fixed.toml")
STATUS = bytes.fromhex("a5020000018979")


@pytest.fixture
def pump():
    target = emulated_target(BENCH, seed=1)
    target.start()
    return target


def changed(**tables):
    """The bench with one table's entries replaced."""
    ((name, entries),) = tables.items()
    return BENCH.model_copy(update={name: getattr(BENCH, name) | entries}).with_elf(PUMP / "pump-fixed.elf")


def status(target):
    link = transport("emulator:/maintenance", target).open(1.0)
    link.send(STATUS, link.now() + 1.0)
    return link.receive(link.now() + 1.0)


def test_a_probe_is_answered_in_virtual_time(pump):
    before = pump.now()
    assert b"SN-0004711" in status(pump)
    assert 0 < pump.now() - before < 0.5


def test_a_device_to_which_much_was_sent_at_once_has_the_time_that_it_takes_on_the_line():
    """As slow as a real line is that one; the probe's answer is due when the probe is through."""
    assembly = assemble(PUMP / "bench-fixed.toml", seed=1)
    order = assembly.protocols["network"].message("order").send()
    orders = (*(replace(order, wait=False) for _ in range(48)), Wait(0.01))
    case = TestCase("network", "idle", orders, Origin("test", ("order",) * 48))
    assembly.runner.start()
    outcome = assembly.runner.run(case, probe=True)
    assert outcome.transcript.ended - outcome.transcript.started > 48 * len(order.data) * 10 / 115200 > 0.6
    assert (outcome.transcript.service.way, list(outcome.observations)) == (Way.AT_ONCE, [])


def test_silence_ends_exactly_at_the_deadline_in_virtual_time(pump):
    link = transport("emulator:/maintenance", pump).open(1.0)
    deadline = link.now() + 100.0
    assert link.receive(deadline) == b""
    assert link.now() == pytest.approx(deadline, abs=0.001)


def test_a_closed_link_takes_nothing_and_a_new_one_starts_empty(pump):
    link = transport("emulator:/maintenance", pump).open(1.0)
    link.send(STATUS, link.now() + 1.0)
    pump.advance(0.5)
    link.close()
    with pytest.raises(LinkClosed):
        link.send(STATUS, link.now() + 1.0)
    fresh = transport("emulator:/maintenance", pump).open(1.0)
    assert fresh.receive(fresh.now() + 0.2) == b""


def test_start_is_a_power_on_with_factory_flash_and_the_same_every_time(pump):
    first = status(pump)
    pump.stimulate("air", 500.0)
    pump.advance(5.0)
    pump.start()
    assert status(pump)[2:] == first[2:]


def test_sensors_are_in_their_own_unit_and_calm_brings_them_back(pump):
    names = list(BENCH.signals)
    pump.take_samples()
    pump.stimulate("occlusion", 12.5)
    pump.advance(0.5)
    assert max(sample.values[names.index("pressure")] for sample in pump.take_samples()) == pytest.approx(12.5)
    pump.calm()
    pump.advance(0.5)
    assert pump.take_samples()[-1].values[names.index("pressure")] == pytest.approx(2.0)


def test_signals_come_once_on_change_and_in_order(pump):
    pump.stimulate("air", 300.0)
    pump.advance(2.0)
    samples = pump.take_samples()
    times = [sample.time for sample in samples]
    assert times == sorted(times)
    assert all(one.values != two.values for one, two in itertools.pairwise(samples))
    assert pump.take_samples() == []


@pytest.mark.parametrize(
    ("stimulus", "value", "words"),
    [("aire", 1.0, "Did you mean 'air'"), ("air", float("nan"), "nan"), ("air", float("inf"), "inf")],
)
def test_a_stimulus_that_cannot_be_is_refused(pump, stimulus, value, words):
    with pytest.raises(UsageError, match=words):
        pump.stimulate(stimulus, value)


def test_a_stimulus_beyond_the_converter_is_its_end(pump):
    pump.stimulate("air", 1e9)
    assert pump.machine.chip.adc.inputs[0] == 4095
    pump.stimulate("air", -5.0)
    assert pump.machine.chip.adc.inputs[0] == 0


def test_a_snapshot_holds_device_sensors_and_time_and_forgets_what_was_not_taken(pump):
    pump.take_samples()
    kept = pump.snapshot()
    before, now = status(pump), pump.now()
    pump.restore(kept)
    pump.stimulate("air", 500.0)
    pump.advance(10.0)
    pump.restore(kept)
    assert (pump.take_samples(), pump.take_events()) == ([], [])
    assert status(pump) == before
    assert pump.now() == now


def test_a_reset_keeps_settings_counts_boots_and_is_no_event(pump):
    before = status(pump)
    pump.reset()
    assert pump.take_events() == []
    assert status(pump) != before
    assert b"SN-0004711" in status(pump)


def test_the_console_tells_what_the_firmware_printed_with_times(pump):
    pump.reset()
    text = pump.take_console()
    assert b"".join(data for _time, data in text)
    assert pump.take_console() == ()


def test_facts_name_the_firmware_and_what_is_not_modelled(pump):
    facts = pump.facts()
    assert facts["firmware"] == "pump-fixed.elf"
    assert len(facts["firmware_sha256"]) == 64
    assert "IP stack" in facts["limits"]


def test_a_port_that_is_not_there_and_a_target_of_another_kind_are_told(pump):
    with pytest.raises(LinkError, match="Did you mean 'network'"):
        transport("emulator:/netwrok", pump).open(1.0)
    with pytest.raises(UsageError, match="kind 'emulator'"):
        transport("emulator:/network", object())


@pytest.mark.parametrize(
    ("bench", "error", "words"),
    [
        (changed(stimuli={"air": BENCH.stimuli["air"].model_copy(update={"adc": None})}), UsageError, "adc = CHANNEL"),
        (
            changed(signals={"x": BENCH.signals["air"].model_copy(update={"symbol": "sensor_ai"})}),
            UsageError,
            "sensor_air",
        ),
        (changed(signals={"x": BENCH.signals["motor"].model_copy(update={"pin": "QB9"})}), UsageError, "not a pin"),
        (BENCH.with_elf(PUMP / "bench.toml"), BenchError, "not an ELF"),
    ],
)
def test_a_bench_that_does_not_fit_the_firmware_is_told_at_once(bench, error, words):
    with pytest.raises(error, match=words):
        emulated_target(bench, seed=1)


def test_every_life_begins_with_all_signals_told(pump):
    for _ in range(2):
        pump.start()
        (first,) = pump.take_samples()
        assert None not in first.values
