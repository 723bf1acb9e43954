"""Firmware that is spoken to over something else than a UART: what its port is, and that a message reaches it whole."""

from dataclasses import replace

import pytest
from foreign_firmware import BUSES

from targets.board.auto.board_file import board_text, read_board
from targets.board.auto.description import Gate
from targets.board.auto.infer import describe
from targets.board.native.automatic import new_auto_machine

VALID, INVALID = b"\x31\x08", b"\x32\x08"
ANSWERED, REFUSED = b"\x31\x07\x01", b"\xe0\x32\x00"
HEADS = {"I2C_SLAVE": b"", "SPI_SLAVE": b"\x00\x7e\xa5", "FIFO": b"\x03", "SPI_MASTER": b"\xff\x02"}
TAILS = {"FIFO": b"\x80"}


@pytest.fixture(scope="module", params=["I2C_SLAVE", "SPI_SLAVE", "FIFO", "SPI_MASTER"])
def device(request, tmp_path_factory):
    """The bus, the firmware's image, and what was found out of it."""
    image = BUSES[request.param].image(tmp_path_factory.mktemp("buses"))
    return request.param, image, describe(image)


def booted(image, description):
    machine = new_auto_machine(image, description=description)
    machine.power_on()
    machine.run(machine.hz)
    return machine


def said(machine, data):
    """What the firmware gives out for a message, and how often it has served by then."""
    port = machine.chip.ports[0]
    port.output.clear()
    port.feed(data)
    machine.run_to_rest(machine.schedule.base + machine.hz, machine.hz // 30)
    served = machine.cpu.word(machine.image.symbols["served"].address)
    return b"".join(sent for _cycle, sent in port.output), served


def message(bus, data):
    return HEADS[bus] + data + TAILS.get(bus, b"")


def test_its_port_is_found_with_how_it_is_used(device):
    bus, _image, description = device
    (port,) = description.ports
    assert port.exception == 16 + 31
    assert (port.burst, port.asked) == (bus == "FIFO", bus == "SPI_MASTER")
    assert bool(port.begins and port.ends and port.reads) == (bus == "I2C_SLAVE")
    assert port.name == {"I2C_SLAVE": "BUS0", "SPI_SLAVE": "UART0", "FIFO": "FIFO0", "SPI_MASTER": "SPI0"}[bus]


def test_only_whole_messages_are_served_and_answered(device):
    bus, image, description = device
    machine = booted(image, description)
    valid, served = said(machine, message(bus, VALID))
    assert (ANSWERED in valid, served) == (True, 1)
    refused, served = said(machine, message(bus, INVALID))
    assert (REFUSED in refused, served) == (True, 2)
    assert machine.events == []
    assert (machine.chip.busy, machine.sleeping, machine.locked) == (False, True, False)


@pytest.mark.parametrize("device", ["I2C_SLAVE"], indirect=True)
def test_on_i2c_it_is_its_address_and_the_stop_and_the_answer_is_read_until_nothing_comes(device):
    _bus, image, description = device
    (port,) = description.ports
    status, direction = 0x40005414, 0x40005418
    assert (port.begins, port.ends) == ((Gate(status, 1),), (Gate(status, 4),))
    assert set(port.reads) >= {Gate(status, 1)}
    assert Gate(direction, 2) in port.reads
    assert port.sending == (Gate(status, 7),)
    answer, _served = said(booted(image, description), VALID)
    assert answer == ANSWERED + b"\x00"


@pytest.mark.parametrize("device", ["I2C_SLAVE"], indirect=True)
def test_without_its_signals_nothing_is_served_on_i2c(device):
    _bus, image, description = device
    bare = replace(description.ports[0], begins=(), ends=(), reads=())
    assert said(booted(image, description.with_ports(bare)), VALID)[1] == 0


@pytest.mark.parametrize("device", ["I2C_SLAVE"], indirect=True)
def test_a_message_behind_one_whose_answer_is_being_read_is_one_of_its_own(device):
    _bus, image, description = device
    machine = booted(image, description)
    machine.chip.ports[0].feed(VALID)
    machine.run(machine.schedule.base + 20_000)
    assert said(machine, INVALID) == (ANSWERED + b"\x00" + REFUSED + b"\x00", 2)


@pytest.mark.parametrize("device", ["SPI_MASTER"], indirect=True)
def test_bytes_that_nothing_asked_for_are_dropped_with_the_next_message_on_spi(device):
    bus, image, description = device
    machine = booted(image, description)
    assert said(machine, message(bus, VALID) + b"left over")[1] == 1
    assert said(machine, message(bus, VALID))[0] == said(machine, message(bus, VALID))[0]


def test_the_board_file_gives_the_same_port(device, tmp_path):
    _bus, _image, description = device
    file = tmp_path / "board.toml"
    file.write_text(board_text(description, "device.elf"))
    assert read_board(file).ports == tuple(replace(port, evidence=()) for port in description.ports)


def test_a_snapshot_in_the_middle_of_a_message_goes_on_with_it(device):
    bus, image, description = device
    machine = booted(image, description)
    machine.chip.ports[0].feed(message(bus, VALID))
    machine.run(machine.schedule.base + 1200)
    moment = machine.snapshot()
    outcomes = []
    for _ in range(2):
        machine.restore(moment)
        machine.run_to_rest(machine.schedule.base + machine.hz, machine.hz // 30)
        outcomes.append((list(machine.chip.ports[0].output), bytes(machine.cpu.ram)))
    assert outcomes[0] == outcomes[1]
