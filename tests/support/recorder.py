"""The append function of the product as a recorder of the eventsourcing library, so that the cases which the
library ships can be run against it. Thin: everything that matters happens in ballyhoo.append_events.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any
from uuid import UUID, uuid4

from eventsourcing.persistence import ApplicationRecorder, IntegrityError, Notification, StoredEvent, Subscription
from psycopg_pool import ConnectionPool

from adapters.event_store.append import STORED, Command, append_now
from adapters.postgres.binary import bytea, int4, int8, row, text, timestamptz, uuid
from adapters.postgres.pool import connection_options

WORKSPACE = 1

_NO_KEY_NO_DUE = text(None) + bytea(None) + int4(None) + bytea(None) + bytea(None) + int8(None) + int8(None)

_STREAM = """
select e.version, topic, state from ballyhoo.events e join ballyhoo.streams s using (stream)
  where s.id = %s and e.version > coalesce(%s::bigint, 0) and e.version <= coalesce(%s::bigint, e.version)
  order by e.version
"""


class BallyhooRecorder(ApplicationRecorder):
    """Each stream of a call is a command of its own.

    Our streams begin with version 1; some of the cases count from 0, so the recorder keeps for each stream what
    it added.
    """

    def __init__(self, url: str) -> None:
        self._pool = ConnectionPool(
            url, kwargs=connection_options("ballyhoo_engine"), min_size=1, max_size=14, open=True
        )
        self._added: dict[UUID, int] = {}

    def close(self) -> None:
        """Let the connections go."""
        self._pool.close()

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Append; the positions. IntegrityError where a version is taken."""
        commands = [self._command(list(events)) for _, events in groupby(stored_events, lambda e: e.originator_id)]
        if not commands:
            return None
        with self._pool.connection() as connection:
            outcomes = append_now(connection, commands)
        if any(one.outcome != STORED for one in outcomes):
            raise IntegrityError("a version is taken")
        return [
            one.position - len(command.events) + place
            for one, command in zip(outcomes, commands, strict=True)
            if one.position is not None
            for place in range(1, len(command.events) + 1)
        ]

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """The events of a stream."""
        assert isinstance(originator_id, UUID)
        added = self._added.get(originator_id, 0)
        rows = self._rows(
            _STREAM,
            originator_id,
            None if gt is None else gt + added,
            None if lte is None else lte + added,
        )
        rows = (rows[::-1] if desc else rows)[:limit]
        return [StoredEvent(originator_id, version - added, topic, state) for version, topic, state in rows]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """The events of the log between two positions."""
        rows = self._rows(
            "select s.id, e.version, topic, state, position from ballyhoo.events e join ballyhoo.streams s "
            "using (stream) where position >= %s and position <= coalesce(%s::bigint, position) "
            "and (cardinality(%s::text[]) = 0 or topic = any(%s::text[])) order by position limit %s",
            0 if start is None else start if inclusive_of_start else start + 1,
            stop,
            list(topics),
            list(topics),
            limit,
        )
        return [
            Notification(stream, version - self._added.get(stream, 0), topic, state, position)
            for stream, version, topic, state, position in rows
        ]

    def max_notification_id(self) -> int | None:
        """The last position."""
        ((position,),) = self._rows("select max(position) from ballyhoo.events")
        return None if position is None else int(position)

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[ApplicationRecorder]:
        """The product tails its log by position and has no use for subscriptions."""
        raise NotImplementedError

    def _command(self, events: list[StoredEvent]) -> Command:
        stream = events[0].originator_id
        assert isinstance(stream, UUID)
        first = events[0].originator_version
        if first in (0, 1):
            self._added.setdefault(stream, 1 - first)
        expected = first + self._added.get(stream, 0) - 1
        rows = []
        for event in events:
            id = uuid4()
            rows.append((id.bytes, row(
                8, timestamptz(datetime.now(UTC)), uuid(id), uuid(None), text(event.topic), text("library"),
                text("conformance"), bytea(event.state),
            )))  # fmt: skip
        content = row(
            13, int4(WORKSPACE), uuid(stream), text("stream"), int8(expected), int4(len(events)), text(None),
            _NO_KEY_NO_DUE,
        )  # fmt: skip
        return Command((WORKSPACE, stream), None, content, rows, [])

    def _rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with self._pool.connection() as connection:
            return connection.execute(statement.encode(), values).fetchall()
