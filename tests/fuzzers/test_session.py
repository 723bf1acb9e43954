"""DeviceSession: boofuzz's graph, names and mutations without boofuzz's faults; each test is one that was measured."""

import socket
import threading
import zlib
from pathlib import Path

import boofuzz
import pytest
from fake_socket import FakeSocket

from fuzzers.session import DeviceSession, case_name, parsed_name, send_of
from fuzzers.stand_ins import AcceptedMonitor, ScriptTarget
from harness.case import LiveField, Origin, TestCase
from harness.errors import LinkClosed, OwnError, UsageError
from harness.interfaces import AFTER_CASE, ON_CONNECTION, Conversation
from harness.transcript import Transcript
from protocols.render import Layout


def request(name, *children):
    return boofuzz.Request(name, children=children)


def session(*requests, **options):
    made = DeviceSession(**options)
    for one in requests:
        made.connect(one)
    return made


def test_nothing_is_opened_written_or_started(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = threading.active_count()
    for _ in range(2):
        DeviceSession(web_port=26000, sleep_time=5, fuzz_loggers=None).connect(request("a", boofuzz.Byte("x")))
    assert list(Path().iterdir()) == []
    assert threading.active_count() == before
    with socket.socket() as port:
        port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        port.bind(("127.0.0.1", 26000))


def test_every_late_bound_mutation_is_rendered_as_it_was_listed():
    """boofuzz gives 56 distinct renderings of 149 when they are listed first and rendered later."""
    one = request("a", boofuzz.Bytes("b", b"ABCDEF", max_len=300))
    listed = list(session(one).named_cases())
    one_by_one = [one.render(boofuzz.mutation_context.MutationContext(mutations=m)) for m in one.get_mutations()]
    assert [case.rendered.data for case in listed] == one_by_one
    assert len({case.rendered.data for case in listed}) == len(set(one_by_one)) > 100


def test_names_are_stable_and_lead_back_to_the_bytes():
    made = session(request("a", boofuzz.Byte("x"), boofuzz.String("s", "hi", max_len=20)))
    cases = list(made.named_cases())
    assert len({case.name for case in cases}) == len(cases) == made.num_mutations()
    for case in cases[::17]:
        assert made.named_case(case.name).rendered == case.rendered


def test_fields_whose_names_contain_each_other_are_combined():
    """boofuzz loses every pair of `len` and `len2`."""
    made = session(request("a", boofuzz.Group("len", [b"0", b"1"]), boofuzz.Group("len2", [b"0", b"1"])))
    assert [case.rendered.data for case in made.named_cases(max_depth=2)] == [b"10", b"01", b"11"]


def test_the_depth_is_bounded_unless_one_asks():
    fields = [boofuzz.Group(f"f{i}", [b"0", b"1"]) for i in range(4)]
    made = session(request("a", *fields))
    assert len(list(made.named_cases())) == 4
    assert len(list(made.named_cases(max_depth=9))) == 2**4 - 1


def test_each_path_is_its_own_and_a_cycle_ends():
    a, b = request("a", boofuzz.Byte("x")), request("b", boofuzz.Byte("y"))
    made = session(a)
    made.connect(a, b)
    made.connect(b, a)
    paths = list(made.message_paths())
    assert [tuple(made.nodes[edge.dst].name for edge in path) for path in paths] == [
        ("a",),
        ("a", "b"),
        ("a", "b", "a"),
    ]


@pytest.mark.parametrize("name", ["read:status", "a->b", "GET /a b", "v1.0 [x], 50%41", "größe"])
def test_a_case_of_a_message_with_any_name_is_read_back(name):
    made = session(request("first", boofuzz.Byte("x")))
    body = boofuzz.Block("body", children=(boofuzz.Byte("y"),))
    made.connect(made.nodes[1], request(name, body, boofuzz.Checksum("sum", "body", "crc32")))
    live = LiveField(f"checksum:{name}.sum", 1, 4, 0, 1)
    assert made.protocol("mine").resolve(live, b"\0" * 5, Conversation()) == zlib.crc32(b"\0").to_bytes(4, "little")
    case = next(case for case in made.named_cases() if case.path[-1] == name)
    assert parsed_name(case.name)[0] == ("first", name)
    assert made.named_case(case.name).rendered == case.rendered


@pytest.mark.parametrize("name", ["", "a\nb", "a\x1b[31m"])
def test_a_name_that_cannot_be_shown_is_an_error(name):
    with pytest.raises(UsageError, match="message name"):
        session(request(name, boofuzz.Byte("x"))).protocol("mine")


@pytest.mark.parametrize("name", ["", "a", "a:[a.x]", "a:[a.x:y]", "b:[b.x:0]", "a:[a.x:9999]", "a:[a.q:0]"])
def test_a_case_name_that_leads_nowhere_is_an_error(name):
    with pytest.raises(UsageError):
        session(request("a", boofuzz.Byte("x"))).named_case(name)


def test_case_names_are_boofuzz_s():
    mutation = boofuzz.mutation.Mutation(b"", "b.x", 3)
    assert case_name(("a", "b"), [mutation]) == "a->b:[b.x:3]"
    assert parsed_name("a->b:[b.x:3, b.y:4]") == (("a", "b"), (("b.x", 3), ("b.y", 4)))


def test_a_session_without_messages_is_an_error():
    with pytest.raises(UsageError, match="no messages"):
        DeviceSession().protocol("mine")


def login(target, fuzz_data_logger, session, test_case_context, **_):
    fuzz_data_logger.log_info("logging in")
    test_case_context.session_variables["token"] = session.last_recv[-2:]


def command(target, fuzz_data_logger, session, node, edge, **_):
    return b"run " + session.last_recv


def connected():
    reference = boofuzz.ProtocolSessionReference("token", b"\0\0")
    one, two = request("hello", boofuzz.Byte("x", 1)), request("login", boofuzz.Simple("token", reference))
    three = request("run", boofuzz.Byte("y", 3))
    made = session(one)
    made.connect(one, two, login)
    made.connect(two, three, command)
    return made


def test_an_edge_callback_runs_at_send_time_with_what_was_received():
    """boofuzz's callbacks raise TypeError when cases are rendered ahead: `last_recv` is not there yet."""
    protocol = connected().protocol("mine")
    conversation, socket = Conversation(), FakeSocket(b"\1\2\3")
    answers = {
        edge.target: protocol.callbacks[edge.callback](conversation, b"", socket)
        for edge in protocol.edges
        if edge.callback
    }
    assert answers == {"login": None, "run": b"run \1\2\3"}
    assert conversation.values["token"] == b"\2\3"


def test_a_session_reference_set_by_a_callback_goes_out_with_the_next_message():
    protocol = connected().protocol("mine")
    conversation = Conversation()
    protocol.callbacks["hello->login"](conversation, b"", FakeSocket(b"\1\2\3"))
    send = protocol.message("login").send()
    assert protocol.resolve(send.live[0], send.data, conversation) == b"\2\3"


def test_values_stay_from_one_message_to_the_next():
    """A new ProtocolSession for each message loses them in boofuzz."""
    seen = []

    def remember(test_case_context, **_):
        seen.append(test_case_context.session_variables.get("n"))
        test_case_context.session_variables["n"] = len(seen)

    a, b = request("a", boofuzz.Byte("x")), request("b", boofuzz.Byte("y"))
    made = session(a)
    made.connect(a, b, lambda *_, **options: remember(**options))
    callback, conversation = made.protocol("mine").callbacks["a->b"], Conversation()
    callback(conversation, b"", FakeSocket())
    callback(conversation, b"", FakeSocket())
    assert seen == [None, 1]


def test_a_failing_edge_callback_names_its_edge():
    a = request("a", boofuzz.Byte("x"))
    made = DeviceSession()
    made.connect(made.root, a, lambda *_, **__: 1 / 0)
    callback = made.protocol("mine").callbacks["__ROOT_NODE__->a"]
    with pytest.raises(
        OwnError, match=rf"before 'a': {__file__}:\d+, in <lambda>: ZeroDivisionError: division by zero"
    ):
        callback(Conversation(), b"", FakeSocket(messages=()))


def transcript(**options):
    return Transcript("id", (), 0.0, 1.0, probe_served=True, **options)


CASE = TestCase("link", "start", (), Origin("boofuzz"))


def after_case(callback, reply=b"x", socket=None, **options):
    """The monitor after one case that was answered by `reply`."""
    made = session(request("a", boofuzz.Byte("x")), post_test_case_callbacks=[callback], **options)
    monitor = made.protocol("mine").callbacks[AFTER_CASE]
    monitor(Conversation(), b"", socket or FakeSocket(reply))
    return monitor


def complaints(callback, *args, **options):
    return [found.summary for found in after_case(callback, *args, **options).observe(CASE, transcript())]


def test_post_test_case_callbacks_complain_through_the_log():
    def check(target, fuzz_data_logger, session, **_):
        if target.recv() != session.last_recv or session.last_recv == b"bad":
            fuzz_data_logger.log_fail("wrong answer")

    monitor = after_case(check, b"bad")
    assert [found.summary for found in monitor.observe(CASE, transcript())] == ["wrong answer"]
    assert monitor.observe(CASE, transcript()) == []
    assert complaints(check, b"good") == []


def test_a_callback_that_raises_is_no_finding_and_its_line_is_named():
    def broken(**_):
        raise KeyError("oops")

    with pytest.raises(OwnError, match=rf"callback 'broken' after a case: {__file__}:\d+, in broken: KeyError: 'oops'"):
        after_case(broken).observe(CASE, transcript())


def test_a_callback_that_fails_on_a_device_that_is_gone_does_not_hide_that():
    monitor = after_case(lambda session, **_: session.last_recv[7], b"")
    assert monitor.observe(CASE, Transcript("id", (), 0.0, 1.0, probe_served=False)) == []
    assert complaints(lambda **_: None) == []


def four(target, fuzz_data_logger, session, sock):
    fuzz_data_logger.log_fail(f"{target is sock} {session.last_recv}")


def own_names(t, log, s, sk):
    log.log_fail(f"{t is sk} {s.last_recv}")


def with_rest(target, fuzz_data_logger, session, sock, *args, **kwargs):
    fuzz_data_logger.log_fail(f"{target is sock} {session.last_recv}")


def with_context(target, fuzz_data_logger, session, test_case_context, *args, **kwargs):
    fuzz_data_logger.log_fail(f"{test_case_context is not None} {session.last_recv}")


def by_name(**given):
    given["fuzz_data_logger"].log_fail(f"{given['target'] is given['sock']} {given['session'].last_recv}")


@pytest.mark.parametrize("callback", [four, own_names, with_rest, with_context, by_name, lambda *a, **k: by_name(**k)])
def test_a_callback_declares_boofuzz_s_parameters_as_it_likes(callback):
    assert complaints(callback) == ["True b'x'"]


def test_a_named_case_becomes_a_step():
    made = connected()
    case = made.named_case("hello:[hello.x:0]")
    send = send_of(made.protocol("mine"), case)
    assert (send.message, send.data, send.mutated) == ("hello", b"\0", True)


def test_a_crash_does_not_change_what_a_name_means():
    """boofuzz's indices drift after crashes: 140 names had other indices than in a clean run."""
    made = session(request("a", boofuzz.Byte("x"), boofuzz.Word("y")))
    clean = {case.name: case.rendered.data for case in made.named_cases()}
    seen = {}
    for number, case in enumerate(made.named_cases()):
        seen[case.name] = case.rendered.data
        if number % 3 == 0:
            made.log.log_fail("crash")
    assert seen == clean


def test_counting_does_not_run_the_cases_again_for_each_case(monkeypatch):
    begun, mutations_of = [], boofuzz.Word.mutations
    monkeypatch.setattr(
        boofuzz.Word, "mutations", lambda self, default: begun.append(self.name) or mutations_of(self, default)
    )
    made = session(request("a", boofuzz.Word("x", full_range=True), boofuzz.Word("y", full_range=True)))
    cases = made.named_cases()
    assert len({next(cases).name for _ in range(1000)}) == 1000
    assert begun == ["x", "y", "x"]  # once to know the fields, then one after the other


def test_live_free_requests_render_as_boofuzz_does():
    one = request("a", boofuzz.Size("n", "s", length=1), boofuzz.String("s", "hi"))
    assert Layout(one).default.data == one.render()


def talked(callback, socket, **options):
    """What a callback on the edge a->b gives, on that socket."""
    a, b = request("a", boofuzz.Byte("x")), request("b", boofuzz.Byte("y"))
    made = session(a, **options)
    made.connect(a, b, callback)
    return made, made.protocol("mine").callbacks["a->b"](Conversation({"n": 4}), b"own", socket)


def test_an_edge_callback_gets_the_message_before_and_the_variables():
    def look(target, log, session, node, edge, test_case_context):
        context = test_case_context
        words = (context.previous_message.name, context.current_message.name, session.fuzz_node.name, edge.src)
        return repr((*words[:3], context.session_variables["n"], target is session.targets[0])).encode()

    assert talked(look, FakeSocket())[1] == b"('a', 'b', 'b', 4, True)"


def test_recv_gives_what_boofuzz_s_would():
    """What came for the last message has been read, unless the session leaves that to its callbacks."""

    def read(target, log, **_):
        first = target.recv(2)
        target.send(b"more")
        return first + b"|" + target.recv() + target.recv()

    socket = FakeSocket(b"last", [b"next one", b"answer", LinkClosed("gone")])
    assert talked(read, socket)[1] == b"ne|answer"
    socket = FakeSocket(b"last", [b"answer"])
    assert talked(read, socket, receive_data_after_each_request=False)[1] == b"la|answer"
    assert socket.sent == [b"more"]


def test_a_post_callback_reads_the_answer_to_the_case_and_knows_the_messages():
    def look(target, fuzz_data_logger, session, sock, test_case_context):
        context = test_case_context
        fuzz_data_logger.log_fail(f"{sock.recv()} {session.last_send} {context.previous_message.name}")

    assert complaints(look, socket=FakeSocket(b"reply")) == ["b'reply' b'sent' __ROOT_NODE__"]
    assert complaints(look, socket=FakeSocket(b"reply"), receive_data_after_fuzz=True)[0].startswith("b'' ")


class Breaks(FakeSocket):
    def send(self, data):
        raise LinkClosed("pulled out")


def test_a_link_that_breaks_in_a_callback_is_the_link_s_trouble():
    def catches(target, log, **_):
        try:
            target.send(b"x")
        except boofuzz.exception.BoofuzzTargetConnectionReset:
            return b"caught"

    assert talked(catches, Breaks())[1] == b"caught"
    with pytest.raises(LinkClosed, match="pulled out"):
        talked(lambda target, *_, **__: target.send(b"x"), Breaks())
    with pytest.raises(LinkClosed, match="pulled out"):
        after_case(lambda target, **_: target.send(b"x"), socket=Breaks())


def test_a_callback_may_close_and_open_the_connection():
    def again(target, *_, **__):
        target.close()
        target.open()
        target.open()
        target._target_connection.send(b"hi")

    socket = FakeSocket()
    talked(again, socket)
    assert (socket.reopened, socket.sent) == (1, [b"hi"])
    with pytest.raises(OwnError, match="has closed this Target"):
        talked(lambda target, *_, **__: (target.close(), target.recv()), FakeSocket())


def test_a_failure_that_a_callback_raises_or_logs_is_what_it_complains_about():
    def fails(*_, fuzz_data_logger=None, **__):
        fuzz_data_logger.log_error("first")
        raise boofuzz.BoofuzzFailure("second")

    assert complaints(fails) == ["second", "first"]
    made, answer = talked(lambda target, log, **_: log.log_fail("on the edge"), FakeSocket())
    assert answer is None
    assert [one.text for one in made.complaints] == ["on the edge"]


@pytest.mark.parametrize("value", [True, "text", 7])
def test_what_an_edge_callback_returns_must_be_bytes(value):
    with pytest.raises(OwnError, match=f"before 'b' returns {type(value).__name__}, not bytes"):
        talked(lambda *_, **__: value, FakeSocket())


def test_an_edge_callback_may_fail_on_the_answer_to_what_boofuzz_would_not_have_sent():
    def parses(target, log, session, **_):
        return session.last_recv.split(b" ")[2]

    assert talked(parses, FakeSocket(b"OK n 7"))[1] == b"7"
    assert talked(parses, FakeSocket(b"ERR", mutated=True))[1] is None
    assert talked(parses, FakeSocket(b"ERR", messages=["a", "b"]))[1] is None
    with pytest.raises(OwnError, match="IndexError"):
        talked(parses, FakeSocket(b"ERR"))


class Watching(boofuzz.BaseMonitor):
    def __init__(self):
        self.seen = []

    def pre_send(self, target=None, fuzz_data_logger=None, session=None):
        self.seen.append(target.recv())

    def post_send(self, target=None, fuzz_data_logger=None, session=None):
        return session.last_recv != b"bad"

    def get_crash_synopsis(self):
        return "it smokes"


def test_a_script_s_own_monitor_watches():
    monitor = Watching()
    made = session(request("a", boofuzz.Byte("x")), target=ScriptTarget(None, monitors=[monitor, AcceptedMonitor()]))
    callbacks = made.protocol("mine").callbacks
    callbacks[ON_CONNECTION](Conversation(), b"", FakeSocket(answers=[b"banner"]))
    assert monitor.seen == [b"banner"]
    for reply, words in ((b"good", []), (b"bad", ["it smokes"])):
        callbacks[AFTER_CASE](Conversation(), b"", FakeSocket(reply))
        found = callbacks[AFTER_CASE].observe(CASE, transcript())
        assert [(one.summary, one.fingerprint[0]) for one in found] == [(word, "Watching") for word in words]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: DeviceSession(restart_callbacks=[print]), "restart_callbacks=.* reset_command"),
        (lambda: DeviceSession(post_start_target_callbacks=[print]), "post_start_target_callbacks=.* pre_send"),
        (lambda: DeviceSession(sleep_tme=1), "sleep_tme"),
        (lambda: DeviceSession().export_file(), "import_ and export_file are not supported"),
        (lambda: DeviceSession().transmit_fuzz(None, None, None, None, None), "transmit_fuzz"),
        (lambda: ScriptTarget(None, repeater=boofuzz.CountRepeater(2)), "repeater=.* not supported"),
        (lambda: ScriptTarget(None).send(b"x"), "outside a callback"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(make, words):
    with pytest.raises(UsageError, match=words):
        make()


def test_what_says_how_to_run_is_accepted():
    made = DeviceSession("results.session", 1, None, 0.5, console_gui=True, db_filename="x.db", restart_interval=7)
    made.connect(request("a", boofuzz.Byte("x")))
    made.fuzz("a", max_depth=2)
    made.fuzz_by_name("a")
    made.fuzz_single_case(3)
    made.feature_check()
    assert (made.sleep_time, made.index_end, made.web_port) == (0.5, None, 26000)
    assert (made.exec_speed, made.reconnects, made.protocol("mine").reconnect) == (0.0, True, True)
    assert not session(request("a", boofuzz.Byte("x")), reuse_target_connection=True).protocol("mine").reconnect
