"""Bad input: one clear line, the right exit code, nothing lost, no traceback."""

import socket
import sqlite3
import threading
from pathlib import Path

import pytest

from harness.store import Store

PUMP = Path(__file__).parents[2] / "targets" / "pump"
EXTERNAL = (
    '[target]\nkind = "external"\narmed = true\nname = "x"\nsettle = 0.0\n'
    '[interfaces.main]\nprotocol = "pump_link"\nopen_timeout = 0.5\n'
)


def over_pump(folder, **tables):
    """A bench that includes the pump's, with tables laid over it."""
    text = f'include = "{PUMP}/bench-fixed.toml"\n'
    text += "".join(f"[{name.replace('__', '.')}]\n{lines}\n" for name, lines in tables.items())
    (folder / "b.toml").write_text(text)


def requirement(folder, formula):
    (folder / "r.toml").write_text(
        f'[[requirement]]\nid = "R-1"\ntitle = "t"\nsource = "s"\nseverity = "serious"\nformula = "{formula}"\n'
    )
    over_pump(folder, safety='requirements = "r.toml"')


def misspelt_key(folder):
    over_pump(folder, interfaces__network="max_length = 3")
    return ["run", "b.toml"], 2, "'max_len'"


def misspelt_table(folder):
    over_pump(folder, monitor="uptime_field = 'x'")
    return ["run", "b.toml"], 2, "'monitors'"


def no_toml(folder):
    (folder / "b.toml").write_text("[target\n")
    return ["run", "b.toml"], 2, "line 1"


def wrong_type(folder):
    over_pump(folder, interfaces__network='max_len = "long"')
    return ["run", "b.toml"], 2, "max_len"


def table_is_a_value(folder):
    (folder / "b.toml").write_text(f'include = "{PUMP}/bench.toml"\ntarget = 3\n')
    return ["run", "b.toml"], 2, "target"


def unarmed(folder):
    (folder / "b.toml").write_text(
        EXTERNAL.replace("armed = true", "armed = false") + 'transport = "tcp:127.0.0.1:9"\n'
    )
    return ["run", "b.toml"], 2, "armed = true"


def missing_include(folder):
    (folder / "b.toml").write_text('include = "nowhere.toml"\n')
    return ["run", "b.toml"], 2, "nowhere.toml"


def include_of_itself(folder):
    (folder / "a.toml").write_text('include = "b.toml"\n')
    (folder / "b.toml").write_text('include = "a.toml"\n')
    return ["run", "b.toml"], 2, "itself"


def missing_bench(_folder):
    return ["run", "nowhere.toml"], 2, "nowhere.toml"


def misspelt_bench(_folder):
    return ["run", "pump-fixt"], 2, "'pump-fixed'"


def bench_is_a_folder(folder):
    (folder / "dir.toml").mkdir()
    return ["run", "dir.toml"], 2, "dir.toml"


def missing_elf(folder):
    over_pump(folder, target='elf = "nowhere.elf"')
    return ["run", "b.toml"], 3, "nowhere.elf"


def elf_that_is_none(folder):
    (folder / "text.elf").write_text("not an ELF")
    return ["run", "pump", "--elf", "text.elf"], 3, "text.elf"


def misspelt_symbol(folder):
    over_pump(folder, signals__motor_rate='symbol = "motor_rate_ul_hh"')
    return ["run", "b.toml"], 2, "'motor_rate_ul_h'"


def misspelt_transport(folder):
    over_pump(folder, interfaces__network='transport = "tpc:localhost:1"')
    return ["run", "b.toml"], 2, "'tcp'"


def misspelt_protocol(folder):
    over_pump(folder, interfaces__network='protocol = "pump_hl"')
    return ["run", "b.toml"], 2, "'pump_hl7'"


def misspelt_state(folder):
    over_pump(folder, interfaces__network='states = ["idel"]')
    return ["run", "b.toml"], 2, "'idle'"


def misspelt_fuzzer(_folder):
    return ["run", "pump", "--fuzzer", "enumerat"], 2, "'enumerate'"


def misspelt_interface(_folder):
    return ["run", "pump", "--interface", "netwrok"], 2, "'network'"


def misspelt_forbidden(folder):
    over_pump(folder, interfaces__maintenance='forbidden = ["bolsu"]')
    return ["run", "b.toml"], 2, "'bolus'"


def formula_with_a_typo(folder):
    requirement(folder, "historicaly(motor_rate <= 1)")
    return ["run", "b.toml"], 2, "'historically'"


def formula_cut_short(folder):
    requirement(folder, "historically(motor_rate <= ")
    return ["run", "b.toml"], 2, "R-1"


def formula_with_an_undeclared_signal(folder):
    requirement(folder, "motor_rat <= 1")
    return ["run", "b.toml"], 2, "'motor_rate'"


def bad_time(_folder):
    return ["run", "pump", "--time", "soon"], 2, "90s"


def nothing_to_serve(_folder):
    return ["emulate", "pump"], 2, "--tcp"


def a_run_is_there_already(folder):
    Store.create(folder / "store.sqlite", {}).close()
    return ["run", "pump", "--cases", "1", "--out", folder], 2, "--out"


def out_is_a_file(folder):
    (folder / "file").write_text("mine")
    return ["run", "pump", "--cases", "1", "--out", "file"], 3, "--out"


def report_to_a_file(folder):
    Store.create(folder / "store.sqlite", {}).close()
    (folder / "file").write_text("mine")
    return ["report", folder, "--out", "file"], 3, "--out"


def summary_is_a_folder(folder):
    Store.create(folder / "store.sqlite", {}).close()
    (folder / "summary.json").mkdir()
    return ["report", folder], 3, "summary.json"


def corrupt_store(folder):
    (folder / "store.sqlite").write_bytes(b"SQLite format 3\0" + bytes(200))
    return ["report", folder], 3, "store.sqlite"


def store_of_text(folder):
    (folder / "store.sqlite").write_text("hello")
    return ["replay", "F-1", "--run", folder], 3, "store.sqlite"


def store_of_somebody_else(folder):
    with sqlite3.connect(folder / "store.sqlite") as other:
        other.execute("create table mine (x)")
    other.close()
    return ["list", "findings", folder], 3, "store.sqlite"


def no_store(folder):
    return ["report", folder], 2, "store.sqlite"


def unknown_finding(folder):
    Store.create(folder / "store.sqlite", {}).close()
    return ["replay", "F-00000000", "--run", folder], 2, "F-00000000"


def no_runs(_folder):
    return ["replay", "F-00000000"], 2, "--run"


def misspelt_message(_folder):
    return ["send", "pump", "statsu"], 2, "'status'"


def messages_of_no_bench(_folder):
    return ["list", "messages"], 2, "pump-fixed"


def misspelt_listing(_folder):
    return ["list", "finding"], 2, "'findings'"


def forbidden_that_cannot_be_recognized(folder, command="run"):
    (folder / "mine.py").write_text(
        "import boofuzz\nfrom harness.interfaces import State\nfrom protocols.model import Edge, Message, Protocol\n"
        "from protocols.wire import Wire\nhello = Message(boofuzz.Request('hello', children=(boofuzz.Byte('x', 1),)))\n"
        "PROTOCOL = Protocol('mine', {'hello': hello}, (Edge('', 'hello'),), Wire(), {'on': State('on', ())},"
        " hello.send())\n"
    )
    (folder / "b.toml").write_text(
        '[target]\nkind = "external"\narmed = true\nname = "x"\n[interfaces.main]\nprotocol = "mine.py"\n'
        'transport = "tcp:127.0.0.1:9"\nforbidden = ["hello"]\n'
    )
    return [command, "b.toml"], 2, "Override forbidden() in its Wire"


def forbidden_that_cannot_be_recognized_in_check(folder):
    return forbidden_that_cannot_be_recognized(folder, "check")


def user_protocol_that_fails(folder):
    (folder / "mine.py").write_text("x = 1\nraise RuntimeError('oops')\n")
    over_pump(folder, interfaces__network='protocol = "mine.py"')
    return ["run", "b.toml"], 2, "mine.py:2"


def serial_path_that_is_not_there(folder):
    (folder / "b.toml").write_text(EXTERNAL + 'transport = "serial:/dev/ttyNOWHERE7"\n')
    return ["send", "b.toml", "status"], 3, "cable"


BAD = [
    unarmed,
    *(
        misspelt_key,
        misspelt_table,
        no_toml,
        wrong_type,
        table_is_a_value,
        missing_include,
        include_of_itself,
        missing_bench,
    ),
    *(misspelt_bench, bench_is_a_folder, missing_elf, elf_that_is_none, misspelt_symbol, misspelt_transport),
    *(misspelt_protocol, misspelt_state, misspelt_fuzzer, misspelt_interface, misspelt_forbidden),
    *(formula_with_a_typo, formula_cut_short, formula_with_an_undeclared_signal, bad_time, nothing_to_serve),
    *(
        a_run_is_there_already,
        out_is_a_file,
        corrupt_store,
        report_to_a_file,
        summary_is_a_folder,
        store_of_text,
        store_of_somebody_else,
        no_store,
    ),
    *(unknown_finding, no_runs, misspelt_message, messages_of_no_bench, misspelt_listing, user_protocol_that_fails),
    *(serial_path_that_is_not_there, forbidden_that_cannot_be_recognized, forbidden_that_cannot_be_recognized_in_check),
]


@pytest.mark.parametrize("wrong", BAD, ids=lambda wrong: wrong.__name__)
def test_bad_input_is_told_in_one_line(medfuzz, tmp_path, wrong):
    words, expected, helpful = wrong(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    code, out, err = medfuzz(*words)
    assert code == expected, (out, err)
    assert len(err) == 1, err
    assert err[0].startswith("medfuzz: ")
    assert helpful in err[0]
    assert not any("Traceback" in line for line in (*out, *err))
    assert {path: path.read_bytes() for path in before} == before


def test_a_busy_port_is_told_in_one_line(medfuzz):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        code, out, err = medfuzz("emulate", "pump", "--tcp", listener.getsockname()[1])
    assert (code, out, len(err)) == (3, [], 1)
    assert "in use" in err[0]


def test_a_device_that_is_another_one_is_not_fuzzed(medfuzz, tmp_path):
    over_pump(tmp_path, identity='serial = "SN-9999999"')
    code, out, err = medfuzz("run", "b.toml", "--cases", "5", "--out", "run")
    assert (code, len(err), err[0].startswith("bench fault ")) == (3, 1, True)
    assert any("'SN-0004711', the bench wants 'SN-9999999'" in line for line in out)
    assert any(line.startswith("0 cases") for line in out)
    assert "SN-9999999" in (tmp_path / "run" / "report.html").read_text()
    code, out, err = medfuzz("check", "b.toml")
    assert (code, len(err)) == (3, 1)


def test_a_link_that_is_not_there_is_a_run_with_a_report(medfuzz, tmp_path):
    (tmp_path / "b.toml").write_text(EXTERNAL + 'transport = "serial:/dev/ttyNOWHERE7"\n')
    code, out, err = medfuzz("run", "b.toml", "--out", "run", "--quiet")
    assert (code, err) == (3, [])
    assert any("cable" in line for line in out)
    assert {path.name for path in (tmp_path / "run").iterdir()} >= {"report.html", "junit.xml", "summary.json"}


@pytest.mark.parametrize(
    ("says", "shown"),
    [(b"", "came nothing. "), (b"login: ", "came 6c 6f 67 69 6e 3a 20. "), (bytes(99), " (99 bytes)")],
)
def test_what_came_in_place_of_an_answer_is_shown_in_hex(medfuzz, tmp_path, says, shown):
    def answer(listener):
        connection, _address = listener.accept()
        with connection:
            connection.recv(100)
            connection.sendall(says)
            connection.recv(100)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        device = threading.Thread(target=answer, args=[listener], daemon=True)
        device.start()
        (tmp_path / "b.toml").write_text(
            EXTERNAL + f'transport = "tcp:127.0.0.1:{listener.getsockname()[1]}"\nreply_timeout = 0.2\n'
        )
        code, out, _err = medfuzz("check", "b.toml")
        device.join(5.0)
    (line,) = [line for line in out if line.startswith("target and links")]
    assert (code, "no probe is answered: sent a5 " in line, shown in line) == (3, True, True), line


def test_a_damaged_control_is_told(medfuzz, tmp_path):
    (tmp_path / "control.json").write_text("{")
    over_pump(tmp_path, controls__recorded='crash = "control.json"')
    code, _out, err = medfuzz("check", "b.toml")
    assert (code, len(err)) == (3, 1)
    assert "control.json" in err[0]
