"""A real adapter for tests marked `hardware`; where nothing may be skipped, any other skipped test fails the run.

CI sets MEDFUZZ_REQUIRE_ALL. It has no adapter: tests that want one are skipped there, and say how to give it; so are
those marked `network` where the machine lets nobody make a network of its own.
"""

import gc
import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest
from hypothesis import settings

settings.register_profile("any machine", settings.default, deadline=None)
settings.load_profile("any machine")
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # or each of the hundreds of programs compiles all of medfuzz anew
sys.dont_write_bytecode = False
WANTED = "needs a Bluetooth adapter: --adapter usb:0 --peer ADDRESS (a device that may be fuzzed)"


@pytest.fixture(autouse=True)
def heard_signals():
    """An interrupted run, also one of a wider fixture, ignores further signals to its end; so does who started us.

    Here the process goes on, and has children: each test begins with signals that end a program.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture(scope="session")
def hatchery():
    """What is started again and again with Bumble loaded is a fork of a process that has it."""
    from hatchery import Hatchery

    started = Hatchery("harness.radio.server", "harness.radio.central", "harness.radio.ether", "harness.radio.quiet",
                       "targets.serving.dirty_ble")  # fmt: skip
    yield started
    started.close()


@pytest.fixture
def radio(hatchery, monkeypatch):
    """A virtual radio with a place to attach."""
    from harness.radio import process

    started = process.Radio(listen=["tcp:127.0.0.1:0"])
    quick = {name: getattr(subprocess, name) for name in ("PIPE", "STDOUT", "TimeoutExpired")}
    monkeypatch.setattr(process, "subprocess", SimpleNamespace(**quick, Popen=hatchery.popen))
    started.start()
    yield started
    started.stop()


def pytest_addoption(parser):
    group = parser.getgroup("medfuzz")
    group.addoption("--adapter", default="", help="a real adapter for tests marked hardware: usb:0, hci-socket:0, …")
    group.addoption("--peer", default="", help="the address of the device in front of it; it will be fuzzed")


def pytest_configure(config):
    if bool(config.getoption("--adapter")) != bool(config.getoption("--peer")):
        raise pytest.UsageError("--adapter and --peer go together: an adapter, and the device in front of it")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--adapter"):
        for item in items:
            if item.get_closest_marker("hardware"):
                item.add_marker(pytest.mark.skip(reason=WANTED))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """Half as many again as there are cores: half of the time a test waits, for what a process or a deadline takes."""
    cores = os.cpu_count() or 1
    return cores + (cores + 1) // 2


def pytest_collection_finish():
    """What thousands of tests were collected to stays: no later search for garbage goes through it."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter, config):
    if required() and missed(terminalreporter, config):
        terminalreporter.write_line("MEDFUZZ_REQUIRE_ALL is set, and tests were skipped: see above")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if required() and reporter and missed(reporter, session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def required():
    return os.environ.get("MEDFUZZ_REQUIRE_ALL", "") not in ("", "0")


def missed(reporter, config):
    """What was skipped, without what only a real adapter, or rights that this machine does not give, could run."""
    excused = {"network"} if config.getoption("--adapter") else {"network", "hardware"}
    skipped = reporter.stats.get("skipped", ())
    return [report for report in skipped if excused.isdisjoint(getattr(report, "keywords", ()))]
