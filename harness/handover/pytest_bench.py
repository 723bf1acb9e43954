"""The option `--bench` of pytest, for exported tests: `pytest -p harness.handover.pytest_bench … --bench BENCH`."""

from __future__ import annotations

from typing import Any


def pytest_addoption(parser: Any) -> None:
    """Called by pytest."""
    words = "the bench on which findings are replayed: a file, or a shipped bench's name (default: the finding's own)"
    parser.getgroup("medfuzz").addoption("--bench", default="", help=words)
