"""Applies one batch to a projection's tables, inside the transaction that moves its checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import structlog
from psycopg import Connection

from adapters.archive.batches import over_archive
from adapters.read_models import parking
from adapters.read_models.checkpoints import Span
from adapters.read_models.source import Source
from projections.projection import EventProjection, FactProjection, Projection

log = structlog.get_logger("projector")

_SPANS = """
insert into spans select * from unnest(%s::smallint[], %s::bigint[], %s::bigint[])
"""


def prepare(connection: Connection[Any], projection: Projection) -> None:
    """Make the temporary relations of this session that the fold works on."""
    if isinstance(projection, FactProjection):
        for relation in projection.relations:
            connection.execute(relation.encode())


def apply(connection: Connection[Any], projection: Projection, source: Source, spans: Sequence[Span]) -> int:
    """Fold what ``spans`` hold; gives how many records there were. The search path names the tables."""
    if isinstance(projection, FactProjection):
        return _apply_facts(connection, projection, source, spans)
    assert isinstance(projection, EventProjection)
    return _apply_events(connection, projection, source, spans)


def fold_batch(connection: Connection[Any], projection: FactProjection, *, taken_back: bool) -> None:
    """Fold the relation ``batch`` as it stands."""
    if taken_back:
        for statement in projection.before:
            connection.execute(statement.encode(), {"sign": 0} if "%(sign)s" in statement else None)
    for statement in projection.fold.values():
        connection.execute(statement.encode())
    if taken_back:
        for statement in projection.after:
            connection.execute(statement.encode())


def _apply_facts(connection: Connection[Any], projection: FactProjection, source: Source, spans: Sequence[Span]) -> int:
    connection.execute(
        _SPANS, ([span.part for span in spans], [span.low for span in spans], [span.high for span in spans])
    )
    projection = over_archive(connection, projection, spans)
    count, back = source.facts(connection, projection, spans)
    if count or back:
        fold_batch(connection, projection, taken_back=back > 0)
    return count + back


def _apply_events(
    connection: Connection[Any], projection: EventProjection, source: Source, spans: Sequence[Span]
) -> int:
    happened = source.events(connection, spans)
    if not happened:
        return 0
    streams = list({event.stream for event in happened})
    parked = parking.parked_streams(connection, projection.name, streams)
    held = [event for event in happened if event.stream in parked]
    if held:
        parking.park_followers(connection, projection.name, held)
    rows = {}
    for columns in connection.execute(projection.load.encode(), (streams,)).fetchall():
        row = projection.row(columns)
        rows[row.stream] = row
    changed = {}
    for event in happened:
        if event.stream not in parked:
            row = projection.fold(rows.get(event.stream), event)
            if row is not None:
                rows[event.stream] = changed[event.stream] = row
    if changed:
        saved = msgspec.json.encode([projection.columns(changed[stream]) for stream in sorted(changed)])
        connection.execute(projection.save.encode(), (saved.decode(),))
    correlations = sorted({event.correlation for event in happened if event.correlation})
    log.info("folded", projection=projection.name, events=len(happened), correlations=correlations)
    return len(happened)
