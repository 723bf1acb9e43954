"""The store of one campaign: its manifest, every case in brief, and every finding with its whole reproducer."""

from __future__ import annotations

import difflib
import json
import math
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sql

from harness.case import TestCase
from harness.errors import BenchError, UsageError
from harness.files import make_private_folder
from harness.finding import Finding
from harness.serialize import dumps, loads, to_plain
from harness.share import Share
from harness.store_engine import create_engine, open_engine, taken, translated
from harness.store_lock import Lock
from harness.store_schema import PART, campaign, events, findings, origins, position, rows
from harness.verdict import Verdict

STORE_NAME = "store.sqlite"

_CASE = f"INSERT OR REPLACE INTO rows VALUES ({','.join('?' * len(rows.columns))})"
_ORIGIN = f"INSERT OR REPLACE INTO origins VALUES ({','.join('?' * len(origins.columns))})"
_SHOWN = 56  # characters of a passing case's mutation: seed and number give the whole case again
WAITING_SECONDS = 0.2
RUNNING = "running"
ENDED = "ended"
OVER = ("budget", "exhausted", "findings")
RESUMABLE = 2  # the first version that keeps a position


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """A line of the campaign's history: a bench fault, one that ended it, a refused case. `seconds` since the start."""

    kind: str
    seconds: float
    text: str


class Store:
    """One writer. A case outlives our own end `WAITING_SECONDS` later, a finding the machine's, and at once."""

    def __init__(self, path: Path, engine: sql.Engine, lock: Lock | None = None) -> None:
        self.path, self._lock = path, lock
        self._engine = engine
        self._waiting: list[tuple[Any, ...]] = []
        self._origins: dict[tuple[str, ...], int] = {}
        self._new_origins: list[tuple[Any, ...]] = []
        self._written = -math.inf

    @classmethod
    def create(cls, path: Path, manifest: Mapping[str, object]) -> Store:
        """A new store with its manifest; raises UsageError when the file exists, BenchError from the disk.

        Of several that create one at the same moment, one does.
        """
        row = {"id": 1, "manifest": json.dumps(to_plain(manifest)), "state": RUNNING, "end": "{}"}
        with translated(path):
            make_private_folder(path.parent)
        if (lock := Lock.of(path)) is None:
            raise taken(path)
        try:
            return cls(path, create_engine(path, campaign.insert().values(row)), lock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def resume(cls, folder: Path) -> Store:
        """The store of a run that is to go on; raises UsageError where it runs, is over or too old, BenchError."""
        file = folder / STORE_NAME
        engine, lock = open_engine(file, at_least=RESUMABLE), Lock.of(file)
        if lock is None:
            raise UsageError(f"{folder}: its campaign still runs; wait for it, or end it first")
        store = cls(file, engine, lock)
        try:
            reason = store.end().get("reason", "")
        except BaseException:
            store.close()
            raise
        if reason in OVER:
            store.close()
            raise UsageError(f"{folder}: the run has ended ({reason}), there is nothing to resume. Start another run")
        return store

    @classmethod
    def open(cls, path: Path) -> Store:
        """A store that is there, or the store in a run's folder; raises UsageError, BenchError."""
        file = path / STORE_NAME if path.is_dir() else path
        return cls(file, open_engine(file))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def describe(self, manifest: Mapping[str, object]) -> None:
        """Put another manifest in the place of the one that it was created with."""
        self._write(campaign.update().values(manifest=json.dumps(to_plain(manifest))), durable=True)

    def add_case(
        self, number: int, case: TestCase, verdict: Verdict, seconds: float, *, coverage: int = 0, served: bool = False
    ) -> None:
        """Note one finished case; `seconds` since the start, `served` when it ended with a served probe.

        Cases that come fast are written together, because a transaction costs as much as a tenth of a short case.
        """
        origin = case.origin
        message = origin.path[-1] if origin.path else "".join(case.messages[-1:])
        place = self._origin((case.interface, case.state, origin.fuzzer, message, origin.field))
        whole = verdict is not Verdict.PASS or len(origin.mutation) <= _SHOWN
        brief = origin if whole else replace(origin, mutation=shown(origin.mutation))
        row = (
            number,
            bytes.fromhex(case.id),
            place,
            brief.mutation_text,
            verdict.value,
            seconds,
            coverage,
            int(served),
        )
        self._waiting.append(row)
        if time.monotonic() - self._written >= WAITING_SECONDS:
            self.flush()

    def _origin(self, origin: tuple[str, ...]) -> int:
        """The number under which it is written."""
        if origin not in self._origins:
            self._origins[origin] = len(self._origins) + 1
            self._new_origins.append((self._origins[origin], *origin))
        return self._origins[origin]

    def flush(self) -> None:
        """Write the cases that wait; raises BenchError, once for each of them."""
        if self._waiting:
            with self._written_down():
                pass

    @contextmanager
    def _written_down(self) -> Generator[sql.Connection]:
        """A transaction that begins with the cases that wait; they no longer do, whatever becomes of it."""
        waiting, self._waiting = self._waiting, []
        with translated(self.path), self._engine.begin() as connection:
            if waiting:
                self._written = time.monotonic()
                connection.exec_driver_sql(_CASE, waiting)
            if self._new_origins:
                connection.exec_driver_sql(_ORIGIN, self._new_origins)
            yield connection
        self._new_origins = []

    def add_finding(self, finding: Finding) -> None:
        """Put a finding on the disk (through a power loss too) before returning; one with its id is replaced."""
        statement = findings.insert().prefix_with("OR REPLACE").values(_finding_row(finding))
        self._write(statement, durable=True)

    update_finding = add_finding

    def add_event(self, kind: str, seconds: float, text: str) -> None:
        """Note a bench fault or a refused case."""
        self._write(events.insert().values(kind=kind, seconds=seconds, text=text), durable=False)

    def keep(self, packed: bytes, number: int) -> None:
        """Write down where the campaign stands, behind case `number`, with the cases that wait; raises BenchError."""
        with self._written_down() as connection:
            last = sql.select(sql.func.coalesce(sql.func.max(events.c.number), 0)).scalar_subquery()
            row = {"id": 1, "cases": number, "event": last, "packed": packed}
            connection.execute(position.insert().prefix_with("OR REPLACE").values(row))

    def position(self) -> bytes:
        """What `keep` wrote last; nothing where it was never called."""
        found = self._rows(sql.select(position.c.packed))
        return found[0][0] if found else b""

    def rewind(self) -> None:
        """Forget the cases and events behind the last `keep`, and the end; findings stay. Raises BenchError."""
        ((number, event),) = self._rows(sql.select(position.c.cases, position.c.event)) or [(0, 0)]
        with translated(self.path), self._engine.begin() as connection:
            connection.execute(rows.delete().where(rows.c.number > number))
            connection.execute(events.delete().where(events.c.number > event))
            connection.execute(campaign.update().values(state=RUNNING, end="{}"))
        self._origins = {tuple(row[1:]): row[0] for row in self._rows(sql.select(origins))}

    def clear(self) -> None:
        """Forget all cases, events and the end; findings stay. Raises BenchError."""
        with translated(self.path), self._engine.begin() as connection:
            for table in (rows, origins, events):
                connection.execute(table.delete())
            connection.execute(campaign.update().values(state=RUNNING, end="{}"))

    def add_part(self, path: Path, share: Share, cases: int) -> None:
        """The events of another store, and its first `cases`, numbered as in the whole; raises BenchError."""
        with translated(self.path):
            self._driver.execute("ATTACH DATABASE ? AS part", (str(path),))
            try:
                with self._driver:
                    self._driver.execute("BEGIN IMMEDIATE")
                    for statement in PART:
                        self._driver.execute(statement, {"of": share.of, "index": share.index, "cases": cases})
            finally:
                self._driver.execute("DETACH DATABASE part")

    def remove_finding(self, name: str) -> None:
        """A suspicion that turned out to be another finding."""
        self._write(findings.delete().where(findings.c.id == name), durable=True)

    def finish(self, end: Mapping[str, object]) -> None:
        """Write the totals at the end of the campaign."""
        self._write(campaign.update().values(state=ENDED, end=json.dumps(to_plain(end))), durable=True)

    def _write(self, statement: sql.Executable, *, durable: bool) -> None:
        self.flush()
        with translated(self.path), self._engine.connect() as connection:
            self._driver.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            with connection.begin():
                connection.execute(statement)
            self._driver.execute("PRAGMA synchronous = NORMAL")

    @cached_property
    def _driver(self) -> Any:
        """The one connection that the engine has."""
        return self._engine.raw_connection().driver_connection

    def _rows(self, statement: sql.Executable) -> Sequence[Any]:
        with translated(self.path), self._engine.begin() as connection:
            return connection.execute(statement).fetchall()

    def manifest(self) -> Mapping[str, Any]:
        """What was recorded at the start."""
        return self._document(campaign.c.manifest)

    def end(self) -> Mapping[str, Any]:
        """The totals that `finish` wrote; empty when the campaign did not come to its end."""
        return self._document(campaign.c.end)

    def _document(self, column: sql.Column[Any]) -> Mapping[str, Any]:
        found = self._rows(sql.select(column))
        if not found:
            raise BenchError(f"store {self.path}: holds no campaign. Run the campaign again.")
        try:
            return json.loads(found[0][0])
        except ValueError as error:
            raise self._damaged(column.name) from error

    def _damaged(self, what: str) -> BenchError:
        return BenchError(f"store {self.path}: {what} cannot be read. Restore the store from a copy.")

    def findings(self) -> Sequence[Finding]:
        """All findings in the order in which they were met; raises BenchError when one cannot be read."""
        found = self._rows(
            sql.select(findings.c.id, findings.c.finding).order_by(findings.c.case_number, findings.c.id)
        )
        return [self._read_finding(name, text) for name, text in found]

    def _read_finding(self, name: str, text: str) -> Finding:
        try:
            return loads(Finding, text)
        except ValueError as error:
            raise self._damaged(f"finding {name}") from error

    def finding(self, id_or_prefix: str) -> Finding:
        """The finding whose id begins so, with or without `F-`; raises UsageError with the nearest ids."""
        wanted = "F-" + id_or_prefix.strip().removeprefix("F-").removeprefix("f-").lower()
        ids = [row[0] for row in self._rows(sql.select(findings.c.id).order_by(findings.c.id))]
        matching = [name for name in ids if name.startswith(wanted)] if wanted != "F-" else []
        if len(matching) != 1:
            raise UsageError(_which_finding(id_or_prefix, matching, ids))
        ((text,),) = self._rows(sql.select(findings.c.finding).where(findings.c.id == matching[0]))
        return self._read_finding(matching[0], text)

    def events(self) -> Sequence[StoredEvent]:
        """The history, oldest first."""
        told = self._rows(sql.select(events.c.kind, events.c.seconds, events.c.text).order_by(events.c.number))
        return [StoredEvent(*row) for row in told]

    def select(self, statement: sql.Executable) -> Sequence[Any]:
        """Rows of a query over `harness.store_schema`, with the cases that wait written first."""
        self.flush()
        return self._rows(statement)

    def close(self) -> None:
        """Write what waits and let go of the file; idempotent."""
        try:
            self.flush()
        finally:
            self._engine.dispose()
            if self._lock is not None:
                self._lock.release()


def shown(text: str) -> str:
    """At most `_SHOWN` characters of it."""
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _finding_row(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.id,
        "bucket": finding.bucket,
        "kind": finding.kind.value,
        "case_number": finding.case_number,
        "reproduced": finding.reproduced,
        "tries": finding.tries,
        "fault": finding.fault,
        "finding": dumps(finding),
    }


def _which_finding(word: str, matching: Sequence[str], ids: Sequence[str]) -> str:
    if matching:
        return f"'{word}' fits {len(matching)} findings: {', '.join(matching[:5])}. Give more digits."
    near = difflib.get_close_matches(word, ids, n=3, cutoff=0.4) or ids[:5]
    hint = f"Nearest: {', '.join(near)}." if near else "This run has no findings."
    return f"unknown finding '{word}'. {hint}"
