"""Brings tables that are not live to a position of the log, batch by batch with the projector's own fold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.pq import TransactionStatus

from adapters.archive.batches import BeyondTheHorizon
from adapters.archive.file import Damaged
from adapters.event_store.codec import Codec, UnknownTopic
from adapters.read_models import folds
from adapters.read_models.checkpoints import Span, move
from adapters.read_models.rebuild.places import search
from adapters.read_models.rebuild.stopping import Poison, RebuildStopped
from adapters.read_models.source import StoreSource
from domain.catalogue import EVENTS
from projections.projection import Projection

BATCH = 50_000
"""Positions at once: nobody waits for these tables."""

_HIGHS = "select part, high from {}.checkpoints where log = %s"
_HEAD = "select position from ballyhoo.log_heads where log = %s"


def highs(connection: Connection[Any], schema: str, log: str) -> dict[int, int]:
    """How far each partition of some tables is."""
    return dict(connection.execute(_HIGHS.format(schema).encode(), (log,)).fetchall())


def head(connection: Connection[Any], log: str) -> int:
    """The last position of a log."""
    found = connection.execute(_HEAD, (log,)).fetchone()
    assert found is not None
    return int(found[0])


def catch_up(
    connection: Connection[Any],
    projection: Projection,
    schema: str,
    until: Mapping[int, int],
    look: Callable[[], None] = lambda: None,
) -> int:
    """Fold into the tables of ``schema`` what lies above their checkpoints, each partition up to its position of
    ``until``; gives how many records that were. Poison names the record that can't be folded.

    ``connection`` has the fold's relations, which are emptied by the end of each batch's transaction: it must not be in
    one, or a second batch would count what the first left there.
    """
    if connection.info.transaction_status != TransactionStatus.IDLE:
        raise RuntimeError("catch_up needs transactions of its own")
    search(connection, schema)
    source = StoreSource(Codec(EVENTS))
    count, size = 0, BATCH
    while True:
        look()
        standing = highs(connection, schema, projection.log)
        behind = {part: high for part, high in standing.items() if high < until.get(part, 0)}
        if not behind:
            return count
        low = min(behind.values())
        spans = [
            Span(part, high, min(until[part], low + size)) for part, high in behind.items() if high < low + size
        ]
        try:
            with connection.transaction():
                count += folds.apply(connection, projection, source, spans)
                move(connection, projection.log, spans)
        except UnknownTopic:
            raise
        except (Damaged, BeyondTheHorizon) as error:
            raise RebuildStopped(f"{projection.name} can't be brought up to date: {error}") from error
        except psycopg.OperationalError:
            raise
        except Exception as error:
            length = max(span.high for span in spans) - low
            if length == 1:
                raise Poison(projection.name, low + 1, error) from error
            size = length // 2
