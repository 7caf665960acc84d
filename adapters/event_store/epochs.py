"""Which history a position belongs to."""

from __future__ import annotations

from itertools import pairwise
from uuid import UUID

from adapters.postgres.pool import Pool
from application.ports import BadToken, Position


class PostgresEpochs:
    """The epochs of the store, oldest first, with the positions at which each began."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._ends: dict[UUID, Position] = {}
        self.current = UUID(int=0)

    async def load(self) -> UUID:
        """Read them, beginning a new one where the server is not the one of the last; answers the current epoch."""
        ((self.current,),) = await self._pool.rows("select ballyhoo.current_epoch()")
        rows = await self._pool.rows(
            "select epoch, events_position, engagement_position from ballyhoo.epochs order by began_at"
        )
        self._ends = {
            earlier[0]: Position(earlier[0], later[1], later[2]) for earlier, later in pairwise(rows)
        }
        return self.current

    def hear(self, epoch: UUID) -> None:
        """Somebody who connected found this epoch."""
        self.current = epoch

    def now(self) -> UUID:
        """The current epoch, as far as this process has heard."""
        return self.current

    async def valid(self, position: Position) -> Position:
        """The position under the current epoch. BadToken where it lies in a history that was given up."""
        if position.epoch != self.current and position.epoch not in self._ends:
            await self.load()  # another process may have begun it
        if position.epoch == self.current:
            return position
        end = self._ends.get(position.epoch)
        if end is None or position.events > end.events or position.engagement > end.engagement:
            raise BadToken
        return Position(self.current, position.events, position.engagement)
