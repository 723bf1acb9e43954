"""docs/protocol.md: its code is the example's, and its commands print what the page shows."""

import re
import shutil
import socket
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = DOCS / "examples"
BLOCKS = re.findall(
    r"^```(\w+)\n(.*?)^```$", (DOCS / "protocol.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
)
WARMER = ("warmer_device.py", "service")
DEVICES = {"warmer.toml": WARMER, "warmer_boofuzz.toml": WARMER, "gnss.toml": ("gnss_device.py", "receiver")}
SHOWN = [block for kind, block in BLOCKS if kind == "python"]


@pytest.fixture
def bench(tmp_path):
    """The examples' benches on a free port, by this interpreter."""

    def made(name):
        device, interface = DEVICES[name]
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        (tmp_path / name).write_text(
            f'include = "{EXAMPLES / name}"\n[target]\n'
            f'command = ["{sys.executable}", "{EXAMPLES / device}", "{port}"]\n'
            f'[interfaces.{interface}]\ntransport = "tcp:127.0.0.1:{port}"\n'
        )
        return name

    return made


def printed(command):
    """What the page shows behind a command."""
    block = next(block for kind, block in BLOCKS if kind == "console" and f"$ medfuzz {command}" in block)
    return block.split(f"$ medfuzz {command}", 1)[1].split("\n", 1)[1].split("$ ", 1)[0].splitlines()


def unspaced(code):
    """Without indentation and line ends: a method is shown without its class."""
    return "".join(code.split())


def timeless(lines):
    """Without what differs from one time to the next: times, ports, the bytes of an uptime."""
    words = (re.sub(r"tcp:\S+|[\d.]+ ms|uptime_ms: \d+|← .*", "…", line) for line in lines)
    return [line for line in words if line != "…"]


def test_the_pages_code_is_the_examples():
    source = unspaced("".join((EXAMPLES / name).read_text(encoding="utf-8") for name in ("gnss.py", "warmer.py")))
    assert len(SHOWN) > 6
    assert [block for block in SHOWN[:-1] if unspaced(block) not in source] == []


@pytest.mark.parametrize("name", ["warmer.toml", "warmer_boofuzz.toml"])
def test_messages_are_listed_as_the_page_shows(medfuzz, bench, name):
    assert medfuzz("list", "messages", bench(name)) == (0, printed(f"list messages {name}"), [])


@pytest.mark.parametrize(("name", "message"), [("warmer.toml", "status"), ("gnss.toml", "set_rate")])
def test_check_and_send_print_what_the_page_shows(medfuzz, bench, name, message):
    name = bench(name)
    code, out, err = medfuzz("check", name)
    shown = timeless(printed(f"check {name}"))
    assert (code, timeless(out)[: len(shown)], err) == (0, shown, [])
    code, out, err = medfuzz("send", name, message)
    assert (code, timeless(out), err) == (0, timeless(printed(f"send {name} {message}")), [])


def told_of(name, err, out):
    """What was printed of a finding, but not how it was made smaller: that takes another time each time."""
    return [line for line in (*err, *out) if name in line and not line.startswith("smaller")]


def test_a_run_finds_what_the_page_shows_and_the_replay_does_too(medfuzz, bench):
    code, out, err = medfuzz("run", bench("warmer.toml"), "--cases", "300", "--stop-on", "leak", "--out", "runs/first")
    assert code == 1
    shown = printed("run warmer.toml")
    told = [line for line in shown if "F-fcdecda8" in line]
    assert len(told) == 3
    assert told_of("F-fcdecda8", err, out) == told
    assert any("withheld by the guard" in line for line in out)
    replay = medfuzz("replay", "F-fcdecda8", "--run", "runs/first")
    assert replay == (1, printed("replay F-fcdecda8 --run runs/first"), [])


def test_a_boofuzz_script_finds_it_too(medfuzz, bench):
    name = bench("warmer_boofuzz.toml")
    assert medfuzz("check", name)[0] == 0
    code, out, err = medfuzz("run", name, "--cases", "300", "--stop-on", "leak", "--out", "runs/script")
    assert code == 1
    assert told_of("F-a", err, out) == [line for line in printed("run warmer_boofuzz.toml") if "F-a" in line]


def test_a_script_with_a_wire_of_its_own_can_forbid(medfuzz, bench, tmp_path):
    shutil.copy(EXAMPLES / "warmer_boofuzz.py", tmp_path)
    (tmp_path / "mine.py").write_text(SHOWN[-1])
    name = bench("warmer_boofuzz.toml")
    with (tmp_path / name).open("a") as file:
        file.write('protocol = "mine.py"\nforbidden = ["set_label"]\n')
    code, out, err = medfuzz("run", name, "--cases", "20", "--out", "run", "--quiet")
    assert (code, err) == (0, [])
    assert any("withheld by the guard" in line for line in out)
