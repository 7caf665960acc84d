"""Folds whole streams of domain events into rows: each stream once, from its first event to its last."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from itertools import chain, groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

from psycopg import Connection, ServerCursor, sql

from adapters.event_store.codec import Codec, UnknownTopic
from adapters.read_models.rebuild.stopping import Poison
from domain.catalogue import EVENTS
from projections.projection import EventProjection, Happened

_STREAMS = "select stream, id, workspace from ballyhoo.streams where stream between %s and %s"
_EVENTS = """
select stream, position, recorded_at, version, topic, state from ballyhoo.events
 where stream between %s and %s and position <= %s order by stream, version
"""
_AT_A_TIME = 1_000

_TYPES = "select attname, atttypid::int from pg_attribute where attrelid = %s::regclass and attnum > 0"


def fold_streams(connection: Connection[Any], projection: EventProjection, first: int, last: int, high: int) -> int:
    """Fold the streams numbered from ``first`` to ``last`` up to position ``high``; gives how many events there were.

    Poison names the event that can't be folded. UnknownTopic.
    """
    streams = {
        stream: (id, workspace)
        for stream, id, workspace in connection.execute(_STREAMS, (first, last), binary=True).fetchall()
    }
    with _uncollected(), connection.cursor("events", binary=True) as cursor:
        cursor.execute(_EVENTS, (first, last, high))
        count, rows = 0, []
        for stream, own in groupby(_few_at_a_time(cursor), itemgetter(0)):
            stored = list(own)
            count += len(stored)
            row = _row(projection, stream, *streams[stream], stored)
            if row is not None:
                rows.append(row)
    if rows:
        _write(connection, projection, rows)
    return count


def _few_at_a_time(cursor: ServerCursor[Any]) -> Iterator[tuple[Any, ...]]:
    """Its rows, no more at once than the processor's cache holds: what it can't hold takes longer to read."""
    return chain.from_iterable(iter(lambda: cursor.fetchmany(_AT_A_TIME), []))


def _row(projection: EventProjection, stream: int, id: UUID, workspace: int, stored: list[tuple[Any, ...]]) -> Any:
    decode = _codec().decode
    if projection.fold_all is not None:
        with suppress(Exception):  # one after the other tells which one it is
            events = [decode(topic, state, id=id, version=version, at=at) for _, _, at, version, topic, state in stored]
            return projection.fold_all(None, stream, workspace, events)
    row = None
    for _, position, at, version, topic, state in stored:
        try:
            event = decode(topic, state, id=id, version=version, at=at)
            row = projection.fold(row, Happened(position, at, workspace, stream, id, version, event))
        except UnknownTopic:
            raise
        except Exception as error:
            raise Poison(projection.name, position, error) from error
    return row


def _write(connection: Connection[Any], projection: EventProjection, rows: list[Any]) -> None:
    """Nothing is there already, and the key that would tell is made last."""
    written = [projection.columns(row) for row in rows]
    (table,) = projection.tables
    types = dict(connection.execute(_TYPES, (table.name,)).fetchall())
    names = sql.SQL(", ").join(map(sql.Identifier, written[0]))
    copying = sql.SQL("copy {} ({}) from stdin (format binary)").format(sql.Identifier(table.name), names)
    with connection.cursor().copy(copying) as copy:
        copy.set_types([types[name] for name in written[0]])
        for row in written:
            copy.write_row(tuple(row.values()))


@cache
def _codec() -> Codec:
    return Codec(EVENTS)


@contextmanager
def _uncollected() -> Iterator[None]:
    """The collector of cycles finds none here, and would look through every event again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
