"""What could not be folded is put aside with its reason, so that one bad record does not stop the others.

A fact is parked alone. An event is parked with all later ones of its aggregate, whose order must not be
broken. The search path says whose: tables that are not live have a ``parked`` in their own schema, before the one in
``ballyhoo``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import Connection

from adapters.archive.batches import over_archive
from adapters.archive.overlay import over
from adapters.read_models.checkpoints import Span
from projections.projection import FactProjection, Happened, Projection

FOLLOWS = "An earlier event of the same aggregate is parked."

_PARK = {
    "engagement": """
insert into parked (workspace, projection, log, position, stream, reason)
select f.workspace, %(projection)s, 'engagement', f.position, null, %(reason)s
  from ballyhoo.facts f where f.position > %(low)s and f.position <= %(high)s and f.part = any(%(parts)s)
on conflict do nothing
""",
    "events": """
insert into parked (workspace, projection, log, position, stream, reason)
select e.workspace, %(projection)s, 'events', e.position, e.stream, %(reason)s
  from ballyhoo.events e where e.position > %(low)s and e.position <= %(high)s and e.part = any(%(parts)s)
on conflict do nothing
""",
}

_FOLLOW = """
insert into parked (workspace, projection, log, position, stream, reason)
select w, %s, 'events', p, s, %s from unnest(%s::int[], %s::bigint[], %s::int[]) v(w, p, s)
on conflict do nothing
"""

_STREAMS = "select distinct stream from parked where projection = %s and stream = any(%s)"


def park(connection: Connection[Any], projection: Projection, spans: Sequence[Span], reason: str) -> int:
    """Put aside what ``spans`` hold; gives how many records that were."""
    statement = _PARK[projection.log]
    if isinstance(projection, FactProjection) and over_archive(connection, projection, spans) is not projection:
        statement = over(statement)
    return connection.execute(
        statement.encode(),
        {
            "projection": projection.name,
            "reason": reason[:2000],
            "low": min(span.low for span in spans),
            "high": max(span.high for span in spans),
            "parts": [span.part for span in spans],
        },
    ).rowcount


def park_followers(connection: Connection[Any], projection: str, events: Sequence[Happened]) -> None:
    """Put aside events whose aggregate has a parked one already."""
    connection.execute(
        _FOLLOW,
        (
            projection,
            FOLLOWS,
            [event.workspace for event in events],
            [event.position for event in events],
            [event.stream for event in events],
        ),
    )


def parked_streams(connection: Connection[Any], projection: str, streams: Sequence[int]) -> set[int]:
    """Which of these aggregates have a parked event."""
    return {stream for (stream,) in connection.execute(_STREAMS, (projection, list(streams))).fetchall()}
