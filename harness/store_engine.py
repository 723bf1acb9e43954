"""Opens a store's SQLite file: pragmas, explicit transactions, version check, and errors in our own words."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from sqlalchemy.event import listen
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from harness.errors import BenchError, UsageError
from harness.files import PRIVATE_FILE
from harness.store_schema import APPLICATION_ID, CASES_VIEW, VERSION, metadata

BUSY_MILLISECONDS = 10_000


def create_engine(path: Path, first: sql.Executable) -> sql.Engine:
    """A new store's engine with its tables and a first row; there is none until it is whole.

    Raises UsageError when the file exists, BenchError from the disk. Whoever calls it holds the store's lock.
    """
    with translated(path):
        if path.exists():
            raise taken(path)
        new = path.with_name(f".{path.name}.new")
        for left in path.parent.glob(f"{new.name}*"):
            left.unlink()
        _fill(new, first)
        new.replace(path)
        _sync(path.parent)
        return _engine(path)


def taken(path: Path) -> UsageError:
    """There is a store already."""
    words = f"{path.parent} holds a campaign already; go on with it by --resume, or name another folder with --out"
    return UsageError(words)


def _fill(path: Path, first: sql.Executable) -> None:
    """A file that is its owner's alone, as SQLite's files beside it will be."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    path.chmod(PRIVATE_FILE)
    engine = sql.create_engine(f"sqlite:///{path}", poolclass=sql.pool.NullPool)
    with engine.begin() as connection:
        metadata.create_all(connection)
        connection.exec_driver_sql(CASES_VIEW)
        connection.execute(first)
        connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.exec_driver_sql(f"PRAGMA user_version = {VERSION}")
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")  # whoever only reads it changes nothing


def _sync(folder: Path) -> None:
    """A name in it outlives a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_engine(path: Path, *, at_least: int = 1) -> sql.Engine:
    """The engine of a store that is there; raises UsageError when it is not, BenchError when it is not a store.

    UsageError, too, for one whose version is not `at_least` so new.
    """
    if not path.is_file():
        raise UsageError(f"no store at {path}. Name the folder of a run, as `medfuzz list` prints it.")
    with translated(path):
        _check_kind(path, at_least)
        return _engine(path)


def _check_kind(path: Path, at_least: int) -> None:
    """Read the marks and the integrity without changing the file's journal mode."""
    connection = sqlite3.connect(path, timeout=BUSY_MILLISECONDS / 1000)
    try:
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        complaint = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0]).splitlines()[-1]
    finally:
        connection.close()
    if application != APPLICATION_ID:
        raise BenchError(f"{path} is not a medfuzz store. Name the store.sqlite of a run.")
    if version > VERSION:
        raise BenchError(f"{path} was written by a newer medfuzz (store version {version}). Update medfuzz.")
    if version < at_least:
        raise UsageError(f"{path} was written by an older medfuzz, which kept no position. Start another run")
    if complaint != "ok":
        raise BenchError(f"{path} is damaged ({complaint}). Restore it from a copy, or run the campaign again.")


def _engine(path: Path) -> sql.Engine:
    engine = sql.create_engine(f"sqlite:///{path}", poolclass=sql.pool.StaticPool)
    listen(engine, "connect", _on_connect)
    listen(engine, "begin", _on_begin)
    return engine


def _on_connect(connection: Any, _record: object) -> None:
    """The driver's own transactions are switched off: it does not BEGIN before a SELECT."""
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
    connection.execute("PRAGMA foreign_keys = ON")


def _on_begin(connection: sql.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def translated(path: Path) -> Generator[None]:
    """Errors of the library and of the disk as one line of BenchError."""
    try:
        yield
    except (sqlite3.Error, SQLAlchemyError, OSError) as error:
        raise BenchError(f"store {path}: {_reason(error)} {_advice(error)}") from error


def _reason(error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return str(cause).splitlines()[0].rstrip(".") + "."


def _advice(error: Exception) -> str:
    text = str(error)
    if "locked" in text:
        return "Another process writes it; wait for it or stop it."
    if "not a database" in text or "malformed" in text or "no such" in text:
        return "The file is not a store or is damaged: restore it from a copy, or run the campaign again."
    return "Check that the folder exists, is writable and has room."
