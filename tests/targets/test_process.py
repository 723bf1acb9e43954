"""Commands that a bench names: they end in time or are ended, and say why they failed."""

import os
import signal
import sys
import time

import pytest

from harness.errors import TargetError
from targets import process
from targets.process import OwnProcess, run_command

PYTHON = sys.executable


def test_a_command_that_leaves_something_running_is_over_when_it_ends(tmp_path):
    started = time.monotonic()
    run_command(["/bin/sh", "-c", f"sleep 60 & echo $! > {tmp_path}/left"], 50.0)
    assert time.monotonic() - started < 40.0
    assert (tmp_path / "left").exists()


def test_what_a_command_leaves_running_may_write_to_its_outputs(tmp_path):
    later = f"(sleep 0.3; echo late; echo late >&2; touch {tmp_path}/wrote) &"
    run_command(["/bin/sh", "-c", later], 5.0)
    deadline = time.monotonic() + 30.0
    while not (tmp_path / "wrote").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_command_that_does_not_end_is_ended_with_what_it_started():
    started = time.monotonic()
    with pytest.raises(TargetError, match=r"did not end in 0\.3 s"):
        run_command(["/bin/sh", "-c", "sleep 60 & sleep 60"], 0.3)
    assert time.monotonic() - started < 30.0


def test_a_command_that_asks_something_gets_no_answer():
    run_command([PYTHON, "-c", "import sys; sys.exit(sys.stdin.read() != '')"], 10.0)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["/bin/sh", "-c", "echo one; echo relay 3 is stuck >&2; exit 4"], "exit status 4: relay 3 is stuck"),
        (["/bin/sh", "-c", "exit 5"], "exit status 5: it said nothing"),
        (["/no/such/relay"], "cannot start /no/such/relay"),
        (["relay\0"], "cannot start"),
    ],
)
def test_a_command_that_fails_is_told_with_its_reason(command, words):
    with pytest.raises(TargetError, match=words):
        run_command(command, 10.0)


def test_a_command_runs_in_the_benchs_folder_and_its_program_is_looked_for_there(tmp_path):
    (tmp_path / "relay").write_text("#!/bin/sh\npwd > here\n")
    (tmp_path / "relay").chmod(0o700)
    run_command(["./relay"], 10.0, tmp_path)
    assert (tmp_path / "here").read_text().strip() == str(tmp_path.resolve())
    device = OwnProcess([PYTHON, "-c", "open('up', 'w').close()"], tmp_path)
    assert device.ended(10.0) == "exit status 0"
    device.stop()
    assert (tmp_path / "up").exists()


def test_medfuzz_itself_is_started_from_any_folder_whatever_lies_there(tmp_path, monkeypatch):
    (tmp_path / "random.py").write_text("raise SystemExit(9)")
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("PYTHONPATH", raising=False)
    run_command(["medfuzz", "--version"], 20.0, tmp_path)


def test_a_device_that_cannot_be_started_is_told():
    with pytest.raises(TargetError, match="cannot start /no/such/device"):
        OwnProcess(["/no/such/device"])


def test_a_folder_that_is_not_there_is_told_as_that_and_not_as_the_program(tmp_path):
    with pytest.raises(TargetError, match=r"no folder .*nowhere\. Check cwd"):
        OwnProcess([PYTHON, "-c", ""], tmp_path / "nowhere")


def test_a_signal_in_the_middle_of_a_start_leaves_no_process(monkeypatch):
    start, started = process._started, []

    def interrupted(*arguments, **options):
        started.append(start(*arguments, **options))
        signal.raise_signal(signal.SIGINT)
        return started[0]

    monkeypatch.setattr(process, "_started", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background has it ignored
    try:
        with pytest.raises(KeyboardInterrupt):
            OwnProcess(["sleep", "30"])
    finally:
        signal.signal(signal.SIGINT, before)
    with pytest.raises(ProcessLookupError):
        os.kill(started[0].pid, 0)


def test_what_it_writes_to_its_error_output_is_heard_once_and_its_last_words_stay(tmp_path):
    device = OwnProcess(
        ["/bin/sh", "-c", "echo one >&2; while [ ! -e go ]; do sleep 0.02; done; echo two >&2"], tmp_path
    )
    try:
        heard = b""
        while b"one\n" not in heard:
            heard += device.take_output()[0]
        assert device.last_words() == "one"
        (tmp_path / "go").touch()
        assert device.ended(30.0) == "exit status 0"
        assert (device.take_output(), device.take_output(), device.last_words()) == (
            (b"two\n", b""),
            (b"", b""),
            "two",
        )
    finally:
        device.stop()


def test_of_a_flood_of_errors_the_end_is_heard():
    device = OwnProcess([sys.executable, "-c", "import sys; sys.stderr.write('x' * 400_000 + 'end')"])
    try:
        assert device.ended(10.0) == "exit status 0"
        heard, _output = device.take_output()
        assert len(heard) == 1 << 16 and heard.endswith(b"end")
    finally:
        device.stop()


def test_both_outputs_are_heard_and_neither_holds_the_program_up():
    flood = (
        "import sys; [stream.write('x' * 3_000_000 + name) for name, stream in (('o', sys.stdout), ('e', sys.stderr))]"
    )
    device = OwnProcess([sys.executable, "-c", flood])
    try:
        assert device.ended(10.0) == "exit status 0"
        errors, output = device.take_output()
        assert (errors[-2:], output[-2:], len(output)) == (b"xe", b"xo", 1 << 16)
    finally:
        device.stop()


def test_what_it_said_stays_when_it_is_stopped():
    polite = (
        "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('bye', flush=True)))\n"
        "print('up', flush=True)\n"
        "while True: signal.pause()\n"
    )
    device = OwnProcess([sys.executable, "-c", polite])
    heard = b""
    while b"up\n" not in heard:
        heard += device.take_output()[1]
    device.stop()
    assert device.take_output()[1] == b"bye\n"
    device.stop()


def test_a_program_is_told_what_the_bench_puts_into_its_environment():
    device = OwnProcess(["/bin/sh", "-c", "echo $WARD $HOME"], more={"WARD": "3"})
    try:
        device.ended(30.0)
        assert device.last_words() == f"3 {os.environ['HOME']}"
    finally:
        device.stop()


def test_a_program_that_writes_without_end_is_read_in_time_and_ended():
    flood = "import os\nfor fd in (1, 2): os.fork() or [os.write(fd, b'x' * 65536) for _ in iter(int, 1)]\n"
    device = OwnProcess([sys.executable, "-c", flood + "while True: os.write(2, b'y' * 65536)"])
    began = time.monotonic()
    heard = [device.take_output() for _ in range(20)]
    device.stop()
    assert time.monotonic() - began < 60.0
    assert all(len(text) <= 1 << 16 for texts in heard for text in texts)
