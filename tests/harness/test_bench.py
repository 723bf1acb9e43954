"""A bench file: each kind of target has its own keys, and a bench that includes another may be of another kind."""

import pytest

from harness.bench import load_bench
from harness.bench_tables import KINDS, EmulatorTable, ExternalTable, OwnTable, ProcessTable
from harness.errors import UsageError

INTERFACE = '\n[interfaces.main]\ntransport = "tcp:127.0.0.1:9"\nprotocol = "toy.py"\n'
WHOLE = {
    "emulator": 'kind = "emulator"\nname = "x"\nelf = "a.elf"\nhz = 8000000\n[target.ports]\nlink = "USART1"',
    "process": 'kind = "process"\nname = "x"\ncommand = ["a", "{elf}"]\nelf = "a.elf"\nchannel = "unix:"',
    "external": 'kind = "external"\nname = "x"\narmed = true\nreset_command = ["b"]',
    "my.py:T": 'kind = "my.py:T"\nname = "x"\n[target.options]\nspeed = 3',
}


def bench(folder, target, name="bench.toml"):
    file = folder / name
    file.write_text(f"[target]\n{target}\n{INTERFACE}")
    return file


@pytest.mark.parametrize(
    ("kind", "table", "hardware"),
    [
        ("emulator", EmulatorTable, False),
        ("process", ProcessTable, False),
        ("external", ExternalTable, True),
        ("my.py:T", OwnTable, True),
    ],
)
def test_each_kind_of_target_has_a_table_of_its_own(tmp_path, kind, table, hardware):
    target = load_bench(bench(tmp_path, WHOLE[kind])).target
    assert (type(target), target.is_hardware, target.kind) == (table, hardware, kind)


def test_every_kind_is_tried_here():
    assert {*KINDS, "my.py:T"} == set(WHOLE)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (
            'kind = "external"\nname = "x"\nelf = "y"',
            r"key 'elf'. It is for a target of kind emulator or process, and this",
        ),
        (
            'kind = "process"\nname = "x"\ncommand = ["a"]\nhz = 3',
            "key 'hz'. It is for a target of kind emulator, and this",
        ),
        ('kind = "external"\nname = "x"\nchanel = ""', "unknown key 'chanel'. Did you mean 'channel'"),
        ('kind = "procss"\nname = "x"', r"\[target.kind\] 'procss' is unknown. Did you mean 'process'.* FILE.py:NAME"),
        ('kind = "process"\nname = "x"', r"\[target\] needs the key 'command'"),
        ('kind = "emulator"\nname = "x"', r"\[target\] needs the key 'elf'"),
        ('kind = "emulator"\nname = "x"\nelf = ""', r"\[target\] elf: .* at least 1 character"),
        ('name = "x"', r"\[target\] needs the key 'kind'"),
        ("kind = 3\nname = 'x'", r"\[target\] kind: .* valid string"),
    ],
)
def test_what_is_wrong_with_a_target_is_said_with_its_key(tmp_path, target, said):
    with pytest.raises(UsageError, match=said):
        load_bench(bench(tmp_path, target))


@pytest.mark.parametrize("over", [kind for kind in WHOLE if kind != "emulator"])
def test_a_bench_of_another_kind_leaves_out_what_only_the_included_one_has(tmp_path, over):
    base = WHOLE["emulator"].replace("hz =", "settle = 0.5\nhz =")
    bench(tmp_path, base, "base.toml")
    file = tmp_path / "over.toml"
    file.write_text(f'include = "base.toml"\n[target]\n{WHOLE[over]}\n')
    target = load_bench(file).target
    assert (target.kind, target.settle, hasattr(target, "hz")) == (over, 0.5, False)


def test_a_bench_of_the_same_kind_keeps_what_the_included_one_has(tmp_path):
    bench(tmp_path, WHOLE["emulator"], "base.toml")
    file = tmp_path / "over.toml"
    file.write_text('include = "base.toml"\n[target]\nkind = "emulator"\nname = "y"\n')
    target = load_bench(file).emulator
    assert (target.name, target.hz, target.ports, target.elf) == (
        "y",
        8_000_000,
        {"link": "USART1"},
        str(tmp_path / "a.elf"),
    )


@pytest.mark.parametrize("kind", list(WHOLE))
def test_firmware_is_replaced_where_there_is_some(tmp_path, kind):
    loaded = load_bench(bench(tmp_path, WHOLE[kind]))
    other = tmp_path / "other.elf"
    if kind == "external":
        with pytest.raises(UsageError, match="takes no firmware: leave --elf out"):
            loaded.with_elf(other)
    else:
        assert loaded.with_elf(other).firmware == other
