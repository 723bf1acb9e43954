"""The compiled core is found or built, or the reference runs in its place."""

import ctypes
import subprocess
import sys

import pytest

from benchmarks.cores_described import devices
from targets.board import chip
from targets.board.image import Image
from targets.board.machine import Machine
from targets.board.native import build, library
from targets.board.native.machine import CompiledMachine, new_machine
from targets.board.sampler import Sampler, SignalSource
from targets.boards import emulated_target

needs_compiler = pytest.mark.skipif(not build.compiler(), reason="no C compiler")
PUMP = devices()["pump"]


@pytest.fixture(autouse=True)
def looked_for_anew(monkeypatch):
    monkeypatch.delenv(library.CHOICE, raising=False)
    library.library.cache_clear()
    yield
    library.library.cache_clear()


def test_the_reference_runs_where_it_is_asked_for(monkeypatch):
    monkeypatch.setenv(library.CHOICE, library.REFERENCE)
    assert type(new_machine(Image(PUMP.elf))) is Machine
    assert library.core_name() == "Python reference (MEDFUZZ_BOARD=reference)"


def test_the_reference_runs_where_nothing_can_build_the_core(monkeypatch, tmp_path):
    monkeypatch.setattr(build, "COMPILERS", ())
    monkeypatch.setattr(build, "find_spec", lambda _name: None)
    monkeypatch.setattr(build, "file_name", lambda: "board-of-other-sources.so")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert type(new_machine(Image(PUMP.elf))) is Machine
    assert library.core_name() == "Python reference (no C compiler built the core)"


@needs_compiler
def test_a_folder_that_cannot_be_written_sends_the_core_to_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    built = build.build

    def refused(folder, command):
        if folder == build.SOURCES:
            raise PermissionError(folder)
        return built(folder, command)

    monkeypatch.setattr(build, "file_name", lambda: "board-of-a-test.so")
    monkeypatch.setattr(build, "build", refused)
    found = library.library()
    assert found is not None
    assert found.path == tmp_path / "cache" / "medfuzz" / "board-of-a-test.so"
    assert [path.name for path in found.path.parent.iterdir()] == [found.path.name]


@needs_compiler
def test_ziglang_builds_it_too(tmp_path):
    pytest.importorskip("ziglang")
    made = build.build(tmp_path, [sys.executable, "-m", "ziglang", "cc"])
    assert type(CompiledMachine(Image(PUMP.elf), functions=library.Library(made))) is CompiledMachine


@needs_compiler
def test_the_layout_of_what_both_look_at_is_the_same():
    found = library.library()
    assert found is not None
    assert found.shared_size() == ctypes.sizeof(library.Shared)


@needs_compiler
def test_a_bench_with_more_signals_than_the_core_has_room_for_runs_on_the_reference():
    image = Image(PUMP.elf)
    symbol = next(name for name, found in image.symbols.items() if found.size == 4 and found.address >= 0x20000000)
    sampler = Sampler({f"signal {number}": SignalSource(symbol) for number in range(300)}, image)
    assert type(new_machine(image, sampler=sampler)) is Machine


@needs_compiler
def test_a_chip_with_a_usart_of_its_own_runs_on_the_reference(monkeypatch):
    class Usart(chip.Usart):
        """Does what the core does not know."""

    monkeypatch.setattr(chip, "Usart", Usart)
    assert type(new_machine(Image(PUMP.elf))) is Machine


@needs_compiler
def test_a_bank_of_its_own_is_asked_in_python(monkeypatch):
    class Watchdog(chip.Watchdog):
        """As slow as the reference."""

    monkeypatch.setattr(chip, "Watchdog", Watchdog)
    machine, reference = new_machine(Image(PUMP.elf)), Machine(Image(PUMP.elf))
    for one in (machine, reference):
        one.run(16_000_000)
    assert type(machine) is CompiledMachine
    assert machine.chip.watchdog.started
    assert (machine.schedule.base, bytes(machine.cpu.ram)) == (reference.schedule.base, bytes(reference.cpu.ram))
    assert machine.chip.watchdog.deadline == reference.chip.watchdog.deadline


@needs_compiler
def test_an_emulated_target_runs_on_it():
    target = emulated_target(PUMP.bench.with_elf(PUMP.elf), seed=1)
    assert type(target.machine) is CompiledMachine


@needs_compiler
def test_warnings_are_errors_in_the_cores_sources(tmp_path):
    sources = [str(path) for path in sorted(build.SOURCES.glob("*.c"))]
    command = [*build.compiler(), "-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", *sources]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
