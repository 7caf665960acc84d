"""Pages of raw facts, from the database and, where they reach so far back, from archive files.

Blocks are unpacked from the one that comes first in the page's order on, twice as many each time, until none that is
left can hold a fact of the page.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from psycopg import AsyncConnection

from adapters.archive.catalogue import NOTHING, UP_TO, Block, Found, Wanted
from adapters.archive.overlay import filling, lay_beside, look_beside, making, over, readying
from adapters.postgres.pool import Pool
from adapters.read_models.reading_log import Rows, archived_up_to, blocks, dropped_before
from domain.engagement import kinds
from projections import facts
from projections.campaign_metrics import CAMPAIGN_METRICS
from projections.facts import FactQuery
from projections.projection import placed

_CONTACT = "select contact from ballyhoo.contact_ids where workspace = %s and external = %s"
_TARGETS = """
select f.voids_position from ballyhoo.facts f where f.position = any(%s) and f.voids_position is not null
"""

# Columns of the statement's rows.
_CAMPAIGN, _POSITION, _HAPPENED, _KIND, _VOIDS = 2, 4, 5, 8, 24

Row = tuple[Any, ...]


async def page(pool: Pool, workspace: int, query: FactQuery) -> Rows:
    """The rows of the page, and one more where there is one. Damaged."""
    statement, parameters = facts.statement(query)
    statement = placed(statement, CAMPAIGN_METRICS.schema)
    parameters |= {"workspace": workspace}
    rows = await pool.rows(statement, parameters)
    if await archived_up_to(pool) == 0:
        return Rows(rows)
    wanted = await _wanted(pool, workspace, query, rows)
    needed = NOTHING if wanted is None else await blocks(pool, wanted)
    if not needed.blocks and not _voids(rows):
        return Rows(rows, dropped_before(needed))
    async with pool.connection() as connection, connection.transaction():
        return await _Archived(connection, query, statement, parameters).page(wanted)


async def _wanted(pool: Pool, workspace: int, query: FactQuery, rows: list[Row]) -> Wanted | None:
    """What the page may need besides what is in the database; None where nothing."""
    happened = query.campaign is not None
    full = len(rows) > query.limit
    if full and not happened:
        return None  # archived facts were all recorded before these
    starts: datetime | None = query.starts
    ends: datetime | str = query.ends or "infinity"
    if full:
        starts = rows[-1][_HAPPENED]
    wanted = Wanted(workspace=workspace, starts="-infinity" if starts is None else starts.isoformat())
    if query.after is not None:
        at, position = query.after
        if happened:
            # Facts that happened at the very time of the last one may follow it.
            follow = at + timedelta(microseconds=1)
            ends = min(ends, follow) if isinstance(ends, datetime) else follow
        else:
            wanted = replace(wanted, high=position - 1)
    wanted = replace(wanted, ends=ends if isinstance(ends, str) else ends.isoformat())
    if happened:
        campaign = rows[0][_CAMPAIGN]
        if campaign is None:
            return None
        wanted = replace(wanted, campaigns=(campaign,))
    if query.contact is not None:
        contact = await pool.rows(_CONTACT, (workspace, query.contact))
        if not contact:
            return None
        wanted = replace(wanted, contacts=(contact[0][0],))
    return wanted


class _Archived:
    """One page in one transaction."""

    def __init__(
        self, connection: AsyncConnection[Any], query: FactQuery, statement: str, parameters: dict[str, Any]
    ) -> None:
        self._connection, self._query = connection, query
        self._statement, self._parameters = over(statement), parameters

    async def page(self, wanted: Wanted | None) -> Rows:
        """The rows over both."""
        await self._connection.execute(UP_TO)
        await lay_beside(self._connection, making())
        needed = Found((), None)
        if wanted is not None:
            needed = await look_beside(self._connection, wanted)
            rows = await self._until_full(list(needed.blocks), wanted)
        else:
            rows = await self._rows()
        if voids := _voids(rows):
            rows = await self._with_targets(voids)
        return Rows(rows, dropped_before(needed))

    async def _until_full(self, left: list[Block], wanted: Wanted) -> list[Row]:
        happened = self._query.campaign is not None
        left.sort(key=lambda block: block.last_happened if happened else block.last_position)
        rows, size = await self._rows(), 1
        while left:
            if len(rows) > self._query.limit and (not happened or left[-1].last_happened < rows[-1][_HAPPENED]):
                break
            next_ones, left = left[-size:], left[:-size]
            await lay_beside(self._connection, filling(next_ones, wanted))
            rows, size = await self._rows(), size * 2
        return rows

    async def _with_targets(self, voids: list[int]) -> list[Row]:
        """The ids of what is voided stand in the voided facts."""
        found = await self._connection.execute(over(_TARGETS).encode(), (voids,), prepare=False)
        targets = tuple(position for (position,) in await found.fetchall())
        if targets:
            wanted = Wanted(positions=targets)
            needed = await look_beside(self._connection, wanted)
            await lay_beside(self._connection, filling(needed.blocks, wanted))
            await lay_beside(self._connection, readying())
        return await self._rows()

    async def _rows(self) -> list[Row]:
        found = await self._connection.execute(
            self._statement.encode(), self._parameters, prepare=False, binary=True
        )
        return await found.fetchall()


def _voids(rows: list[Row]) -> list[int]:
    """The positions of voids whose target is not known."""
    return [row[_POSITION] for row in rows if row[_KIND] == kinds.VOID and row[_VOIDS] is None]
