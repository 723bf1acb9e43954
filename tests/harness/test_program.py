"""What a program says of itself while it is watched."""

import pytest
from test_complaint import ASAN, TRACEBACK, UBSAN
from toy import case, message

from harness.complaint import Complaint
from harness.monitors.program import ProgramMonitor
from harness.transcript import Exchange, Transcript
from harness.verdict import Kind
from protocols.load import load_protocol

SUMMED_UP = UBSAN + "SUMMARY: UndefinedBehaviorSanitizer: undefined-behavior /src/rate.c:12:19 in \n"
LEAKS = """\
==7==ERROR: LeakSanitizer: detected memory leaks

Direct leak of 8 byte(s) in 1 object(s) allocated from:
    #0 0x7f2 in malloc (/lib/libasan.so.8+0xdc)
    #1 0x401 in main /src/main.c:4

SUMMARY: AddressSanitizer: 8 byte(s) leaked in 1 allocation(s).
"""
VALGRIND = """\
==12559== Invalid read of size 1
==12559==    at 0x484417B: strlen (in /usr/libexec/valgrind/vgpreload_memcheck-amd64-linux.so)
==12559==    by 0x109231: parse (frame.c:10)
==12559==    by 0x109231: main (main.c:3)
"""


def told(text):
    of = case(message(b"x"))
    asked = Exchange("x", b"<x>", (), (), b"", 0.1, 0.2, False, True)
    console = ((0.5, text.encode()),) if text else ()
    return ProgramMonitor().observe(of, Transcript(of.id, (asked,), 0.0, 1.0, console=console))


@pytest.mark.parametrize(
    ("text", "kind", "words", "weakness"),
    [
        (ASAN, Kind.CRASH, "AddressSanitizer: heap-buffer-overflow at frame.c:88:12 in parse_frame", "CWE-125"),
        (ASAN.replace("READ", "WRITE"), Kind.CRASH, "AddressSanitizer: heap-buffer-overflow at", "CWE-122"),
        (UBSAN, Kind.CRASH, "runtime error: signed integer overflow", "CWE-190"),
        (SUMMED_UP, Kind.CRASH, "runtime error: signed integer overflow", "CWE-190"),
        (VALGRIND, Kind.CRASH, "Invalid read of size # at parse (frame.c:10)", "CWE-125"),
        (TRACEBACK, Kind.CONSOLE, "KeyError at server.py, line 12, in parse", None),
    ],
)
def test_what_a_program_says_of_itself_is_one_observation(text, kind, words, weakness):
    (seen,) = told(text)
    assert (seen.kind, seen.detail.get("weakness"), seen.detail["message"]) == (kind, weakness, "x")
    assert seen.summary.startswith(f"the program says: {words}")


def test_the_frames_of_a_report_are_those_of_its_first_stack():
    (seen,) = told(ASAN.replace("SUMMARY", "freed by\n    #0 0x1 in free /a/b.c:1:1\nSUMMARY"))
    assert seen.detail["frames"] == "parse_frame frame.c:88:12"


def test_the_place_is_in_the_program_and_not_in_the_sanitizer():
    inside = ASAN.replace(
        "/home/a/src/frame.c:88:12 in parse_frame", "../sanitizer_common.inc:8 in __interceptor_memcpy"
    )
    inside = inside.replace("    #0", "    #0 0x4 in __interceptor_memcpy /x/sanitizer_common.inc:8\n    #1")
    (seen,) = told(inside)
    assert seen.fingerprint[1] == "frame.c:88:12 in parse_frame"


def test_two_lines_of_undefined_behaviour_are_two_and_one_line_is_one():
    assert len(told(UBSAN + UBSAN.replace("12:19", "13:2"))) == 2
    assert len(told(UBSAN + UBSAN.replace("12:19", "12:2"))) == 1


@pytest.mark.parametrize("text", ["", "GET /frame 200\n", "ready\n", LEAKS])
def test_what_is_no_complaint_of_a_case_is_none(text):
    assert list(told(text)) == []


def test_a_report_that_comes_in_pieces_is_told_when_it_is_whole_and_once():
    monitor, of = ProgramMonitor(), case(message(b"x"))
    seen = []
    for start in range(0, len(TRACEBACK), 40):
        console = ((0.5, TRACEBACK[start : start + 40].encode()),)
        seen += monitor.observe(of, Transcript(of.id, (), 0.0, 1.0, console=console))
    assert [one.summary for one in seen] == ["the program says: KeyError at server.py, line 12, in parse"]
    assert monitor.state() == b""


def test_what_a_program_began_to_say_is_forgotten_in_a_replay():
    monitor, of = ProgramMonitor(), case(message(b"x"))
    initial = monitor.state()
    half = TRACEBACK[:120]
    monitor.observe(of, Transcript(of.id, (), 0.0, 1.0, console=((0.5, half.encode()),)))
    assert monitor.state() == half.encode()
    monitor.restore(initial)
    assert monitor.state() == b""


def test_the_message_that_is_named_is_the_cases_and_never_the_probe_behind_it():
    of = case(message(b"x"))
    sent = [Exchange(name, b"<>", (b"<>",), (), b"", at, at, True, True) for name, at in (("x", 0.1), ("probe", 0.3))]
    (seen,) = ProgramMonitor().observe(of, Transcript(of.id, tuple(sent), 0.0, 1.0, console=((0.5, UBSAN.encode()),)))
    assert seen.detail["message"] == "x"


OWN = TRACEBACK.replace("KeyError", "server.errors.BadRequest")


@pytest.mark.parametrize(
    ("text", "reply", "alive", "seen"),
    [
        (OWN, b"wrong", True, 0),
        (OWN, b"yes", True, 1),
        (OWN, b"wrong", False, 1),
        (TRACEBACK, b"wrong", True, 1),
        (TRACEBACK.replace("KeyError", "struct.error"), b"wrong", True, 1),
        (ASAN, b"wrong", True, 1),
    ],
)
def test_an_exception_of_its_own_with_which_it_refuses_a_message_is_no_fault(text, reply, alive, seen):
    of = case(message(b"x"))
    asked = Exchange("x", b"<x>", (reply,), (), b"", 0.1, 0.2, True, True)
    transcript = Transcript(of.id, (asked,), 0.0, 1.0, console=((0.5, text.encode()),), probe_served=alive)
    watching = ProgramMonitor({of.interface: lambda reply: reply == b"wrong"})
    assert len(watching.observe(of, transcript)) == seen


@pytest.mark.parametrize("name", ["ConnectionResetError", "BrokenPipeError"])
def test_that_a_connection_was_closed_is_our_own_doing(name):
    assert not told(TRACEBACK.replace("KeyError", name))
    assert told(TRACEBACK.replace("KeyError", f"Un{name}"))


def test_which_exceptions_are_a_programs_own():
    names = ("aiohttp.http_exceptions.BadStatusLine", "__main__.Refused", "ca.uhn.hl7v2.HL7Exception")
    assert all(Complaint(name).is_the_programs_own for name in names)
    names = ("KeyError", "struct.error", "json.decoder.JSONDecodeError", "java.lang.NullPointerException", "index 3.5")
    assert not any(Complaint(name).is_the_programs_own for name in names)
    assert not Complaint("a.Refused", checked=True).is_the_programs_own


@pytest.mark.parametrize(
    ("protocol", "reply", "blames"),
    [
        ("http", b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", True),
        ("http", b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", False),
        ("http", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", False),
        ("modbus_tcp", bytes.fromhex("000100000003018302"), True),
        ("modbus_tcp", bytes.fromhex("000100000003018304"), False),
        ("modbus_tcp", bytes.fromhex("00010000000501030217ff"), False),
        ("dicom", bytes.fromhex("03000000000400010101"), True),
    ],
)
def test_which_refusals_are_for_what_was_asked(protocol, reply, blames):
    assert load_protocol(protocol).blames_request(reply) is blames
