"""A program of many commands and few bugs: what ends in one line of its code is one finding, whatever was sent."""

import sqlite3
import textwrap

import pytest

from harness.campaigns.session import Options, run_campaign
from harness.verdict import Kind

COMMANDS = 41
SERVER = """
    import socket, struct, sys

    def first(body):
        raise ValueError("too long: %d" % len(body))

    def second(body):
        return {}[len(body)]

    def third(body):
        raise ValueError("too long: %d" % len(body))

    def handle(command, body):
        if len(body) > 30:
            (first, second, third)[command % 3](body)

    def exactly(link, size):
        data = b""
        while len(data) < size and (more := link.recv(size - len(data))):
            data += more
        return data

    def serve(link):
        while len(head := exactly(link, 4)) == 4:
            command, size = struct.unpack(">HH", head)
            handle(command, exactly(link, size))
            link.sendall(struct.pack(">HH", command | 0x8000, 0))

    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    while True:
        link, _ = listener.accept()
        with link:
            serve(link)
"""
PROTOCOL = f"""
    import struct

    import boofuzz

    from harness.interfaces import Frame, FrameKind, State
    from protocols.model import Edge, Message, Protocol, messages_by_name
    from protocols.wire import Wire


    def message(number):
        content = boofuzz.Block("content", children=(boofuzz.String("text", "abc", max_len=60),))
        size = boofuzz.Size("size", ".content", length=2, endian=">", fuzzable=False)
        head = boofuzz.Static("command", struct.pack(">H", number))
        return Message(boofuzz.Request(f"command_{{number}}", children=(head, size, content)))


    class Framing(Wire):
        def split(self, buffer):
            frames = []
            while len(buffer) >= 4 and len(buffer) >= (size := 4 + int.from_bytes(buffer[2:4])):
                frames.append(Frame(FrameKind.REPLY, buffer[:size]))
                buffer = buffer[size:]
            return tuple(frames), buffer

        def answers(self, sent, frame):
            return frame.data[1] == sent[1]

        def served(self, frame):
            return frame.data[:2] == bytes([0x80, 0])


    MESSAGES = messages_by_name([message(number) for number in range({COMMANDS})])
    PROTOCOL = Protocol(
        "many",
        MESSAGES,
        tuple(Edge("", name) for name in MESSAGES),
        Framing(),
        {{"idle": State("idle", (), {{}})}},
        MESSAGES["command_0"].send(),
        reply_timeout=1.0,
        max_len=80,
    )
"""
BENCH = """
    [target]
    kind = "process"
    name = "many commands"
    command = ["python3", "server.py", "{port}"]
    settle = 0.1
    [interfaces.net]
    transport = "tcp:127.0.0.1:{port}"
    protocol = "many.py:PROTOCOL"
    fuzzers = ["enumerate"]
    [limits]
    triage = 0.0
"""


@pytest.mark.slow
def test_many_messages_that_end_in_three_lines_of_code_are_three_findings(tmp_path, ports):
    (tmp_path / "server.py").write_text(textwrap.dedent(SERVER))
    (tmp_path / "many.py").write_text(textwrap.dedent(PROTOCOL))
    bench = tmp_path / "bench.toml"
    bench.write_text(textwrap.dedent(BENCH.format(port=ports[0])))
    record, folder = run_campaign(Options(bench, "many", seed=1, cases=60, out=tmp_path / "run"))
    said = sorted(found.observation.summary.rpartition(", ")[2] for found in record.confirmed)
    assert said == ["in first", "in second", "in third"]
    assert {found.kind for found in record.findings} == {Kind.EXIT}
    with sqlite3.connect(folder / "store.sqlite") as store:
        seen = store.execute("select distinct message from cases where verdict = 'finding'").fetchall()
    assert len(seen) >= 6  # by message they would be as many
