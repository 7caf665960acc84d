"""Folds whole streams of domain events into rows: each stream once, from its first event to its last."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

from psycopg import Connection, sql

from adapters.event_store.codec import Codec, UnknownTopic
from adapters.read_models.rebuild.stopping import Poison
from domain.catalogue import EVENTS
from projections.projection import EventProjection, Happened

_STREAMS = "select stream, id, workspace from ballyhoo.streams where stream between %s and %s"
_EVENTS = """
select stream, position, recorded_at, version, topic, state from ballyhoo.events
 where stream between %s and %s and position <= %s order by stream, version
"""


def fold_streams(connection: Connection[Any], projection: EventProjection, first: int, last: int, high: int) -> int:
    """Fold the streams numbered from ``first`` to ``last`` up to position ``high``; gives how many events there were.

    Poison names the event that can't be folded. UnknownTopic.
    """
    streams = {
        stream: (id, workspace)
        for stream, id, workspace in connection.execute(_STREAMS, (first, last), binary=True).fetchall()
    }
    with _uncollected():
        events = connection.execute(_EVENTS, (first, last, high), binary=True).fetchall()
        rows = _folded(projection, streams, events)
        if rows:
            _write(connection, projection, rows)
    return len(events)


def _folded(
    projection: EventProjection, streams: dict[int, tuple[UUID, int]], events: list[tuple[Any, ...]]
) -> list[Any]:
    decode = Codec(EVENTS).decode
    rows = []
    for stream, own in groupby(events, itemgetter(0)):
        id, workspace = streams[stream]
        happened = []
        for _, position, at, version, topic, state in own:
            try:
                event = decode(topic, state, id=id, version=version, at=at)
            except UnknownTopic:
                raise
            except Exception as error:
                raise Poison(projection.name, position, error) from error
            happened.append(Happened(position, at, workspace, stream, id, version, event))
        row = _row(projection, happened)
        if row is not None:
            rows.append(row)
    return rows


def _row(projection: EventProjection, happened: list[Happened]) -> Any:
    if projection.fold_all is not None:
        with suppress(Exception):  # one after the other tells which one it is
            return projection.fold_all(None, happened)
    row = None
    for one in happened:
        try:
            row = projection.fold(row, one)
        except Exception as error:
            raise Poison(projection.name, one.position, error) from error
    return row


def _write(connection: Connection[Any], projection: EventProjection, rows: list[Any]) -> None:
    """Nothing is there already, and the key that would tell is made last."""
    written = [projection.columns(row) for row in rows]
    (table,) = projection.tables
    names = sql.SQL(", ").join(map(sql.Identifier, written[0]))
    copying = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(table.name), names)
    with connection.cursor().copy(copying) as copy:
        for row in written:
            copy.write_row(tuple(row.values()))


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
