"""What a written file says of its finding: a device's words, harmless in a line of Python or of a capture."""

from __future__ import annotations

from harness.finding import Finding
from reports.text import visible


def quotable(text: str) -> str:
    """One line that ends neither a Python string nor an escape in it."""
    return visible(text).replace("\\", "/").replace('"', "'")


def headline(finding: Finding) -> str:
    """`F-4bab467d: crash on network in state infusing: null pointer write in …`, quotable."""
    where = f"{finding.kind.value} on {finding.case.interface} in state {finding.case.state}"
    return quotable(f"{finding.id}: {where}: {finding.observation.summary}")


def file_stem(finding: Finding) -> str:
    """`f_4bab467d`: a name that is good in Python, too."""
    return finding.id.lower().replace("-", "_")
