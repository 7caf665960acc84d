"""From a time to a position of both logs."""

from __future__ import annotations

import asyncio
from datetime import datetime
from uuid import UUID

from adapters.postgres.pool import Pool
from application.ports import Position

_HEADS = "select clock_timestamp(), min(recorded_at), max(recorded_at) from ballyhoo.log_heads"
_LONGEST_WAIT = 0.05


class PostgresMoments:
    """Implements ``application.ports.Moments``."""

    def __init__(self, pool: Pool, epoch: UUID) -> None:
        self._pool = pool
        self._epoch = epoch

    async def at(self, moment: datetime) -> Position | None:
        """The last position of each log that was recorded at or before ``moment``; None where that lies ahead.

        What is being appended while this is asked may still get a time at or before it, so a moment younger than
        the heads of the logs is answered once both append locks were free after it. The log may be ahead of the
        clock (it never runs backwards, a clock may): what is recorded lies behind.
        """
        ((now, first, last),) = await self._pool.rows(_HEADS)
        if moment > max(now, last):
            return None
        if moment >= first:
            if moment >= now:
                await asyncio.sleep(min((moment - now).total_seconds() + 0.000_002, _LONGEST_WAIT))
            await self._pool.rows("select ballyhoo.settle()")
        rows = await self._pool.rows("select events, engagement from ballyhoo.positions_at(%s)", (moment,))
        events, engagement = rows[0]
        return Position(self._epoch, events, engagement)

    async def head(self) -> Position:
        """The last position of each log."""
        rows = await self._pool.rows("select log, position from ballyhoo.log_heads")
        heads = dict(rows)
        return Position(self._epoch, heads["events"], heads["engagement"])
