"""Modbus against pymodbus: every request as it stands is answered, on TCP and on a line, and the answer is read."""

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

import harness.transports.serial
import harness.transports.tcp  # noqa: F401
from harness.bench import Bench
from harness.bench_tables import ExternalTable
from harness.executor import Executor
from harness.guard import Guard
from harness.transports import parse_moniker
from harness.transports.serial import serial_transport
from harness.transports.tcp import tcp_transport
from protocols.load import load_protocol
from protocols.modbus import CODES
from protocols.render import Change
from targets.served import served_target

SERVER = Path(__file__).parents[1] / "peers" / "pymodbus_server.py"
BENCH = Bench(target=ExternalTable(kind="external", name="server"), interfaces={})
KINDS = ("tcp", "rtu", "ascii")


def transport_to(kind, place, target):
    if kind == "tcp":
        return tcp_transport(parse_moniker(f"tcp:127.0.0.1:{place}"), target)
    return serial_transport(parse_moniker(f"serial:{place}?baudrate=115200"), target)


@contextmanager
def conversation(kind, folder):
    """An executor that talks with a server of its own, in `folder`."""
    place = "0" if kind == "tcp" else str(folder / "line")
    command = [sys.executable, "-W", "ignore", str(SERVER), kind, place]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            place = server.stdout.readline().strip()
            target = served_target(BENCH)
            executor = Executor(
                load_protocol(f"modbus_{kind}"),
                transport_to(kind, place, target),
                target,
                Guard(None, ()),
                reply_timeout=20.0,
                open_timeout=30.0,
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


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_that_the_server_cannot_read_does_not_keep_it_from_serving(kind, tmp_path):
    with conversation(kind, tmp_path) as executor:
        message = executor.protocol.message("read_file_record")
        executor.send(message.mutated(message.layout.set(reference_type=0xFF, record_length=0xFFFF)))
        assert executor.probe().fields["register_0"] == 17


@pytest.mark.parametrize("kind", ["rtu", "ascii"])
def test_a_frame_with_a_wrong_checksum_is_not_answered(kind, tmp_path):
    with conversation(kind, tmp_path) as executor:
        message = executor.protocol.message("read_coils")
        field = "crc" if kind == "rtu" else "adu.lrc"
        executor.send(message.mutated([Change(field, bytes(2 if kind == "rtu" else 1))]))
        (exchange,) = executor.exchanges
        assert (exchange.answered, exchange.reply_expected, exchange.stray) == (False, False, b"")
        assert executor.probe() or executor.probe()  # a server that is held up reads the first one as more of the same
