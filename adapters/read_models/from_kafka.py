"""Kafka as a projection's source. What it lacks is read from the store, through the same checkpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg import Connection

from adapters.event_store.codec import Codec
from adapters.event_store.outbox import COPY_HEADER, COPY_TRAILER, FACT_COLUMNS
from adapters.kafka import codec as records
from adapters.kafka.reader import Checkpoint, Reader, ReadStore, Taken
from adapters.kafka.settings import KafkaSettings
from adapters.kafka.topics import Identity
from adapters.read_models.checkpoints import Span
from adapters.read_models.source import StoreSource
from projections.projection import FactProjection, Happened, Log

WHOLE = 500
"""Below so many positions a batch is being narrowed down to a bad record: the store gives exactly that many.
"""

_POLL_SECONDS = 0.05

_PARTITIONS = "select value::int from ballyhoo.settings where name = 'partitions'"
_EPOCH = "select epoch from ballyhoo.epochs order by began_at desc limit 1"
_HEAD = "select position from ballyhoo.log_heads where log = %s"
_CHECKPOINTS = """
select part, kafka_offset, cluster_id, topic_id from checkpoints where log = %s and part = any(%s)
"""
_REMEMBER = """
update checkpoints c set kafka_offset = r.kafka_offset, cluster_id = %s, topic_id = %s
  from unnest(%s::smallint[], %s::bigint[]) r(part, kafka_offset)
 where c.log = %s and c.part = r.part
"""
_COPY = f"copy incoming ({', '.join(FACT_COLUMNS)}) from stdin (format binary)"


class KafkaSource:
    """Implements ``adapters.read_models.source.Source`` for one projection."""

    name = "kafka"

    def __init__(self, settings: KafkaSettings, events: Codec) -> None:
        self._settings = settings
        self._codec = events
        self._store = StoreSource(events)
        self._reader: Reader | None = None
        self._read_for: tuple[Connection[Any], frozenset[int]] | None = None
        self._log: Log = "events"
        self._epoch = UUID(int=0)
        self._taken: list[Taken] | None = None

    def ready(self, connection: Connection[Any], log: Log, parts: frozenset[int], seconds: float) -> bool:
        """Whether a batch may be there; where not, waits for it a little. Outside of transactions."""
        if self._read_for != (connection, parts):
            self._begin(connection, log, parts)
        assert self._reader is not None
        return self._reader.wait(max(seconds, _POLL_SECONDS))

    def spans(self, connection: Connection[Any], log: Log, held: Mapping[int, int], size: int) -> list[Span]:
        """What links to the high waters, from Kafka or, where it is missing there, from the store.

        Nothing where other partitions are held, or where an epoch began meanwhile (whichever process took the
        checkpoints into it): then ``ready`` begins anew.
        """
        self._taken = None
        if (
            self._reader is None
            or self._read_for is None
            or not held.keys() <= self._read_for[1]
            or _one(connection, _EPOCH) != self._epoch
        ):
            self._read_for = None
            return []
        taken = self._reader.take(held, size, lambda: _one(connection, _HEAD, log))
        if isinstance(taken, ReadStore):
            behind = {part: high for part, high in held.items() if part in taken.offsets}
            return self._store.spans(connection, log, behind, size)
        if size < WHOLE:
            return self._store.spans(connection, log, held, size)
        self._taken = taken
        return [Span(found.part, found.low, found.high) for found in taken]

    def facts(self, connection: Connection[Any], projection: FactProjection, spans: Sequence[Span]) -> tuple[int, int]:
        """The envelopes' binary rows, copied as they came."""
        if self._taken is None:
            return self._store.facts(connection, projection, spans)
        with connection.cursor().copy(_COPY.encode()) as copy:
            copy.write(COPY_HEADER)
            for taken in self._taken:
                for low, value in taken.values():
                    copy.write(records.facts_above(value, low))
            copy.write(COPY_TRAILER)
        self._remember(connection)
        counted = connection.execute(
            projection.from_incoming.encode(),
            {"low": min(span.low for span in spans), "high": max(span.high for span in spans), "sign": 1},
        ).fetchone()
        assert counted is not None
        return counted[0], counted[1]

    def events(self, connection: Connection[Any], spans: Sequence[Span]) -> list[Happened]:
        """The events of the records in the order of the log. UnknownTopic."""
        if self._taken is None:
            return self._store.events(connection, spans)
        self._remember(connection)
        stored = [
            event
            for taken in self._taken
            for low, value in taken.values()
            if (event := records.decode_event(value)).position > low
        ]
        return [
            Happened(
                event.position,
                event.recorded_at,
                event.workspace,
                event.stream,
                event.stream_id,
                event.version,
                self._codec.decode(
                    event.topic, event.state, id=event.stream_id, version=event.version, at=event.recorded_at
                ),
                event.correlation,
            )
            for event in sorted(stored)
        ]

    def status(self) -> dict[str, Any]:
        """What there is to tell: trouble with the broker, and what was detected."""
        return vars(self._reader.status) if self._reader is not None else {}

    def close(self) -> None:
        """Let the broker go."""
        if self._reader is not None:
            self._reader.close()

    def _begin(self, connection: Connection[Any], log: Log, parts: frozenset[int]) -> None:
        if self._reader is None:
            self._reader = Reader(self._settings, log, partitions=_one(connection, _PARTITIONS))
        self._epoch = _one(connection, _EPOCH)
        rows = connection.execute(_CHECKPOINTS, (log, list(parts))).fetchall()
        self._reader.begin(
            self._epoch,
            {
                part: Checkpoint(offset, Identity(cluster_id, topic_id) if cluster_id else None)
                for part, offset, cluster_id, topic_id in rows
            },
        )
        self._read_for = (connection, parts)
        self._log = log

    def _remember(self, connection: Connection[Any]) -> None:
        """Keep the offsets beside the highs, in the batch's transaction."""
        assert self._reader is not None
        identity = self._reader.identity()
        if self._taken and identity is not None:
            parts = [taken.part for taken in self._taken]
            offsets = [taken.offset for taken in self._taken]
            connection.execute(_REMEMBER, (*identity, parts, offsets, self._log))


def _one(connection: Connection[Any], statement: str, *parameters: object) -> Any:
    found = connection.execute(statement.encode(), parameters).fetchone()
    assert found is not None
    return found[0]
