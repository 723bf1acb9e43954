"""The forms in which a finding is handed over, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.document import Handover
from harness.finding import Finding
from harness.handover.capture import write_capture
from harness.handover.document import write_document
from harness.handover.regression import write_test
from harness.handover.script import write_script
from harness.handover.wording import file_stem


@dataclass(frozen=True, slots=True)
class Format:
    """`write` takes a path and says which files it wrote; `default` names one after the finding."""

    write: Callable[[Path, Handover], tuple[Path, ...]]
    default: Callable[[Finding], Path]


def _document(path: Path, handover: Handover) -> tuple[Path, ...]:
    write_document(path, handover, option="--out")
    return (path,)


FORMATS: Mapping[str, Format] = {
    "json": Format(_document, lambda finding: Path(f"{finding.id}.json")),
    "pytest": Format(write_test, lambda finding: Path(f"test_{file_stem(finding)}.py")),
    "python": Format(write_script, lambda finding: Path(f"{file_stem(finding)}.py")),
    "pcapng": Format(write_capture, lambda finding: Path(f"{finding.id}.pcapng")),
}
