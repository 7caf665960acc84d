"""Who still has to read the log: nothing is moved to a file before all of them have passed it."""

from __future__ import annotations

from typing import Any

from psycopg import Connection, sql

# Every schema with checkpoints, but for those out of service: these read files when they come back.
_SCHEMAS = """
select n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relname = 'checkpoints' and c.relkind = 'r' and n.nspname !~ '_old$' and n.nspname !~ '^pg_'
 order by 1
"""
_STANDING = "select min(high) from {}.checkpoints where log = 'engagement'"
_RELAY = "select position from ballyhoo.relay where log = 'engagement'"
_PARKED = "select min(position) from ballyhoo.parked where log = 'engagement'"


def behind(connection: Connection[Any], position: int) -> str | None:
    """Who has not read the log up to ``position``, as a sentence; None where everybody has."""
    for (schema,) in connection.execute(_SCHEMAS).fetchall():
        statement = sql.SQL(_STANDING).format(sql.Identifier(schema))
        standing = _first(connection, statement)
        if standing is not None and standing < position:
            what = "a rebuild in" if schema.endswith("_new") else "the tables of"
            return f"{what} {schema} have read up to position {standing}"
    relayed = _first(connection, sql.SQL(_RELAY))
    if relayed is not None and relayed < position:
        return f"the relay has handed on up to position {relayed}"
    parked = _first(connection, sql.SQL(_PARKED))
    if parked is not None and parked <= position:
        return f"the fact at position {parked} is parked"
    return None


def _first(connection: Connection[Any], statement: sql.SQL | sql.Composed) -> int | None:
    found = connection.execute(statement).fetchone()
    return None if found is None or found[0] is None else int(found[0])
