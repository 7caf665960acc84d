"""Which part is not well: the database, its tables, and the processes that should be running."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from adapters.event_store.migrate import known
from adapters.postgres.heartbeat import STALE_AFTER
from adapters.postgres.numbers import PATIENCE, exposition
from adapters.postgres.pool import Pool
from application.ports import Unavailable

_STOPPED = """
select distinct projection.key
  from ballyhoo.processes p, jsonb_each(p.status -> 'projections') projection
 where p.kind = 'projector' and p.seen_at > clock_timestamp() - make_interval(secs => %s)
   and projection.value ->> 'state' = 'stopped'
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
        rows = await self._pool.rows(
            "select distinct kind from ballyhoo.processes"
            " where seen_at > clock_timestamp() - make_interval(secs => %s)",
            (STALE_AFTER,),
        )
        running = {kind for (kind,) in rows}
        absent = {kind: f"No {kind} is running." for kind in self._needed if kind not in running}
        stopped = await self._pool.rows(_STOPPED, (STALE_AFTER,))
        return absent | {name: "It stopped and waits for people; GET /v1/projections says why." for (name,) in stopped}
