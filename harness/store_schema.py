"""The tables of a campaign's store, and the marks by which a file is known as one."""

from __future__ import annotations

import sqlalchemy as sql

APPLICATION_ID = 0x4D454446
VERSION = 2

metadata = sql.MetaData()

campaign = sql.Table(
    "campaign",
    metadata,
    sql.Column("id", sql.Integer, primary_key=True),
    sql.Column("manifest", sql.Text, nullable=False),
    sql.Column("state", sql.Text, nullable=False),
    sql.Column("end", sql.Text, nullable=False),
)

origins = sql.Table(  # what many cases share
    "origins",
    metadata,
    sql.Column("number", sql.Integer, primary_key=True),
    sql.Column("interface", sql.Text, nullable=False),
    sql.Column("state", sql.Text, nullable=False),
    sql.Column("fuzzer", sql.Text, nullable=False),
    sql.Column("message", sql.Text, nullable=False),
    sql.Column("field", sql.Text, nullable=False),
)

rows = sql.Table(  # the cases as they are written: some 70 bytes each
    "rows",
    metadata,
    sql.Column("number", sql.Integer, primary_key=True),
    sql.Column("id", sql.LargeBinary, nullable=False),
    sql.Column("origin", sql.Integer, nullable=False),
    sql.Column("mutation", sql.Text, nullable=False),
    sql.Column("verdict", sql.Text, nullable=False),
    sql.Column("seconds", sql.Float, nullable=False),
    sql.Column("coverage", sql.Integer, nullable=False),
    sql.Column("probe_served", sql.Integer, nullable=False),
)

CASES_VIEW = """
CREATE VIEW cases AS
SELECT rows.number, lower(hex(rows.id)) AS id, interface, state, fuzzer, message, field, mutation, verdict, seconds,
       coverage, probe_served
FROM rows LEFT JOIN origins ON origins.number = rows.origin
"""

cases = sql.Table(  # the cases as they are read: that view; in a store of version 1 a table
    "cases",
    sql.MetaData(),
    sql.Column("number", sql.Integer, primary_key=True),
    sql.Column("id", sql.Text),
    sql.Column("interface", sql.Text),
    sql.Column("state", sql.Text),
    sql.Column("fuzzer", sql.Text),
    sql.Column("message", sql.Text),
    sql.Column("field", sql.Text),
    sql.Column("mutation", sql.Text),
    sql.Column("verdict", sql.Text),
    sql.Column("seconds", sql.Float),
    sql.Column("coverage", sql.Integer),
    sql.Column("probe_served", sql.Integer),
)

position = sql.Table(  # of a run that goes on: the cases and events that it counts, and what it knows
    "position",
    metadata,
    sql.Column("id", sql.Integer, primary_key=True),
    sql.Column("cases", sql.Integer, nullable=False),
    sql.Column("event", sql.Integer, nullable=False),
    sql.Column("packed", sql.LargeBinary, nullable=False),
)

findings = sql.Table(
    "findings",
    metadata,
    sql.Column("id", sql.Text, primary_key=True),
    sql.Column("bucket", sql.Text, nullable=False),
    sql.Column("kind", sql.Text, nullable=False),
    sql.Column("case_number", sql.Integer, nullable=False),
    sql.Column("reproduced", sql.Integer, nullable=False),
    sql.Column("tries", sql.Integer, nullable=False),
    sql.Column("fault", sql.Text, nullable=False),
    sql.Column("finding", sql.Text, nullable=False),
)

events = sql.Table(
    "events",
    metadata,
    sql.Column("number", sql.Integer, primary_key=True),
    sql.Column("kind", sql.Text, nullable=False),
    sql.Column("seconds", sql.Float, nullable=False),
    sql.Column("text", sql.Text, nullable=False),
)

PART = (  # into `main` from another campaign's store that is attached as `part`
    """
    INSERT INTO main.rows
    SELECT (number - 1) * :of + :index + 1, id, origin + (SELECT coalesce(max(number), 0) FROM main.origins), mutation,
           verdict, seconds, coverage, probe_served
    FROM part.rows WHERE number <= :cases
    """,
    """
    INSERT INTO main.origins
    SELECT number + (SELECT coalesce(max(number), 0) FROM main.origins), interface, state, fuzzer, message, field
    FROM part.origins
    """,
    """
    INSERT INTO main.events (kind, seconds, text)
    SELECT kind, seconds, text FROM part.events WHERE :index = 0 OR kind <> 'known' ORDER BY number
    """,
)
