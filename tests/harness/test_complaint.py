"""Last words of programs, as their runtimes print them: what joins, what parts, and what is no complaint."""

import subprocess
import sys
import time

import pytest

from harness.complaint import complaint_in, complaints_in, may_complain

ASAN = """\
=================================================================
==4711==ERROR: AddressSanitizer: heap-buffer-overflow on address 0x602000000011 at pc 0x55d bp 0x7ffd sp 0x7ffd
READ of size 1 at 0x602000000011 thread T0
    #0 0x55d0 in parse_frame /home/a/src/frame.c:88:12
SUMMARY: AddressSanitizer: heap-buffer-overflow /home/a/src/frame.c:88:12 in parse_frame
"""
UBSAN = (
    "/src/rate.c:12:19: runtime error: signed integer overflow: 2147483647 + 1 cannot be represented in type 'int'\n"
)
RUST = "thread 'main' panicked at src/frame.rs:31:9:\nindex out of bounds: the len is 3 but the index is 7\n"
OLD_RUST = "thread 'main' panicked at 'index out of bounds: the len is 3', src/frame.rs:31:9\n"
GO = """\
panic: runtime error: index out of range [7] with length 3

goroutine 1 [running]:
main.parse(...)
	/home/a/server/frame.go:31
main.main()
	/home/a/server/main.go:12 +0x1d
exit status 2
"""
JAVA = """\
Exception in thread "main" java.lang.ArrayIndexOutOfBoundsException: Index 7 out of bounds for length 3
	at org.pump.Frame.parse(Frame.java:31)
	at org.pump.Main.main(Main.java:12)
"""
NODE = """\
/srv/frame.js:31
    throw new RangeError('index')
    ^

RangeError: index
    at parse (/srv/frame.js:31:11)
    at Object.<anonymous> (/srv/main.js:1:1)
"""
LIBRARY = """\
RangeError [ERR_BUFFER_OUT_OF_BOUNDS]: Attempt to access memory outside buffer bounds
    at boundsError (node:internal/buffer:86:11)
    at Buffer.readUInt16LE (node:internal/buffer:245:5)
    at Server.written (/srv/gatt.js:900:33)
"""
PARSED = """\
java.lang.NumberFormatException: For input string: "x"
	at java.base/java.lang.Integer.parseInt(Integer.java:652)
	at org.pump.Frame.rate(Frame.java:12)
"""
TRACEBACK = """\
Traceback (most recent call last):
  File "/srv/server.py", line 40, in <module>
    serve()
  File "/srv/server.py", line 12, in parse
    return table[number]
           ~~~~~^^^^^^^^
KeyError: 12
"""


@pytest.mark.parametrize(
    ("text", "what", "place"),
    [
        (ASAN, "AddressSanitizer: heap-buffer-overflow", "frame.c:88:12 in parse_frame"),
        (UBSAN, "runtime error: signed integer overflow", "rate.c:12:19"),
        ("pump: frame.c:88: parse: Assertion `n < 4' failed.\nAborted\n", "Assertion `n < #' failed", "frame.c:88"),
        (RUST, "panicked", "frame.rs:31:9"),
        (OLD_RUST, "panicked", "frame.rs:31:9"),
        (GO, "runtime error: index out of range", "frame.go:31"),
        (JAVA, "java.lang.ArrayIndexOutOfBoundsException", "org.pump.Frame.parse(Frame.java:31)"),
        (NODE, "RangeError", "parse (frame.js:31:11)"),
        (LIBRARY, "RangeError", "Server.written (gatt.js:900:33)"),
        ("Error: lost\n    at parse (/srv/a.js:1:2)\n", "Error", "parse (a.js:1:2)"),
        (PARSED, "java.lang.NumberFormatException", "org.pump.Frame.rate(Frame.java:12)"),
        (TRACEBACK, "KeyError", "server.py, line 12, in parse"),
        ("double free or corruption (fasttop)\n", "double free or corruption", ""),
        ("*** stack smashing detected ***: terminated\n", "*** stack smashing detected ***", ""),
        ("[00:00:01] <err> os: ***** HARD FAULT *****\r\n", "HARD FAULT", ""),
        ("PANIC: settings at 0x2000a3f0\n", "PANIC: settings at #", ""),
    ],
)
def test_each_runtimes_words_are_known(text, what, place):
    found = complaint_in(text.encode())
    assert found.what.startswith(what)
    assert found.place == place


def test_a_real_traceback_names_its_innermost_frame(tmp_path):
    script = tmp_path / "server.py"
    script.write_text("def parse(n):\n    return {}[n]\n\n\nparse(5)\n")
    said = subprocess.run([sys.executable, str(script)], capture_output=True, check=False).stderr
    assert str(complaint_in(said)) == "KeyError at server.py, line 2, in parse"


def test_what_differs_from_one_time_to_the_next_is_left_out():
    again = ASAN.replace("4711", "4812").replace("0x602000000011", "0x603000000abc").replace("/home/a", "/home/b")
    assert complaint_in(again.encode()) == complaint_in(ASAN.encode())
    assert complaint_in(TRACEBACK.replace("KeyError: 12", "KeyError: 7").encode()) == complaint_in(TRACEBACK.encode())
    assert complaint_in(RUST.encode()) == complaint_in(OLD_RUST.encode())


@pytest.mark.parametrize(
    ("before", "after"), [("line 12", "line 13"), ("KeyError", "IndexError"), ("in parse", "in reply")]
)
def test_another_line_exception_or_function_is_another_fault(before, after):
    assert complaint_in(TRACEBACK.replace(before, after).encode()) != complaint_in(TRACEBACK.encode())


def test_the_last_complaint_counts():
    assert complaint_in((ASAN + TRACEBACK).encode()).what == "KeyError"
    assert "Sanitizer" in complaint_in((TRACEBACK + ASAN).encode()).what


@pytest.mark.parametrize(
    "text", ["", "listening on port 2600\n", "pressure 12:30:11 ok\n", "no error: 0 of 3 failed\n", "\x00\xff" * 40]
)
def test_what_a_healthy_program_says_is_no_complaint(text):
    assert complaint_in(text.encode("latin-1")) is None


@pytest.mark.parametrize(
    ("text", "may"),
    [
        (b"E: Receiving Association failed: 0006:0308 DUL illegal subitem length 95\n", False),
        (b"ERROR: bad frame, default used\n", False),
        (b"==4711==ERROR: AddressSanitizer: heap-buffer", True),
        (b"Traceback (most recent call last):\n", True),
        (b"panic: runtime", True),
        (b"RangeError: index\n", True),
        (b'Exception in thread "main" java.lang', True),
    ],
)
def test_whether_more_may_follow_is_told_from_its_first_words(text, may):
    assert may_complain(text) is may


def test_a_flood_is_looked_at_only_at_its_end():
    flood = ("at a\n" + "File " * 3) * 400_000
    assert complaint_in((flood + TRACEBACK).encode()).what == "KeyError"
    assert complaint_in((TRACEBACK + "x" * 100_000).encode()) is None


@pytest.mark.parametrize(
    "piece", ["x", "a/b/", "1:1:1: ", "panic: a\n", "aError\n", "panic: x\n\ngoroutine 1\n", '  File "a']
)
def test_no_flood_of_a_hostile_device_holds_us_up(piece):
    began = time.process_time()
    complaint_in(piece.encode() * (200_000 // len(piece)))
    assert time.process_time() - began < 5.0


def test_the_last_words_are_the_last_ones_also_where_they_were_said_before():
    other = TRACEBACK.replace("KeyError", "ValueError")
    assert complaint_in((TRACEBACK + other + TRACEBACK).encode()).what == "KeyError"


RAISED = """\
import traceback

def table(number):
    return {}[number]

def parse(how):
    try:
        table(12)
    except KeyError as error:
        if how == "from":
            raise ValueError(error) from error
        int(how)

try:
    parse("%s")
except ValueError:
    traceback.print_exc()
"""


@pytest.mark.parametrize(
    ("how", "told"),
    [("from", "KeyError at <string>, line 4, in table"), ("x", "ValueError at <string>, line 12, in parse")],
)
def test_of_chained_exceptions_the_cause_or_the_one_that_was_not_handled_is_told(how, told):
    said = subprocess.run([sys.executable, "-c", RAISED % how], capture_output=True, check=True).stderr
    assert list(map(str, complaints_in(said))) == [told]
    again = complaints_in(said + TRACEBACK.encode())
    assert list(map(str, again)) == [told, "KeyError at server.py, line 12, in parse"]


@pytest.mark.parametrize(
    ("text", "is_ours"),
    [
        ('  File "/a/h.py", line 74, in do_POST\nOSError: [Errno 107] Transport endpoint is not connected\n', True),
        ('  File "/a/h.py", line 74, in do_POST\nOSError: [Errno 28] No space left on device\n', False),
        ('  File "/a/h.py", line 74, in do_POST\nOSError\n', False),
        ("Error: read ECONNRESET\n    at TCP.onStreamRead (node:internal/x:1:2)\n    at run (/a/s.js:1:2)\n", True),
        ("Error: ECONN\n    at run (/a/s.js:1:2)\n", False),
        ("java.io.IOException: Broken pipe\n\tat a.b.Server.send(Server.java:12)\n", True),
        ("java.io.IOException: No such file\n\tat a.b.Server.send(Server.java:12)\n", False),
    ],
)
def test_what_a_program_is_told_of_a_connection_that_we_closed_is_ours(text, is_ours):
    assert complaint_in(text.encode()).is_of_the_connection is is_ours
