"""A protocol without a probe is for a board that knows whether its firmware waits again."""

import pytest

from harness.assembly.protocols import protocol_in
from harness.bench import load_bench
from harness.errors import UsageError

BENCH = '[target]\nkind = "{}"\nname = "x"\n{}\n[interfaces.main]\ntransport = "{}"\nprotocol = "bytes"\n'


@pytest.mark.parametrize(
    ("kind", "more", "transport"),
    [("external", "", "tcp:127.0.0.1:1"), ("emulator", 'elf = "x.elf"', "emulator:/main")],
)
def test_elsewhere_a_probe_is_wanted(tmp_path, kind, more, transport):
    file = tmp_path / "bench.toml"
    file.write_text(BENCH.format(kind, more, transport))
    with pytest.raises(UsageError, match="wants a probe"):
        protocol_in(load_bench(file), "main")


def test_on_an_inferred_board_none_is_needed(tmp_path):
    file = tmp_path / "bench.toml"
    file.write_text(BENCH.format("emulator", 'elf = "x.elf"\nboard = "auto"', "emulator:/UART0"))
    assert protocol_in(load_bench(file), "main").probe.data == b""
