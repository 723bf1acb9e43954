"""A boofuzz user's script, loaded as it is."""

import socket
import sys
from pathlib import Path

import boofuzz
import pytest
from fake_socket import FakeSocket

from fuzzers import FUZZERS
from fuzzers.script import load_boofuzz_script, load_boofuzz_session
from harness.case import Send
from harness.errors import UsageError
from harness.interfaces import Conversation
from protocols.load import load_protocol

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


def written(folder, **files):
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return folder / "main.py"


CONNECTED = """
session = Session(target=Target(connection=TCPSocketConnection("127.0.0.1", 1)))
session.connect(Request("a", children=(Byte("x"),)))
"""


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the script leaves its socket open
@pytest.mark.parametrize(
    "act",
    [
        'socket.create_connection(("127.0.0.1", 9))',
        'socket.socket().connect(("127.0.0.1", 9))',
        'socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 9))',
        'socket.gethostbyname("localhost")',
        'TCPSocketConnection("127.0.0.1", 9).open()',
        "Target(connection=None).send(b'x')",
        'open_test_run("x.db")',
        "Session(restart_callbacks=[print])",
    ],
)
def test_a_script_that_does_more_than_define_is_refused_by_name(tmp_path, act):
    script = written(tmp_path, main=f"import socket\nfrom boofuzz import *\n{CONNECTED}\n{act}\n")
    with pytest.raises(UsageError, match=r"main\.py: .*(network|outside a callback|open_test_run|restart_callbacks)"):
        load_boofuzz_script(script)
    assert "connect" not in vars(socket.socket)


PROCMON = """
from boofuzz import *
from boofuzz.monitors import ProcessMonitor as Watch, pedrpc
watch = Watch("127.0.0.1", 26002)
watch.set_options(start_commands=["./device"])
assert watch.start_target() and pedrpc.Client("127.0.0.1", 1).alive()
target = Target(connection=TCPSocketConnection("127.0.0.1", 1), monitors=[watch])
session = Session(target=target)
session.connect(Request("a", children=(Byte("x"),)))
"""


def test_a_process_monitor_is_accepted_and_check_says_what_becomes_of_it(tmp_path):
    (note,) = load_boofuzz_script(written(tmp_path, main=PROCMON)).notes
    assert note == (
        'boofuzz\'s process monitor is not run; a [target] of kind = "process" starts and watches the device '
        "(start_commands = ['./device'])"
    )


SIBLINGS = """
import sys
from boofuzz import *
from messages import NAME
print("loading", NAME)

def late(target, log, session, *args, **kwargs):
    import late_one
    from messages import COUNT
    COUNT.append(1)
    return f"{NAME} {late_one.NAME} {len(COUNT)} {sys.argv[1:]} {s_get(NAME).name} {open('note').read()}".encode()

session = Session()
session.connect(s_get(NAME), callback=late)
"""
MESSAGES = "from boofuzz import s_initialize, s_byte\nNAME = {0!r}\nCOUNT = []\ns_initialize(NAME)\ns_byte(1)\n"


def test_each_script_has_its_own_folder_arguments_and_names_also_in_its_callbacks(tmp_path, capsys):
    before = (list(sys.path), list(sys.argv), Path.cwd(), set(sys.modules))
    said = []
    for folder in ("one", "two", "one"):
        files = {"main": SIBLINGS, "messages": MESSAGES.format(folder), "late_one": f"NAME = 'late {folder}'"}
        script = written(tmp_path / folder, **files)
        (tmp_path / folder / "note").write_text(f"note {folder}")
        protocol = load_boofuzz_script(script, [f"-{folder}"])
        callback = protocol.callbacks[f"__ROOT_NODE__->{folder}"]
        said += [callback(Conversation(), b"", FakeSocket()).decode() for _ in range(2)]
    assert said == [
        f"{name} late {name} {count} ['-{name}'] {name} note {name}"
        for name in ("one", "two", "one")
        for count in (1, 2)
    ]
    assert (list(sys.path), list(sys.argv), Path.cwd()) == before[:3]
    assert not {"messages", "late_one"} & (set(sys.modules) - before[3])
    assert capsys.readouterr() == ("", "")


def test_a_script_that_fails_leaves_nothing_behind(tmp_path):
    before = (list(sys.path), list(sys.argv), Path.cwd(), boofuzz.Session, boofuzz.Target)
    with pytest.raises(
        UsageError, match=r"main\.py: cannot be loaded: .*late_one\.py:1, in <module>: ZeroDivisionError"
    ):
        load_boofuzz_script(written(tmp_path, main="import late_one", late_one="1 / 0"))
    assert (list(sys.path), list(sys.argv), Path.cwd(), boofuzz.Session, boofuzz.Target) == before
    assert "late_one" not in sys.modules


def test_a_script_that_exits_cleanly_behind_its_session_is_loaded(tmp_path):
    script = written(tmp_path, main=f"import sys\nfrom boofuzz import *\n{CONNECTED}\nsys.exit(0)\n")
    assert set(load_boofuzz_script(script).messages) == {"a"}


def test_a_script_in_a_protocol_file_says_the_same(tmp_path):
    load = "from pathlib import Path\nfrom fuzzers.script import load_boofuzz_script\n"
    load += "PROTOCOL = load_boofuzz_script(Path(__file__).with_name('main.py'), ['7'], session=1)\n"
    script = f"import sys\nfrom boofuzz import *\nassert sys.argv[1:] == ['7']\n{CONNECTED}\n{CONNECTED}"
    written(tmp_path, main=script, mine=load)
    assert set(load_protocol("mine.py", tmp_path).messages) == {"a"}
