"""What a signal raises while an emulator runs comes through its C code, wherever that calls back."""

import signal

import pytest
from thumb import assembled

from harness.campaigns.interruption import handled, leave
from targets.board.auto.description import Description
from targets.board.auto.machine import AutoMachine
from targets.board.image import Image
from targets.board.layout import memory_of
from targets.board.machine import Machine
from targets.board.native.library import library
from targets.board.native.machine import CompiledMachine

READS_FOR_EVER = """
.word 0x20004000, start, 0
.thumb_func
start:
    ldr r0, =0x50060800
1:  ldr r1, [r0]
    ldr r1, [r0, #4]
    b 1b
"""
ROUNDS, SECONDS, CYCLES, MOST_RUNS = 40, 0.003, 5_000, 2_000


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    return Image(assembled(tmp_path_factory.mktemp("small"), READS_FOR_EVER))


def machine(kind, image):
    if kind is CompiledMachine:
        if library() is None:
            pytest.skip("nothing here can compile the core")
        return CompiledMachine(image, functions=library())
    return AutoMachine(image, Description(memory_of(image), "cortex-m4")) if kind is AutoMachine else Machine(image)


@pytest.mark.parametrize("kind", [Machine, CompiledMachine, AutoMachine])
def test_none_is_lost(kind, image):
    running = machine(kind, image)
    running.power_on()
    for _ in range(ROUNDS):
        with handled(leave, signal.SIGALRM):
            signal.setitimer(signal.ITIMER_REAL, SECONDS)
            with pytest.raises(SystemExit, match=str(128 + signal.SIGALRM)):
                for _ in range(MOST_RUNS):
                    running.busy = 0
                    running.sleeping = False
                    running.run(running.schedule.base + CYCLES)


def test_what_a_wrapper_of_unicorns_kept_is_raised(image):
    class Interrupted(set):
        def add(self, _edge):
            raise KeyboardInterrupt

    running = machine(AutoMachine, image)
    running.power_on()
    edges, running.edges = running.edges, Interrupted()
    with pytest.raises(KeyboardInterrupt):
        running.run(CYCLES)
    running.edges = edges
    running.run(2 * CYCLES)
