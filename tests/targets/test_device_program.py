"""The options and endings that the programs of emulated devices with a radio share."""

from types import SimpleNamespace

import pytest

from harness.errors import UsageError
from targets.serving import device_program

ADDRESS = "C6:49:50:37:00:01"


def chosen(*words):
    return device_program.options("insulin", "", ADDRESS, ["--radio", "tcp:localhost:9200", *words])


def test_the_place_to_attach_at_is_read():
    assert device_program.place(chosen()) == "tcp:localhost:9200"
    assert device_program.place(SimpleNamespace(radio="unix:/run/h4")) == "unix:/run/h4"


@pytest.mark.parametrize("radio", ["", "foo", "tcp:x:y", "tcp:localhost:0", "tcp:localhost:99999", "udp:localhost:1"])
def test_a_place_that_is_none_says_what_to_write(radio):
    with pytest.raises(UsageError, match="write tcp:HOST:PORT"):
        device_program.place(SimpleNamespace(radio=radio))


@pytest.mark.parametrize("words", [("--address", "zz"), ("--channel", "99999"), ("--channel", "-1")])
def test_an_address_or_port_that_is_none_is_refused(words, capsys):
    with pytest.raises(SystemExit, match="2"):
        chosen(*words)
    assert words[1] in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ConnectionRefusedError(), 3, "start `medfuzz radio --listen tcp:localhost:9200` first"),
        (OSError("busy"), 3, "busy"),
        (UsageError("what to write"), 2, "what to write"),
    ],
)
def test_what_cannot_be_had_is_one_line(error, code, words, capsys):
    def run(_options):
        raise error

    assert device_program.ended(chosen(), run) == code
    assert capsys.readouterr().err.splitlines()[0].endswith(words)
