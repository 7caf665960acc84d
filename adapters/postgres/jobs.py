"""Jobs in a plain table: queued, claimed by workers under a lease, watched and cancelled over HTTP."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from adapters.postgres.pool import Pool
from application.ports_jobs import Job, JobFinished, RebuildRunning
from domain.shared.errors import NotFound

LEASE = 10.0
"""Seconds after which a job whose worker was not heard of is another's."""
PAUSE = 1.0
"""Seconds between two attempts: what kills processes mostly lasts for a while."""
MOST_ATTEMPTS = 5
"""A job whose process died so often has failed."""

# One after the other, so that two who ask at once do not both find nothing: a statement of its own, because the next
# one must see what was added while this one waited.
_GATE = "select pg_advisory_xact_lock(hashtextextended('ballyhoo.jobs', 0))"
_ADD = """
with mine as materialized (
  select id, state, done, total, error, result from ballyhoo.jobs where id = %(id)s and workspace = %(workspace)s
),
running as materialized (
  select 1 from ballyhoo.jobs j
   where j.kind = 'rebuild' and j.state in ('queued', 'running') and j.request -> 'locks' ?| %(locks)s
  union all
  select 1 from ballyhoo.leases l
   where l.name = any(%(leases)s) and l.until > clock_timestamp()
     and l.until <= clock_timestamp() + make_interval(secs => 2 * %(lease)s)
),
made as (
  insert into ballyhoo.jobs (id, workspace, kind, request, actor)
  select %(id)s, %(workspace)s, 'rebuild', %(request)s::jsonb, %(actor)s
   where not exists (select from running) and not exists (select from mine)
  returning id, state, done, total, error, result
)
select * from mine union all select * from made
"""
_GET = "select id, state, done, total, error, result from ballyhoo.jobs where workspace = %s and id = %s"
_CANCEL = """
update ballyhoo.jobs set cancel_asked = true,
    state = case state when 'queued' then 'cancelled' else state end,
    finished_at = case state when 'queued' then clock_timestamp() else finished_at end
 where workspace = %s and id = %s and (state in ('queued', 'running') or (state = 'cancelled' and cancel_asked))
returning id, state, done, total, error, result
"""
_CLAIM = """
update ballyhoo.jobs j set state = 'running', attempts = j.attempts + 1, leased_by = %(owner)s,
    leased_until = clock_timestamp() + make_interval(secs => %(lease)s)
  from (select id from ballyhoo.jobs
         where state = 'queued'
            or (state = 'running' and (leased_until < clock_timestamp()
                or leased_until > clock_timestamp() + make_interval(secs => 2 * %(lease)s)))
         order by made_at limit 1 for update skip locked) next
 where j.id = next.id
returning j.id, j.attempts
"""
_RENEW = """
update ballyhoo.jobs set leased_until = clock_timestamp() + make_interval(secs => %s)
 where id = %s and leased_by = %s and state = 'running' returning id
"""
_LET_GO = """
update ballyhoo.jobs set leased_until = clock_timestamp() + make_interval(secs => %(pause)s),
    attempts = attempts - %(uncounted)s::int
 where id = %(id)s and leased_by = %(owner)s and state = 'running'
"""
_FAIL = """
update ballyhoo.jobs set state = 'failed', error = %s, finished_at = clock_timestamp()
 where id = %s and state = 'running'
"""


class PostgresJobs:
    """Implements ``application.ports_jobs.Jobs``. ``pool`` acts as the engine."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def add_rebuild(
        self, workspace: int, actor: str, id: UUID, request: Mapping[str, Any], names: Collection[str]
    ) -> Job:
        """Queue a rebuild, or answer the one that was queued under this id. RebuildRunning."""
        asked = {
            "id": id, "workspace": workspace, "actor": actor, "locks": list(names), "lease": LEASE,
            "leases": [f"rebuild:{name}" for name in names], "request": json.dumps({**request, "locks": list(names)}),
        }  # fmt: skip
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(_GATE)
            row = await (await connection.execute(_ADD, asked)).fetchone()
        if row is None:
            raise RebuildRunning
        return _job(row)

    async def job(self, workspace: int, id: UUID) -> Job:
        """A job of the workspace. NotFound."""
        rows = await self._pool.rows(_GET, (workspace, id))
        if not rows:
            raise NotFound(f"There is no job {id} in this workspace.")
        return _job(rows[0])

    async def cancel(self, workspace: int, id: UUID) -> Job:
        """Ask for the end of a job. NotFound, JobFinished."""
        rows = await self._pool.rows(_CANCEL, (workspace, id))
        if not rows:
            await self.job(workspace, id)
            raise JobFinished
        return _job(rows[0])


@dataclass(frozen=True)
class ClaimedJob:
    """A job that is ours while its lease is renewed; ``attempts`` counts this one."""

    id: UUID
    attempts: int


class JobQueue:
    """The jobs as workers see them."""

    def __init__(self, pool: Pool, owner: UUID) -> None:
        self._pool = pool
        self._owner = owner

    async def claim(self) -> ClaimedJob | None:
        """The oldest job that is nobody's."""
        rows = await self._pool.rows(_CLAIM, {"owner": self._owner, "lease": LEASE})
        return ClaimedJob(*rows[0]) if rows else None

    async def renew(self, job: ClaimedJob) -> bool:
        """Whether the job is still ours and running."""
        return bool(await self._pool.rows(_RENEW, (LEASE, job.id, self._owner)))

    async def let_go(self, job: ClaimedJob, *, died: bool) -> None:
        """Let another worker have it before its lease ends: its process died, or was ended with this worker, which is
        no attempt that failed."""
        asked = {"id": job.id, "owner": self._owner, "pause": PAUSE if died else 0, "uncounted": not died}
        await self._pool.rows(_LET_GO, asked)

    async def fail(self, job: ClaimedJob, error: str) -> None:
        """End it with a sentence."""
        await self._pool.rows(_FAIL, (error, job.id))


def _job(row: tuple[Any, ...]) -> Job:
    id, state, done, total, error, result = row
    return Job(id, state, done, total, error, result)
