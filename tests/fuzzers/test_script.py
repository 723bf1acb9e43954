"""A boofuzz user's script, loaded as it is."""

import socket

import boofuzz
import pytest
from fake_socket import FakeSocket

from fuzzers import FUZZERS
from fuzzers.script import load_boofuzz_script, load_boofuzz_session
from harness.case import Send
from harness.errors import UsageError
from harness.interfaces import Conversation

SCRIPT = """
from boofuzz import *

def token(target, fuzz_data_logger, session, test_case_context, *args, **kwargs):
    test_case_context.session_variables["token"] = session.last_recv[:2]

def main():
    session = Session(
        target=Target(connection=TCPSocketConnection("127.0.0.1", 1)),
        sleep_time=1.0,
        crash_threshold_element=3,
        post_test_case_callbacks=[lambda **_: None],
    )
    s_initialize("hello")
    s_static(b"HI ")
    s_string("user", max_len=30)
    with s_block("rest"):
        s_byte(1, name="code")
    s_checksum("rest", algorithm="crc32", name="sum")
    s_initialize("order")
    s_size("dose_block", length=1)
    with s_block("dose_block"):
        s_word(7, name="dose", endian=">")
    session.connect(s_get("hello"))
    session.connect(s_get("hello"), s_get("order"), callback=token)
    session.fuzz()

if __name__ == "__main__":
    main()
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "device.py"
    path.write_text(SCRIPT)
    return path


def test_messages_graph_and_callbacks_are_there(script):
    protocol = load_boofuzz_script(script)
    assert protocol.name == "device"
    assert set(protocol.messages) == {"hello", "order"}
    assert [(edge.source, edge.target) for edge in protocol.edges] == [("", "hello"), ("hello", "order")]
    assert protocol.message("order").send().data == b"\2\0\7"
    conversation = Conversation()
    assert protocol.callbacks["hello->order"](conversation, b"", FakeSocket(b"\1\2\3")) is None
    assert conversation.values == {"token": b"\1\2"}


def test_nothing_is_fuzzed_and_the_real_session_is_back(script, monkeypatch):
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("the script connected"))
    before = boofuzz.Session
    load_boofuzz_script(script)
    assert boofuzz.Session is before is boofuzz.sessions.Session


def test_the_same_script_twice_and_another_with_the_same_names(script):
    load_boofuzz_script(script)
    assert set(load_boofuzz_script(script).messages) == {"hello", "order"}


def test_it_can_be_fuzzed_and_what_leads_to_a_message_goes_out_before_it(script):
    cases = list(FUZZERS.get("enumerate")(load_boofuzz_script(script), "tcp", seed=1).cases())
    orders = [case for case in cases if case.messages[-1] == "order"]
    assert {case.messages for case in orders} == {("hello", "order")}
    last = [case.steps[-1] for case in orders]
    assert all(isinstance(step, Send) and step.callback == "hello->order" for step in last)


def test_callbacks_after_a_case_are_kept(script):
    assert len(load_boofuzz_session(script).post_test_case) == 1


@pytest.mark.parametrize(
    ("text", "error"),
    [("x = 1", "makes no boofuzz Session"), ("1 / 0", "ZeroDivisionError"), ("import sys; sys.exit(3)", "SystemExit")],
)
def test_a_script_that_does_not_work_is_named(tmp_path, text, error):
    path = tmp_path / "broken.py"
    path.write_text(text)
    with pytest.raises(UsageError, match=rf"broken\.py: .*{error}"):
        load_boofuzz_script(path)


def test_a_missing_script_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"none\.py: no such boofuzz script"):
        load_boofuzz_script(tmp_path / "none.py")
