"""What was put aside, for those who mend it."""

from __future__ import annotations

import asyncio

from adapters.postgres.pool import Pool
from adapters.read_models.leases import connect
from adapters.read_models.rebuild.stopping import RebuildStopped
from adapters.read_models.replaying import Unfoldable, replay
from application.ports import Overloaded
from application.ports_parked import Parked, StillUnfoldable
from domain.shared.errors import NotFound

_PAGE = """
select p.id, p.projection, p.log, p.position, s.id, f.id, e.topic, p.reason, p.parked_at
  from ballyhoo.parked p
  left join ballyhoo.streams s on s.stream = p.stream
  left join ballyhoo.events e on p.log = 'events' and e.position = p.position
  left join ballyhoo.facts f on p.log = 'engagement' and f.position = p.position
 where p.workspace = %(workspace)s and (%(after)s::bigint is null or p.id > %(after)s)
 order by p.id limit %(limit)s + 1
"""


class PostgresParked:
    """Implements ``application.ports_parked.ParkedRecords``; ``pool`` reads, a replay has a connection of its own."""

    def __init__(self, dsn: str, pool: Pool) -> None:
        self._dsn = dsn
        self._pool = pool

    async def page(self, workspace: int, limit: int, after: int | None) -> tuple[list[Parked], bool]:
        """The oldest first, those after an id; and whether there are more."""
        rows = await self._pool.rows(_PAGE, {"workspace": workspace, "after": after, "limit": limit})
        return [Parked(*row) for row in rows[:limit]], len(rows) > limit

    async def replay(self, workspace: int, id: int) -> int:
        """Take a record in, with those of its aggregate. NotFound, StillUnfoldable, Overloaded."""
        try:
            count = await asyncio.to_thread(self._replay, workspace, id)
        except Unfoldable as error:
            raise StillUnfoldable(f"It still can't be taken in: {error}") from error
        except RebuildStopped as error:
            raise Overloaded from error
        if count is None:
            raise NotFound(f"Nothing is parked under {id} in this workspace.")
        return count

    def _replay(self, workspace: int, id: int) -> int | None:
        with connect(self._dsn, "replay", statement_timeout_ms=120_000) as connection:
            return replay(connection, workspace, id)
