"""Which of a program's code has run: maps that programs share, and what is counted of them."""

import ctypes
import gc
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import harness.transports.tcp  # noqa: F401
from harness.assembly.assemble import assemble
from harness.assembly.meeting import meet
from harness.bench import Bench
from harness.bench_tables import InterfaceTable, ProcessTable
from harness.case import Origin, Send, TestCase
from harness.errors import TargetError
from harness.interfaces import Covers
from targets.coverage.hits import AFL_BYTES, Hits, Pages, Segment
from targets.coverage.program import HOOK, ProgramCoverage
from targets.coverage.tuples import Tuples
from targets.served import served_target

without_afl = pytest.mark.skipif(shutil.which("afl-cc") is None, reason="no afl-cc: apt-get install afl++")
CLASSES = [(0,), (1,), (2,), (3,), range(4, 8), range(8, 16), range(16, 32), range(32, 128), range(128, 256)]
SERVER = """
#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
  int on = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 5)) return 2;
  for (;;) {
    int link = accept(listener, 0, 0);
    char said[64] = "";
    while (read(link, said, sizeof said) > 0) {
      if (said[0] == 'M') { if (said[1] == 'E') { if (said[2] == 'D') write(link, "deep\\n", 5); } }
      if (said[0] == 'L') for (int i = 0; i < said[1]; i++) write(link, "l", 1);
      if (said[0] == '!') kill(getpid(), SIGKILL);
      write(link, "ok\\n", 3);
    }
    close(link);
  }
}
"""
PYTHON_SERVER = """
import socket, sys, threading

def deep(said):
    if said[:1] == b"M":
        if said[1:2] == b"E":
            if said[2:3] == b"D":
                return b"deep ok"
    return b"ok"

def serve(link):
    with link:
        while said := link.recv(64):
            if said == b"!":
                raise SystemExit("quits")
            link.sendall(deep(said) + b"\\n")

with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as listener:
    while True:
        link, _ = listener.accept()
        threading.Thread(target=serve, args=(link,), daemon=True).start()
"""


# -- what is counted ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bit", range(1, 9))
def test_hits_of_one_class_are_one_tuple_and_those_of_another_class_another_one(bit):
    tuples = Tuples()
    for hits in CLASSES[bit]:
        tuples.add(b"\0\0" + bytes([hits]))
        assert tuples.all() == (2 * 8 + bit - 1,)
    tuples.add(b"\0\0" + bytes([CLASSES[bit % 8 + 1][0]]))
    assert len(tuples) == 2


@given(st.lists(st.binary(max_size=40), max_size=5), st.binary(max_size=40))
def test_what_is_seen_is_known_and_what_is_known_is_nothing_else(maps, more):
    seen, told = Tuples(), Tuples()
    for hits in maps:
        seen.add(hits)
    assert len(seen) == len(seen.all()) == len(set(seen.all()))
    told.know(seen.all())
    assert told.all() == seen.all()
    for hits in maps:
        told.add(hits)
    assert told.all() == seen.all()
    seen.add(more)
    assert set(told.all()) <= set(seen.all())
    assert len(seen) - len(told) <= sum(1 for hits in more if hits)


def test_hits_are_those_since_the_last_look_and_the_first_byte_is_no_edge():
    cells = bytearray(1 << 16)
    hits = Hits(memoryview(cells))
    cells[0], cells[7] = 1, 3
    assert (hits.shared, hits.take()[:9]) == (True, bytes(7) + b"\3\0")
    assert (hits.shared, any(hits.take())) == (True, False)
    hits.begin()
    assert not hits.shared


def test_of_a_large_map_as_much_is_read_as_was_ever_used():
    cells = bytearray(1 << 20)
    hits = Hits(memoryview(cells))
    assert len(hits.take()) == 1 << 16
    cells[200_000] = 5
    looks = [hits.take() for _ in range(256)]
    assert (len(looks[0]), len(looks[-1]), looks[-1][200_000]) == (1 << 16, 1 << 18, 5)
    cells[999_999] = 9
    hits.begin()
    assert hits.take()[999_999] == 9


# -- what is shared -----------------------------------------------------------------------------------------------


def segments():
    """The ids of all segments of shared memory."""
    return {int(line.split()[1]) for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]}


ATTACH = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
libc.shmat.restype = ctypes.c_void_p
address = libc.shmat(int(os.environ["__AFL_SHM_ID"]), None, 0)
cells = (ctypes.c_ubyte * int(os.environ["AFL_MAP_SIZE"])).from_address(address)
cells[0], cells[5] = 1, 2
os.kill(os.getpid(), int(sys.argv[1]))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_segment_outlives_the_program_and_goes_with_us(number):
    coverage = ProgramCoverage("afl")
    environment = coverage.environment(os.environ)
    ended = subprocess.run([sys.executable, "-c", ATTACH, str(int(number))], env=environment, check=False)
    assert (ended.returncode, int(environment["AFL_MAP_SIZE"])) == (-number, AFL_BYTES)
    assert (coverage.missing, coverage.edges(), coverage.count) == ("", (5 * 8 + 1,), 1)
    number = int(environment["__AFL_SHM_ID"])
    assert number in segments()
    again = coverage.environment({})
    assert int(again["__AFL_SHM_ID"]) == number
    coverage.close()
    assert (number in segments(), coverage.edges()) == (False, (5 * 8 + 1,))


HOLD = """
from targets.coverage.hits import Segment
import os, signal
segment = Segment()
print(segment.id, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_nothing_is_left_of_us_when_we_are_killed():
    root = Path(__file__).parents[2]
    killed = subprocess.run([sys.executable, "-c", HOLD], cwd=root, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert int(killed.stdout) not in segments()


def test_where_nothing_can_be_shared_a_program_runs_without_or_the_reason_is_told(monkeypatch):
    monkeypatch.setattr("sys.platform", "darwin")
    assert ProgramCoverage("auto").environment({"A": "b"}) == {"A": "b"}
    with pytest.raises(TargetError, match=r'coverage = "afl": no memory can be shared .*Set coverage = false'):
        ProgramCoverage("afl").environment({})


def test_a_map_is_as_large_as_the_bench_wants_and_other_variables_stay():
    coverage = ProgramCoverage("auto")
    environment = coverage.environment({"AFL_MAP_SIZE": str(3 << 23), "A": "b"})
    assert (environment["AFL_MAP_SIZE"], environment["A"]) == (str(3 << 23), "b")
    coverage.close()
    with pytest.raises(TargetError, match="AFL_MAP_SIZE"):
        ProgramCoverage("afl").environment({"AFL_MAP_SIZE": "much"})


# -- programs -----------------------------------------------------------------------------------------------------


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def target_for(command, port, **options):
    table = ProcessTable(kind="process", name="server", command=[*command, str(port)], **{"ready": 20.0, **options})
    table_of_link = InterfaceTable(transport=f"tcp:127.0.0.1:{port}", protocol="bytes")
    return served_target(Bench(target=table, interfaces={"main": table_of_link}))


def ask(port, data):
    with socket.create_connection(("127.0.0.1", port), 5.0) as link:
        link.sendall(data)
        said = b""
        while not said.endswith(b"ok\n") and (more := link.recv(100)):
            said += more
        return said


def fresh_edges(target, port, *messages):
    """How many edges each message was the first to reach."""
    time.sleep(0.1)  # until it is through with the connection that tried whether it is there
    counts = [target.coverage()]
    for data in messages:
        ask(port, data)
        time.sleep(0.05)
        counts.append(target.coverage())
    return [after - before for before, after in itertools.pairwise(counts)]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A C program built with AFL++'s compiler."""
    folder = tmp_path_factory.mktemp("afl")
    (folder / "server.c").write_text(SERVER)
    build = ["afl-cc", "-O1", "-w", "server.c", "-o", "server"]
    done = subprocess.run(build, cwd=folder, env={**os.environ, "AFL_QUIET": "1"}, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return [str(folder / "server")]


@pytest.fixture
def port():
    return free_port()


@without_afl
@pytest.mark.parametrize("coverage", ["auto", "afl"])
def test_a_program_built_with_afl_tells_its_edges_while_it_lives(server, port, coverage):
    target = target_for(server, port, coverage=coverage)
    assert isinstance(target, Covers)
    target.start()
    try:
        usual, again, m, me, med, nothing, loop, longer, same = fresh_edges(
            target, port, b"x", b"x", b"M", b"ME", b"MED", b"MED", b"L\x02", b"L\x40", b"L\x41"
        )
        assert usual > 0 < m and me > 0 < med
        assert (again, nothing, same) == (0, 0, 0)
        assert loop > 0 < longer
        known = set(target.edges())
        pid = target.pid
        with pytest.raises(ConnectionError):
            ask(port, b"!")
            ask(port, b"x")
        target.reset()
        assert target.pid != pid
        assert fresh_edges(target, port, b"MED") == [0]
        assert known <= set(target.edges())
    finally:
        target.stop()
    assert len(target.edges()) == target.coverage() > 0


@without_afl
def test_edges_mean_the_same_in_every_run_and_what_is_known_is_not_new(server, port):
    first = target_for(server, port)
    first.start()
    fresh_edges(first, port, b"x", b"MED")
    first.stop()
    second = target_for(server, port)
    second.know(first.edges())
    second.start()
    try:
        assert fresh_edges(second, port, b"x", b"MED") == [0, 0]
        assert fresh_edges(second, port, b"L\x03")[0] > 0
    finally:
        second.stop()


@without_afl
def test_a_wrapper_passes_the_map_on_and_false_takes_it_away(server, port, tmp_path):
    wrapper = tmp_path / "wrapper"
    wrapper.write_text(f'#!/bin/sh\n{server[0]} "$@" & wait\n')
    wrapper.chmod(0o700)
    for coverage, found in (("afl", True), (False, False)):
        target = target_for([str(wrapper)], port, coverage=coverage)
        target.start()
        try:
            assert bool(target.coverage()) is found
        finally:
            target.stop()


BENCH = """
[target]
kind = "process"
name = "server"
command = {command}
[interfaces.main]
transport = "tcp:127.0.0.1:{port}"
protocol = "bytes?probe=78"
"""


def write_bench(folder, command, port):
    path = folder / "bench.toml"
    path.write_text(BENCH.format(command=json.dumps([*command, str(port)]), port=port))
    return path


@without_afl
def test_each_case_says_how_many_edges_it_was_the_first_to_reach(server, port, tmp_path):
    assembly = assemble(write_bench(tmp_path, server, port), seed=1)
    runner, (state, *_more) = assembly.runner, assembly.protocols["main"].states
    try:
        runner.start()
        meet(assembly)
        steps = [(Send("message", data),) for data in (b"x", b"M", b"MED", b"M")]
        cases = [TestCase("main", state, case, Origin("test", ("message",))) for case in steps]
        for case in (*cases, *cases):  # the first round has what comes with the first cases of all
            runner.run(case)
        before = runner.coverage()
        login = [replace(case, steps=(Send("message", b"L\x09"),)) for case in cases]
        found = [sum(runner.run(case).measures.edges for case in login) for _again in range(10)]
        assert found[0] + found[1] > 0  # what is done behind an answer is counted with a later case
        assert 0 in found[1:]  # how often a waiting loop went round may differ, so not every round is quiet
        assert runner.coverage() == len(runner.edges()) >= before + sum(found)
    finally:
        runner.stop()


@without_afl
def test_check_says_how_much_has_run_or_that_nothing_was_told(server, port, tmp_path, medfuzz_check):
    told = medfuzz_check(write_bench(tmp_path, server, port))
    assert re.search(r"^coverage +ok +\d+ edges so far, AFL\+\+$", told, re.MULTILINE)
    told = medfuzz_check(write_bench(tmp_path, python_server(tmp_path), port))
    assert re.search(r"^coverage +none +the program wrote nothing to AFL\+\+'s map", told, re.MULTILINE)


@pytest.fixture
def medfuzz_check():
    def checked(bench):
        words = [sys.executable, "-m", "harness.cli.main", "check", str(bench)]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return checked


def python_server(folder, *options):
    (folder / "server.py").write_text(PYTHON_SERVER)
    return [sys.executable, *options, str(folder / "server.py")]


def test_a_python_program_tells_its_edges_in_every_thread_while_it_lives(tmp_path, port):
    target = target_for(python_server(tmp_path), port, coverage="python")
    target.start()
    try:
        usual, again, m, me, med, nothing = fresh_edges(target, port, b"x", b"x", b"M", b"ME", b"MED", b"MED")
        assert usual > 0 < m and me > 0 < med
        assert (again, nothing) == (0, 0)
        target.reset()
        assert fresh_edges(target, port, b"MED") == [0]
    finally:
        target.stop()


@pytest.mark.parametrize(
    ("options", "coverage", "words"),
    [
        (("-I",), "python", "never wrote to the map: start it with a Python 3 without -I"),
        ((), "afl", "never wrote to the map: build the program"),
    ],
)
def test_a_program_that_does_not_tell_what_it_should_is_refused_with_what_to_do(
    tmp_path, port, options, coverage, words
):
    target = target_for(python_server(tmp_path, *options), port, coverage=coverage, ready=1.5)
    with pytest.raises(TargetError, match=words):
        target.start()
    target.stop()


def test_a_program_that_is_not_built_for_it_runs_as_ever(tmp_path, port):
    target = target_for(python_server(tmp_path), port)
    target.start()
    try:
        assert ask(port, b"x") == b"ok\n"
        assert (target.coverage(), list(target.edges())) == (0, [])
    finally:
        target.stop()


# -- the hook -----------------------------------------------------------------------------------------------------


def hooked(*words, place, path="", **variables):
    """A Python program with the hook in front of its path."""
    paths = os.pathsep.join(filter(None, [str(HOOK), path]))
    environment = {**os.environ, "PYTHONPATH": paths, "MEDFUZZ_COVERAGE": place, **variables}
    return subprocess.run([sys.executable, *words], env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def pages():
    made = Pages()
    yield made
    made.close()


def test_the_hook_makes_way_for_another_one_and_leaves_no_trace_in_the_path(tmp_path, pages):
    (tmp_path / "sitecustomize.py").write_text("import builtins\nbuiltins.other = 'was here'\n")
    (tmp_path / "own.py").write_text(
        "import sys, sitecustomize\nprint(other, sitecustomize.__file__, sys.argv[1] in sys.path)\n"
    )
    done = hooked(str(tmp_path / "own.py"), str(HOOK), place=pages.place, path=str(tmp_path))
    assert (done.stderr, done.stdout.split()) == ("", ["was", "here", str(tmp_path / "sitecustomize.py"), "False"])
    assert pages.hits.shared
    assert any(pages.hits.take())


def test_an_error_in_another_hook_is_told_as_ever(tmp_path, pages):
    (tmp_path / "sitecustomize.py").write_text("1/0\n")
    (tmp_path / "own.py").write_text("print('runs')\n")
    own = {**os.environ, "PYTHONPATH": str(tmp_path)}
    usual = subprocess.run([sys.executable, tmp_path / "own.py"], env=own, capture_output=True, text=True, check=False)
    done = hooked(str(tmp_path / "own.py"), place=pages.place, path=str(tmp_path))
    assert (done.stdout, done.returncode, "ZeroDivisionError" in done.stderr) == (usual.stdout, usual.returncode, True)
    assert pages.hits.shared


@pytest.mark.parametrize("place", ["", "/no/such/place", "/proc/1/mem", "/dev/null"])
def test_without_a_map_the_program_runs_as_ever(tmp_path, place):
    (tmp_path / "own.py").write_text("import sys\nprint('runs', sys.gettrace())\nraise SystemExit(3)\n")
    done = hooked(str(tmp_path / "own.py"), place=place)
    assert (done.stdout, done.stderr, done.returncode) == ("runs None\n", "", 3)


PROGRAM = """
import asyncio, json, sys, threading

def sizes(n):
    for k in range(n):
        yield k if k % 2 else -k

async def later(n):
    await asyncio.sleep(0)
    return sum(sizes(n))

class Counted(dict):
    def __missing__(self, key):
        raise KeyError(key) from None

def nested(n):
    return [nested(n - 1)] if n else []

def endless(n):
    return endless(n + 1)

async def both():
    return await asyncio.gather(later(5), later(6))

print(asyncio.run(both()))
try:
    Counted()["x"]
except KeyError as error:
    print(repr(error), error.__traceback__.tb_next.tb_lineno)
try:
    endless(0)
except RecursionError as error:
    print(error)
print(len(json.dumps(nested(200))))
thread = threading.Thread(target=lambda: print(list(sizes(4))))
thread.start()
thread.join()
exec("for k in range(3): print(k)")
sys.stderr.write("said\\n")
raise SystemExit(7)
"""


def test_a_program_behaves_as_without_the_hook(tmp_path, pages):
    (tmp_path / "own.py").write_text(PROGRAM)
    usual = subprocess.run([sys.executable, tmp_path / "own.py"], capture_output=True, text=True, check=False)
    done = hooked(str(tmp_path / "own.py"), place=pages.place)
    assert (done.stdout, done.stderr, done.returncode) == (usual.stdout, usual.stderr, usual.returncode)
    assert any(pages.hits.take())


def test_only_the_programs_own_files_are_followed(tmp_path, pages):
    (tmp_path / "own.py").write_text("import json, sys\nprint(json.dumps({'a': [1, 2]}, indent=int(sys.argv[1])))\n")
    found = []
    for indent in ("1", "2"):
        assert '"a": [' in hooked(str(tmp_path / "own.py"), indent, place=pages.place).stdout
        found.append(sum(1 for hits in pages.hits.take() if hits))
    (tmp_path / "own.py").write_text("import json, sys\n")
    hooked(str(tmp_path / "own.py"), place=pages.place)
    usual = sum(1 for hits in pages.hits.take() if hits)
    assert found == [usual + 1, usual + 1]


def test_a_process_that_a_program_starts_shares_its_map(tmp_path, pages):
    (tmp_path / "child.py").write_text("\n".join(f"a{k} = {k}" for k in range(50)))
    (tmp_path / "own.py").write_text("import subprocess, sys\nsubprocess.run([sys.executable, sys.argv[1]])\n")
    hooked(str(tmp_path / "own.py"), str(tmp_path / "child.py"), place=pages.place)
    assert sum(1 for hits in pages.hits.take() if hits) > 40


def test_pages_are_gone_with_their_owner():
    pages = Pages()
    place = Path(pages.place)
    assert place.exists()
    pages.close()
    pages.close()
    gc.collect()
    assert not place.exists()


def test_a_segment_is_let_go_of_twice():
    segment = Segment(1 << 16)
    ctypes.memset(segment._address, 7, 1)
    assert segment.hits.shared
    segment.close()
    segment.close()
    assert segment.id not in segments()
