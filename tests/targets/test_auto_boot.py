"""What firmware does before anybody sends it anything: code in RAM, interrupts for a moment, one that crashes it."""

from dataclasses import replace

import pytest
from thumb import assembled

from targets.board.auto.boot import boot
from targets.board.auto.description import Description, Tick
from targets.board.auto.infer import describe
from targets.board.auto.machine import AutoMachine
from targets.board.image import Image
from targets.board.layout import memory_of

HEAD = """
.word 0x20004000, start, 0, stop, stop, stop, stop, 0, 0, 0, 0, stop, 0, 0, stop, tick
.word alarm
.rept 31
.word stop
.endr
.thumb_func
stop: b stop
.thumb_func
tick:
    ldr r0, =0x20000200
    ldr r1, [r0]
    adds r1, #1
    str r1, [r0]
    bx lr
.thumb_func
alarm:
    ldr r2, =0x40001000
    ldr r1, [r2, #4]
    ldr r0, =0x20000300
    ldr r1, [r0]
    adds r1, #1
    str r1, [r0]
    LIMIT
    bx lr
crash: .short 0xde00
.thumb_func
start:
"""
COPIES = """
    ldr r0, =code
    ldr r1, =0x20000100
    movs r2, #16
1:  ldr r3, [r0]
    str r3, [r1]
    adds r0, #4
    adds r1, #4
    subs r2, #1
    bne 1b
    ldr r1, =0x20000101
    bx r1
.align 2
code:
    movs r4, #1
    movs r5, #2
    adds r4, r5
2:  wfi
    b 2b
    .short 0x4444, 0x4564, 0x4484, 0x44a4, 0x44c4, 0x44e4, 0x4424, 0x4464
"""
COUNTS = """
    ldr r0, =0xe000e010
    ldr r1, =20000
    str r1, [r0, #4]
    movs r1, #7
    str r1, [r0]
    cpsid i
    ldr r4, =0x20000400
"""
BUSY = """
3:  nop
    ldr r3, [r4]
    cmp r3, #1
    beq 4f
    cbz r3, 4f
4:  cpsie i
    cpsid i
    b 3b
"""
ASLEEP = """
3:  ldr r3, [r4]
    cmp r3, #1
    beq 4f
    b 5f
4:  cpsie i
    cpsid i
    b 3b
5:  wfi
    b 4b
"""
GOES_ROUND = """
    cpsie i
7:  ldr r3, [r4]
    .rept 60
    nop
    .endr
    WORKS
    b 7b
"""
WORKS = """
    ldr r5, =0x20000200
    ldr r5, [r5]
    cmp r5, #40
    blo 7b
    movs r5, #1
    str r5, [r4, #4]
"""
ENABLES = """
    ldr r0, =0x40001000
    movs r1, #1
    str r1, [r0]
    ldr r0, =0xe000e100
    str r1, [r0]
6:  wfi
    b 6b
"""


@pytest.fixture
def built(tmp_path):
    """An image of some assembly behind a vector table."""

    def image(body, limit=""):
        return Image(assembled(tmp_path, (HEAD + body).replace("LIMIT", limit)))

    return image


def counted(machine, address=0x20000200):
    return machine.cpu.word(address)


def test_code_that_it_copies_to_ram_may_run_there(built):
    image = built(COPIES)
    description = describe(image)
    assert description.memory.executable == ((0x20000000, 0x1000),)
    machine = AutoMachine(image, description)
    machine.power_on()
    machine.run(100_000)
    assert (machine.events, machine.sleeping, machine.cpu.register("r4")) == ([], True, 3)


def test_nothing_else_may(built):
    """What stands in RAM and in no image is no code of its maker's."""
    image = built("    ldr r1, =0x20000101\n    ldr r0, =0xbf30bf30\n    str r0, [r1, #3]\n    bx r1\n")
    description = describe(image)
    assert description.memory.executable == ()
    assert boot(image, description).machine.events[0].detail["type"] == "execution outside the code"


def test_code_in_ram_is_what_a_snapshot_has_there(built):
    image = built(COPIES)
    machine = AutoMachine(image, describe(image))
    machine.power_on()
    machine.run(100_000)
    moment = machine.snapshot()
    machine.cpu.ram[0x100:0x102] = b"\x09\x24"  # movs r4, #9
    for kept, first in ((None, 9), (moment, 1)):
        if kept is not None:
            machine.restore(kept)
        machine.cpu.forget_code(0x20000000, 0x1000) if kept is None else None
        machine.cpu.set_register("pc", 0x20000101)
        machine.sleeping = False
        machine.run(machine.schedule.base + 3)
        assert machine.cpu.register("r4") == first + 2


@pytest.mark.parametrize("idle", [BUSY, ASLEEP])
def test_an_idle_loop_lets_interrupts_in_for_one_instruction(built, idle):
    image = built(COUNTS + idle)
    machine = AutoMachine(image, Description(memory_of(image), "cortex-m4"))
    machine.power_on()
    machine.run(400_000)
    assert (machine.events, counted(machine)) == ([], pytest.approx(20, abs=1))
    machine.run(machine.schedule.base + 2_000)
    assert machine.sleeping


def test_a_loop_that_was_proven_is_not_proven_again_at_each_tick(built, monkeypatch):
    image = built(COUNTS + GOES_ROUND.replace("WORKS", ""))
    machine = AutoMachine(image, Description(memory_of(image), "cortex-m4"))
    slices, run = [], machine.cpu.run
    monkeypatch.setattr(machine.cpu, "run", lambda pc, count: slices.append(pc) or run(pc, count))
    machine.power_on()
    machine.run(2_010_000)
    assert (machine.events, machine.sleeping, counted(machine)) == ([], True, pytest.approx(100, abs=1))
    assert len(slices) < 5 * counted(machine)


def test_what_such_a_loop_does_at_a_later_tick_is_done(built):
    image = built(COUNTS + GOES_ROUND.replace("WORKS", WORKS))
    machine = AutoMachine(image, Description(memory_of(image), "cortex-m4"))
    machine.power_on()
    machine.run(780_000)
    assert (machine.events, counted(machine, 0x20000404)) == ([], 0)
    machine.run(850_000)
    assert (machine.events, counted(machine, 0x20000404)) == ([], 1)


@pytest.mark.parametrize(("limit", "raised"), [("cmp r1, #6\n    bhi crash", False), ("", True)])
def test_an_interrupt_that_crashes_it_before_anything_was_sent_is_no_tick(built, limit, raised):
    image = built(ENABLES, limit)
    description = describe(image)
    assert [tick.exception for tick in description.ticks] == [16] * raised
    assert boot(image, description).machine.events == []
    forced = replace(description, ticks=(Tick(16, ()),))
    assert bool(boot(image, forced).machine.events) is not raised
