"""Reads `known.toml`, the file that holds a baseline: findings that are known, by bucket, and who decided what."""

from __future__ import annotations

import datetime
import hashlib
import tomllib
from pathlib import Path
from typing import Any, cast

from pydantic import Field, ValidationError, field_validator

from harness.bench_tables import Table
from harness.errors import UsageError, did_you_mean
from harness.known.baseline import Baseline, Decision, KnownFinding

FILE_NAME = "known.toml"
_BUCKET = r"^(?:[Ff]-[0-9a-fA-F]{8}|[0-9a-fA-F]{16})$"


class FindingTable(Table):
    """`[[finding]]`: one bucket and what was decided; `kind`, `summary` and `fault` are for people only.

    `expires` is the last day on which it holds. `fixed` makes seeing it again a regression. `run`, `reproducer` and
    `case` say where it was seen and how to see it again. `also` is what `update` writes of other sights of the fault.
    """

    bucket: str = Field(pattern=_BUCKET)
    decision: Decision
    reason: str = ""
    owner: str = ""
    expires: datetime.date | None = None
    fixed: bool = False
    kind: str = ""
    summary: str = ""
    fault: str = ""
    run: str = ""
    reproducer: str = ""
    case: str = ""
    also: list[str] = []  # noqa: RUF012  pydantic copies a default

    @field_validator("bucket")
    @classmethod
    def _digits(cls, bucket: str) -> str:
        return bucket.lower().removeprefix("f-")

    @property
    def known(self) -> KnownFinding:
        """The entry as the engine has it."""
        values = self.model_dump(exclude={"expires", "also"})
        expires = self.expires.isoformat() if self.expires else ""
        return KnownFinding(**values, expires=expires, also=tuple(self.also))


class KnownFile(Table):
    """A whole `known.toml`."""

    finding: list[FindingTable] = []  # noqa: RUF012  pydantic copies a default


def baseline_beside(bench: Path) -> Path | None:
    """The `known.toml` in a bench file's folder, None where there is none."""
    path = bench.parent / FILE_NAME
    return path if path.is_file() else None


def load_baseline(path: Path, day: str) -> Baseline:
    """Read and check a baseline as of a day, YYYY-MM-DD; raises UsageError naming file, entry and key."""
    text, entries = read_known(path)
    return Baseline(str(path.resolve()), hashlib.sha256(text.encode()).hexdigest(), day, entries)


def read_known(path: Path) -> tuple[str, tuple[KnownFinding, ...]]:
    """A file's text and its entries, in its order; raises UsageError."""
    try:
        text = path.read_bytes().decode()
        document = tomllib.loads(text)
    except OSError as error:
        words = "Name a file of known findings; `medfuzz baseline update` writes one"
        raise UsageError(f"{path}: {error.strerror}. {words}") from error
    except ValueError as error:  # what is no UTF-8, or no TOML
        raise UsageError(f"{path}: not valid TOML: {error}") from error
    try:
        entries = tuple(table.known for table in KnownFile.model_validate(document).finding)
    except ValidationError as error:
        raise UsageError(f"{path}: {_first_error(error, document)}") from error
    _require_single(path, entries)
    return text, entries


def today() -> str:
    """The day in UTC, YYYY-MM-DD."""
    return datetime.datetime.now(tz=datetime.UTC).date().isoformat()


def _require_single(path: Path, entries: tuple[KnownFinding, ...]) -> None:
    for number, entry in enumerate(entries):
        for earlier, other in enumerate(entries[:number]):
            if entry.fits(other.bucket) or other.fits(entry.bucket):
                raise UsageError(
                    f"{path}: [[finding]] {number + 1}: bucket {entry.id} is in [[finding]] {earlier + 1} already; "
                    "leave one of them out"
                )


def _first_error(error: ValidationError, document: dict[str, Any]) -> str:
    details = error.errors(include_url=False)
    detail = next((d for d in details if d["type"] == "extra_forbidden"), details[0])
    where, key = detail["loc"][:-1], str(detail["loc"][-1])
    place = _place(where, document)
    if detail["type"] == "extra_forbidden":
        return f"{place}unknown key '{key}'.{did_you_mean(key, (FindingTable if where else KnownFile).model_fields)}"
    if detail["type"] == "missing":
        return f"{place}needs the key '{key}'"
    if len(where) < 2:
        return f"finding: must be an array of tables, [[finding]] (it is {detail['input']!r})"
    return f"{place}{key}: {_MESSAGES.get(key, detail['msg'])} (it is {detail['input']!r})"


_MESSAGES = {
    "expires": "must be a date without quotes, like 2026-12-31",
    "bucket": "must be the sixteen hex digits of a finding's bucket, or its id F- and eight",
    "decision": "must be 'accept', 'fix' or 'defer'",
}


def _place(where: tuple[int | str, ...], document: dict[str, Any]) -> str:
    """`[[finding]] 2 (F-0123abcd): `; "" for the file itself."""
    if len(where) < 2:
        return ""
    number = int(where[1])
    entry: Any = document["finding"][number]
    bucket = cast("dict[str, Any]", entry).get("bucket", "") if isinstance(entry, dict) else ""
    return f"[[finding]] {number + 1}{f' ({bucket})' if bucket else ''}: "
