"""From a time to a position of both logs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from struct import Struct
from uuid import UUID

from adapters.archive.file import rows_of, single_rows
from adapters.postgres.pool import Pool
from application.ports import Position

_HEADS = "select clock_timestamp(), min(recorded_at), max(recorded_at) from ballyhoo.log_heads"
_LONGEST_WAIT = 0.05

# The last block that begins at or before a time.
_BLOCK = """
select (select value from ballyhoo.settings where name = 'archive_folder'), a.file, b.number, b.place, b.size, b.sha256,
    b.first_position, b.last_position, b.last_recorded, a.dropped_at is not null
  from ballyhoo.archived_blocks b join ballyhoo.archives a on a.id = b.archive
 where b.first_recorded <= %s order by b.first_recorded desc limit 1
"""

# The columns with which a fact's binary row begins: position, part, recorded_at.
_HEAD_OF_ROW = Struct("!hiqihiq")
_POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class _At:
    """Where a block lies."""

    path: Path
    number: int
    place: int
    size: int
    sha256: bytes


def _position_in(block: _At, moment: datetime) -> int:
    """The last position of a block that was recorded at or before a moment at which it had begun."""
    latest = (moment - _POSTGRES_EPOCH) // timedelta(microseconds=1)
    found = 0
    for row in single_rows(rows_of(block)):
        _, _, position, _, _, _, recorded = _HEAD_OF_ROW.unpack_from(row)
        if recorded > latest:
            break
        found = position
    return found


class PostgresMoments:
    """Implements ``application.ports.Moments``."""

    def __init__(self, pool: Pool, epoch: Callable[[], UUID]) -> None:
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
        return Position(self._epoch(), events, max(engagement, await self._archived(moment)))

    async def _archived(self, moment: datetime) -> int:
        """The last archived position that was recorded at or before ``moment``; 0 where there is none. Asked after the
        table: what is archived in between is seen twice rather than never. Damaged.

        Inside what was dropped it is a position before its end, which says that much and no more.
        """
        blocks = await self._pool.rows(_BLOCK, (moment,))
        if not blocks:
            return 0
        (folder, file, number, place, size, digest, first, last, recorded, dropped) = blocks[0]
        if recorded <= moment:
            return int(last)
        if dropped:
            return int(first) - 1
        return await asyncio.to_thread(_position_in, _At(Path(folder) / file, number, place, size, digest), moment)

    async def head(self) -> Position:
        """The last position of each log."""
        rows = await self._pool.rows("select log, position from ballyhoo.log_heads")
        heads = dict(rows)
        return Position(self._epoch(), heads["events"], heads["engagement"])
