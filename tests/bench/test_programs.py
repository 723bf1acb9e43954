"""Programs as devices: on a port of their own, with a sanitizer in them, with tasks that die while they live."""

import shutil
import subprocess
import textwrap

import pytest
from test_last_words import PROTOCOL

from harness.campaigns.session import Options, run_campaign
from harness.telling.explanation import explain
from harness.verdict import Kind

DEVICE = r"""
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef FIXED
#define FIXED 0
#endif

static int exactly(int port, unsigned char *data, int size) {
  for (int got = 0, more; got < size; got += more)
    if ((more = read(port, data + got, size - got)) <= 0) return 0;
  return 1;
}

static void store(const unsigned char *text, int size) {
  char *kept = malloc(FIXED ? size : 40);
  memcpy(kept, text, size);
  free(kept);
}

static int limit = 2147483647 - 45;

static int above(int size) {
  return !FIXED && limit + size < 0;
}

int main(int count, char **words) {
  int port = open(words[1], O_RDWR | O_NOCTTY);
  unsigned char head[4], text[65536];
  printf("ward %s in %s\n", getenv("WARD"), getcwd((char *)text, sizeof text));
  while (exactly(port, head, 4)) {
    int size = head[2] << 8 | head[3];
    if (!exactly(port, text, size)) break;
    if (head[1] == 1) store(text, size);
    if (head[1] == 2) head[3] = above(size);
    head[0] |= 0x80;
    head[2] = head[3] = 0;
    if (write(port, head, 4) != 4) break;
  }
  return 0;
}
"""
BENCH = """
    [target]
    kind = "process"
    name = "a program"
    command = {command}
    settle = 0.1
    env = {{ WARD = "3" }}
    cwd = "there"
    [interfaces.line]
    transport = "pty:line"
    protocol = "many.py:PROTOCOL"
    fuzzers = ["enumerate"]
    [limits]
    triage = 0.0
"""


def bench(folder, *command):
    (folder / "there").mkdir()
    (folder / "many.py").write_text(textwrap.dedent(PROTOCOL).replace("range(41)", "range(3)"))
    words = "[" + ", ".join(f'"{word}"' for word in command) + "]"
    (folder / "bench.toml").write_text(textwrap.dedent(BENCH.format(command=words)))
    return folder / "bench.toml"


def built(folder, *options):
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc (apt-get install gcc libc6-dev)")
    (folder / "device.c").write_text(DEVICE)
    subprocess.run(["gcc", "-g", *options, "-o", folder / "device", folder / "device.c"], check=True, timeout=60)
    return str(folder / "device")


def campaign(path, **options):
    return run_campaign(Options(path, "program", seed=1, cases=60, out=path.parent / "run", **options))[0]


@pytest.mark.slow
def test_a_sanitizers_report_is_a_crash_with_its_line_and_weakness(tmp_path):
    record = campaign(bench(tmp_path, built(tmp_path, "-fsanitize=address,undefined"), "{pty}"))
    crashes = {found.observation.fingerprint: found for found in record.confirmed}
    assert {found.kind for found in record.confirmed} == {Kind.CRASH}
    assert [words for words, _place in crashes] != []
    (overflow,) = [found for (words, _place), found in crashes.items() if "heap-buffer-overflow" in words]
    assert overflow.observation.detail["weakness"] == "CWE-122"
    assert "store" in overflow.observation.detail["frames"]
    assert "CWE-122 (so the sanitizer says)" in explain(overflow).sentence
    (undefined,) = [found for (words, _place), found in crashes.items() if "signed integer overflow" in words]
    assert undefined.observation.fingerprint[1].startswith("device.c:")
    assert undefined.transcript.events == ()  # it went on
    assert len(record.findings) == 2  # neither its exit nor its silence is one more


@pytest.mark.slow
def test_without_a_fault_a_program_on_a_port_of_its_own_passes(tmp_path):
    device = built(tmp_path, "-fsanitize=address,undefined", "-DFIXED=1")
    record = campaign(bench(tmp_path, device, "{pty:line}"))
    assert (record.exit_code, record.findings) == (0, ())


@pytest.mark.slow
def test_valgrind_tells_of_a_program_that_has_no_sanitizer(tmp_path):
    if shutil.which("valgrind") is None:
        pytest.skip("needs valgrind (apt-get install valgrind)")
    device = built(tmp_path, "-O0")
    record = campaign(bench(tmp_path, "valgrind", "-q", device, "{pty}"))
    found = {found.observation.fingerprint[0]: found for found in record.confirmed}
    (words,) = [words for words in found if words.startswith("Invalid write")]
    assert found[words].observation.detail["weakness"] == "CWE-787"
    assert {found.kind for found in record.confirmed} == {Kind.CRASH}


PYTHON = """
    import os, struct, sys, threading

    def exactly(size):
        data = b""
        while len(data) < size:
            data += os.read(port, size - len(data))
        return data

    def store(text):
        return {}[len(text)]

    port = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
    print("ward", os.environ["WARD"], "in", os.path.basename(os.getcwd()), flush=True)
    while True:
        command, size = struct.unpack(">HH", exactly(4))
        text = exactly(size)
        if command == 1 and size > 40:
            task = threading.Thread(target=store, args=(text,))
            task.start()
            task.join()
        os.write(port, struct.pack(">HH", command | 0x8000, 0))
"""


@pytest.mark.slow
def test_a_task_that_dies_in_a_program_that_lives_is_told(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "device.py").write_text(textwrap.dedent(PYTHON))
    (tmp_path / "there").rename(tmp_path / "kept")
    path = bench(tmp_path, "python3", "device.py", "{pty}")
    (tmp_path / "there").rmdir()
    (tmp_path / "kept").rename(tmp_path / "there")
    record = campaign(path)
    (found,) = record.findings
    assert (found.kind, found.confirmed) == (Kind.CONSOLE, True)
    assert found.observation.summary == "the program says: KeyError at device.py, line 11, in store"
