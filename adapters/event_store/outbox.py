"""The store as the relay's outbox: what lies after a position, and how far it was published.

Facts come as PostgreSQL's own binary rows (those of ``COPY … (format binary)``), grouped by partition and not
decoded: a million a second pass through one core, and the projector hands the same bytes to COPY again.
Moving the position compares and sets, so of two relays only one moves it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from struct import Struct
from typing import Any, NamedTuple, Self
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from adapters.archive.catalogue import BLOCKS, GLANCE, Wanted, found
from adapters.archive.file import rows_of, single_rows
from adapters.postgres.pool import connection_options
from application.ports import Unavailable

LOGS = ("events", "engagement")

# The columns of a fact's binary row, in order; `part` and `position` stand first, where they are cut out of
# the row without decoding it.
FACT_COLUMNS = (
    "position", "part", "recorded_at", "occurred_at", "amount", "voids_position", "contact", "voids",
    "workspace", "campaign", "labels", "quantity", "kind", "type", "voided", "id", "order_id", "properties",
)  # fmt: skip

# A COPY stream begins with a signature, flags and an empty extension.
COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_TRAILER = b"\xff\xff"

_HEAD_OF_ROW = Struct("!hiqih")
_EVENT_BYTES = 8 << 20


class StoredEvent(NamedTuple):
    """One row of the log of events, with the stream's own id."""

    position: int
    part: int
    stream_id: UUID
    recorded_at: datetime
    occurred_at: datetime
    event_id: UUID
    workspace: int
    stream: int
    version: int
    causation: UUID | None
    topic: str
    actor: str
    correlation: str
    state: bytes


@dataclass(frozen=True)
class Standing:
    """How far one log was published; ``lasts[p]`` is the last position that partition p was told of."""

    log: str
    moves: int
    epoch: UUID
    position: int
    lasts: tuple[int, ...]
    cluster_id: str | None
    topic_id: str | None


class Overtaken(Exception):
    """Another relay moved the position since it was read, or a new epoch began: nothing was written."""


class Outbox:
    """One connection of a relay. Unavailable from every method where the database does not answer."""

    def __init__(self, dsn: str) -> None:
        with _driver_errors():
            self._connection = psycopg.connect(dsn, **connection_options("ballyhoo_engine"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()

    def hold(self, owner: UUID, seconds: float) -> bool:
        """Take or renew the relay's lease, by the database's clock; False where another holds it."""
        return bool(
            self._rows(
                """insert into ballyhoo.leases(name, owner, until)
                     values ('relay', %(owner)s, clock_timestamp() + %(seconds)s * interval '1 second')
                   on conflict (name) do update
                     set owner = excluded.owner, until = excluded.until,
                         fence = leases.fence + (leases.owner <> excluded.owner)::int
                     where leases.owner = excluded.owner or leases.until < clock_timestamp()
                        or leases.until > clock_timestamp() + 2 * %(seconds)s * interval '1 second'
                   returning fence""",
                {"owner": owner, "seconds": seconds},
            )
        )

    def let_go(self, owner: UUID) -> None:
        """Give the lease up, so that another need not wait for its end."""
        self._rows("delete from ballyhoo.leases where name = 'relay' and owner = %(owner)s", {"owner": owner})

    def tell(self, owner: UUID, status: dict[str, Any]) -> None:
        """Say in the table of processes that this relay lives, and how it stands."""
        self._rows(
            """insert into ballyhoo.processes(id, kind, pid, status)
                 values (%(owner)s, 'relay', %(pid)s, %(status)s)
               on conflict (id) do update set seen_at = clock_timestamp(), status = excluded.status""",
            {"owner": owner, "pid": os.getpid(), "status": Jsonb(status)},
        )

    def forget(self, owner: UUID) -> None:
        """This relay ends."""
        self._rows("delete from ballyhoo.processes where id = %(owner)s", {"owner": owner})

    def partitions(self) -> int:
        """How many virtual partitions both logs have."""
        return int(self._rows("select value from ballyhoo.settings where name = 'partitions'")[0][0])

    def heads(self) -> dict[str, int]:
        """The last position of each log; everything up to it is committed."""
        return dict(self._rows("select log, position from ballyhoo.log_heads"))

    def take(self, log: str) -> Standing:
        """Begin publishing a log: every move that another relay has begun is lost from now on.

        Under a new epoch of the store, the position goes back to where that epoch began. On a server that
        failed over or was restored this begins it, so that nothing is published under one that is over.
        """
        self._epoch()
        self._rows(
            """insert into ballyhoo.relay(log, epoch, lasts)
                 select %(log)s, epoch, array_fill(0::bigint, array[%(partitions)s::int])
                   from ballyhoo.epochs order by began_at desc limit 1
               on conflict do nothing""",
            {"log": log, "partitions": self.partitions()},
        )
        self._rows(
            """with now as (select epoch from ballyhoo.epochs order by began_at desc limit 1),
                    kept as (
                      select min(case log when 'events' then later.events_position
                                               else later.engagement_position end) as upto
                        from ballyhoo.relay r join ballyhoo.epochs mine using (epoch)
                        join ballyhoo.epochs later on later.began_at > mine.began_at
                        where r.log = %(log)s)
               update ballyhoo.relay
                 set moves = moves + 1, epoch = now.epoch, position = least(position, kept.upto),
                     lasts = (select array_agg(least(l, kept.upto) order by o)
                                from unnest(lasts) with ordinality u(l, o))
                 from now, kept where log = %(log)s""",
            {"log": log},
        )
        return self.standing(log)

    def again(self, log: str) -> Standing:
        """How far a log was published, after a move was lost: taken anew where an epoch began meanwhile.

        Where none did, no move of another relay is lost for it: two that did so would undo each other for ever.
        """
        seen = self.standing(log)
        return seen if seen.epoch == self._epoch() else self.take(log)

    def standing(self, log: str) -> Standing:
        """How far a log was published."""
        row = self._rows(
            """select log, moves, epoch, position, lasts, cluster_id, topic_id
                 from ballyhoo.relay where log = %(log)s""",
            {"log": log},
        )[0]
        found, moves, epoch, position, lasts, cluster_id, topic_id = row
        return Standing(found, moves, epoch, position, tuple(lasts), cluster_id, topic_id)

    def move(
        self,
        seen: Standing,
        *,
        position: int,
        lasts: Sequence[int],
        cluster_id: str | None,
        topic_id: str | None,
    ) -> Standing:
        """Publishing came this far. Overtaken where ``seen`` no longer stands, or its epoch is over."""
        moved = Standing(seen.log, seen.moves + 1, seen.epoch, position, tuple(lasts), cluster_id, topic_id)
        if not self._rows(
            """update ballyhoo.relay
                 set moves = moves + 1, position = %(position)s, lasts = %(lasts)s,
                     cluster_id = %(cluster_id)s, topic_id = %(topic_id)s, moved_at = clock_timestamp()
                 where log = %(log)s and moves = %(seen)s and epoch = %(epoch)s
                   and epoch = (select epoch from ballyhoo.epochs order by began_at desc limit 1)
                 returning moves""",
            vars(moved) | {"lasts": list(lasts), "seen": seen.moves},
        ):
            raise Overtaken(seen.log)
        return moved

    def events(self, after: int, upto: int, *, limit: int) -> list[StoredEvent]:
        """The events in (after, upto], at most ``limit`` of them and hardly more than 8 MiB."""
        rows = self._rows(
            """select position, part, id, recorded_at, occurred_at, event_id, workspace, stream, version,
                      causation, topic, actor, correlation, state
                 from (select e.*, s.id, sum(octet_length(state)) over (order by position) as so_far
                         from ballyhoo.events e join ballyhoo.streams s using (stream)
                         where position > %(after)s and position <= %(upto)s
                         order by position limit %(limit)s) e
                 where so_far - octet_length(state) < %(bytes)s order by position""",
            {"after": after, "upto": upto, "limit": limit, "bytes": _EVENT_BYTES},
        )
        return [StoredEvent(*row) for row in rows]

    def facts(self, after: int, upto: int) -> dict[int, list[tuple[int, bytes]]]:
        """The facts in (after, upto] for each partition: (position, binary row) in the order of positions."""
        rows: dict[int, list[tuple[int, bytes]]] = {}
        statement = sql.SQL(
            "copy (select {} from ballyhoo.facts where position > {} and position <= {} order by position)"
            " to stdout (format binary)"
        ).format(sql.SQL(", ").join(map(sql.Identifier, FACT_COLUMNS)), after, upto)
        with _driver_errors(), self._connection.cursor().copy(statement) as copy:
            live = [bytes(row) for row in without_frame(copy)]
        ((reach,),) = self._rows(GLANCE)
        if after < reach:
            live = self._with_archived(live, after, upto)
        for row in live:
            _, _, position, _, part = _HEAD_OF_ROW.unpack_from(row)
            rows.setdefault(part, []).append((position, row))
        return rows

    def _with_archived(self, live: list[bytes], after: int, upto: int) -> list[bytes]:
        """The rows with those that were archived meanwhile or long ago, in the order of positions. Damaged."""
        by_position = {_HEAD_OF_ROW.unpack_from(row)[2]: row for row in live}
        for block in found(self._rows(BLOCKS, Wanted(low=after, high=upto).parameters)).blocks:
            for row in single_rows(rows_of(block)):
                position = _HEAD_OF_ROW.unpack_from(row)[2]
                if after < position <= upto:
                    by_position[position] = bytes(row)
        return [row for _, row in sorted(by_position.items())]

    def _epoch(self) -> UUID:
        epoch: UUID = self._rows("select ballyhoo.current_epoch()")[0][0]
        return epoch

    def _rows(self, statement: str, parameters: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        with _driver_errors():
            cursor = self._connection.execute(statement.encode(), parameters, binary=True)
            return cursor.fetchall() if cursor.description else []


def without_frame(copy: psycopg.Copy) -> Iterator[bytes | bytearray | memoryview]:
    """The rows of a binary COPY, which arrive one by one, without the stream's header and trailer."""
    parts = iter(copy)
    first = bytes(next(parts))
    if len(first) > len(COPY_HEADER) + len(COPY_TRAILER):
        yield first[len(COPY_HEADER) :]
    for part in parts:
        if len(part) > len(COPY_TRAILER):
            yield part


@contextmanager
def _driver_errors() -> Iterator[None]:
    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise Unavailable("the database does not answer") from error
