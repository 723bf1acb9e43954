"""Port 0 of a bench's own program: a free port, which its command is told."""

import json
import sys

import pytest

from harness.assembly.assemble import assemble
from harness.assembly.meeting import meet
from harness.assembly.ports import has_free_port, with_free_ports
from harness.bench import load_bench
from harness.campaigns.sharing import require_shareable
from harness.errors import UsageError

SERVER = """
import socket, sys
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
    while True:
        link, _peer = listener.accept()
        with link:
            while said := link.recv(64):
                link.sendall(b"ok")
"""


def bench(folder, command, **transports):
    """Interfaces by name, each on its transport."""
    tables = "".join(
        f'[interfaces.{name}]\ntransport = "{moniker}"\nprotocol = "bytes?probe=78"\n'
        for name, moniker in transports.items()
    )
    path = folder / "bench.toml"
    path.write_text(f'[target]\nkind = "process"\nname = "server"\ncommand = {json.dumps(command)}\n{tables}')
    return path


def ports_in(found):
    return [int(table.transport.partition("?")[0].rpartition(":")[2]) for table in found.interfaces.values()]


def test_a_program_is_given_a_free_port_and_met_there(tmp_path):
    (tmp_path / "server.py").write_text(SERVER)
    path = bench(tmp_path, [sys.executable, str(tmp_path / "server.py"), "{port}"], main="tcp:127.0.0.1:0")
    both = [assemble(path, seed=1) for _ in range(2)]
    try:
        for assembly in both:
            assembly.runner.start()
            assert set(meet(assembly)) == {"main"}
        require_shareable(both[0].bench)
    finally:
        for assembly in both:
            assembly.runner.stop()


def test_of_several_ports_each_has_a_name(tmp_path):
    transports = {"a": "tcp:127.0.0.1:0?x=1", "b": "udp:127.0.0.1:0", "c": "tcp:127.0.0.1:9"}
    found = with_free_ports(load_bench(bench(tmp_path, ["x", "-p={port:a}", "{port:b}"], **transports)))
    first, second, third = ports_in(found)
    assert found.process.command == ["x", f"-p={first}", str(second)]
    assert (min(first, second) > 1023, third, found.folder) == (True, 9, tmp_path)
    assert found.interfaces["a"].transport.endswith("?x=1")


@pytest.mark.parametrize(
    ("command", "transports", "words"),
    [
        (["x"], {"main": "tcp:127.0.0.1:0"}, r"\[interfaces.main\] has port 0.* does not take \{port\}"),
        (["{port}"], {"main": "tcp:127.0.0.1:502"}, r"\{port\}, but no interface has port 0"),
        (["{port:b}"], {"main": "tcp:127.0.0.1:502"}, r"\[interfaces.b\] has no port 0"),
        (["{port}"], {"a": "tcp:h:0", "b": "tcp:h:0"}, "no port is free there"),
        (["{port}"], {"a": "tcp:127.0.0.1:0", "b": "tcp:127.0.0.1:0"}, r"write \{port:a\} and \{port:b\}"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path, command, transports, words):
    with pytest.raises(UsageError, match=words):
        with_free_ports(load_bench(bench(tmp_path, command, **transports)))


def test_other_places_stay_as_they_are(tmp_path):
    written = load_bench(bench(tmp_path, ["x"], main="tcp:127.0.0.1:502", line="pty:line"))
    assert with_free_ports(written) is written
    assert not any(map(has_free_port, ("tcp:h:10", "pty:0", "serial:/dev/x:0", "ble:0")))
