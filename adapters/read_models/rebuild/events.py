"""Folds whole streams of domain events into rows: each stream once, from its first event to its last.

The log is read through a connection of its own, so that the server reads on while a stream is folded here.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

from psycopg import Connection, sql

from adapters.event_store.codec import Codec, UnknownTopic
from adapters.postgres.binary import Texts
from adapters.read_models.rebuild.stopping import Poison
from domain.catalogue import EVENTS
from projections.projection import EventProjection, Happened

_STREAMS = "select stream, id, workspace from ballyhoo.streams where stream between %s and %s"
_EVENTS = """
select stream, position, recorded_at, version, topic, state from ballyhoo.events
 where stream between %s and %s and position <= %s order by stream, version
"""
_EVENTS_AT_A_TIME = 200
"""Few enough that the next ones are here, or on their way, while these are folded."""
_ROWS_AT_A_TIME = 500
"""Rows that are folded before they are written. A session that is in the midst of a COPY is never ended for being idle,
and one whose process was stopped must be: it holds the unit."""

_COLUMNS = """
select attname, atttypid::int from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped
"""


def fold_streams(
    connection: Connection[Any],
    log: Connection[Any],
    projection: EventProjection,
    first: int,
    last: int,
    high: int,
) -> int:
    """Fold the streams numbered from ``first`` to ``last`` up to position ``high``, as ``log`` reads them; gives how
    many events there were.

    Poison names the event that can't be folded. UnknownTopic.
    """
    streams = {
        stream: (id, workspace)
        for stream, id, workspace in log.execute(_STREAMS, (first, last), binary=True).fetchall()
    }
    count, rows = 0, []
    write = _writer(connection, projection)
    found: Any = log.cursor(binary=True).stream(_EVENTS, (first, last, high), size=_EVENTS_AT_A_TIME)
    # Closed at once when a fold fails: what is read in part keeps its connection for itself.
    with closing(found), _uncollected():
        for stream, own in groupby(found, itemgetter(0)):
            stored = list(own)
            count += len(stored)
            row = _row(projection, stream, *streams[stream], stored)
            if row is not None:
                rows.append(projection.columns(row))
            if len(rows) >= _ROWS_AT_A_TIME:
                write(rows)
                rows.clear()
        write(rows)
    return count


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


def _writer(connection: Connection[Any], projection: EventProjection) -> Callable[[list[dict[str, Any]]], None]:
    """Writes the columns of some rows. Nothing is there already, and the key that would tell is made last."""
    (table,) = projection.tables
    columns = connection.execute(_COLUMNS, (table.name,)).fetchall()
    names, types = [name for name, _ in columns], [type for _, type in columns]
    in_order = itemgetter(*names)
    copying = sql.SQL("copy {} ({}) from stdin (format binary)").format(
        sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, names))
    )
    cursor = connection.cursor()
    cursor.adapters.register_dumper(None, Texts)

    def write(rows: list[dict[str, Any]]) -> None:
        with cursor.copy(copying) as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(in_order(row))

    return write


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
