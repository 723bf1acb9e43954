"""Which functions of a firmware never ran, and how the code that did leads to them."""

import subprocess
import sys

import pytest
from pump_device import PUMP, Pump

from targets.board.functions import functions_run
from targets.board.image import Image
from targets.board.references import References, functions_in

CODE = """
#define OWN __attribute__((noinline, used))
typedef int (*handler)(int);
volatile int input;
OWN static int log2nd(int a) { input = a; return a ^ 5; }
OWN static int store(int a) { input = a; input = a + 1; input = a + 2; return log2nd(a); }
OWN int on_get(int a) { return input + a; }
OWN int on_set(int a) { return store(a) + 1; }
OWN int on_stop(int a) { return a - input; }
OWN int refuse(int a) { input = a; return -a; }
OWN int forgotten(int a) { return a * input; }
handler const handlers[] = { on_get, on_stop, on_set };
handler const spare[] = { on_stop };
OWN int dispatch(unsigned code, int a) {
    int done = code < 3 ? handlers[code](a) : refuse(a);
    return done + input;
}
OWN void reset(void) { for (;;) dispatch(input, input); }
void *const vectors[] __attribute__((section(".vectors"), used)) = { (void *)0x20001000, reset, forgotten };
"""
SCRIPT = """
MEMORY { FLASH (rx) : ORIGIN = 0x08000000, LENGTH = 64K RAM (rw) : ORIGIN = 0x20000000, LENGTH = 16K }
ENTRY(reset)
SECTIONS { .vectors : { KEEP(*(.vectors)) } > FLASH  .text : { *(.text*) *(.rodata*) } > FLASH
  .bss (NOLOAD) : { *(.bss*) } > RAM  /DISCARD/ : { *(.ARM.ex*) *(.comment) *(.note*) } }
"""
FLAGS = ("-target", "thumb-freestanding-eabi", "-mcpu=cortex_m4", "-msoft-float", "-ffreestanding", "-nostdlib")
VECTORS = 0x08000000


@pytest.fixture(scope="module", params=["-Os", "-O2", "-O2 -mexecute-only"])
def image(request, tmp_path_factory):
    """Addresses are literals with -Os, and parts of instructions where code may not be read."""
    folder = tmp_path_factory.mktemp("functions")
    (folder / "code.c").write_text(CODE)
    (folder / "script.ld").write_text(SCRIPT)
    compiler = [sys.executable, "-m", "ziglang", "cc", *FLAGS, "-gline-tables-only", *request.param.split()]
    subprocess.run([*compiler, "-T", "script.ld", "code.c", "-o", "it.elf"], cwd=folder, check=True)
    return Image(folder / "it.elf")


def edges(image, *names):
    """As if these functions had run, one behind the other."""
    places = [image.symbols[name].address for name in names]
    return {places[n] << 32 | places[(n + 1) % len(places)] + 2 for n in range(len(places))}


def test_what_a_table_has_beside_what_ran_comes_first_then_what_is_called(image):
    seen = functions_run(image, edges(image, "reset", "dispatch", "on_get"), VECTORS)
    assert seen.ran == 3
    assert [(one.name, one.lead) for one in seen.never[:3]] == [
        ("on_set", "beside on_get in handlers"),
        ("on_stop", "beside on_get in handlers"),
        ("refuse", "called by dispatch"),
    ]
    assert {(one.name, one.lead) for one in seen.never[3:]} == {("store", ""), ("log2nd", ""), ("forgotten", "")}
    assert all(one.place.startswith("code.c:") for one in seen.never)


def test_a_table_of_which_nothing_ran_is_named_with_who_uses_it(image):
    seen = functions_run(image, edges(image, "reset", "dispatch"), VECTORS)
    assert seen.never[0].name == "on_set"
    assert {one.lead for one in seen.never if one.name.startswith("on_")} == {"in handlers, which dispatch uses"}


def test_the_vector_table_leads_nowhere(image):
    references = References(image, functions_in(image), VECTORS)
    assert list(references.of(image.symbols["handlers"]))
    assert "vectors" not in {one.name for one in references.of(image.symbols["reset"])}
    assert all(
        one.lead == "" for one in functions_run(image, edges(image, "reset"), VECTORS).never if one.name == "forgotten"
    )


def test_nothing_is_said_without_names_or_before_a_start(image):
    assert functions_run(image, (), VECTORS) is None
    image.named = ()
    assert functions_run(image, {0x08000100 << 32 | 0x08000102}, VECTORS) is None


def test_the_pump_has_run_what_a_message_leads_to():
    pump = Pump(PUMP / "pump-fixed.elf")
    before = pump.target.functions()
    assert before.never[0].name == "command_run"
    assert before.never[0].lead == "called by link_poll"
    pump.session()
    after = pump.target.functions()
    assert after.ran > before.ran
    assert after.ran + after.missing == before.ran + before.missing
    assert "command_run" not in {one.name for one in after.never}
