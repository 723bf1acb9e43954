"""Servers that keep what they should give back, end to end; one that gives it back late; and one that is well."""

import shutil
import subprocess
import sys
import textwrap

import pytest

from harness.campaigns.session import Options, run_campaign
from harness.handover.lookup import find_finding
from harness.handover.replaying import Standing, replay_on
from harness.verdict import Kind

SERVER = """
    import os, socket, sys, threading, time

    fault, kept = sys.argv[2], []

    def serve(link):
        data = b""
        while more := link.recv(4096):
            data += more
            while b"\\x1c\\r" in data:
                message, data = data.split(b"\\x1c\\r", 1)
                fields = message.split(b"\\r")[0].split(b"|")
                number = fields[9] if len(fields) > 9 else b""
                link.sendall(b"\\x0bMSH|^~\\\\&|||||||ACK|1|P|2.5\\rMSA|AA|" + number + b"\\r\\x1c\\r")
        link.close()
        if fault == "descriptor":
            kept.append(os.dup(0))
        if fault == "late":
            kept.append(os.dup(0))
            threading.Timer(2.5, lambda: os.close(kept.pop())).start()

    listener = socket.socket(socket.AF_UNIX)
    listener.bind(sys.argv[1])
    listener.listen(99)
    while True:
        serve(listener.accept()[0])
"""
BENCH = """
    [target]
    kind = "process"
    name = "server"
    command = [{command}]
    settle = 0.1
    [interfaces.main]
    transport = "{transport}"
    protocol = "{protocol}"
    fuzzers = ["soak"]
    [monitors]
    given_back = {patience}
    [limits]
    triage = 0.0
    tries = 1
    [floors]
    cases = 1
"""


def bench(folder, *command, transport, protocol="hl7_mllp", patience=0.5, env=""):
    words = ", ".join(f'"{word}"' for word in command)
    text = textwrap.dedent(BENCH).format(command=words, transport=transport, protocol=protocol, patience=patience)
    (folder / "bench.toml").write_text(text.replace("settle", f"{env}\nsettle"))
    return folder / "bench.toml"


def server(folder, fault, **options):
    (folder / "server.py").write_text(textwrap.dedent(SERVER))
    place = folder / "socket"
    script = f"rm -f {place}; exec {sys.executable} {folder}/server.py {place} {fault}"
    return bench(folder, "/bin/sh", "-c", script, transport=f"unix:{place}", **options)


def campaign(path, cases=1):
    return run_campaign(Options(path, "kept", seed=1, cases=cases, out=path.parent / "run"))[0]


@pytest.mark.slow
def test_a_descriptor_for_each_connection_is_one_leak_with_a_slope_and_is_replayed(tmp_path):
    record = campaign(server(tmp_path, "descriptor"))
    (found,) = record.confirmed
    assert (found.kind, found.observation.fingerprint) == (Kind.RESOURCE_LEAK, ("descriptors", "connection"))
    assert found.observation.summary.startswith("the program keeps 1 descriptor with each connection: ")
    assert (record.exit_code, found.replays) == (1, "1/1")
    _path, told = find_finding(found.id, tmp_path / "run")
    assert replay_on(told, times=1).standing is Standing.REPRODUCED


@pytest.mark.slow
def test_a_server_that_is_well_keeps_nothing(tmp_path):
    record = campaign(server(tmp_path, "none"), cases=3)
    assert (record.exit_code, record.findings, record.cases) == (0, (), 3)


@pytest.mark.slow
def test_what_a_server_gives_back_later_is_no_leak(tmp_path):
    record = campaign(server(tmp_path, "late", patience=9.0))
    assert (record.exit_code, record.findings) == (0, ())


NEVER_CLOSED = """
    #include <sys/socket.h>
    #include <sys/stat.h>
    #include <sys/syscall.h>
    #include <unistd.h>

    int close(int descriptor) {
      struct stat one;
      if (!fstat(descriptor, &one) && S_ISSOCK(one.st_mode)) return shutdown(descriptor, SHUT_RDWR), 0;
      return syscall(SYS_close, descriptor);
    }
"""


@pytest.mark.slow
def test_a_server_of_others_that_cannot_close_its_sockets_any_more_is_found(tmp_path, ports):
    if shutil.which("storescp") is None or shutil.which("gcc") is None:
        pytest.skip("needs storescp and gcc (apt-get install dcmtk gcc libc6-dev)")
    (tmp_path / "kept.c").write_text(textwrap.dedent(NEVER_CLOSED))
    words = ["gcc", "-shared", "-fPIC", "-o", tmp_path / "kept.so", tmp_path / "kept.c"]
    subprocess.run(words, check=True, timeout=60)
    port = ports[0]
    place = {"transport": f"tcp:127.0.0.1:{port}", "protocol": "dicom"}
    env = f'env = {{ TCP_NODELAY = "1", LD_PRELOAD = "{tmp_path}/kept.so" }}'
    path = bench(tmp_path, "storescp", "--output-directory", str(tmp_path), str(port), **place, env=env)
    path.write_text(path.read_text().replace("fuzzers", 'states = ["idle"]\nfuzzers'))
    (found,) = campaign(path).confirmed
    assert found.observation.fingerprint == ("descriptors", "connection")
