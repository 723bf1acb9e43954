"""Whole campaigns against devices that connect to us: a sound one, one that dies, one that reconnects by itself."""

import json
import socket
import sys
from pathlib import Path

import pytest

from harness.assembly.assemble import assemble
from harness.campaigns.session import Options, run_campaign
from harness.case import Origin, TestCase
from harness.errors import UsageError
from harness.handover.document import handed_over
from harness.handover.script import script_text
from harness.place import listening
from harness.verdict import Kind
from protocols.hl7_listener import PROTOCOL
from protocols.render import Change

PEER = Path(__file__).parents[1] / "peers" / "hl7_sender.py"
BENCH = """
[target]
kind = "process"
name = "a sender"
command = {command}
settle = 0.1
[interfaces.results]
transport = "listen:{place}"
protocol = "narrow.py:PROTOCOL"
reply_timeout = 0.4
open_timeout = 1.0
fuzzers = ["enumerate"]
[limits]
triage = 2
"""
NARROW = """
from dataclasses import replace

from protocols.hl7_listener import PROTOCOL as WHOLE

NAMES = {"device_message", "accept", "reject"}
PROTOCOL = replace(
    WHOLE,
    messages={name: message for name, message in WHOLE.messages.items() if name in NAMES},
    edges=tuple(edge for edge in WHOLE.edges if {edge.source, edge.target} <= NAMES | {""}),
)
"""


@pytest.fixture(params=["tcp", "unix"])
def place(request, tmp_path):
    if request.param == "unix":
        return f"unix:{tmp_path}/socket"
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"tcp:127.0.0.1:{free.getsockname()[1]}"


def bench(folder, place, *options, command=()):
    """The path of a bench whose device is a sender with these options."""
    sender = [sys.executable, str(PEER), place.partition(":")[2], "--interval", "0.01", "--patience", "0.2", *options]
    (folder / "bench.toml").write_text(BENCH.format(command=json.dumps(list(command) or sender), place=place))
    (folder / "narrow.py").write_text(NARROW)
    return folder / "bench.toml"


def campaign(folder, place, *options, cases=40, command=(), seed=0):
    path = bench(folder, place, *options, command=command)
    return run_campaign(Options(path, "bench", out=folder / "run", cases=cases, seconds=45.0, findings=1, seed=seed))[0]


@pytest.mark.parametrize("options", [(), ("--once",)], ids=["one connection", "one for each message"])
def test_a_sound_sender_passes_and_its_messages_are_counted(place, options, tmp_path):
    record = campaign(tmp_path, place, *options)
    assert (record.exit_code, record.findings) == (0, ())
    tally = record.interfaces["results"]
    assert tally.cases == 40
    assert tally.answered >= 40
    if place.startswith("unix:"):
        assert not Path(place.removeprefix("unix:")).exists()
    else:
        listening(place)[0].close()  # the run listens there no more


@pytest.mark.slow
@pytest.mark.parametrize("place", ["tcp"], indirect=True)
def test_a_sender_that_dies_of_an_acknowledgement_is_found_and_replayed(place, tmp_path):
    record = campaign(tmp_path, place, "--fault", "long_id", cases=400, seed=1)
    (found,) = record.confirmed
    assert (record.exit_code, found.kind) == (1, Kind.EXIT)
    assert (found.reproduced, found.tries) == (3, 3)
    assert "MSA.2" in found.case.origin.field
    handover = handed_over(found, record.manifest)
    with pytest.raises(UsageError, match=r"a script waits for nobody\. Use --json"):
        script_text(handover, "x.py")


@pytest.mark.parametrize("place", ["tcp"], indirect=True)
def test_a_sender_that_goes_on_no_more_is_lost_and_comes_back_with_a_reset(place, tmp_path):
    runner = assemble(bench(tmp_path, place, "--fault", "no_text"), seed=0).runner
    try:
        runner.start()
        no_text = PROTOCOL.messages["reject"].mutated((Change("message.MSA.3", b""),))
        case = TestCase("results", "idle", (*PROTOCOL.lead_in("reject"), no_text), Origin("test"))
        seen = runner.run(case).observations
        assert [one.kind for one in seen] == [Kind.LINK_LOST]
        assert "nobody connected" in seen[0].summary
        runner.fresh()
        assert runner.contact("results") is not None
    finally:
        runner.stop()


@pytest.mark.parametrize("place", ["tcp"], indirect=True)
def test_a_device_that_never_connects_is_exit_3_that_says_what_to_look_at(place, tmp_path):
    record = campaign(tmp_path, place, command=["sleep", "60"])
    assert record.exit_code == 3
    assert "does the device know this address?" in record.bench_faults[0]


@pytest.mark.parametrize("place", ["tcp"], indirect=True)
def test_a_program_that_ends_before_it_connects_is_told_at_once_with_its_last_words(place, tmp_path):
    record = campaign(tmp_path, place, command=["sh", "-c", "echo no licence >&2; exit 4"])
    assert record.exit_code == 3
    assert "exit status 4: no licence" in record.bench_faults[0]
