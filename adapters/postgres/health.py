"""Which part is not well: the database, its tables, the processes that should run, Kafka, or how far they are."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from adapters.event_store.migrate import known
from adapters.postgres.heartbeat import STALE_AFTER
from adapters.postgres.numbers import PATIENCE, exposition
from adapters.postgres.pool import Pool
from application.ports import Unavailable
from projections.catalogue import CATALOGUE
from projections.projection import placed

LAGS_AFTER = 30.0
"""Seconds after which what was recorded should have been folded: that long may it take to replace a process."""

_STOPPED = """
select distinct projection.key
  from ballyhoo.processes p, jsonb_each(p.status -> 'projections') projection
 where p.kind = 'projector' and p.seen_at > clock_timestamp() - make_interval(secs => %s)
   and projection.value ->> 'state' = 'stopped'
"""

_KAFKA = """
with said as (
  select kind, status from ballyhoo.processes where seen_at > clock_timestamp() - make_interval(secs => %s))
select distinct kind from said
 where kind = 'relay' and status ->> 'role' = 'active' and status ->> 'kafka' <> 'ok'
    or kind = 'projector' and exists (
         select from jsonb_each(status -> 'projections') p where p.value ->> 'trouble' is not null)
 order by kind
"""
_MISSING = "select name from unnest(%s::text[]) name where to_regnamespace(name) is null order by name"
_LOWEST = "select '$name', '$log', min(high) from $schema.checkpoints where log = '$log'"
_LAG = """
select b.name, h.position - b.high
  from ({}) b(name, log, high) join ballyhoo.log_heads h using (log),
       ballyhoo.positions_at(clock_timestamp() - make_interval(secs => %s)) past
 where b.high < case b.log when 'events' then past.events else past.engagement end
 order by 1
"""


class PostgresHealth:
    """Implements ``api.services.Health``. Without a process of each ``needed`` kind we are not ready."""

    def __init__(self, pool: Pool, *, needed: Collection[str] = ("projector", "worker")) -> None:
        self._pool = pool
        self._needed = tuple(needed)
        self._migrations = len(known())

    async def ready(self) -> dict[str, str]:
        """What is wrong, by part; empty where all is well."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._wrong()
        except (Unavailable, TimeoutError):
            return {"database": "The database does not answer."}

    async def metrics(self) -> bytes:
        """This process's numbers and those of logs and projections, in Prometheus's text format."""
        return await exposition(self._pool)

    async def _wrong(self) -> dict[str, str]:
        there = await self._pool.rows("select to_regclass('ballyhoo.migrations') is not null")
        applied = await self._pool.rows("select count(*) from ballyhoo.migrations") if there[0][0] else [(0,)]
        if applied[0][0] < self._migrations:
            missing = self._migrations - applied[0][0]
            return {"migrations": f"{missing} migrations are not applied; run ballyhoo migrate."}
        missing_tables = await self._pool.rows(_MISSING, ([projection.schema for projection in CATALOGUE],))
        if missing_tables:
            names = ", ".join(name for (name,) in missing_tables)
            return {"migrations": f"The tables of {names} are not there; run ballyhoo migrate."}
        rows = await self._pool.rows(
            "select distinct kind from ballyhoo.processes"
            " where seen_at > clock_timestamp() - make_interval(secs => %s)",
            (STALE_AFTER,),
        )
        running = {kind for (kind,) in rows}
        absent = {kind: f"No {kind} is running." for kind in self._needed if kind not in running}
        stopped = await self._pool.rows(_STOPPED, (STALE_AFTER,))
        wrong = absent | {name: "It stopped and waits for people; GET /v1/projections says why." for (name,) in stopped}
        return wrong | await self._kafka() | await self._lag()

    async def _kafka(self) -> dict[str, str]:
        troubled = await self._pool.rows(_KAFKA, (STALE_AFTER,))
        if not troubled:
            return {}
        kinds = " and ".join(kind for (kind,) in troubled)
        return {"kafka": f"The {kinds} can't work with Kafka; their logs and GET /v1/projections say why."}

    async def _lag(self) -> dict[str, str]:
        lowest = " union all ".join(
            placed(_LOWEST, projection.schema).replace("$name", projection.name).replace("$log", projection.log)
            for projection in CATALOGUE
        )
        behind = await self._pool.rows(_LAG.format(lowest), (LAGS_AFTER,))
        if not behind:
            return {}
        names = ", ".join(f"{name} by {many}" for name, many in behind)
        return {"lag": f"Read models lack what was recorded {LAGS_AFTER:.0f} s ago; records behind: {names}."}
