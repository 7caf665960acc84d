"""How far a projection is, by log and partition: moved in the transaction of the rows, by compare-and-set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection


class Fenced(Exception):
    """Another owner moved these checkpoints: nothing of this batch may stay."""


@dataclass(frozen=True)
class Span:
    """Positions (low, high] of one partition; ``offset`` is the last one read of its Kafka partition."""

    part: int
    low: int
    high: int
    offset: int | None = None


_MOVE = """
update checkpoints c set high = s.high, kafka_offset = coalesce(s.kafka_offset, c.kafka_offset)
  from unnest(%s::smallint[], %s::bigint[], %s::bigint[], %s::bigint[]) s(part, low, high, kafka_offset)
 where c.log = %s and c.part = s.part and c.high = s.low
"""


def move(connection: Connection[Any], log: str, spans: Sequence[Span]) -> None:
    """Move all of ``spans`` from low to high in one statement. Fenced where one does not stand at its low."""
    moved = connection.execute(
        _MOVE,
        (
            [span.part for span in spans],
            [span.low for span in spans],
            [span.high for span in spans],
            [span.offset for span in spans],
            log,
        ),
    )
    if moved.rowcount != len(spans):
        raise Fenced
