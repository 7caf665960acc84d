"""Questions whose statement reads the log itself, answered over what is archived of it too.

The statement is asked of the database first, as if nothing were archived. Only where something is, it is found out
afterwards whether blocks of files hold what the question needs; then it is asked again over both. Afterwards, so that
a partition that was archived in between is noticed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters.archive.catalogue import BLOCKS, GLANCE, Found, Wanted, found
from adapters.archive.overlay import over
from adapters.postgres.pool import Pool
from adapters.read_models.as_of import remember_archived
from domain.shared.errors import Fault, Invalid
from domain.shared.position import Position
from domain.shared.times import written

_CAMPAIGN = "select stream from ballyhoo.streams where workspace = %s and id = %s and kind = 'campaign'"
_HORIZON = "select recorded_before from ballyhoo.horizons where position > %s order by position desc limit 1"


@dataclass(frozen=True)
class Rows:
    """The rows of a statement; ``horizon`` where it needed facts recorded before that, which were dropped."""

    found: list[tuple[Any, ...]]
    horizon: str | None = None


class FactsDropped(Invalid):
    """Facts recorded before ``horizon`` were dropped, without which a past moment can't be told."""

    def __init__(self, horizon: str) -> None:
        self.horizon = horizon
        super().__init__([Fault("/as_of", "horizon", _GONE.format(horizon))])


_GONE = "Facts recorded before the horizon, {}, were dropped: what was known with them can't be told any more."


async def ask(pool: Pool, statement: str, parameters: Mapping[str, Any]) -> Rows:
    """Ask about a campaign: ``workspace`` and ``id``, and ``starts`` and ``ends`` where it is a window. Damaged."""
    rows = await pool.rows(statement, parameters)
    if "ballyhoo.facts" not in statement or await archived_up_to(pool) == 0:
        return Rows(rows)
    campaign = await pool.rows(_CAMPAIGN, (parameters["workspace"], parameters["id"]))
    if not campaign:
        return Rows(rows)
    wanted = Wanted(
        campaigns=(campaign[0][0],), starts=parameters.get("starts", "-infinity"),
        ends=parameters.get("ends", "infinity"),
    )  # fmt: skip
    needed = await blocks(pool, wanted)
    if needed.blocks:
        async with pool.connection() as connection, connection.transaction():
            needed = await remember_archived(connection, wanted)
            text = over(statement).encode()
            rows = await (await connection.execute(text, parameters, prepare=False, binary=True)).fetchall()
    return Rows(rows, dropped_before(needed))


async def archived_up_to(pool: Pool) -> int:
    """The last archived position, just now."""
    ((reach,),) = await pool.rows(GLANCE)
    return int(reach)


async def blocks(pool: Pool, wanted: Wanted) -> Found:
    """The blocks that are needed, just now."""
    return found(await pool.rows(BLOCKS, wanted.parameters))


async def insist_on_facts_until(pool: Pool, position: Position) -> None:
    """FactsDropped where facts above a position were: what was known then can't be told any more."""
    rows = await pool.rows(_HORIZON, (position.engagement,))
    if rows:
        raise FactsDropped(written(rows[0][0]))


def dropped_before(needed: Found) -> str | None:
    """The horizon as an answer writes it."""
    horizon: datetime | None = needed.horizon
    return None if horizon is None else written(horizon)
