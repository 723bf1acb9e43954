"""Versions of what is installed, and of medfuzz where it is not."""

from __future__ import annotations

import importlib.metadata
import tomllib
from pathlib import Path


def version_of(distribution: str) -> str:
    """Its installed version; medfuzz's own also where it runs from a source folder."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return _checkout_version() if distribution == "medfuzz" else "not installed"


def _checkout_version() -> str:
    """The version of a source folder from which the program runs without being installed."""
    project = Path(__file__).parents[2] / "pyproject.toml"
    if not project.is_file():
        return "not installed"
    return f"{tomllib.loads(project.read_text(encoding='utf-8'))['project']['version']} (from its source folder)"
