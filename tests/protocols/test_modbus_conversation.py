"""Modbus against pymodbus: every request as it stands is answered, on TCP and on a line, and the answer is read."""

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

import harness.transports.serial
import harness.transports.tcp
from harness.bench import Bench
from harness.bench_tables import ExternalTable
from harness.executor import Executor
from harness.guard import Guard
from harness.transports import transport
from protocols.modbus import CODES
from protocols.load import load_protocol
from targets.served import served_target

SERVER = Path(__file__).parents[1] / "peers" / "pymodbus_server.py"
BENCH = Bench(target=ExternalTable(kind="external", name="server"), interfaces={})
KINDS = ("tcp", "rtu", "ascii")


@contextmanager
def conversation(kind, folder):
    """An executor that talks with a server of its own, in `folder`."""
    place = "0" if kind == "tcp" else str(folder / "line")
    command = [sys.executable, "-W", "ignore", str(SERVER), kind, place]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            place = server.stdout.readline().strip()
            moniker = f"tcp:127.0.0.1:{place}" if kind == "tcp" else f"serial:{place}?baudrate=115200"
            target = served_target(BENCH)
            protocol = load_protocol(f"modbus_{kind}")
            executor = Executor(
                protocol,
                transport(moniker, target),
                target,
                Guard(None, ()),
                reply_timeout=1.0,
                open_timeout=5.0,
                adaptive=True,
            )
            executor.begin()
            yield executor
            executor.close()
        finally:
            server.kill()


@pytest.mark.parametrize("kind", KINDS)
def test_every_valid_request_is_answered_by_a_reply_that_is_read_without_a_rest(kind, tmp_path):
    with conversation(kind, tmp_path) as executor:
        assert executor.probe().fields["register_0"] == 17
        for message in executor.protocol.messages.values():
            for form in message.valid:
                executor.begin()
                reply = executor.send(form)
                assert reply is not None, (message.name, form.data.hex(" "))
                (exchange,) = executor.exchanges
                assert (exchange.stray, exchange.unsolicited) == (b"", ()), message.name
                assert reply.fields["function_code"] & 0x7F == CODES[message.name]
