"""The machine against small programs: exceptions, stacks, DMA, flash, watchdog, faults, time and snapshots."""

import struct
import subprocess
import sys
from pathlib import Path

import pytest

from targets.board.explain import WriteWatch
from targets.board.image import Image
from targets.board.machine import Machine
from targets.board.native.library import library
from targets.board.native.machine import new_machine

FIRMWARE = Path(__file__).parent / "firmware"
HZ = 16_000_000
CLANG = [sys.executable, "-m", "ziglang", "cc", "-target", "thumb-freestanding-eabi", "-mcpu=cortex_m4", "-Os"]
FLAGS = ["-gline-tables-only", "-ffreestanding", "-nostdlib", "-fno-sanitize=all", "-Wl,-z,max-page-size=4"]


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    folder = tmp_path_factory.mktemp("board")

    def built(program):
        elf = folder / f"{program}.elf"
        if not elf.exists():
            source = [f"-DPROGRAM={program}", "-T", "board.ld", "-Wl,-e,reset_handler", "-o", str(elf), "board.c"]
            subprocess.run([*CLANG, *FLAGS, *source], cwd=FIRMWARE, check=True)
        return Image(elf)

    return built


@pytest.fixture(params=["reference", "compiled"], autouse=True)
def machine_type(request, monkeypatch):
    """Every test here runs on both machines."""
    if request.param == "compiled":
        if library() is None:
            pytest.skip("nothing here can compile the core")
        monkeypatch.setattr(sys.modules[__name__], "Machine", new_machine)


def started(image, seconds=0.1, **options):
    machine = Machine(image, **options)
    machine.run(round(seconds * HZ))
    return machine


def value(machine, name, index=0):
    address = machine.image.symbols[name].address + 4 * index
    return struct.unpack("<I", machine.cpu.read(address, 4))[0]


def trace(machine):
    return [value(machine, "trace", i) for i in range(value(machine, "traced"))]


def kinds(machine):
    return [event.kind for event in machine.events]


def test_a_more_urgent_interrupt_nests_and_the_lazy_one_goes_on(build):
    assert trace(started(build("nesting"), 0.01)) == [1, 3, 4, 2]


def test_interrupts_leave_conditional_execution_alone(build):
    machine = started(build("it_block"), 0.2)
    assert value(machine, "ready") == 1
    assert value(machine, "result") == 1000 * 6 + 1000 * 10
    assert value(machine, "resets") > 500


def test_a_service_call_from_the_process_stack_runs_on_the_main_stack(build):
    machine = started(build("process_stack"))
    assert (value(machine, "ready"), value(machine, "result"), trace(machine)) == (1, 105, [2])


def test_bytes_come_and_go_by_dma_at_the_speed_of_the_wire(build):
    machine = started(build("echo"))
    usart, before = machine.chip.usarts["USART1"], machine.schedule.base
    usart.feed(b"hello, pump")
    machine.watched = usart
    machine.run(before + HZ)
    assert b"".join(data for _cycle, data in usart.output) == b"hello, pump"
    byte = 139 * 10
    assert 22 * byte <= machine.schedule.base - before <= 25 * byte


def test_a_message_longer_than_the_ring_wraps(build):
    machine = started(build("echo"))
    usart = machine.chip.usarts["USART1"]
    received = b""
    for part in (bytes(range(50)), bytes(range(50, 100))):
        usart.feed(part)
        machine.run(machine.schedule.base + HZ)
        received += b"".join(data for _cycle, data in usart.output)
        usart.output.clear()
    assert received == bytes(range(100))


def test_flash_is_programmed_by_clearing_bits_and_erased_by_sector(build):
    assert trace(started(build("flash"))) == [0xFFFFFFFF, 0xFFFF00FF, 0x000000FF, 0x000000FF, 0xFFFFFFFF]


def test_code_runs_from_a_programmed_sector_as_it_is_at_that_moment(build):
    machine = started(build("flash_code"), 0.01)
    kept = machine.snapshot()
    assert (trace(machine), machine.events) == ([7, 9], [])
    machine.cpu.flash[0xE0000:0xE0002] = b"\x0b\x20"
    machine.chip.flash.now_holds({11}, -1)
    wake(machine)
    assert trace(machine) == [7, 9, 11]
    machine.restore(kept)
    wake(machine)
    assert trace(machine) == [7, 9, 9]


def wake(machine):
    machine.nvic.enable(16 + 7)
    machine.nvic.pend(16 + 7)
    machine.run(machine.schedule.base + 1000)


def test_a_service_call_that_is_masked_is_a_fault(build):
    machine = started(build("masked_call"), 0.01, hang_budget=10_000)
    assert machine.events[0].detail["type"] == "service call where it is masked"
    assert machine.events[0].detail["symbol"] == "masked_call"
    assert trace(machine) == [0xDEAD]


def test_a_reset_forgets_what_masked_interrupts(build):
    machine = started(build("systick"), 0.001)
    for name in ("primask", "basepri", "faultmask"):
        machine.cpu.set_register(name, 1)
    machine.reset("pin")
    assert machine.cpu.masks() == (0, 0, 0, 0)


def test_flash_survives_a_reset_and_not_a_factory_start(build):
    machine = started(build("flash"))
    machine.cpu.flash[0xE0000:0xE0004] = b"\x01\x02\x03\x04"
    machine.reset("pin")
    assert machine.cpu.read(0x080E0000, 4) == b"\x01\x02\x03\x04"
    machine.power_on()
    assert machine.cpu.read(0x080E0000, 4) == b"\xff" * 4


def test_a_forgotten_watchdog_resets_and_the_firmware_learns_why(build):
    machine = started(build("watchdog"), 0.4)
    assert value(machine, "result") == 0x0E000000
    machine.run(round(0.9 * HZ))
    assert value(machine, "result") == 0x24000000
    assert [(e.kind, e.detail["cause"]) for e in machine.events] == [("reset", "watchdog")]
    assert machine.events[0].time == pytest.approx(0.5, abs=0.01)


def test_firmware_that_never_idles_hangs_and_is_reset_at_the_watchdogs_deadline(build):
    machine = started(build("spin"), 0.2, hang_budget=100_000)
    assert kinds(machine)[0] == "hang"
    assert machine.events[0].detail["symbol"] == "spin"
    assert machine.events[0].time < 0.01
    machine.run(HZ)
    assert kinds(machine)[1] == "reset"
    assert machine.events[1].time == pytest.approx(4096 * 4 / 32_000, abs=0.05)


@pytest.mark.parametrize(
    ("program", "words", "symbol"),
    [
        ("null_write", "null pointer write", "null_write"),
        ("code_write", "write to flash", "code_write"),
        ("ram_jump", "execution outside the code", "ram_jump"),
    ],
)
def test_a_fault_names_kind_and_place_and_its_handler_runs(build, program, words, symbol):
    machine = started(build(program), 0.02, hang_budget=10_000)
    assert (machine.events[0].kind, machine.events[0].detail["type"]) == ("fault", words)
    assert machine.events[0].detail["symbol"] == symbol
    assert machine.events[0].detail["line"].startswith("board.c:")
    assert trace(machine) == [0xDEAD]


@pytest.mark.parametrize(("program", "words"), [("overflow", "behind label"), ("stack_smash", "was returned to")])
def test_on_replay_the_overwritten_objects_are_named(build, program, words):
    machine = Machine(build(program), hang_budget=10_000)
    watch = WriteWatch(machine)
    machine.run(HZ // 1000)
    returned = machine.events[0].detail.get("returned", "")
    assert bool(returned) is (program == "stack_smash")
    assert words in watch.explanation(returned)
    assert program in watch.explanation(returned) or "smash" in watch.explanation(returned)
    watch.remove()
    watch.forget()
    machine.power_on()
    machine.run(HZ // 1000)
    assert watch.explanation(returned) == ""


def test_a_stack_that_grows_over_its_limit_is_seen_without_a_fault(build):
    machine = started(build("recursion"))
    assert machine.events[0].detail["type"] == "stack grew over its limit"


def test_bit_band_aliases_reach_memory_and_peripherals(build):
    machine = started(build("bit_band"))
    assert (value(machine, "result"), trace(machine)) == (8, [0, 32])


def test_a_rising_edge_on_the_selected_port_interrupts(build):
    machine = started(build("external"))
    for port, level in (("A", True), ("C", True), ("C", True), ("C", False), ("C", True)):
        machine.chip.drive(port, 0, level)
        machine.run(machine.schedule.base + 1000)
    assert trace(machine) == [7, 7]


def test_systick_ticks_in_virtual_time(build):
    machine = started(build("systick"), 0.1)
    assert value(machine, "resets") == 5


def test_time_is_exact_to_the_instruction_when_nothing_idles(build):
    machine = Machine(build("spin"), hang_budget=10_000_000)
    machine.run(12_345)
    assert machine.schedule.base == 12_345


def test_a_snapshot_holds_everything_that_decides_what_comes_next(build):
    machine = started(build("echo"))
    usart = machine.chip.usarts["USART1"]
    usart.feed(b"half way")
    machine.run(machine.schedule.base + 5 * 1390)
    kept = machine.snapshot()
    outcomes = []
    for _ in range(3):
        machine.run(machine.schedule.base + HZ)
        outcomes.append((list(usart.output), machine.schedule.base, machine.cpu.frame(), bytes(machine.cpu.ram)))
        machine.restore(kept)
    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert b"".join(data for _cycle, data in outcomes[0][0]) == b"half way"


def test_the_callers_mistake_in_a_peripheral_is_not_swallowed(build):
    machine = Machine(build("flash"))

    def broken(_offset, _value):
        raise ZeroDivisionError

    machine.bus.redirect(machine.chip.flash, lambda _offset: 0, broken)
    with pytest.raises(ZeroDivisionError):
        machine.run(HZ)
