"""Firmware of chips that nobody described: it boots, its port is found, its planted faults are named."""

from dataclasses import replace
from functools import partial

import pytest
from foreign_firmware import FAULTS, FIRMWARES

from harness.at_rest import AT_REST
from harness.errors import UsageError
from targets.board.auto.board_file import board_text, read_board
from targets.board.auto.infer import describe
from targets.board.auto.liveness import Liveness
from targets.board.auto.waiting import Loop
from targets.board.auto.words import WordSearch
from targets.board.native.automatic import new_auto_machine
from targets.undescribed import UndescribedTarget


@pytest.fixture(scope="module", params=FIRMWARES, ids=lambda firmware: f"{firmware.name}-{firmware.cpu}")
def device(request, tmp_path_factory):
    """The faulty firmware booted on the board that was inferred from it, and the moment at which it waits."""
    image = request.param.image(tmp_path_factory.mktemp(request.param.name), FAULTS)
    target = target_of(image, describe(image))
    target.start()
    assert target.booted[0] == ()
    return target.machine, target.machine.snapshot(), target


def target_of(image, description):
    return UndescribedTarget(
        image,
        name="device",
        ports={"main": "UART0"},
        signals={},
        stimuli={},
        hz=16_000_000,
        hang_budget=1_000_000,
        seed=0,
        settle=1.0,
        build=partial(new_auto_machine, description=description),
        ram=description.memory.ram,
    )


def say(device, data, seconds=1.0):
    """What comes back for some bytes from the moment at which it waits."""
    machine, moment, _target = device
    machine.restore(moment)
    machine.events.clear()
    port = machine.chip.ports[0]
    port.output.clear()
    port.feed(data)
    machine.run_to_rest(machine.schedule.base + round(seconds * machine.hz), machine.hz // 30)
    return b"".join(sent for _cycle, sent in port.output)


def test_it_has_one_port_that_greeted(device):
    machine, moment, _target = device
    machine.restore(moment)
    assert [port.description.name for port in machine.chip.ports] == ["UART0"]
    assert b"READY v1.2" in b"".join(sent for _cycle, sent in machine.chip.ports[0].output)


def test_it_answers(device):
    assert say(device, b"mode 1\r\nstatus\r\n") == b"ok\r\nlines 3 mode 1\r\n"
    assert device[0].events == []


def test_it_takes_every_byte_and_rests_again(device):
    say(device, b"x" * 300)
    machine = device[0]
    assert (machine.chip.busy, machine.sleeping, machine.locked) == (False, True, False)


@pytest.mark.parametrize(
    ("sent", "function"), [(b"mode ~\r\n", "set_mode"), (b"name " + b"A" * 60 + b"\r\n", "set_name")]
)
def test_a_planted_fault_is_named(device, sent, function):
    say(device, sent)
    machine = device[0]
    fault = next(event for event in machine.events if event.kind == "fault")
    if machine.image.symbols:  # a raw binary has none
        assert fault.detail["symbol"] == function
        assert fault.detail["line"].startswith("app.c:")


def asked(device, *sent):
    """What the link says in the end to who asks whether the device serves, behind some messages."""
    machine, moment, target = device
    machine.restore(moment)
    target.take_events()
    link = target.link("main")
    for data in (*sent, b""):
        link.send(data, target.now() + 1)
        heard = [b"-"]
        while heard[-1]:
            heard.append(link.receive(target.now() + 1))
    return b"".join(heard[1:])


def test_it_serves_when_it_took_all_and_waits_again(device):
    assert asked(device, b"status\r\n", b"half a li").endswith(AT_REST)
    assert device[2].take_events() == []


def test_where_nobody_knows_where_it_waits_taking_bytes_is_enough_for_what_polls(device, monkeypatch):
    machine, moment, _target = device
    machine.restore(moment)
    port = machine.chip.ports[0]
    monkeypatch.setattr(machine, "description", replace(machine.description, idles=frozenset()))
    say(device, b"status\r\n")
    polled = not port.description.exception and port.description.transfer is None
    assert not polled or Liveness(machine).serves(port)


def test_the_loop_that_is_told_by_its_head_is_the_one_that_it_rested_in(device, monkeypatch):
    machine, moment, _target = device
    machine.restore(moment)
    liveness, loop = Liveness(machine), Loop(0x100, frozenset({0x100, 0x110, *machine.description.idles}), 30)
    monkeypatch.setattr(type(machine), "rests", 0x100)
    monkeypatch.setattr(type(machine), "loop", loop)
    assert liveness.serves(machine.chip.ports[0])


def test_a_hang_is_told_with_its_place(device):
    assert not asked(device, b"halt\r\n").endswith(AT_REST)
    hangs = [event for event in device[2].take_events() if event.kind == "hang"]
    assert [hang.detail["symbol"] for hang in hangs] == ["halt"] or not device[0].image.symbols


def test_the_board_file_gives_the_same_board(device, tmp_path):
    description = device[0].description
    file = tmp_path / "board.toml"
    file.write_text(board_text(description, "device.elf"))
    again = read_board(file)
    assert (again.memory, again.core, again.waits, again.values, again.idles) == (
        *(description.memory, description.core, description.waits, description.values, description.idles),
    )
    plain = [replace(port, evidence=()) for port in description.ports]
    assert ([*again.ports], again.ticks) == (plain, tuple(replace(tick, evidence=()) for tick in description.ticks))


def test_a_transmitter_with_an_interrupt_of_its_own_is_told(device):
    machine, _moment, _target = device
    (port,) = machine.description.ports
    assert port.sender == (16 + 4 if machine.image.symbols.get("sender_interrupt") else 0)


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        ("irq = 3", "irq = 3000", "port.0.irq"),
        ("bit = 2", "bit = 999", "port.0.gates.0.bit"),
        ("receive = 0x4000c01c", "receive = -1", "port.0.receive"),
        ("period = 0.001", "period = 0", "tick.0.period"),
    ],
)
def test_nonsense_in_a_board_file_is_named(tmp_path, good, bad, said):
    image = FIRMWARES[-1].image(tmp_path, FAULTS)
    file = tmp_path / "board.toml"
    file.write_text(board_text(describe(image), "device.elf"))
    assert good in file.read_text()
    file.write_text(file.read_text().replace(good, bad))
    with pytest.raises(UsageError, match=said):
        read_board(file)


def test_nothing_is_told_of_what_nobody_guessed(device):
    say(device, b"mode ~\r\n")
    machine = device[0]
    ticks = [f"IRQ {tick.exception - 16} raised" for tick in machine.description.ticks]
    for event in machine.events:
        assert all(word in event.detail.get("rests_on", "") for word in ticks)
        assert ticks or "raised" not in event.detail.get("rests_on", "")


def test_words_are_found_letter_by_letter_also_behind_a_table(device):
    machine, moment, _target = device
    machine.restore(moment)
    words = WordSearch(machine, machine.chip.ports[0]).words()
    assert {b"halt", b"mode ", b"name "} <= set(words)
