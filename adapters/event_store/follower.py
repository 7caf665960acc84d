"""Follows the log for policies: one process at a time, from a place that is moved by compare-and-set."""

from __future__ import annotations

from uuid import UUID

from adapters.event_store.codec import Codec
from adapters.postgres.pool import Pool
from application.ports_ab_tests import Followed

# A look that costs nothing where nothing is new.
_BEHIND = """
select p.position, h.position from ballyhoo.policies p, ballyhoo.log_heads h
 where p.name = %s and h.log = 'events' and p.position < h.position
"""
_LEASE = """
insert into ballyhoo.leases as l (name, owner, until) values ('policy:' || %s, %s, clock_timestamp() + interval '10 s')
on conflict (name) do update set owner = excluded.owner, until = excluded.until,
    fence = l.fence + (l.owner <> excluded.owner)::int
  where l.owner = excluded.owner or l.until <= clock_timestamp() or l.until > clock_timestamp() + interval '20 s'
returning true
"""
_EVENTS = """
select e.position, e.topic, e.state, e.version, e.recorded_at, e.event_id, e.correlation, w.number, w.id, s.id
  from ballyhoo.events e
  join ballyhoo.streams s using (stream) join ballyhoo.workspaces w on w.number = e.workspace
 where e.position > %(low)s and e.position <= %(high)s and e.topic = any(%(topics)s)
 order by e.position
"""
_DONE = "update ballyhoo.policies set position = %s where name = %s and position = %s"


class PostgresFollower:
    """Implements ``application.ports_ab_tests.Follower``. ``pool`` acts as the engine."""

    def __init__(self, pool: Pool, codec: Codec, owner: UUID) -> None:
        self._pool = pool
        self._codec = codec
        self._owner = owner

    async def next(
        self, policy: str, topics: frozenset[str], most: int
    ) -> tuple[list[Followed], tuple[int, int]] | None:
        """What comes next, at most ``most`` positions of the log; None where nothing is new, or another process
        follows."""
        behind = await self._pool.rows(_BEHIND, (policy,))
        if not behind or not await self._pool.rows(_LEASE, (policy, self._owner)):
            return None
        low, head = behind[0]
        high = min(head, low + most)
        rows = await self._pool.rows(_EVENTS, {"low": low, "high": high, "topics": list(topics)})
        return [self._followed(*row) for row in rows], (low, high)

    async def done(self, policy: str, mark: tuple[int, int]) -> None:
        """Everything up to the mark has been dealt with; who was overtaken moves nothing."""
        low, high = mark
        await self._pool.rows(_DONE, (high, policy, low))

    def _followed(
        self, position: int, topic: str, state: bytes, version: int, at: object, event_id: UUID, correlation: str,
        workspace: int, workspace_id: UUID, stream: UUID,
    ) -> Followed:  # fmt: skip
        event = self._codec.decode(topic, bytes(state), id=stream, version=version, at=at)  # type: ignore[arg-type]
        return Followed(position, event, event_id, event.timestamp, correlation, workspace, workspace_id, stream)
