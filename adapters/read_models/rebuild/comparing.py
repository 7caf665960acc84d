"""Whether two copies of a projection's tables hold the same, at one position and in one snapshot.

A row's hash is Postgres's hash of its values; a table's is the number of its rows and the xor of their hashes, which
no order of rows changes. Where they differ, the first row that does is named.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from psycopg import Connection, sql

from projections.projection import Projection, Table

_SUM = "select count(*), coalesce(bit_xor(hash_record_extended(t.*, 0)), 0) from {}.{} t"
# The keys are compared as rows: they hold no nulls.
_DIFFERENCE = """
select to_jsonb(l), to_jsonb(r)
  from {live}.{table} l full join {rebuilt}.{table} r on {joined}
 where l is distinct from r
 order by {order} limit 1
"""


@dataclass(frozen=True)
class Compared:
    """What two copies hold: rows of the rebuilt one, a checksum of each, and the first row that differs."""

    rows: int
    live: str | None
    rebuilt: str
    first_difference: dict[str, Any] | None


def compare(connection: Connection[Any], projection: Projection, live: str | None, rebuilt: str) -> Compared:
    """Compare all tables, in the caller's snapshot. Without ``live`` there is nothing to compare with."""
    rows = 0
    said: dict[str, list[str]] = {"live": [], "rebuilt": []}
    difference: dict[str, Any] | None = None
    for table in projection.tables:
        count, mixed = _sum(connection, table, rebuilt)
        rows += count
        said["rebuilt"].append(f"{table.name} {count} {mixed}")
        if live is None:
            continue
        found = _sum(connection, table, live)
        said["live"].append(f"{table.name} {found[0]} {found[1]}")
        if difference is None and found != (count, mixed):
            difference = _difference(connection, table, live, rebuilt)
    return Compared(rows, None if live is None else _digest(said["live"]), _digest(said["rebuilt"]), difference)


def _sum(connection: Connection[Any], table: Table, schema: str) -> tuple[int, int]:
    statement = sql.SQL(_SUM).format(sql.Identifier(schema), sql.Identifier(table.name))
    found = connection.execute(statement).fetchone()
    assert found is not None
    return int(found[0]), int(found[1])


def _difference(connection: Connection[Any], table: Table, live: str, rebuilt: str) -> dict[str, Any] | None:
    names = [sql.Identifier(name) for name in table.key]
    statement = sql.SQL(_DIFFERENCE).format(
        live=sql.Identifier(live),
        rebuilt=sql.Identifier(rebuilt),
        table=sql.Identifier(table.name),
        joined=sql.SQL(" and ").join(sql.SQL("l.{0} = r.{0}").format(name) for name in names),
        order=sql.SQL(", ").join(sql.SQL("coalesce(l.{0}, r.{0})").format(name) for name in names),
    )
    found = connection.execute(statement).fetchone()
    if found is None:
        return None
    ours, theirs = found
    present = ours or theirs
    if ours is None or theirs is None:
        columns = [name for name in present if name not in table.key]
    else:
        columns = [name for name in present if ours[name] != theirs[name]]
    return {
        "table": table.name,
        "key": {name: present[name] for name in table.key},
        "columns": columns,
        "live": None if ours is None else {name: ours[name] for name in columns},
        "rebuilt": None if theirs is None else {name: theirs[name] for name in columns},
    }


def _digest(lines: list[str]) -> str:
    return sha256("\n".join(lines).encode()).hexdigest()[:32]
