"""Where a projection's records come from: the interface, and the store as the source that is always there."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

from psycopg import Connection

from adapters.event_store.codec import Codec
from adapters.read_models.checkpoints import Span
from projections.projection import FactProjection, Happened, Log


class Source(Protocol):
    """Hands a projection what is new, by partition.

    ``spans`` answers at most about ``size`` positions beyond the high waters of the partitions that are
    held, none where nothing is new. What is then loaded is exactly what these spans hold, inside the
    transaction of the batch.
    """

    name: str

    def ready(self, connection: Connection[Any], log: Log, parts: frozenset[int], seconds: float) -> bool:
        """Whether something may be new for these partitions; where not, waits about so long for it.

        Asked before each batch, outside of transactions.
        """
        ...

    def spans(self, connection: Connection[Any], log: Log, held: Mapping[int, int], size: int) -> list[Span]:
        """What comes next: positions (low, high] of each partition, low being its high water."""
        ...

    def facts(self, connection: Connection[Any], projection: FactProjection, spans: Sequence[Span]) -> tuple[int, int]:
        """Fill the relation ``batch``; gives how many facts count and how many are taken back."""
        ...

    def events(self, connection: Connection[Any], spans: Sequence[Span]) -> list[Happened]:
        """The domain events in the order of the log. UnknownTopic."""
        ...

    def status(self) -> dict[str, Any]:
        """What there is to tell about the source itself, in plain values."""
        ...

    def close(self) -> None:
        """Let go of what is held outside the database; ``ready`` comes back."""
        ...


_HEAD = "select position from ballyhoo.log_heads where log = %s"

_COLUMNS = "e.position, e.recorded_at, e.workspace, e.stream, s.id, e.version, e.topic, e.state, e.correlation"
_EVENTS = """
select $columns
  from unnest(%(parts)s::smallint[], %(lows)s::bigint[], %(highs)s::bigint[]) w(part, low, high)
  join ballyhoo.events e on e.part = w.part and e.position > w.low and e.position <= w.high
  join ballyhoo.streams s on s.stream = e.stream
 where e.position > %(low)s and e.position <= %(high)s
 order by e.position
""".replace("$columns", _COLUMNS)
_AT = """
select $columns
  from ballyhoo.events e join ballyhoo.streams s on s.stream = e.stream
 where e.position = any(%s) order by e.position
""".replace("$columns", _COLUMNS)


class StoreSource:
    """The event store itself: positions are read in order up to the head of the log."""

    name = "store"

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._asked: tuple[int, frozenset[int]] | None = None
        self._seen: tuple[int, frozenset[int]] | None = None

    def ready(self, connection: Connection[Any], log: Log, parts: frozenset[int], seconds: float) -> bool:
        """Something may be new when the head has moved, or other partitions are held."""
        found = connection.execute(_HEAD, (log,)).fetchone()
        assert found is not None
        self._asked = (found[0], parts)
        if self._asked != self._seen:
            return True
        time.sleep(seconds)
        return False

    def status(self) -> dict[str, Any]:
        """Nothing: it is well when the database is."""
        return {}

    def close(self) -> None:
        """Nothing is held."""

    def spans(self, connection: Connection[Any], log: Log, held: Mapping[int, int], size: int) -> list[Span]:
        """All partitions are taken to the same position."""
        found = connection.execute(_HEAD, (log,)).fetchone()
        assert found is not None
        high = min(found[0], min(held.values()) + size) if held else 0
        spans = [Span(part, low, high) for part, low in sorted(held.items()) if low < high]
        # Only where all were held that were asked for: those whose lease had run out are looked at again.
        whole = self._asked is not None and self._asked[1] <= held.keys()
        self._seen = self._asked if whole and not spans else None
        return spans

    def facts(self, connection: Connection[Any], projection: FactProjection, spans: Sequence[Span]) -> tuple[int, int]:
        """One statement from the log to the batch."""
        counted = connection.execute(
            projection.from_log.encode(),
            {"low": min(span.low for span in spans), "high": max(span.high for span in spans), "sign": 1},
        ).fetchone()
        assert counted is not None
        return counted[0], counted[1]

    def events(self, connection: Connection[Any], spans: Sequence[Span]) -> list[Happened]:
        """One statement, decoded by topic."""
        rows = connection.execute(
            _EVENTS,
            {
                "parts": [span.part for span in spans],
                "lows": [span.low for span in spans],
                "highs": [span.high for span in spans],
                "low": min(span.low for span in spans),
                "high": max(span.high for span in spans),
            },
        ).fetchall()
        return [self._happened(*row) for row in rows]

    def events_at(self, connection: Connection[Any], positions: list[int]) -> list[Happened]:
        """The domain events at these positions alone, in the order of the log. UnknownTopic."""
        return [self._happened(*row) for row in connection.execute(_AT, (positions,)).fetchall()]

    def _happened(
        self,
        position: int,
        recorded_at: Any,
        workspace: int,
        stream: int,
        id: UUID,
        version: int,
        topic: str,
        state: bytes,
        correlation: str,
    ) -> Happened:
        event = self._codec.decode(topic, bytes(state), id=id, version=version, at=recorded_at)
        return Happened(position, recorded_at, workspace, stream, id, version, event, correlation)
