"""`medfuzz run --cmd`: a program is the device, and no bench file is written by hand."""

import socket
import sys
import textwrap
import tomllib

import pytest

from harness.discovery.program_bench import Program

SERVER = """
    import socket, sys

    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    while True:
        link, _ = listener.accept()
        data = b""
        while more := link.recv(4096):
            data += more
            while b"\\x1c\\r" in data:
                message, data = data.split(b"\\x1c\\r", 1)
                fields = message.split(b"\\r")[0].split(b"|")
                if any(len(field) > 60 for field in fields):
                    raise ValueError("a field is too long")
                number = fields[9] if len(fields) > 9 else b""
                link.sendall(b"\\x0bMSH|^~\\\\&|||||||ACK|1|P|2.5\\rMSA|AA|" + number + b"\\r\\x1c\\r")
"""


@pytest.mark.slow
def test_a_server_is_fuzzed_by_its_command_alone_and_its_finding_is_replayed(medfuzz, tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (tmp_path / "server.py").write_text(textwrap.dedent(SERVER))
    device = ("--cmd", f"{sys.executable} server.py {port}", "--transport", f"tcp:127.0.0.1:{port}")
    ending = ("--time", "30s", "--max-findings", "1")
    code, out, _err = medfuzz("run", *device, "--protocol", "hl7_mllp", *ending, "--out", "out")
    assert (code, any("ValueError at server.py, line 14" in line for line in out)) == (1, True)
    bench = tomllib.loads((tmp_path / "out" / "bench.toml").read_text())
    assert (bench["target"]["name"], bench["target"]["cwd"]) == ("server", str(tmp_path))
    name = next(line.split()[0] for line in out if line.startswith("  F-"))
    monkeypatch.chdir("/")
    code, out, _err = medfuzz("replay", name, "--run", tmp_path / "out")
    assert (code, "reproduced: 3 of 3" in out[-1]) == (1, True)
    monkeypatch.chdir(tmp_path)
    code, _out, err = medfuzz("run", *device, "--protocol", "hl7_mllp", *ending, "--out", "out")
    assert (code, "holds a run already" in err[-1]) == (2, True)


def test_send_tells_what_became_of_a_program_behind_the_message(medfuzz, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    dying = "link, _ = listener.accept()\n    if link.recv(4):\n        sys.exit(7)"
    (tmp_path / "server.py").write_text(
        "import socket, sys\nlistener = socket.create_server(('127.0.0.1', int(sys.argv[1])))\nwhile True:\n    "
        + dying
    )
    (tmp_path / "b.toml").write_text(
        f'[target]\nkind = "process"\nname = "s"\ncommand = ["{sys.executable}", "server.py", "{port}"]\n'
        f'[interfaces.main]\ntransport = "tcp:127.0.0.1:{port}"\nprotocol = "hl7_mllp"\n'
    )
    code, _out, err = medfuzz("send", "b.toml", "--hex", "0b 4d")
    assert (code, "The target's process ended (exit status 7)" in err[-1]) == (3, True)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--cmd", "x", "--transport", "tcp:127.0.0.1:1"], "one of each for every interface"),
        (["--cmd", "x"], "one of each for every interface"),
        (["--cmd", " ", "--transport", "tcp:127.0.0.1:1", "--protocol", "hl7_mllp"], "--cmd is empty"),
        (["--cmd", "x 'y", "--transport", "tcp:127.0.0.1:1", "--protocol", "hl7_mllp"], "No closing quotation"),
        (["--cmd", "x", "--transport", "tcp:127.0.0.1:1", "--protocol", "hl7"], "or 'hl7_mllp'"),
        (["--transport", "tcp:127.0.0.1:1"], "medfuzz init bench.toml"),
        (["pump", "--cmd", "x"], "leave 'pump' out"),
        ([], "which bench?"),
    ],
)
def test_what_makes_no_bench_is_refused(medfuzz, words, told):
    code, _out, err = medfuzz("run", *words)
    assert (code, told in err[-1]) == (2, True)


def test_a_program_that_cannot_be_started_is_a_bench_fault_that_names_it(medfuzz):
    device = ("--cmd", "pyton3 server.py", "--transport", "tcp:127.0.0.1:1", "--protocol", "hl7_mllp")
    code, out, _err = medfuzz("run", *device)
    assert (code, out[0].endswith(" s (0/s), ended: bench")) == (3, True)
    assert out[1].startswith("bench fault: cannot start pyton3: ")
    assert out[1].endswith("Check --cmd, or the commands in [target] and [stimuli]")


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("/usr/bin/python3 -u -m http.server 80", "http.server"),
        ("python3 server.py -m 5", "server"),
        ("./device -m fast", "device"),
        ("python3 -m", "python3"),
    ],
)
def test_a_run_is_called_after_the_script_the_module_or_the_program(tmp_path, command, name):
    (tmp_path / "server.py").touch()
    assert Program(command, (), (), tmp_path).name == name
