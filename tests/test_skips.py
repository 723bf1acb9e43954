"""What may be skipped where everything is required: tests that want an adapter, as long as none is given."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import pytest

@pytest.mark.hardware
def test_adapter(): pass

@pytest.mark.skipif(%r, reason="no tool")
def test_tool(): pass
"""


def outcome(folder, *options, tool):
    """Exit code and output of a run of two such tests with this folder's conftest."""
    shutil.copy(Path(__file__).with_name("conftest.py"), folder)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = hardware\naddopts = -rs -p no:cacheprovider\n")
    (folder / "test_two.py").write_text(TESTS % (not tool))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options],
        cwd=folder,
        env={**os.environ, "MEDFUZZ_REQUIRE_ALL": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(("tool", "code"), [(True, 0), (False, 1)])
def test_only_what_wants_an_adapter_may_be_skipped_and_says_which_option(tmp_path, tool, code):
    found, text = outcome(tmp_path, tool=tool)
    assert found == code, text
    assert "--adapter usb:0 --peer ADDRESS" in text
    assert ("MEDFUZZ_REQUIRE_ALL is set" in text) == (not tool)


def test_with_an_adapter_nothing_is_skipped_for_want_of_it(tmp_path):
    code, text = outcome(tmp_path, "--adapter", "usb:0", "--peer", "F0:F1:F2:F3:F4:F5", tool=True)
    assert (code, "2 passed" in text) == (0, True)


def test_an_adapter_without_a_device_is_a_usage_error(tmp_path):
    code, text = outcome(tmp_path, "--adapter", "usb:0", tool=True)
    assert (code, "go together" in text) == (pytest.ExitCode.USAGE_ERROR, True)
