"""Makes the tables, checkpoints and rights of a projection, wherever it is to live."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from psycopg import Connection, sql

from projections.catalogue import CATALOGUE
from projections.projection import Projection, Table

TEMPORARY = "pg_temp"

# The same columns for every projection. `high`: everything up to it is in the tables, nothing above it.
CHECKPOINTS = Table(
    "checkpoints",
    """
    log text not null, part smallint not null, epoch uuid not null, high bigint not null,
    kafka_offset bigint, cluster_id text, topic_id text
    """,
    key=("log", "part"),
    fillfactor=20,
)


# A rule of another kind leaves the live bot rule in force.
_BOTS = """
insert into {}.rule (name, words)
select name, words from ballyhoo.bot_rules where name = %s or live order by live limit 1
"""
_ZONE = """
update {}.rule set time_zone = r.definition ->> 'time_zone'
  from ballyhoo.rules r where r.kind = 'time_zone' and r.name = %s
"""


def ensure_schemas(connection: Connection[Any]) -> None:
    """Make what is missing of every projection of the catalogue, at the beginning of the log.

    The engine owns these schemas, so that a rebuild can make, rename and drop them. Run by migrations only.
    """
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(hashtext('ballyhoo.ensure_schemas'))")
        connection.execute(
            "do $$ begin execute format('grant create, temporary on database %I to ballyhoo_engine',"
            " current_database()); execute format('grant temporary on database %I to ballyhoo_reader',"
            " current_database()); end $$"
        )
        connection.execute("set local role ballyhoo_engine")
        for projection in CATALOGUE:
            if not exists(connection, projection.schema):
                make_schema(connection, projection, projection.schema)


def exists(connection: Connection[Any], schema: str) -> bool:
    """Whether there is such a schema."""
    return identity(connection, schema) is not None


def identity(connection: Connection[Any], schema: str) -> int | None:
    """The number of the schema that has this name just now; None where none has."""
    found = connection.execute("select to_regnamespace(%s)::oid::bigint", (schema,)).fetchone()
    assert found is not None
    return None if found[0] is None else int(found[0])


def make_schema(
    connection: Connection[Any], projection: Projection, schema: str, rule: str | None = None, *, keys: bool = True
) -> None:
    """Make ``schema`` with the projection's tables and checkpoints at 0.

    ``rule`` names the rule of these tables; None takes those that are live. Without ``keys`` the tables are bare
    until ``make_keys``, as long as they are filled at once.
    """
    name = sql.Identifier(schema)
    connection.execute(sql.SQL("create schema {}").format(name))
    connection.execute(sql.SQL("grant usage on schema {} to ballyhoo_reader").format(name))
    for table in (*projection.tables, CHECKPOINTS):
        connection.execute(columns(table, name))
        if keys or table == CHECKPOINTS:
            make_keys(connection, table, schema)
    connection.execute(sql.SQL("grant select on all tables in schema {} to ballyhoo_reader").format(name))
    connection.execute(
        sql.SQL(
            "insert into {}.checkpoints (log, part, epoch, high)"
            " select %s, part, (select epoch from ballyhoo.epochs order by began_at desc limit 1), 0"
            " from ballyhoo.settings, generate_series(0, value::int - 1) part where name = 'partitions'"
        ).format(name),
        (projection.log,),
    )
    if any(table.name == "rule" for table in projection.tables):
        connection.execute(sql.SQL(_BOTS).format(name), (rule,))
        if any("time_zone" in table.columns for table in projection.tables):
            connection.execute(sql.SQL(_ZONE).format(name), (rule,))


def make_keys(connection: Connection[Any], table: Table, schema: str) -> None:
    """Make the key and the indexes of a table that has none."""
    for statement in keys_of(table, sql.Identifier(schema)):
        connection.execute(statement)


def definition(table: Table, schema: sql.Identifier) -> list[sql.Composed]:
    """The statements that make a table in a schema; in ``pg_temp`` it goes with its transaction."""
    return [columns(table, schema), *keys_of(table, schema)]


def columns(table: Table, schema: sql.Identifier) -> sql.Composed:
    """The statement that makes a bare table."""
    temporary = schema == sql.Identifier(TEMPORARY)
    return sql.SQL("create table {}.{} ({}) with (fillfactor = {}){}").format(
        schema,
        sql.Identifier(table.name),
        sql.SQL(table.columns),
        sql.Literal(table.fillfactor),
        sql.SQL(" on commit drop" if temporary else ""),
    )


def keys_of(table: Table, schema: sql.Identifier) -> list[sql.Composed]:
    """The statements that make its key and its indexes."""
    name = sql.SQL("{}.{}").format(schema, sql.Identifier(table.name))
    key = sql.SQL(", ").join(map(sql.Identifier, table.key))
    return [sql.SQL("alter table {} add primary key ({})").format(name, key)] + [
        sql.SQL("create index on {} ({})").format(name, sql.SQL(index)) for index in table.indexes
    ]


def rule_schema(projection: Projection, rule: str) -> str:
    """The schema of the tables that are kept under another rule; without a rule, what all of them begin
    with."""
    return f"{projection.schema}_rule_" + (sha256(rule.encode()).hexdigest()[:12] if rule else "")
