"""Puts other tables in the place of the live ones: schemas change their names in one transaction.

What a copy was made without goes with it: the live ones' stands in ``ballyhoo.parked``, that of other tables in a
table ``parked`` of their own schema.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
from psycopg import Connection, sql

from adapters.read_models import schemas
from adapters.read_models.rebuild.catching_up import catch_up, head, highs
from adapters.read_models.rebuild.gate import shut
from adapters.read_models.rebuild.places import Place, drop, rename, search
from adapters.read_models.rebuild.stopping import RebuildStopped
from adapters.read_models.rebuild.units import TABLES
from adapters.read_models.rebuild.unpacking import TABLE
from projections.projection import FactProjection

CLOSE = 2_000
"""Positions that may be left to fold while batches wait."""

_LEAVING = "leaving"
_MOVE_PARKED = """
with gone as (delete from {source}.parked where projection = %s returning *)
insert into {target}.parked (workspace, projection, log, position, stream, reason, parked_at)
select workspace, projection, log, position, stream, reason, parked_at from gone order by id
"""
_OFFSETS = """
update {new}.checkpoints n set kafka_offset = l.kafka_offset, cluster_id = l.cluster_id, topic_id = l.topic_id
  from {live}.checkpoints l where l.log = n.log and l.part = n.part and l.high <= n.high and l.epoch = n.epoch
"""
_RUN = "select run from {}.rebuild_run where run = %s for update"
_FOREIGN = """
select exists (select from {}.checkpoints
                where epoch <> (select epoch from ballyhoo.epochs order by began_at desc limit 1))
"""


def wanted(connection: Connection[Any], place: Place, schema: str) -> dict[int, int]:
    """The position that each partition of ``schema`` must have reached before it may answer: the live tables', or the
    head of the log where there are none, or none of this epoch."""
    log = place.projection.log
    if in_force(connection, place):
        return highs(connection, place.live, log)
    return dict.fromkeys(highs(connection, schema, log), head(connection, log))


def in_force(connection: Connection[Any], place: Place) -> bool:
    """Whether there are live tables, of this epoch."""
    if not schemas.exists(connection, place.live):
        return False
    return connection.execute(_FOREIGN.format(place.live).encode()).fetchone() == (False,)


def swap(
    connection: Connection[Any], place: Place, schema: str, look: Callable[[], None], run: UUID | None = None
) -> None:
    """Put the tables of ``schema`` in the place of the live ones, which become the former ones; only while they are
    those of ``run``, where it is named.

    Poison; RebuildStopped where the lock can't be had, or another run has begun.
    """
    def come_close() -> None:
        look()
        _come_close(connection, place, schema, look)

    come_close()
    if schema == place.shadow:
        with connection.transaction():
            drop(connection, place.former)
    # Again before each try: while a batch keeps the lock from us, the live tables go on.
    with shut(connection, place, come_close):
        catch_up(connection, place.projection, schema, wanted(connection, place, schema), look)
        with connection.transaction():
            if run is not None:
                _insist_on(connection, place, run)
            _exchange(connection, place, schema)


def _insist_on(connection: Connection[Any], place: Place, run: UUID) -> None:
    """Nobody drops or remakes the shadow schema from here to the end of the transaction. RebuildStopped."""
    try:
        found = connection.execute(_RUN.format(place.shadow).encode(), (run,)).fetchone()
    except psycopg.errors.UndefinedTable:
        found = None
    if found is None:
        raise RebuildStopped(f"Another rebuild of {place.name} has taken over.")


def _exchange(connection: Connection[Any], place: Place, schema: str) -> None:
    search(connection, "pg_catalog")
    for table in helpers(place):
        connection.execute(sql.SQL("drop table if exists {}.{}").format(sql.Identifier(schema), sql.Identifier(table)))
    there = schemas.exists(connection, place.live)
    if there:
        connection.execute(sql.SQL(_OFFSETS).format(live=sql.Identifier(place.live), new=sql.Identifier(schema)))
    if place.rule is None:
        _exchange_parked(connection, place, schema, there)
    if there:
        rename(connection, place.live, f"{place.live}_{_LEAVING}")
    rename(connection, schema, place.live)
    if there:
        rename(connection, f"{place.live}_{_LEAVING}", place.former)


def helpers(place: Place) -> tuple[str, ...]:
    """The tables in a shadow schema that are no part of the projection, and go with the rebuild."""
    own = (TABLE, *place.projection.whole.relations) if isinstance(place.projection, FactProjection) else ()
    return (*TABLES, *own)


def keep_parked_apart(connection: Connection[Any], schema: str) -> None:
    """Give a schema its own list of what it is made without, an empty one."""
    connection.execute(
        sql.SQL("create table {}.parked (like ballyhoo.parked including all)").format(sql.Identifier(schema))
    )
    connection.execute(sql.SQL("grant select on {}.parked to ballyhoo_reader").format(sql.Identifier(schema)))


def _come_close(connection: Connection[Any], place: Place, schema: str, look: Callable[[], None]) -> None:
    while True:
        until = wanted(connection, place, schema)
        standing = highs(connection, schema, place.projection.log)
        if max(until[part] - high for part, high in standing.items()) <= CLOSE:
            return
        catch_up(connection, place.projection, schema, until, look)


def _exchange_parked(connection: Connection[Any], place: Place, schema: str, there: bool) -> None:
    name = place.projection.name
    if there:
        keep_parked_apart(connection, place.live)
        _move_parked(connection, "ballyhoo", place.live, name)
    _move_parked(connection, schema, "ballyhoo", name)
    connection.execute(sql.SQL("drop table {}.parked").format(sql.Identifier(schema)))


def _move_parked(connection: Connection[Any], source: str, target: str, projection: str) -> None:
    statement = sql.SQL(_MOVE_PARKED).format(source=sql.Identifier(source), target=sql.Identifier(target))
    connection.execute(statement, (projection,))
