"""Folds whole streams of domain events into rows: each stream once, from its first event to its last."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from adapters.event_store.codec import Codec, UnknownTopic
from adapters.read_models.rebuild.stopping import Poison
from domain.catalogue import EVENTS
from projections.projection import EventProjection, Happened

_PAGE = 5000
_ROWS_AT_ONCE = 2000

_STREAMS = """
select e.position, e.recorded_at, e.workspace, e.stream, s.id, e.version, e.topic, e.state
  from ballyhoo.streams s join ballyhoo.events e on e.stream = s.stream and e.position <= %s
 where s.stream >= %s and s.stream <= %s
 order by e.stream, e.version
"""


def fold_streams(connection: Connection[Any], projection: EventProjection, first: int, last: int, high: int) -> int:
    """Fold the streams numbered from ``first`` to ``last`` up to position ``high``; gives how many events there were.

    Poison names the event that can't be folded. UnknownTopic.
    """
    codec = Codec(EVENTS)
    count = 0
    rows: list[Any] = []
    row: Any = None
    stream = None
    with connection.cursor(name="whole_streams", binary=True) as cursor:
        cursor.itersize = _PAGE
        for position, at, workspace, number, id, version, topic, state in cursor.execute(_STREAMS, (high, first, last)):
            if number != stream:
                if row is not None:
                    rows.append(row)
                if len(rows) >= _ROWS_AT_ONCE:
                    _save(connection, projection, rows)
                stream, row = number, None
            try:
                event = codec.decode(topic, state, id=id, version=version, at=at)
                row = projection.fold(row, Happened(position, at, workspace, number, id, version, event))
            except UnknownTopic:
                raise
            except Exception as error:
                raise Poison(projection.name, position, error) from error
            count += 1
    if row is not None:
        rows.append(row)
    if rows:
        _save(connection, projection, rows)
    return count


def _save(connection: Connection[Any], projection: EventProjection, rows: list[Any]) -> None:
    connection.execute(projection.save.encode(), (projection.written(rows).decode(),))
    rows.clear()
