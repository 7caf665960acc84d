"""The event store: aggregates from their streams, and what they decided into the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import structlog

from adapters.event_store import snapshots
from adapters.event_store.append import CONFLICT, FENCED, REPLAY
from adapters.event_store.appender import Appender
from adapters.event_store.codec import Codec
from adapters.event_store.packing import packed
from adapters.postgres.grouped import Grouped
from adapters.postgres.pool import Pool
from application.ports import (
    A,
    Answer,
    Context,
    Entry,
    Fenced,
    Idempotency,
    Kept,
    KeyUsedDifferently,
    Position,
    Recorded,
    StaleVersion,
)
from domain.shared.aggregate import Aggregate
from domain.shared.errors import AlreadyExists, NotFound
from domain.shared.times import written

# Many streams as they stand, each behind its snapshot.
_LOAD = """
select w.n, r.*
  from unnest(%(workspaces)s::int[], %(ids)s::uuid[], %(kinds)s::text[], %(snapshots)s::text[])
      with ordinality w(workspace, id, kind, snapshots, n)
  join ballyhoo.streams s on s.workspace = w.workspace and s.id = w.id and s.kind = w.kind
  left join lateral (
    select version, topic, state from ballyhoo.snapshots k
     where k.stream = s.stream and k.topic = w.snapshots order by version desc limit 1
  ) k on true
  cross join lateral (
    select k.version, k.topic, k.state, null::timestamptz where k.version is not null
    union all
    select e.version, e.topic, e.state, e.recorded_at from ballyhoo.events e
     where e.stream = s.stream and e.version > coalesce(k.version, 0)
  ) r
 order by w.n, r.version
"""

# One stream as it stood.
_LOAD_PAST = """
with s as (select stream from ballyhoo.streams where workspace = %(workspace)s and id = %(id)s and kind = %(kind)s),
  last as (select max(version) as version from ballyhoo.events where stream = (select stream from s)
    and version <= coalesce(%(version)s, version) and position <= coalesce(%(position)s, position)),
  snapshot as (select version, topic, state from ballyhoo.snapshots
    where stream = (select stream from s) and version <= (select version from last) and topic = %(snapshots)s
    order by version desc limit 1)
select version, topic, state, null::timestamptz from snapshot
union all
select e.version, e.topic, e.state, e.recorded_at from ballyhoo.events e
  where e.stream = (select stream from s) and e.version > coalesce((select version from snapshot), 0)
    and e.version <= (select version from last)
order by 1
"""

_HISTORY = """
select e.version, e.topic, e.state, e.recorded_at, e.actor, e.correlation, e.causation, e.event_id
  from ballyhoo.events e join ballyhoo.streams s using (stream)
  where s.workspace = %(workspace)s and s.id = %(id)s and s.kind = %(kind)s order by e.version
"""

_KIND = "select kind from ballyhoo.streams where workspace = %s and id = %s"

_ANSWERS = """
select workspace, key, fingerprint, status, body, at, version, position, engagement, recorded_at
  from unnest(%s::int[], %s::text[]) w(workspace, key) join ballyhoo.idempotency using (workspace, key)
"""


Row = tuple[int, str, bytes, datetime | None]
"""Version, topic, content, and when it was recorded: None for a snapshot."""

log = structlog.get_logger("event_store")


class _Stream(NamedTuple):
    """Which stream to load; ``snapshots`` is the topic of its snapshots, None to do without."""

    workspace: int
    id: UUID
    kind: str
    snapshots: str | None


class PostgresEventStore:
    """Implements ``application.ports.EventStore`` on the functions of the migrations. ``pool`` acts as the engine,
    ``epoch`` tells the one that positions are of by now."""

    def __init__(
        self, pool: Pool, appender: Appender, codec: Codec, epoch: Callable[[], UUID], *, with_snapshots: bool = True
    ) -> None:
        self._pool = pool
        self._appender = appender
        self._codec = codec
        self._epoch = epoch
        self._with_snapshots = with_snapshots
        self._tasks: set[asyncio.Task[None]] = set()
        self._streams: Grouped[_Stream, list[Row]] = Grouped(self._load, most_at_once=200, lanes=2)
        self._answers: Grouped[tuple[int, str], tuple[Any, ...]] = Grouped(self._look_up, lanes=2)

    async def get(
        self,
        kind: type[A],
        workspace: int,
        id: UUID,
        *,
        version: int | None = None,
        position: int | None = None,
    ) -> A:
        """The aggregate now, or as it was at a version or a position of the log. NotFound."""
        asked = _Stream(workspace, id, kind.KIND, snapshots.topic(kind) if self._with_snapshots else None)
        rows = await self._rows(asked, version, position)
        aggregate: Any = None
        if rows and rows[0][3] is None:
            aggregate = snapshots.restore(self._codec, kind, id, rows[0])
            rows = rows[1:]
            if aggregate is None:  # unreadable: ignored, and the stream is read whole
                rows = await self._rows(asked._replace(snapshots=None), version, position)
        for row_version, topic, state, at in rows:
            assert at is not None
            event: Any = self._codec.decode(topic, state, id=id, version=row_version, at=at)
            aggregate = event.mutate(aggregate)
        if aggregate is None or (version is not None and aggregate.version != version):
            raise NotFound(
                f"There is no {kind.KIND.replace('_', ' ')} {id} in this workspace"
                + ("." if version is None and position is None else " at that moment.")
            )
        loaded: A = aggregate
        loaded.was_loaded()
        return loaded

    async def _kind(self, workspace: int, id: UUID) -> str | None:
        rows = await self._pool.rows(_KIND, (workspace, id))
        return rows[0][0] if rows else None

    async def _rows(self, stream: _Stream, version: int | None, position: int | None) -> list[Row]:
        if version is None and position is None:
            return await self._streams.answer(stream) or []
        return await self._pool.rows(_LOAD_PAST, stream._asdict() | {"version": version, "position": position})

    async def _load(self, streams: list[_Stream]) -> dict[_Stream, list[Row]]:
        workspaces, ids, kinds, topics = map(list, zip(*streams, strict=True))
        asked = {"workspaces": workspaces, "ids": ids, "kinds": kinds, "snapshots": topics}
        found: dict[_Stream, list[Row]] = {}
        for number, *row in await self._pool.rows(_LOAD, asked):
            found.setdefault(streams[number - 1], []).append(tuple(row))
        return found

    async def history(self, kind: type[Aggregate], workspace: int, id: UUID) -> list[Entry]:
        """Every event of a stream, oldest first. NotFound."""
        rows = await self._pool.rows(_HISTORY, {"workspace": workspace, "id": id, "kind": kind.KIND})
        if not rows:
            raise NotFound(f"There is no {kind.KIND.replace('_', ' ')} {id} in this workspace.")
        return [
            Entry(
                self._codec.decode(topic, state, id=id, version=version, at=at),
                event_id,
                at,
                actor,
                correlation,
                causation,
            )
            for version, topic, state, at, actor, correlation, causation, event_id in rows
        ]

    async def save(self, aggregate: Aggregate, context: Context) -> Recorded:
        """See ``application.ports.EventStore.save``."""
        events = list(aggregate.collect_events())
        if not events:
            raise ValueError("nothing was decided: there is nothing to save")
        answer = await context.present(aggregate) if context.present is not None else None
        if context.idempotency is not None and answer is None:
            raise ValueError("a key keeps an answer: the context must say how to present it")
        before = aggregate.version - len(events)
        outcome = await self._appender.append(packed(self._codec, aggregate, events, context, answer))
        if outcome.outcome == CONFLICT:
            if before == 0:
                kind = await self._kind(context.caller.workspace, aggregate.id) or aggregate.KIND
                raise AlreadyExists(kind.replace("_", " "), aggregate.id)
            raise StaleVersion(outcome.version or 0)
        if outcome.outcome == FENCED:
            raise Fenced
        if outcome.outcome == REPLAY:
            assert context.idempotency is not None
            kept = await self.answer(context.caller.workspace, context.idempotency)
            assert kept is not None
            return Recorded(
                kept.position or Position(self._epoch(), 0, 0), kept.recorded_at or context.at, kept.version or 0,
                Answer(kept.answer.status, kept.answer.body), replayed=True,
            )  # fmt: skip
        assert outcome.position is not None
        assert outcome.recorded_at is not None
        if self._with_snapshots and (wanted := snapshots.due(before, aggregate.version)) is not None:
            self._beside(self._take_snapshot(type(aggregate), context.caller.workspace, aggregate.id, wanted))
        stamped = None
        if answer is not None:
            stamped = Answer(answer.status, answer.stamped(written(outcome.recorded_at).encode()))
        return Recorded(
            Position(self._epoch(), outcome.position, outcome.engagement),
            outcome.recorded_at,
            aggregate.version,
            stamped,
        )

    async def answer(self, workspace: int, idempotency: Idempotency) -> Kept | None:
        """What stands under a key. KeyUsedDifferently where it was used with another route or body."""
        row = await self._answers.answer((workspace, idempotency.key))
        if row is None:
            return None
        fingerprint, status, body, at, version, position, engagement, recorded_at = row
        if bytes(fingerprint) != idempotency.fingerprint:
            raise KeyUsedDifferently
        answer = Answer(status, bytes(body), bytes(at))
        if recorded_at is not None:
            answer = Answer(status, answer.stamped(written(recorded_at).encode()))
        where = Position(self._epoch(), position, engagement) if position is not None else None
        return Kept(answer, version, where, recorded_at)

    async def _look_up(self, keys: list[tuple[int, str]]) -> dict[tuple[int, str], tuple[Any, ...]]:
        rows = await self._pool.rows(_ANSWERS, ([workspace for workspace, _ in keys], [key for _, key in keys]))
        return {(workspace, key): tuple(row) for workspace, key, *row in rows}

    async def keep(self, workspace: int, idempotency: Idempotency, answer: Answer) -> None:
        """Keep a decision that made no event; the first answer under a key stands."""
        await self._pool.rows(
            "select ballyhoo.keep_answer(%s, %s, %s, %s, %s)",
            (workspace, idempotency.key, idempotency.fingerprint, answer.status, answer.body),
        )

    async def close(self) -> None:
        """Finish what runs beside the commands."""
        await asyncio.gather(*self._tasks)

    async def _take_snapshot(self, kind: type[Aggregate], workspace: int, id: UUID, version: int) -> None:
        if (topic := snapshots.topic(kind)) is None:
            return
        try:
            # Loaded anew: what is kept carries the recorded times, not the command's.
            aggregate = await self.get(kind, workspace, id, version=version)
            content = snapshots.content(self._codec, aggregate)
            row = {"version": version, "topic": topic, "state": content, "workspace": workspace, "id": id}
            await self._pool.rows(snapshots.KEEP, row)
        except Exception as error:  # the command is done, and stands without it
            log.warning("snapshot_not_taken", kind=kind.KIND, id=str(id), version=version, error=repr(error))

    def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
