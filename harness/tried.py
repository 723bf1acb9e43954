"""What was tried of each message: in which state, and bent in which way; counted in a store's rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sql

from harness.store import Store
from harness.store_schema import cases as case_rows

_LONGEST = 24  # characters of a way


@dataclass(frozen=True, slots=True)
class Tried:
    """Finished cases that bent a message, or an order that ends with it, in one way, in one state.

    `way` is the beginning of the mutation's words: `sweep`, `wrong checksum`, `pair out of place`.
    """

    interface: str
    state: str
    message: str
    way: str
    cases: int


def tried_in(store: Store) -> tuple[Tried, ...]:
    """By interface, message, state and way; raises BenchError where the store cannot be read."""
    columns = case_rows.c.interface, case_rows.c.state, case_rows.c.message, _way(case_rows.c.mutation)
    counted = store.select(sql.select(*columns, sql.func.count()).group_by(*columns).order_by(*columns))
    return tuple(
        Tried(interface or "", state or "", message or "", way, n) for interface, state, message, way, n in counted
    )


def _way(mutation: Any) -> Any:
    """What stands before the colon, if that is near; else the first word."""
    colon, space = sql.func.instr(mutation, ":"), sql.func.instr(mutation.concat(" "), " ")
    end = sql.case((colon.between(1, _LONGEST), colon), else_=space)
    return sql.func.substr(mutation, 1, end - 1)
