"""Bugs to plant, to see that the harness finds each: what the product would be with one rule of its design broken.

They are patches of a running process of the harness and stand nowhere in the product. Where a bug needs two things to
meet, it takes its time between them.

Seen on 2026-11-21, each by ``make faults BUG=… SEED=1 MINUTES=0.5``, which exited 1 and named:

    ack_before_commit         I1 I2 I5      acknowledged facts are not stored
    two_transactions          I1 I2 I5 I8   facts are stored more than once; a rebuild can't fold them
    another_workspace         I1 I6         facts of a campaign stand in another workspace
    offset_without_position   I2 I8         rows are not what the log makes of them; records are parked
    link_not_checked          I2 I8         a rebuild finds other rows than the live ones
    position_before_ack       I3            gaps between the records of a topic
    checkpoint_outside        I2 I5         figures are not those of the oracle
    lock_not_taken            I2            a rebuild finds other rows than the live ones
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from unittest.mock import patch
from uuid import uuid4

import psycopg
from psycopg import Connection, sql

from adapters.engagement_log import rows
from adapters.engagement_log.committer import Committer
from adapters.engagement_log.group import Appended
from adapters.engagement_log.log import PostgresFactLog
from adapters.engagement_log.queue import Piece
from adapters.event_store.outbox import LOGS
from adapters.kafka import codec
from adapters.kafka.publishing import Publishing
from adapters.kafka.reader import Reader, Taken
from adapters.read_models import checkpoints, projecting
from adapters.read_models.checkpoints import Span
from adapters.read_models.rebuild import catching_up, rebuild, swapping
from application.ports import Unavailable
from application.ports_facts import RecordedFacts
from domain.engagement.fact import Fact
from domain.engagement.kinds import SPEND
from projections.projection import Projection

_WIDE = 0.05
"""Seconds that a bug takes between the two halves of what should be one."""
_unasked: set[asyncio.Future[None]] = set()


class Bug(NamedTuple):
    """``plant`` breaks this process."""

    plant: Callable[[], None]
    needs_kafka: bool = False


def acknowledge_before_commit() -> None:
    """A fact is answered as soon as it was understood."""
    honest = PostgresFactLog.record

    async def record(self: PostgresFactLog, workspace: int, facts: Sequence[Fact]) -> RecordedFacts:
        await self._committer.ready()

        async def meanwhile() -> None:
            with contextlib.suppress(Unavailable):
                await honest(self, workspace, facts)

        _unasked.add(asyncio.ensure_future(meanwhile()))
        return RecordedFacts((), {}, self._committer.position)

    patch.object(PostgresFactLog, "record", record).start()


def fact_and_key_in_two_transactions() -> None:
    """Facts are stored first; the keys that keep them from being stored again follow in a transaction of their own."""
    honest = Committer._send

    async def send(self: Committer, pieces: list[Piece]) -> Appended:
        keys = {key for share, start, stop in pieces for key in share.keys[start:stop]}
        async with await psycopg.AsyncConnection.connect(self._dsn, autocommit=True) as connection:
            cursor = await connection.execute(
                "select key from ballyhoo.fact_keys where key = any(%s::uuid[])", ([key[-16:].hex() for key in keys],)
            )
            keys -= {len(found.bytes).to_bytes(4, "big") + found.bytes for (found,) in await cursor.fetchall()}
            other = {key: key[:-16] + uuid4().bytes for key in keys}
            for share, start, stop in pieces:
                share.keys[start:stop] = [other.get(key, key) for key in share.keys[start:stop]]
            appended = await honest(self, pieces)
            await asyncio.sleep(_WIDE)
            await connection.execute(
                "insert into ballyhoo.fact_keys select key, %s from unnest(%s::uuid[]) key on conflict do nothing",
                (appended.engagement, [key[-16:].hex() for key in keys]),
            )
        return appended

    patch.object(Committer, "_send", send).start()


def append_into_another_workspace() -> None:
    """What was spent is written down for the workspace before its own."""
    honest = rows.common

    def common(workspace: int, campaign: int | None, labels: int | None, kind: int, type: int) -> bytes:
        return honest(workspace - (kind == SPEND), campaign, labels, kind, type)

    patch.object(rows, "common", common).start()


def offset_without_position() -> None:
    """Kafka's offset alone says what was read: a record that comes again is folded again."""

    def linked(self: Reader, part: int, high: int, most: int) -> Taken | None:
        found = list(self._buffers[part])
        upto = max([high, *(record.link.last for record in found)])
        if upto == high:
            return None
        return Taken(part, high, upto, found[-1].after, tuple(found))

    def values(self: Taken) -> Iterator[tuple[int, bytes]]:
        return ((-1, record.value) for record in self.records if record.value is not None)

    patch.object(Reader, "_linked", linked).start()
    patch.object(Taken, "values", values).start()


def link_not_checked() -> None:
    """What comes is taken for what comes next, whatever it links to."""
    honest = codec.link

    def link(headers: codec.Headers) -> codec.Link:
        return honest(headers)._replace(prev=0)

    patch.object(codec, "link", link).start()


def position_before_acknowledgement() -> None:
    """The relay moves its position past a window, and then sends it."""

    def turn(self: Publishing) -> bool:
        self._keep()
        self._heads = self._outbox.heads()
        sent = False
        for name in LOGS:
            window = self._read(name)
            if window is None:
                continue
            self._outstanding = (window, [])
            self.settle()
            time.sleep(20 * _WIDE)  # only a relay that is killed just now loses anything, and half of those stand by
            futures = self._publisher.send(name, self._ahead[name].epoch, window.publications)
            self._publisher.settle(futures, meanwhile=self._keep)
            self._ahead[name] = self.standings[name]
            sent = True
        return sent

    patch.object(Publishing, "turn", turn).start()


def checkpoint_outside_the_schema() -> None:
    """There is one checkpoint for a projection, wherever its rows are: tables that are filled beside the live ones seem
    to have what those have."""
    honest = catching_up.catch_up

    def catch_up(
        connection: Connection[Any],
        projection: Projection,
        schema: str,
        until: Mapping[int, int],
        look: Callable[[], None] = lambda: None,
    ) -> int:
        if schema == projection.schema:
            return honest(connection, projection, schema, until, look)
        statement = "update {}.checkpoints c set high = l.high from {}.checkpoints l where c.part = l.part"
        connection.execute(sql.SQL(statement).format(sql.Identifier(schema), sql.Identifier(projection.schema)))
        return 0

    patch.object(swapping, "catch_up", catch_up).start()
    patch.object(rebuild, "catch_up", catch_up).start()


def lock_not_taken() -> None:
    """A batch does not take the projection's lock, and a swap comes in between its rows and its checkpoints."""
    honest = checkpoints.move

    def move(connection: Connection[Any], log: str, spans: Sequence[Span]) -> None:
        time.sleep(_WIDE)
        honest(connection, log, spans)

    patch.object(projecting, "_LOCK", "select %s::text").start()
    patch.object(projecting, "move", move).start()


BUGS: dict[str, Bug] = {
    "ack_before_commit": Bug(acknowledge_before_commit),
    "two_transactions": Bug(fact_and_key_in_two_transactions),
    "another_workspace": Bug(append_into_another_workspace),
    "offset_without_position": Bug(offset_without_position, needs_kafka=True),
    "link_not_checked": Bug(link_not_checked, needs_kafka=True),
    "position_before_ack": Bug(position_before_acknowledgement, needs_kafka=True),
    "checkpoint_outside": Bug(checkpoint_outside_the_schema),
    "lock_not_taken": Bug(lock_not_taken),
}
