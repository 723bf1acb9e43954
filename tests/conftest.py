"""Where nothing may be skipped (CI sets MEDFUZZ_REQUIRE_ALL), a skipped test fails the run."""

import os

import pytest


def pytest_terminal_summary(terminalreporter):
    if required() and terminalreporter.stats.get("skipped"):
        terminalreporter.write_line("MEDFUZZ_REQUIRE_ALL is set, and tests were skipped: see above")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if required() and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def required():
    return os.environ.get("MEDFUZZ_REQUIRE_ALL", "") not in ("", "0")
